/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients that want something of a VM that stands (poold/serve/wishes.h): whom to ask, and what each is told. */
#ifndef SHADOWPOOL_POOLD_STANDING_H
#define SHADOWPOOL_POOLD_STANDING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/control_server.h"
#include "poold/serve/wishes.h"

struct poold_control;

/* Clients that wait. Lock order: connections, session, standing_jobs. */
struct standing_jobs {
	pthread_mutex_t lock;
	LIST_HEAD(, standing_job) list;	/* used by the main thread alone */
	bool closing;			/* the control server is gone: sessions must not wake it */
};

/* What became of a wish. */
struct standing_result {
	enum pool_status status;	/* of the call, if there was one */
	uint64_t tables, entries;	/* that went with it */
	uint32_t nviolations;		/* of the audit behind it; the first ones are listed */
	struct pool_violation violation[POOL_CALL_MAX_VIOLATIONS];
};

/* A wish. Constant but for the call and full: one for each verb. */
struct standing_want {
	struct pool_call call;		/* op 0: none */
	bool full;			/* the audit */
	const char *done;		/* what the VM was to be, for messages: "verified" */
	void (*answer)(struct control_call *call, const char *name, const struct standing_result *r);
};

void standing_init(struct standing_jobs *jobs);
/* Called before the control server goes: sessions do not wake it any more. Thread: main. */
void standing_close(struct standing_jobs *jobs);
/* Answer the clients whose wish is carried out. Thread: main, called from the control server's woken(). */
void standing_woken(struct poold_control *control);
/* Have the VM of this name stand, and keep call until want is carried out; *want is copied. Or answer call with an error. */
void standing_ask(struct poold_control *control, struct control_call *call, const char *name, const struct standing_want *want);

#endif
