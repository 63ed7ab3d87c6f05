/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread of one vCPU: attaches to poold, then enters the guest and handles what comes out, until the VM ends. */
#ifndef SHADOWPOOL_TRAPD_VCPU_THREAD_H
#define SHADOWPOOL_TRAPD_VCPU_THREAD_H

#include <stdint.h>

/* What the vCPU threads of one VM have in common. Set before the first one starts. */
struct vcpu_threads {
	uint32_t running;		/* atomic: threads that have not ended; at the start that of all */
	void (*attached)(void *ctx);	/* called once, when the first attach is done */
	void (*ended)(void *ctx);	/* called once, by the last thread, which then touches nothing of the VM any more */
	void *ctx;
};

/* pthread start routine; arg: struct vcpu *. */
void *vcpu_thread_main(void *arg);

#endif
