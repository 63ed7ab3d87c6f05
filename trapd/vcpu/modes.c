/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the modes of a vCPU mean for the pool, and what the answer of the pool means for the vCPU. Process trapd, the vCPU's own
 * thread. Part of the port (cpu/vcpu.h).
 */
#include "trapd/code/code_pages.h"
#include "trapd/cpu/machine.h"
#include "trapd/link/pool_request.h"
#include "trapd/link/vcpu_link.h"
#include "trapd/trap/vcpu_priv.h"

int vcpu_set_modes(struct vcpu *v, const struct modes *m)
{
	bool ac = v->cpu.rflags & RFLAGS_AC;
	struct modes told = *m;
	uint64_t root[2];
	int rc;

	/* As SMEP does, the view then denies fetches from user pages: the first one shows the IRET that did not trap. */
	if (unseen_iret_is_possible(v, m->efer))
		told.cr4 |= CR4_SMEP;
	rc = pool_request_set_root(v, &told, (ac ? LINK_RQF_AC : 0) | (code_is_watched(v, m->efer) ? LINK_RQF_CODE : 0), root);
	if (rc)
		return rc;
	for (unsigned i = 0; i < 2; i++)
		if (root[i])
			v->root[i] = root[i];
	modes_store(&v->cpu, m);
	v->priv->loaded_ac = ac;
	v->sregs_dirty = true;
	walk_mode_from_cr(&v->walk, m->cr0, m->cr3, m->cr4, m->efer, v->cpu.rflags, v->machine->facts.maxphyaddr);
	memcpy(v->walk.pdpte, v->cpu.pdpte, sizeof(v->walk.pdpte));
	v->link->work.flush = true;	/* a CR load flushes, whatever the pool had to change */
	return 0;
}
