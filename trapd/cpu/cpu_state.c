/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual CPU's first state. Process trapd: the control thread before the vCPUs run, then each vCPU's own. */
#include "trapd/cpu/cpu_state.h"

#include <string.h>

#define APIC_BASE_BOOTSTRAP	(1ull << 8)	/* SDM vol. 3A 10.4.4 */

void cpu_reset(struct cpu_state *c, bool bootstrap)
{
	const struct segment data = { .usable = true, .type = 3, .code_or_data = true, .present = true, .limit = 0xffff };

	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < SREG_COUNT; i++)
		c->seg[i] = data;
	c->seg[SREG_CS].type = 11;
	c->ldtr = (struct segment){ .type = 2, .limit = 0xffff };
	c->tr = (struct segment){ .usable = true, .type = 11, .present = true, .limit = 0xffff };
	c->gdtr.limit = c->idtr.limit = 0xffff;
	c->cr0 = CR0_CD | CR0_NW | CR0_ET;
	c->rflags = RFLAGS_FIXED;
	c->dr6 = DR6_FIXED;
	c->dr7 = DR7_FIXED;
	c->pat = 0x0007040600070406ull;		/* SDM vol. 3A 11.12.4 */
	c->apic_base = 0xfee00800ull | (bootstrap ? APIC_BASE_BOOTSTRAP : 0);
	c->misc_enable = 1;
}
