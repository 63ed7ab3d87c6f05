/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verify verb: an audit of an attached VM on demand. */
#ifndef SHADOWPOOL_POOLD_VERIFY_H
#define SHADOWPOOL_POOLD_VERIFY_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "common/control_server.h"

struct poold_control;

/* Clients that wait for an audit. Lock order: connections, session, verify_jobs. */
struct verify_jobs {
	pthread_mutex_t lock;
	LIST_HEAD(, verify_job) list;	/* used by the main thread alone */
	bool closing;			/* the control server is gone: sessions must not wake it */
};

void verify_init(struct verify_jobs *jobs);
/* Called before the control server goes: sessions do not wake it any more. Thread: main. */
void verify_close(struct verify_jobs *jobs);
/* Answer the clients whose audit is made. Thread: main, called from the control server's woken(). */
void verify_woken(struct poold_control *control);
/* Handler of the verb; the context is the struct poold_control. */
control_handler verify_handler;

#endif
