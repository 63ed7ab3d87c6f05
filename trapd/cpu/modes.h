/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modes of a guest CPU that its address translation depends on, as one value: an instruction that changes a control register
 * makes the modes that would hold, and they hold when poold has answered (vcpu_set_modes). Pure.
 */
#ifndef SHADOWPOOL_TRAPD_MODES_H
#define SHADOWPOOL_TRAPD_MODES_H

#include <string.h>

#include "trapd/cpu/cpu_state.h"

struct modes {
	uint64_t cr0, cr3, cr4, efer;
	uint64_t pdpte[4];		/* PAE paging: as the CPU has loaded them (SDM vol. 3A 4.4.1); else without meaning */
};

/* The modes that hold. */
static inline struct modes modes_now(const struct cpu_state *c)
{
	struct modes m = { .cr0 = c->cr0, .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->efer };

	memcpy(m.pdpte, c->pdpte, sizeof(m.pdpte));
	return m;
}

/* From now on m holds. */
static inline void modes_store(struct cpu_state *c, const struct modes *m)
{
	c->cr0 = m->cr0;
	c->cr3 = m->cr3;
	c->cr4 = m->cr4;
	c->efer = m->efer;
	memcpy(c->pdpte, m->pdpte, sizeof(c->pdpte));
}

/* PAE paging: SDM vol. 3A 4.1.1. */
static inline bool modes_are_pae(const struct modes *m)
{
	return (m->cr0 & CR0_PG) && (m->cr4 & CR4_PAE) && !(m->efer & EFER_LMA);
}

#endif
