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
#include <sys/types.h>

#include "common/attach.h"
#include "common/link.h"
#include "poold/pool/pool.h"
#include "poold/serve/config.h"
#include "poold/serve/objects.h"
#include "poold/serve/wishes.h"
#include "poold/trace/call.h"
#include "poold/trace/trace.h"

/* Which recorder records a session, and what is called when the recording ends. */
struct session_trace {
	struct recorder *recorder;	/* NULL: the session is not recorded */
	/*
	 * NULL, or called once: with the session's lock held, or when no other thread knows the session. error: 0, or -errno if
	 * the trace is not whole.
	 */
	void (*ended)(void *ctx, int error);
	void *ctx;
};

struct session {
	char name[33];
	uint64_t epoch;
	pid_t peer;			/* process id of trapd at connect(2) (SO_PEERCRED) */
	struct pool_config config;
	struct session_objects objects;
	uint32_t audit;			/* ATTACH_AUDIT_* */

	pthread_mutex_t lock;		/* held around every use of pool */
	struct pool *pool;
	uint64_t *stats;		/* POOL_STAT_COUNT counters in stats-p; written by the session's thread */
	struct session_trace trace;		/* under the lock; recorder NULL: this session is not traced */

	struct session_wishes wishes;	/* under the lock: what the next AUDIT request carries out */

	/* From here on: used by the session's thread alone. */
	struct link_server link;
	uint32_t epoch_given;		/* newest flush epoch that a reply has carried */
	uint32_t flushed[LINK_MAX_VCPUS];	/* last flush epoch that each vCPU has acknowledged */
	uint64_t nrequests;		/* served since the attach */
	uint32_t violations_logged;	/* lines of violations in the log, which are limited */
	const char *reject;		/* rule that the peer has broken; NULL: none */
	struct pool_call_out out;	/* outcome of the last library call */
};

/*
 * Make a session. objects: opened and created; they belong to the session after success. trace: copied; its recording is ended by
 * session_destroy(), or at once if session_create() fails. Returns 0, or -errno with one line in err. Thread: the session's.
 */
int session_create(struct session **out, const struct attach_hello *hello, const struct pool_config *config,
		   struct session_objects *objects, uint64_t epoch, const struct session_trace *trace, char *err,
		   size_t err_size);
/* End the trace and free everything. No other thread may know the session any more. Thread: the session's. */
void session_destroy(struct session *s);

/* If the session is traced, end the trace with its end mark; the session goes on. Thread: any, with the lock held. */
void session_trace_end(struct session *s);

/* Make one library call, recorded if the session is traced. The outcome is in s->out. Takes the lock. Thread: the session's. */
void session_call(struct session *s, const struct pool_call *call);
/*
 * Make one library call, recorded if the session is traced. The outcome is in *out. Takes the lock. Thread: any for which the
 * session cannot go (connections_lock()).
 */
void session_call_out(struct session *s, const struct pool_call *call, struct pool_call_out *out);

#endif
