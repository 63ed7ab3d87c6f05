/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One attached VM: its shared objects, its pool, its end of the link. Made by the link's thread, which alone changes
 * it; control handlers (main thread) read it under the lock.
 */
#ifndef SHADOWPOOL_POOLD_VM_H
#define SHADOWPOOL_POOLD_VM_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/attach.h"
#include "common/link.h"
#include "poold/pool/pool.h"
#include "poold/serve/config.h"
#include "poold/serve/objects.h"
#include "poold/trace/call.h"
#include "poold/trace/trace.h"

/* Who records a link, and who is told when that ends. */
struct vm_trace {
	struct recorder *recorder;	/* NULL: nobody */
	/* NULL, or called once, with the VM's lock held or the VM in nobody's hands: 0, or -errno if the trace is not whole. */
	void (*ended)(void *ctx, int error);
	void *ctx;
};

/* Somebody who waits for an audit of a VM that stands. */
struct vm_verify {
	struct vm_verify *next;
	bool full;
	/* Called once, not with the VM's lock held; audit NULL: the VM went before. */
	void (*done)(struct vm_verify *v, const struct pool_call_out *audit);
};

struct vm {
	char name[33];
	uint64_t epoch;
	pid_t peer;			/* trapd, as the kernel saw it at connect */
	struct pool_config config;
	struct vm_objects objects;
	uint32_t audit;			/* ATTACH_AUDIT_* */

	pthread_mutex_t lock;		/* around every use of pool */
	struct pool *pool;
	uint64_t *stats;		/* POOL_STAT_COUNT counters in stats-p; written by the link's thread */
	struct vm_trace trace;		/* recorder NULL unless this link is traced; under the lock */

	struct vm_verify *verify;	/* under the lock: who waits for the next AUDIT request */

	/* Of the link's thread alone. */
	struct link_server link;
	uint32_t epoch_given;		/* newest flush epoch in a reply */
	uint32_t flushed[LINK_MAX_VCPUS];	/* last flush epoch that each vCPU acknowledged */
	uint64_t nrequests;
	uint32_t violations_logged;
	const char *reject;		/* why the peer was called broken; NULL: it was not */
	struct pool_call_out out;	/* of the call in hand */
};

/*
 * objects: open and created; the VM's own on success. trace: copied. Returns 0, or -errno with one line in err; a trace
 * is ended in both cases, by vm_destroy() in the first.
 * Thread: the link's.
 */
int vm_create(struct vm **out, const struct attach_hello *hello, const struct pool_config *config,
	      struct vm_objects *objects, uint64_t epoch, const struct vm_trace *trace, char *err, size_t err_size);
/* Nobody else may know the VM any more. Ends the trace. */
void vm_destroy(struct vm *vm);

/* End the trace with its end mark, if there is one; the VM goes on. Thread: any, with the lock held. */
void vm_trace_end(struct vm *vm);

/* Thread: any that knows that the VM stays. */
void vm_verify_add(struct vm *vm, struct vm_verify *v);
/* false: it is no longer there, done() is called or just being called. */
bool vm_verify_remove(struct vm *vm, struct vm_verify *v);
/* Does somebody wait who wants a full audit? */
bool vm_verify_is_full(struct vm *vm);
/* Tell all who wait. Thread: the link's. */
void vm_verify_done(struct vm *vm, const struct pool_call_out *audit);

/* Make one library call, traced if this link is; the outcome is in vm->out. Thread: the link's; takes the lock. */
void vm_call(struct vm *vm, const struct pool_call *call);
/* The same with an outcome of the caller's own. Thread: any that knows that the VM stays; not with its lock held. */
void vm_call_out(struct vm *vm, const struct pool_call *call, struct pool_call_out *out);

#endif
