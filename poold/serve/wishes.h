/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What clients want done while a VM stands: an audit, or calls of the library that need all vCPUs out of the guest. trapd sends
 * AUDIT when the VM stands (doc/ring.md, A VM that stands); that request carries the wishes out.
 */
#ifndef SHADOWPOOL_POOLD_WISHES_H
#define SHADOWPOOL_POOLD_WISHES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "poold/trace/call.h"

struct session;

struct session_wish {
	STAILQ_ENTRY(session_wish) entry;
	struct pool_call call;		/* the library call; op 0: none, the audit is all that is wanted */
	bool full;			/* a full audit */
	/*
	 * Called once, without the session's lock. audit: the result of the audit behind the call; NULL: the session ended before.
	 */
	void (*done)(struct session_wish *w, const struct pool_call_out *audit);
	/* The session's thread: */
	bool taken;			/* by the AUDIT request in hand */
	enum pool_status status;	/* of the call */
	uint64_t tables, entries;	/* by how much the call has lowered pages_used and present_entries */
};

STAILQ_HEAD(session_wishes, session_wish);

/* Add a wish. Takes the lock. Thread: any for which the session cannot go (connections_lock()). */
void wishes_add(struct session *s, struct session_wish *w);
/*
 * Take a wish back. false: it was not there any more, done() has been called or is being called, or its call is made already.
 * Thread: as for wishes_add().
 */
bool wishes_remove(struct session *s, struct session_wish *w);
/*
 * An AUDIT request has come: make the calls of all wishes, in the order in which they were added, each once however often the
 * request is repeated. What the calls change is owed to each vCPU with its next reply. Overwrites s->out. Thread: the session's.
 */
void wishes_call(struct session *s);
/* Does a wish whose call was made want a full audit? Thread: the session's. */
bool wishes_full(struct session *s);
/* Call done() of all wishes whose call was made; audit NULL: of all wishes. Thread: the session's. */
void wishes_done(struct session *s, const struct pool_call_out *audit);

#endif
