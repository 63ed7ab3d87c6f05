/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All connections from trapd to this poold, and the session of each. A connection is one VM, or is about to become one, and has a
 * thread of its own, which enters it here and takes it away; the main thread looks connections up and closes them. Lock order:
 * connections, then session.
 */
#ifndef SHADOWPOOL_POOLD_CONNECTIONS_H
#define SHADOWPOOL_POOLD_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "poold/serve/session.h"

struct service;

#define CONNECTIONS_HANDSHAKES 16u	/* connections without a session that are allowed beside max_vms with one */

struct connection {
	LIST_ENTRY(connection) entry;
	struct service *service;
	int sock;			/* SEQPACKET to trapd; its hang-up is the detach */
	char name[33];			/* the VM name that it has claimed; "" before */
	struct session *session;	/* NULL until attached; under the lock of struct connections */
};

struct connections {
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* a connection has left the list */
	LIST_HEAD(, connection) list;
	unsigned count;			/* at most CONNECTIONS_HANDSHAKES more than VMs may be attached */
	unsigned max_vms;
	bool closing;
};

void connections_init(struct connections *all, unsigned max_vms);
/* Enter c into the list. Returns 0; -EUSERS: there are too many connections; -ESHUTDOWN: poold ends. Thread: main. */
int connections_add(struct connections *all, struct connection *c);
/* Take c out of the list. Afterwards only the caller may touch c. Thread: the connection's, at its very end. */
void connections_remove(struct connections *all, struct connection *c);
/*
 * Claim a VM name for c. If another connection has the name, wait up to wait_ms for it to go: a trapd that attaches anew may be
 * faster than the end of its old session. Returns 0; -EBUSY: the name is still taken; -EUSERS: max_vms connections have names;
 * -ESHUTDOWN.
 */
int connections_claim_name(struct connections *all, struct connection *c, const char *name, int wait_ms);
/* Show the session of c to the main thread; s NULL: take it away, after which only its own thread uses the session. */
void connections_set_session(struct connections *all, struct connection *c, struct session *s);

/* Between these two the list does not change, and a session that connections_find() has returned does not go. Thread: main. */
void connections_lock(struct connections *all);
void connections_unlock(struct connections *all);
/* Hang up on the trapd of this VM, which then attaches anew, to an empty pool. false: no VM of this name is attached. */
bool connections_hang_up(struct connections *all, const char *name);
/* Send QUIESCE to the trapd of this VM (attach_send_quiesce()). Returns 0; -ENOENT: no VM of this name is attached; or -errno. */
int connections_quiesce(struct connections *all, const char *name);
/* The session of this VM; NULL: no VM of this name is attached. Between connections_lock() and connections_unlock() only. */
struct session *connections_find(struct connections *all, const char *name);

/* Hang up on all connections and wait up to wait_ms for their threads to end. true: all have ended. Thread: main. */
bool connections_close(struct connections *all, int wait_ms);

#endif
