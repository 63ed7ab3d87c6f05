/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verify verb: an audit of an attached VM on demand. */
#ifndef SHADOWPOOL_POOLD_VERIFY_H
#define SHADOWPOOL_POOLD_VERIFY_H

#include <pthread.h>
#include <stdbool.h>

#include "common/control_server.h"

struct poold;
struct verify_job;

/* Lock order: links, VM, verifies. */
struct verifies {
	struct poold *daemon;
	pthread_mutex_t lock;
	struct verify_job *first;	/* of the main thread */
	bool closing;			/* the control server is no more */
};

void verifies_init(struct verifies *v, struct poold *daemon);
/* Before the control server goes: nobody is told any more. Thread: main. */
void verifies_close(struct verifies *v);
/* Answer those whose audit is made. Thread: main, from the control server's woken(). */
void verifies_woken(struct poold *d);
/* Handler of the verb in poold_verbs; the context is the struct poold. */
control_handler verify_handler;

#endif
