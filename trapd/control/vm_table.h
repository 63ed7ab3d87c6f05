/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMs of this daemon by name. What is known about a VM that has ended (why, its counters) is kept until its name is
 * used again, or until it is the oldest of too many. Thread: the control thread; only the end of a VM comes from
 * elsewhere.
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
	struct vm_conf conf;		/* as it was asked for */
	struct vm *vm;			/* NULL: it has ended */
	uint32_t attached;		/* atomic: set by the VM's thread that has got it a pool */
	uint32_t ended;			/* atomic: set by the VM's last thread, read by vm_table_reap() */
	bool stopping;
	struct vm_stop stop;		/* when it has ended */
	struct vm_snapshot snapshot;	/* then, too */
};

struct vm_table {
	const struct vm_engine *engine;
	void (*wake)(void *ctx);	/* any thread: a VM was attached or has ended; call vm_table_reap() */
	void *ctx;
	uint64_t max_running;
	unsigned nrunning, nended;
	TAILQ_HEAD(vm_entry_list, vm_entry) entries;	/* the latest start or end last */
};

struct vm_start_args {
	const char *name;
	uid_t owner;
	struct vm_conf *conf;		/* checked; its contents become the entry's on success */
	const char *attach_socket;
	int console_in, console_out;	/* -1: none; become -1 as soon as a VM has taken them over */
};

void vm_table_init(struct vm_table *t, const struct vm_engine *engine, uint64_t max_running, void (*wake)(void *ctx),
		   void *ctx);
/* End every VM, join its threads, free everything. */
void vm_table_fini(struct vm_table *t);

/* NULL: no such VM. */
struct vm_entry *vm_table_find(struct vm_table *t, const char *name);
/*
 * Create and start. 0; -EEXIST: it runs; -EUSERS: max_running; -errno of the engine. err: one line, cause and remedy.
 * Errors leave the table as it was, what is known of an earlier VM of that name included.
 */
int vm_table_start(struct vm_table *t, struct vm_start_args *args, struct vm_entry **out, char *err, size_t err_size);
/* Ask a VM to end; nothing happens to one that has ended. */
void vm_table_stop(struct vm_entry *e, enum vm_stop_reason reason);
/* Take in every VM whose end was announced; report(e, ctx) for each. */
void vm_table_reap(struct vm_table *t, void (*report)(struct vm_entry *e, void *ctx), void *ctx);

/* "running", "stopping", "stopped". */
const char *vm_entry_state(const struct vm_entry *e);
/* It has, or has had, a pool: its guest was reached. */
bool vm_entry_is_attached(const struct vm_entry *e);
/* Live numbers, or the last ones. */
void vm_entry_look(struct vm_entry *e, struct vm_snapshot *out);

#endif
