/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMs of this daemon by name. What is known of a VM that has ended (why, its counters) is kept until its name is used again,
 * or until VM_TABLE_MAX_ENDED others have ended after it. Thread: control; only the news that a VM is attached or has ended comes
 * from other threads.
 */
#ifndef SHADOWPOOL_TRAPD_VM_TABLE_H
#define SHADOWPOOL_TRAPD_VM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/vm_conf.h"
#include "trapd/control/engine.h"

#define VM_TABLE_MAX_ENDED	128u

struct vm_entry {
	TAILQ_ENTRY(vm_entry) link;
	struct vm_table *table;
	char name[VM_NAME_MAX + 1];
	uid_t owner;
	struct vm_conf conf;		/* the configuration as it was asked for */
	struct vm *vm;			/* NULL: the VM has ended */
	uint32_t attached;		/* atomic: the VM has a pool; set by one of its threads */
	uint32_t ended;			/* atomic: the VM has ended; set by its last thread, read by vm_table_reap() */
	bool stopping;			/* it was asked to end */
	struct vm_stop stop;		/* after the end: why it ended */
	struct vm_snapshot snapshot;	/* after the end: its last numbers */
};

struct vm_table {
	const struct vm_engine *engine;
	void (*wake)(void *ctx);	/* called on any thread when a VM was attached or has ended: call vm_table_reap() */
	void *ctx;
	uint64_t max_running;		/* VMs that may run at one time */
	unsigned nrunning, nended;
	TAILQ_HEAD(vm_entry_list, vm_entry) entries;	/* in the order of their latest start or end */
};

struct vm_start_args {
	const char *name;
	uid_t owner;
	struct vm_conf *conf;		/* checked before; after success its contents belong to the entry */
	const char *attach_socket;
	int console_in, console_out;	/* -1: none; set to -1 as soon as they belong to a VM */
};

void vm_table_init(struct vm_table *t, const struct vm_engine *engine, uint64_t max_running, void (*wake)(void *ctx),
		   void *ctx);
/* End every VM, join its threads, free everything. */
void vm_table_fini(struct vm_table *t);

/* The entry of this name; NULL: there is none. */
struct vm_entry *vm_table_find(struct vm_table *t, const char *name);
/*
 * Create and start a VM. Returns 0; -EEXIST: a VM of this name runs; -EUSERS: max_running VMs run; -errno of the engine. After an
 * error err has one line (cause and remedy) and the table is as before, also what is known of an earlier VM of this name.
 */
int vm_table_start(struct vm_table *t, struct vm_start_args *args, struct vm_entry **out, char *err, size_t err_size);
/* Ask a VM to end. Nothing happens if it has ended. */
void vm_table_stop(struct vm_entry *e, enum vm_stop_reason reason);
/* For every VM that has announced its end: keep why and its numbers, destroy it, and call report(e, ctx). */
void vm_table_reap(struct vm_table *t, void (*report)(struct vm_entry *e, void *ctx), void *ctx);

/* State of a VM for people: "running", "stopping" or "stopped". */
const char *vm_entry_state(const struct vm_entry *e);
/* Has the VM ever had a pool, so that its guest has run? */
bool vm_entry_is_attached(const struct vm_entry *e);
/* The numbers of a VM now, or its last ones if it has ended. */
void vm_entry_look(struct vm_entry *e, struct vm_snapshot *out);

#endif
