/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a kick finds the CPU on hosts that do some instructions of the guest by halves (doc/hosts.md, kind P). What is delivered then
 * must find the guest in front of such an instruction or behind it. Process trapd, the vCPU's own thread.
 */
#include "trapd/vcpu_priv.h"

/* At the page to which SYSCALL goes, in front of the fetch fault that would show it: RCX and R11 are written, which SYSCALL does again. */
static void take_syscall_back(struct vcpu *v)
{
	if (v->vm->facts.syscall_faults_at_lstar && v->cpu.rip == v->priv->kcpu.stub->va + STUB_SYSCALL_PAGE)
		v->cpu.rip = v->cpu.gpr[GPR_RCX] - 2;
}

int before_event(struct vcpu *v)
{
	take_syscall_back(v);
	return unseen_iret_before_event(v);
}
