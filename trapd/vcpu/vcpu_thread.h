/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread of one vCPU: attaches to poold, then enters the guest and handles what comes out, until the VM ends. */
#ifndef SHADOWPOOL_TRAPD_VCPU_THREAD_H
#define SHADOWPOOL_TRAPD_VCPU_THREAD_H

/* pthread start routine; arg: struct vcpu *. */
void *vcpu_thread_main(void *arg);

#endif
