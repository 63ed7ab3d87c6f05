/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What follows a trap or another exit, in one language: each function of the trap path that handles a part of it says so. What
 * acts for the guest below the trap path (emulation, delivery, requests to the pool) speaks the return values of cpu/vcpu.h, which
 * next_of() translates. Pure.
 */
#ifndef SHADOWPOOL_TRAPD_NEXT_H
#define SHADOWPOOL_TRAPD_NEXT_H

#include <errno.h>

enum next {
	NEXT_GO_ON,		/* it is handled: what comes next in its order, in the end the way back into the guest */
	NEXT_TRY_AGAIN,		/* the guest runs the instruction at RIP again: nothing that is due behind a handled one may happen now */
	NEXT_WALK_AGAIN,	/* only inside of a page fault: the guest's tables have changed, or the page is in another state; look again */
	NEXT_AS_IT_STANDS,	/* only after an exit without a trap: the real CPU has the guest's state, enter without preparing a return */
	NEXT_EXCEPTION,		/* v->exc is raised: it is to be delivered */
	NEXT_ATTACH,		/* the link is lost and nothing is committed: attach, and handle the same once more */
	NEXT_END		/* the VM is stopped */
};

/* rc: of vcpu.h, but not -EOPNOTSUPP, for which the caller has a way out. */
static inline enum next next_of(int rc)
{
	switch (rc) {
	case 0:
		return NEXT_GO_ON;
	case -EFAULT:
		return NEXT_EXCEPTION;
	case -EAGAIN:
		return NEXT_TRY_AGAIN;
	case -ENOTCONN:
		return NEXT_ATTACH;
	default:
		return NEXT_END;
	}
}

#endif
