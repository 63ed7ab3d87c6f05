/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of VMs, see vm_table.h. Process trapd, control thread; on_ended() runs in a VM's last thread. */
#include "trapd/control/vm_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/barrier.h"

void vm_table_init(struct vm_table *t, const struct vm_engine *engine, uint64_t max_running, void (*wake)(void *ctx),
		   void *ctx)
{
	*t = (struct vm_table){ .engine = engine, .wake = wake, .ctx = ctx, .max_running = max_running };
	TAILQ_INIT(&t->entries);
}

static void entry_free(struct vm_entry *e)
{
	if (!e)
		return;
	vm_conf_free(&e->conf);
	free(e->stop.report);
	free(e);
}

static void entry_remove(struct vm_table *t, struct vm_entry *e)
{
	TAILQ_REMOVE(&t->entries, e, link);
	t->nended--;
	entry_free(e);
}

/* A thread of the VM: it may touch nothing but this. */
static void on_attached(struct vm *vm, void *ctx)
{
	struct vm_entry *e = ctx;
	struct vm_table *t = e->table;

	store_release(&e->attached, 1);	/* pairs with the load in vm_entry_is_attached() */
	t->wake(t->ctx);
}

/* The VM's last thread: it may touch nothing but this. */
static void on_ended(struct vm *vm, void *ctx)
{
	struct vm_entry *e = ctx;
	struct vm_table *t = e->table;

	store_release(&e->ended, 1);	/* pairs with the load in vm_table_reap() */
	t->wake(t->ctx);
}

struct vm_entry *vm_table_find(struct vm_table *t, const char *name)
{
	struct vm_entry *e;

	TAILQ_FOREACH(e, &t->entries, link)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

static int entry_create(struct vm_table *t, struct vm_start_args *args, struct vm_entry **out)
{
	struct vm_entry *e = calloc(1, sizeof(*e));

	*out = e;
	if (!e)
		return -ENOMEM;
	e->table = t;
	e->owner = args->owner;
	snprintf(e->name, sizeof(e->name), "%s", args->name);
	return 0;
}

static int engine_create(struct vm_entry *e, struct vm_start_args *args, char *err, size_t err_size)
{
	struct vm_config config = {
		.image = args->conf->image, .cmdline = args->conf->cmdline, .mem_bytes = args->conf->mem,
		.pool_bytes = args->conf->pool, .pool_pages = (uint32_t)args->conf->pool_pages, .nvcpu = (uint32_t)args->conf->vcpus,
		.interrupt_flag = (uint32_t)args->conf->interrupt_flag, .emulate = (uint32_t)args->conf->emulate,
		.untimed = args->conf->time == VM_CONF_TIME_OFF,
		.audit = (uint32_t)args->conf->audit, .poison = args->conf->poison,
		.attach_socket = (char *)(uintptr_t)args->attach_socket,
		.console_in = args->console_in, .console_out = args->console_out,
		.initrd = args->conf->initrd,
	};
	char *modules[VM_MODULES_MAX + 1] = { NULL }, *disks[VM_CONF_DISKS_MAX + 1] = { NULL };
	size_t i;
	int rc;

	snprintf(config.name, sizeof(config.name), "%s", args->name);
	for (i = 0; i < args->conf->nmodules && i < VM_MODULES_MAX; i++)
		modules[i] = args->conf->modules[i];
	config.modules = modules;
	for (i = 0; i < args->conf->ndisks && i < VM_CONF_DISKS_MAX; i++)
		disks[i] = args->conf->disks[i];
	config.disks = disks;
	rc = e->table->engine->create(&e->vm, &config, err, err_size);
	if (!rc)
		args->console_in = args->console_out = -1;
	return rc;
}

int vm_table_start(struct vm_table *t, struct vm_start_args *args, struct vm_entry **out, char *err, size_t err_size)
{
	struct vm_entry *e, *old = vm_table_find(t, args->name);
	int rc;

	if (old && old->vm) {
		snprintf(err, err_size, "VM %s runs already", args->name);
		return -EEXIST;
	}
	if (t->nrunning >= t->max_running) {
		snprintf(err, err_size, "%u VMs run already; raise max-vms in trapd.conf or stop one", t->nrunning);
		return -EUSERS;
	}
	snprintf(err, err_size, "out of memory");
	rc = entry_create(t, args, &e);
	if (!rc)
		rc = engine_create(e, args, err, err_size);
	if (!rc) {
		rc = t->engine->start(e->vm, on_attached, on_ended, e);
		if (rc) {
			snprintf(err, err_size, "cannot start the threads of VM %s: %s", args->name, strerror(-rc));
			t->engine->destroy(e->vm);
		}
	}
	if (rc) {
		entry_free(e);
		return rc;
	}
	e->conf = *args->conf;
	*args->conf = (struct vm_conf){ 0 };
	if (old)
		entry_remove(t, old);
	TAILQ_INSERT_TAIL(&t->entries, e, link);
	t->nrunning++;
	*out = e;
	return 0;
}

void vm_table_stop(struct vm_entry *e, enum vm_stop_reason reason)
{
	if (!e->vm)
		return;
	e->stopping = true;
	e->table->engine->stop(e->vm, reason);
}

/* Keep what is worth knowing, then join the threads and let the VM go. */
static void entry_end(struct vm_entry *e)
{
	const struct vm_engine *engine = e->table->engine;

	engine->stop_state(e->vm, &e->stop);
	engine->look(e->vm, &e->snapshot);
	e->snapshot.pool_up = false;
	engine->destroy(e->vm);
	e->vm = NULL;
	e->table->nrunning--;
	e->table->nended++;
	/* The oldest end is forgotten first, not the oldest start. */
	TAILQ_REMOVE(&e->table->entries, e, link);
	TAILQ_INSERT_TAIL(&e->table->entries, e, link);
}

static void forget_oldest(struct vm_table *t)
{
	struct vm_entry *e, *next;

	for (e = TAILQ_FIRST(&t->entries); e && t->nended > VM_TABLE_MAX_ENDED; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!e->vm)
			entry_remove(t, e);
	}
}

void vm_table_reap(struct vm_table *t, void (*report)(struct vm_entry *e, void *ctx), void *ctx)
{
	struct vm_entry *e, *next;

	for (e = TAILQ_FIRST(&t->entries); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (e->vm && load_acquire(&e->ended)) {	/* pairs with the store in on_ended() */
			entry_end(e);
			report(e, ctx);
		}
	}
	forget_oldest(t);
}

void vm_table_fini(struct vm_table *t)
{
	struct vm_entry *e;

	/* All are told first, so that they end side by side. */
	TAILQ_FOREACH(e, &t->entries, link)
		vm_table_stop(e, VM_STOP_REQUESTED);
	while ((e = TAILQ_FIRST(&t->entries))) {
		if (e->vm)
			entry_end(e);
		entry_remove(t, e);
	}
}

const char *vm_entry_state(const struct vm_entry *e)
{
	return !e->vm ? "stopped" : e->stopping ? "stopping" : "running";
}

bool vm_entry_is_attached(const struct vm_entry *e)
{
	return load_acquire(&e->attached);	/* pairs with the store in on_attached() */
}

void vm_entry_look(struct vm_entry *e, struct vm_snapshot *out)
{
	if (e->vm)
		e->table->engine->look(e->vm, out);
	else
		*out = e->snapshot;
}
