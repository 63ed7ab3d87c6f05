/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts of kind P (doc/hosts.md) carry out SYSCALL and some IRETs of the guest by halves, and a kick may come between the halves.
 * Before an interrupt is delivered then, the guest must stand in front of the instruction or behind it. Process trapd, the vCPU's
 * own thread.
 */
#include "trapd/trap/vcpu_priv.h"

/* RCX and R11 have been written; that does no harm, because SYSCALL writes them again. */
bool before_event_take_back_syscall(struct vcpu *v)
{
	if (!v->machine->facts.syscall_faults_at_lstar || v->cpu.rip != v->priv->kcpu.stub->va + STUB_SYSCALL_PAGE)
		return false;
	v->cpu.rip = v->cpu.gpr[GPR_RCX] - 2;
	return true;
}

enum next before_event(struct vcpu *v)
{
	before_event_take_back_syscall(v);	/* the fetch fault that would show it has not come yet */
	return unseen_iret_before_event(v);
}
