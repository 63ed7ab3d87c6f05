/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session: one VM from its attach to its detach, with its shared objects, its pool and poold's end of the link. A VM that
 * attaches anew has a new session, with another epoch. Made by the thread of its connection, which alone changes it; control
 * handlers (main thread) read it under the lock.
 */
#ifndef SHADOWPOOL_POOLD_SESSION_H
#define SHADOWPOOL_POOLD_SESSION_H

#include <pthread.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/attach.h"
#include "common/link.h"
#include "poold/pool/pool.h"
#include "poold/serve/config.h"
#include "poold/serve/objects.h"
#include "poold/trace/call.h"
#include "poold/trace/trace.h"

/* Who records a session, and who is told when that ends. */
struct session_trace {
	struct recorder *recorder;	/* NULL: nobody */
	/*
	 * NULL, or called once, with the session's lock held or the session in nobody's hands. error: 0, or -errno if the trace
	 * is not whole.
	 */
	void (*ended)(void *ctx, int error);
	void *ctx;
};

/* Somebody who waits for an audit of a VM that stands still. */
struct session_verify {
	SLIST_ENTRY(session_verify) entry;
	bool full;
	/* Called once, not with the session's lock held; audit NULL: the session ended before. */
	void (*done)(struct session_verify *v, const struct pool_call_out *audit);
};

SLIST_HEAD(session_verify_list, session_verify);

struct session {
	char name[33];
	uint64_t epoch;
	pid_t peer;			/* trapd, as the kernel saw it at connect */
	struct pool_config config;
	struct session_objects objects;
	uint32_t audit;			/* ATTACH_AUDIT_* */

	pthread_mutex_t lock;		/* around every use of pool */
	struct pool *pool;
	uint64_t *stats;		/* POOL_STAT_COUNT counters in stats-p; written by the session's thread */
	struct session_trace trace;		/* recorder NULL unless this session is traced; under the lock */

	struct session_verify_list verify;	/* under the lock: who waits for the next AUDIT request */

	/* Of the session's thread alone. */
	struct link_server link;
	uint32_t epoch_given;		/* newest flush epoch in a reply */
	uint32_t flushed[LINK_MAX_VCPUS];	/* last flush epoch that each vCPU acknowledged */
	uint64_t nrequests;
	uint32_t violations_logged;
	const char *reject;		/* why the peer was called broken; NULL: it was not */
	struct pool_call_out out;	/* of the call in hand */
};

/*
 * objects: open and created; the session's own on success. trace: copied. Returns 0, or -errno with one line in err; a trace
 * is ended in both cases, by session_destroy() in the first.
 * Thread: the session's.
 */
int session_create(struct session **out, const struct attach_hello *hello, const struct pool_config *config,
		   struct session_objects *objects, uint64_t epoch, const struct session_trace *trace, char *err,
		   size_t err_size);
/* Nobody else may know the session any more. Ends the trace. */
void session_destroy(struct session *s);

/* End the trace with its end mark, if there is one; the session goes on. Thread: any, with the lock held. */
void session_trace_end(struct session *s);

/* Thread: any that knows that the session stays. */
void session_verify_add(struct session *s, struct session_verify *v);
/* false: it is no longer there, done() is called or just being called. */
bool session_verify_remove(struct session *s, struct session_verify *v);
/* Does somebody wait who wants a full audit? */
bool session_verify_is_full(struct session *s);
/* Tell all who wait. Thread: the session's. */
void session_verify_done(struct session *s, const struct pool_call_out *audit);

/* Make one library call, traced if the session is; the outcome is in s->out. Thread: the session's; takes the lock. */
void session_call(struct session *s, const struct pool_call *call);
/*
 * Make one library call, traced if the session is, with an outcome of the caller's own. Thread: any that knows that the session
 * stays; takes the lock.
 */
void session_call_out(struct session *s, const struct pool_call *call, struct pool_call_out *out);

#endif
