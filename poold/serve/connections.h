/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All connections of trapd to this poold: who is connected, and which session belongs to whom. Each connection is one VM, or
 * is about to become one, and has a thread of its own. These threads enter and leave; the main thread looks up and closes.
 * Lock order: connections, then session.
 */
#ifndef SHADOWPOOL_POOLD_CONNECTIONS_H
#define SHADOWPOOL_POOLD_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "poold/serve/session.h"

struct service;

#define CONNECTIONS_HANDSHAKES 16u	/* of those that are no VM yet, or are just refused; beyond the limit of VMs */

struct connection {
	LIST_ENTRY(connection) entry;
	struct service *service;
	int sock;			/* SEQPACKET to trapd; its hang-up is the detach */
	char name[33];			/* claimed name, "" before */
	struct session *session;	/* NULL until attached; under the lock of struct connections */
};

struct connections {
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* one has left */
	LIST_HEAD(, connection) list;
	unsigned count;			/* at most CONNECTIONS_HANDSHAKES more than VMs may be attached */
	unsigned max_vms;
	bool closing;
};

void connections_init(struct connections *all, unsigned max_vms);
/* Thread: main. c is in no list before, and in none after an error: -EUSERS (too many of them), -ESHUTDOWN. */
int connections_add(struct connections *all, struct connection *c);
/* Thread: the connection's, at its very end: nobody may touch c afterwards. */
void connections_remove(struct connections *all, struct connection *c);
/*
 * Take a VM name, waiting for its last owner to go: a trapd that attaches anew may be faster than the end of its old
 * session. 0, -EBUSY after wait_ms, -EUSERS (max_vms have names), -ESHUTDOWN.
 */
int connections_claim_name(struct connections *all, struct connection *c, const char *name, int wait_ms);
/* Make a session visible to the main thread, or (s NULL) take it away: after that nobody but its own thread uses it. */
void connections_set_session(struct connections *all, struct connection *c, struct session *s);

/* Hold every session as it is: the list, and what connections_find() returns, are valid until the unlock. Thread: main. */
void connections_lock(struct connections *all);
void connections_unlock(struct connections *all);
/* Detach: trapd attaches anew, to an empty pool. false: no such VM is attached. */
bool connections_hang_up(struct connections *all, const char *name);
/* Ask the VM's trapd for a moment at which it stands, see attach_send_quiesce(). -ENOENT: no such VM is attached. */
int connections_quiesce(struct connections *all, const char *name);
/* NULL: no such VM is attached. */
struct session *connections_find(struct connections *all, const char *name);

/* Hang up on everybody and wait for the threads to end: true if all did within wait_ms. Thread: main. */
bool connections_close(struct connections *all, int wait_ms);

#endif
