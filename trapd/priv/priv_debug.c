/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MOV DRn on the virtual debug registers; vcpu_debug_changed() loads the real ones. Runs on the vCPU's thread.
 * Sources: SDM vol. 2B MOV (debug registers); vol. 3B 17.2.
 */
#include "trapd/priv/priv.h"

#define DR6_WRITABLE	0xe00full	/* B0 to B3, BD, BS, BT */
#define DR7_WRITABLE	0xffff23ffull	/* bits 11, 12, 14, 15 are 0, bit 10 is 1 */

static void write_dr(struct cpu_state *c, unsigned n, uint64_t value)
{
	if (n < 4)
		c->dr[n] = value;
	else if (n == 6)
		c->dr6 = (value & DR6_WRITABLE) | DR6_FIXED;
	else
		c->dr7 = (value & DR7_WRITABLE) | DR7_FIXED;
}

static uint64_t read_dr(const struct cpu_state *c, unsigned n)
{
	return n < 4 ? c->dr[n] : n == 6 ? c->dr6 | DR6_FIXED : c->dr7 | DR7_FIXED;
}

int priv_mov_dr(struct vcpu *v, const struct insn *in)
{
	bool write = in->op[0].is_dreg;
	const struct operand *gpr = &in->op[write ? 1 : 0];
	unsigned n = in->op[write ? 0 : 1].reg;
	uint64_t value;
	int ret;

	if (n > 7 || ((n == 4 || n == 5) && (v->cpu.cr4 & CR4_DE)))
		return vcpu_raise(v, VEC_UD, 0);
	ret = priv_require_ring0(v);
	if (ret)
		return ret;
	if (n == 4 || n == 5)
		n += 2;		/* aliases of DR6 and DR7 without CR4.DE */
	if (v->cpu.dr7 & DR7_GD) {
		ret = vcpu_raise(v, VEC_DB, 0);
		v->exc.dr6 = DR6_BD;
		return ret;
	}
	if (!write) {
		insn_write_gpr(v, gpr, read_dr(&v->cpu, n));
		return emulate_retire(v, in);
	}
	value = insn_read_gpr(v, gpr);
	if (n >= 4 && value >> 32)
		return vcpu_raise(v, VEC_GP, 0);
	write_dr(&v->cpu, n, value);
	vcpu_debug_changed(v);
	return emulate_retire(v, in);
}
