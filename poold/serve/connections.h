/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All links of this poold: who is connected, which VM belongs to whom. Link threads enter and leave, the main thread
 * looks up and closes. Lock order: links, then VM.
 */
#ifndef SHADOWPOOL_POOLD_LINKS_H
#define SHADOWPOOL_POOLD_LINKS_H

#include <pthread.h>
#include <stdbool.h>

#include "poold/serve/session.h"

struct poold;

#define LINKS_HANDSHAKES 16u		/* connections that are no VM yet, or are just refused */

struct link {
	struct link *next;
	struct poold *daemon;
	int sock;			/* SEQPACKET to trapd; its hang-up is the detach */
	char name[33];			/* claimed name, "" before */
	struct vm *vm;			/* NULL until attached; under the lock of struct links */
};

struct links {
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* a link has left */
	struct link *first;
	unsigned count;			/* connections; at most LINKS_HANDSHAKES more than VMs may be attached */
	unsigned max_vms;
	bool closing;
};

void links_init(struct links *links, unsigned max_vms);
/* Thread: main. The link is in no list before and in none after an error: -EUSERS (too many connections), -ESHUTDOWN. */
int links_add(struct links *links, struct link *link);
/* Thread: the link's, at its very end: the link may not be touched afterwards. */
void links_remove(struct links *links, struct link *link);
/*
 * Take a VM name, waiting for its last owner to go: a trapd that attaches anew may be faster than the end of its old
 * link. 0, -EBUSY after wait_ms, -EUSERS (max_vms have names), -ESHUTDOWN.
 */
int links_claim_name(struct links *links, struct link *link, const char *name, int wait_ms);
/* Make a VM visible to the main thread, or (vm NULL) take it away: after that nobody else uses it. */
void links_set_vm(struct links *links, struct link *link, struct vm *vm);

/* Hold every VM as it is; links_find and the list are valid until links_unlock. Thread: main. */
void links_lock(struct links *links);
void links_unlock(struct links *links);
/* Detach: trapd attaches anew, to an empty pool. false: no such VM is attached. */
bool links_hang_up(struct links *links, const char *name);
/* Ask the VM's trapd for a moment at which it stands, see attach_send_quiesce(). -ENOENT: no such VM is attached. */
int links_quiesce(struct links *links, const char *name);
/* NULL: no such VM is attached. */
struct vm *links_find(struct links *links, const char *name);

/* Hang up on everybody and wait for the threads to end: true if all did within wait_ms. Thread: main. */
bool links_close(struct links *links, int wait_ms);

#endif
