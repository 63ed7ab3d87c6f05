/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Life of an attached VM and the callbacks through which the pool library reaches shared memory. poold, link thread.
 * Nothing here talks to the peer.
 */
#include "poold/serve/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/barrier.h"
#include "common/log.h"

/* Site S2, pairs with S1: either trapd sees the bit after its store to RAM, or the library reads the new value. */
static void vm_state_changed(void *ctx, uint64_t gfn, uint8_t bits)
{
	struct vm *vm = ctx;

	store_relaxed((uint8_t *)vm->objects.page_state.base + gfn, bits);
	fence_full();
	if (vm->trace.recorder)
		recorder_state(vm->trace.recorder, gfn, bits);
}

static void vm_entry_changed(void *ctx, uint32_t page, uint32_t slot, uint64_t old, uint64_t new)
{
	struct vm *vm = ctx;

	if (vm->trace.recorder)
		recorder_entry(vm->trace.recorder, page, slot, old, new);
}

/* The library's own load, and a note of it. The trace may have ended before the link does. */
static uint64_t vm_read_traced(void *ctx, uint64_t gpa, unsigned size)
{
	struct vm *vm = ctx;
	const void *at = guest_ram_ptr(&vm->config.ram, gpa);

	if (vm->trace.recorder)
		return recorder_read(vm->trace.recorder, gpa, size);
	return size == 8 ? load_relaxed((const uint64_t *)at) : load_relaxed((const uint32_t *)at);
}

static void vm_trace_begin(struct vm *vm, const struct vm_trace *trace)
{
	int rc;

	if (!trace->recorder)
		return;
	rc = recorder_begin(trace->recorder, &vm->config);
	if (!rc) {
		vm->trace = *trace;
		return;
	}
	log_warning("VM %s is not traced: %s", vm->name, rc == -EBUSY ? "another VM is" : strerror(-rc));
	if (trace->ended)
		trace->ended(trace->ctx, rc);
}

void vm_trace_end(struct vm *vm)
{
	struct vm_trace trace = vm->trace;
	int rc;

	if (!trace.recorder)
		return;
	rc = recorder_end(trace.recorder, vm->pool, vm->objects.pool.base, vm->config.max_pages);
	if (rc)
		log_error("VM %s: the trace is not complete: %s", vm->name, strerror(-rc));
	vm->trace = (struct vm_trace){ .recorder = NULL };
	if (trace.ended)
		trace.ended(trace.ctx, rc);
}

static void vm_trace_count(struct vm *vm)
{
	struct trace_totals totals;

	recorder_totals(vm->trace.recorder, &totals);
	store_relaxed(&vm->stats[POOL_STAT_trace_records], totals.records);
	store_relaxed(&vm->stats[POOL_STAT_trace_dropped], totals.dropped);
}

int vm_create(struct vm **out, const struct attach_hello *hello, const struct pool_config *config,
	      struct vm_objects *objects, uint64_t epoch, const struct vm_trace *trace, char *err, size_t err_size)
{
	struct pool_callbacks callbacks = { .state_changed = vm_state_changed };
	struct vm *vm;
	int rc;

	if (config->legacy_format != POOL_F64) {
		snprintf(err, err_size, "tables with 4-byte entries are for replay and tests: no CPU in long mode walks them");
		return -EINVAL;
	}
	vm = calloc(1, sizeof(*vm));
	if (!vm) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	snprintf(vm->name, sizeof(vm->name), "%s", hello->vm_name);
	vm->epoch = epoch;
	vm->audit = hello->audit;
	vm->config = *config;
	vm->config.ram.base = objects->ram.base;
	vm->objects = *objects;
	vm->stats = objects->stats_p.base;
	vm_trace_begin(vm, trace);
	callbacks.ctx = vm;
	if (vm->trace.recorder) {
		callbacks.read = vm_read_traced;
		callbacks.entry_changed = vm_entry_changed;
	}
	rc = pool_create(&vm->pool, &vm->config, &callbacks, objects->pool.base, objects->tracking, vm->stats, err,
			 err_size);
	if (rc) {
		vm_trace_end(vm);
		free(vm);
		return rc;
	}
	pthread_mutex_init(&vm->lock, NULL);
	if (hello->poison) {
		struct pool_call poison = { .op = POOL_CALL_POISON, .len = hello->poison };

		vm_call(vm, &poison);
	}
	objects_init(objects);
	*out = vm;
	return 0;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	vm_trace_end(vm);
	vm_verify_done(vm, NULL);
	objects_destroy(&vm->objects);
	pthread_mutex_destroy(&vm->lock);
	free(vm);
}

void vm_call_out(struct vm *vm, const struct pool_call *call, struct pool_call_out *out)
{
	pthread_mutex_lock(&vm->lock);
	if (vm->trace.recorder)
		recorder_before(vm->trace.recorder, call);
	pool_call_run(vm->pool, call, out);
	if (vm->trace.recorder) {
		recorder_after(vm->trace.recorder, vm->pool, call, out);
		vm_trace_count(vm);
		/* Enough, or a full disk, is told at once, to somebody who waits for it. */
		if (vm->trace.ended && (recorder_error(vm->trace.recorder) || recorder_is_full(vm->trace.recorder)))
			vm_trace_end(vm);
	}
	pthread_mutex_unlock(&vm->lock);
}

void vm_call(struct vm *vm, const struct pool_call *call)
{
	vm_call_out(vm, call, &vm->out);
}

void vm_verify_add(struct vm *vm, struct vm_verify *v)
{
	pthread_mutex_lock(&vm->lock);
	v->next = vm->verify;
	vm->verify = v;
	pthread_mutex_unlock(&vm->lock);
}

bool vm_verify_remove(struct vm *vm, struct vm_verify *v)
{
	bool found = false;

	pthread_mutex_lock(&vm->lock);
	for (struct vm_verify **p = &vm->verify; *p && !found; p = &(*p)->next) {
		found = *p == v;
		if (found) {
			*p = v->next;
			break;
		}
	}
	pthread_mutex_unlock(&vm->lock);
	return found;
}

bool vm_verify_is_full(struct vm *vm)
{
	bool full = false;

	pthread_mutex_lock(&vm->lock);
	for (const struct vm_verify *v = vm->verify; v; v = v->next)
		full |= v->full;
	pthread_mutex_unlock(&vm->lock);
	return full;
}

void vm_verify_done(struct vm *vm, const struct pool_call_out *audit)
{
	struct vm_verify *v, *next;

	pthread_mutex_lock(&vm->lock);
	v = vm->verify;
	vm->verify = NULL;
	pthread_mutex_unlock(&vm->lock);
	for (; v; v = next) {
		next = v->next;		/* done() gives it away */
		v->done(v, audit);
	}
}
