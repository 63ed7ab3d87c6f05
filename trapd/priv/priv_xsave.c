/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XSETBV. On hosts whose guest code has XSAVE the real XCR0 is the host's and stays so: what the guest sets is checked and has no
 * effect, and CPUID gives the size that all states need. Runs on the vCPU's thread. Sources: SDM vol. 2D XSETBV; vol. 1 13.3.
 */
#include "trapd/cpu/machine.h"
#include "trapd/priv/priv.h"

static bool is_valid(uint64_t xcr0, uint64_t host)
{
	uint64_t avx512 = xcr0 & XCR0_AVX512;

	return !(xcr0 & ~host) && (xcr0 & XCR0_X87) && (!(xcr0 & XCR0_AVX) || (xcr0 & XCR0_SSE)) &&
	       (!avx512 || (avx512 == XCR0_AVX512 && (xcr0 & XCR0_AVX)));
}

int priv_xsetbv(struct vcpu *v, const struct insn *in)
{
	const uint64_t *gpr = v->cpu.gpr;

	if (!(v->cpu.cr4 & CR4_OSXSAVE))
		return vcpu_raise(v, VEC_UD, 0);
	if (v->cpu.cpl || (uint32_t)gpr[GPR_RCX] || !is_valid(gpr[GPR_RDX] << 32 | (uint32_t)gpr[GPR_RAX], v->machine->facts.xcr0))
		return vcpu_raise(v, VEC_GP, 0);
	return emulate_retire(v, in);
}
