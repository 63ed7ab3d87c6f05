/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VM's attach to poold: made, lost, ended. Crash recovery is the same thing once more: when poold dies the vCPU threads find
 * the link lost, detach, and attach to the next poold, whose empty pool is built from guest RAM. doc/spec/ring.md, "Epochs,
 * attach, detach, recovery".
 */
#ifndef SHADOWPOOL_TRAPD_POOL_LINK_H
#define SHADOWPOOL_TRAPD_POOL_LINK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/link.h"
#include "common/memfd.h"
#include "trapd/kvm/slots.h"

struct machine;
struct stub;
struct vcpu;

/* What the link must know of the VM beside its machine. Strings, descriptors and stub belong to the VM and outlive the link. */
struct pool_link_config {
	const char *vm_name;
	const char *socket;		/* poold's, that attaches go to */
	uint64_t pool_bytes;		/* wanted; 0: default */
	uint32_t pool_pages;		/* wanted; ATTACH_PAGES_* */
	uint32_t audit;			/* ATTACH_AUDIT_* */
	bool untimed;			/* poold shall take no durations */
	uint64_t poison;		/* test hook: the number of a shadow entry that poold breaks, 0: none */
	int vm_fd;			/* KVM's file of the VM */
	int ram_fd;			/* guest RAM, for poold to map */
	int stats_fd;			/* counters of trapd, for poold to map */
	struct stub *stub;
};

struct pool_link {
	struct machine *machine;
	struct pool_link_config config;	/* set before the first attach */
	struct dummy_slot dummy_slot;	/* cycled where a flush alone does not show KVM what the pool has changed */
	uint32_t lost;			/* atomic: no link; set by its watcher, cleared by the vCPU that attaches anew */
	uint32_t quiesce;		/* atomic: poold wants AUDIT while the VM stands; set by the watcher, cleared by vCPU 0 */
	/* Of the last attach that succeeded. The vCPU that attaches writes them under the lock, other threads read them under it. */
	pthread_mutex_t lock;
	uint64_t epoch;			/* 0: there was no attach yet */
	uint64_t pool_bytes;
	uint32_t pool_pages;		/* ATTACH_PAGES_2M or _4K, what poold really uses */
	struct memfd stats;		/* poold's counters; stays readable when poold is gone */
	/* For pool_link.c alone. */
	struct link_params params;
	struct memfd link_t, link_p, page_state;
	struct memfd pool;		/* only the memslot gets its address: no code of trapd reads or writes the pool */
	int sock;			/* connection to poold, whose hang-up is the detach; -1: there is none */
	int eventfd;			/* wakes poold's loop */
	int watch_quit;			/* eventfd that ends the watcher */
	bool watching;
	pthread_t watcher;
};

/* Nothing is attached. m outlives the link. The caller fills config and dummy_slot before the first attach. Thread: control. */
void pool_link_init(struct pool_link *l, struct machine *m);
/*
 * Connect to poold, exchange the shared objects, and make poold's pool that of the VM. This is one step of an attach;
 * vcpu_thread.c has the list of all steps in their order. copies_maddr: machine address of the window of code copies, 0: there is
 * none. Returns 0; or -errno with one line (cause and remedy) in err, and nothing is attached. Thread: a vCPU's, while all other
 * vCPUs rest.
 */
int pool_link_attach(struct pool_link *l, uint64_t copies_maddr, char *err, size_t err_size);
/*
 * Remove the pool's memory from the VM and from the process and close the connection. Nothing happens if nothing is attached.
 * Thread: a vCPU's, while all other vCPUs rest or have ended.
 */
void pool_link_detach(struct pool_link *l);
/* Detach and free everything. Called before the VM's file is closed. Thread: control. */
void pool_link_destroy(struct pool_link *l);
/*
 * The calling vCPU has found the link lost or poold at fault: have the VM attach anew. Returns -ENOTCONN. Thread: the vCPU's own.
 */
int pool_link_lost(struct vcpu *v);

#endif
