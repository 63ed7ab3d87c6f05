/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Life of an attached VM and the callbacks through which the pool library reaches shared memory. poold, link thread.
 * Nothing here talks to the peer.
 */
#include "poold/vm.h"

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
}

/* The library's own load, and a note of it. */
static uint64_t vm_read_recorded(void *ctx, uint64_t gpa, unsigned size)
{
	struct vm *vm = ctx;
	const void *at = guest_ram_ptr(&vm->config.ram, gpa);
	uint64_t value = size == 8 ? load_relaxed((const uint64_t *)at) : load_relaxed((const uint32_t *)at);

	recorder_read(vm->recorder, gpa, size, value);
	return value;
}

static void vm_record_begin(struct vm *vm, struct recorder *recorder)
{
	if (!recorder)
		return;
	if (recorder_begin(recorder, &vm->config))
		log_warning("VM %s is not recorded: another VM is", vm->name);
	else
		vm->recorder = recorder;
}

static void vm_record_end(struct vm *vm)
{
	int rc;

	if (!vm->recorder)
		return;
	rc = recorder_end(vm->recorder, vm->objects.pool.base, vm->config.max_pages);
	if (rc)
		log_error("VM %s: the record is not complete: %s", vm->name, strerror(-rc));
	vm->recorder = NULL;
}

int vm_create(struct vm **out, const struct attach_hello *hello, const struct pool_config *config,
	      struct vm_objects *objects, uint64_t epoch, struct recorder *recorder, char *err, size_t err_size)
{
	struct pool_callbacks callbacks = { .state_changed = vm_state_changed };
	struct vm *vm = calloc(1, sizeof(*vm));
	int rc;

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
	vm_record_begin(vm, recorder);
	callbacks.ctx = vm;
	callbacks.read = vm->recorder ? vm_read_recorded : NULL;
	rc = pool_create(&vm->pool, &vm->config, &callbacks, objects->pool.base, objects->tracking, vm->stats, err,
			 err_size);
	if (rc) {
		vm_record_end(vm);
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
	vm_record_end(vm);
	objects_destroy(&vm->objects);
	pthread_mutex_destroy(&vm->lock);
	free(vm);
}

void vm_call(struct vm *vm, const struct pool_call *call)
{
	pthread_mutex_lock(&vm->lock);
	pool_call_run(vm->pool, call, &vm->out);
	if (vm->recorder)
		recorder_call(vm->recorder, call, call->op == POOL_CALL_AUDIT ? vm->out.nviolations :
										(uint32_t)vm->out.result.status);
	pthread_mutex_unlock(&vm->lock);
}
