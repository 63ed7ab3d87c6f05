/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the link keeps of one vCPU: its end of the shared objects, what the pool's replies demand before the guest goes on, and what
 * waits to be told. Thread: the vCPU's own, but for link_client_kill().
 */
#ifndef SHADOWPOOL_TRAPD_VCPU_LINK_H
#define SHADOWPOOL_TRAPD_VCPU_LINK_H

#include "common/duration.h"
#include "common/link.h"
#include "trapd/kvm/stub.h"
#include "trapd/link/corrupt_limit.h"
#include "trapd/link/write_pair.h"
#include "trapd/link/write_run.h"
#include "trapd/link/write_tally.h"

/* One request in so many is timed: reading the TSC twice costs a hundredth of the shortest one. */
#define REQUEST_TIMED_ONE_IN	4u

/* What the replies of poold since the last entry demand of the return program. */
struct return_work {
	bool flush;			/* load CR3 */
	bool promised;			/* poold was told that this is done. The root in the real CR3 may be another table by
					 * now, so the stub must not run on it any more */
	bool cycle;			/* cycle the dummy memslot, because there are too many tables to touch */
	unsigned ntouch;
	uint64_t touch[STUB_MAX_TOUCH];
	uint32_t epoch;			/* flush epoch of poold's that the flush will complete */
};

struct vcpu_link {
	struct link_client client;
	struct return_work work;
	struct write_pair pair;
	struct write_run run;
	struct write_tally tally;
	uint64_t emulate_gfn;		/* 1 + the page for which the last request was a WRITE_FAULT, answered EMULATE; 0: none */
	struct duration request;	/* from a request's way out to its reply, with the waiting; any thread reads it */
	struct duration_timer request_timer;
	bool audit_failed;		/* an audit that followed a request has found violations, and the VM was stopped for it */
	uint64_t corrupt_at_s[CORRUPT_LIMIT];	/* when the pool found itself corrupt: argument of corrupt_too_often() */
};

#endif
