/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real-address mode, as far as a processor needs it between its start-up message and its first far jump in protected mode: it
 * runs as 16-bit code with segments whose base is 16 times the selector. Interrupts and exceptions through the real-mode vector
 * table, far calls and returns are not there: the VM ends and says so. Process trapd, the vCPU's own thread.
 * Source: SDM vol. 3B 20.1.
 */
#include "trapd/cpu/real_mode.h"

#include "trapd/cpu/seg.h"

bool real_mode(const struct cpu_state *c)
{
	return !(c->cr0 & CR0_PE);
}

void real_mode_load(struct vcpu *v, enum sreg sreg, uint16_t selector)
{
	const struct segment data = { .usable = true, .type = 3, .code_or_data = true, .present = true, .limit = 0xffff };
	struct segment *seg = &v->cpu.seg[sreg];

	/* CS reads back with RPL 3 where its real descriptor stands at the guest's index */
	selector = seg_virtual_rpl(v, selector);
	if (sreg != SREG_CS)
		*seg = data;
	seg->selector = selector;
	seg->base = (uint64_t)selector << 4;
	v->sregs_dirty = true;
}

bool real_mode_adopt(struct vcpu *v, enum sreg sreg, const struct segment *real)
{
	const struct segment *seg = &v->cpu.seg[sreg];

	if (real->usable == seg->usable && real->base == seg->base && !(real->type & DESC_CODE))
		return false;
	real_mode_load(v, sreg, real->usable ? (uint16_t)(real->base >> 4) : real->selector);
	return true;
}
