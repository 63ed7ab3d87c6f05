/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a kick finds the CPU on hosts that do some instructions of the guest by halves (doc/hosts.md, kind P). What is delivered then
 * must find the guest in front of such an instruction or behind it. Process trapd, the vCPU's own thread.
 */
#include "trapd/trap/vcpu_priv.h"

/* RCX and R11 are written already, which SYSCALL does again. */
bool syscall_take_back(struct vcpu *v)
{
	if (!v->machine->facts.syscall_faults_at_lstar || v->cpu.rip != v->priv->kcpu.stub->va + STUB_SYSCALL_PAGE)
		return false;
	v->cpu.rip = v->cpu.gpr[GPR_RCX] - 2;
	return true;
}

int before_event(struct vcpu *v)
{
	syscall_take_back(v);	/* the fetch fault that would show it has not come yet */
	return unseen_iret_before_event(v);
}
