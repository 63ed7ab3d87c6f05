/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's TSS, see tss.h. Runs on the vCPU's thread; reads guest memory only, through gva.h. */
#include "trapd/cpu/tss.h"

#include "trapd/cpu/desc.h"
#include "trapd/cpu/gva.h"

#define TSS64_RSP0	4u
#define TSS64_IST1	36u
#define TSS_IO_BASE	102u	/* of 32- and 64-bit TSSs */

static bool tss_is_32(const struct segment *tr)
{
	return tr->type & 8;
}

/* Read size bytes at offset; the caller has checked the limit. */
static int tss_read(struct vcpu *v, uint32_t offset, void *out, unsigned size)
{
	uint64_t gva = v->cpu.tr.base + offset;

	if (!cpu_long_mode(&v->cpu))
		gva &= 0xffffffff;
	return gva_read(v, gva, out, size, GVA_SYSTEM);
}

static bool tss_contains(const struct segment *tr, uint32_t offset, unsigned size)
{
	return tr->usable && (uint64_t)offset + size - 1 <= tr->limit;
}

int tss_stack(struct vcpu *v, unsigned level, uint16_t *ss, uint64_t *sp)
{
	const struct segment *tr = &v->cpu.tr;
	unsigned size = tss_is_32(tr) ? 4 : 2;
	uint32_t offset = level * 2 * size + size;
	int ret;

	/* SDM vol. 2A INT n, INTER-PRIVILEGE-LEVEL-INTERRUPT: (E)SP and the two bytes of SS behind it must be inside. */
	if (!tss_contains(tr, offset, size + 2))
		return desc_raise(v, VEC_TS, tr->selector);
	*sp = 0;
	ret = tss_read(v, offset, sp, size);
	return ret ? ret : tss_read(v, offset + size, ss, 2);
}

static int tss_read_stack64(struct vcpu *v, uint32_t offset, uint64_t *rsp)
{
	int ret;

	if (!tss_contains(&v->cpu.tr, offset, 8))
		return desc_raise(v, VEC_TS, v->cpu.tr.selector);
	ret = tss_read(v, offset, rsp, 8);
	if (ret)
		return ret;
	return x86_is_canonical(*rsp) ? 0 : vcpu_raise(v, VEC_SS, 0);
}

int tss_rsp(struct vcpu *v, unsigned level, uint64_t *rsp)
{
	return tss_read_stack64(v, TSS64_RSP0 + 8 * level, rsp);
}

int tss_ist(struct vcpu *v, unsigned ist, uint64_t *rsp)
{
	return tss_read_stack64(v, TSS64_IST1 + 8 * (ist - 1), rsp);
}

int tss_check_io(struct vcpu *v, uint16_t port, unsigned size)
{
	const struct cpu_state *c = &v->cpu;
	uint16_t base, bits;
	uint32_t offset;
	int ret;

	if (c->cpl <= (c->rflags & RFLAGS_IOPL) >> RFLAGS_IOPL_SHIFT)
		return 0;
	if (!tss_is_32(&c->tr) || !tss_contains(&c->tr, TSS_IO_BASE, 2))
		return vcpu_raise(v, VEC_GP, 0);
	ret = tss_read(v, TSS_IO_BASE, &base, 2);
	if (ret)
		return ret;
	/* The CPU always reads two bytes, so that an access of any size needs one read. */
	offset = base + port / 8u;
	if (!tss_contains(&c->tr, offset, 2))
		return vcpu_raise(v, VEC_GP, 0);
	ret = tss_read(v, offset, &bits, 2);
	if (ret)
		return ret;
	return bits >> (port & 7) & ((1u << size) - 1) ? vcpu_raise(v, VEC_GP, 0) : 0;
}
