/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real VM engine behind engine.h. Process trapd, control thread. */
#include "trapd/control/engine.h"

#include <string.h>

#include "common/barrier.h"
#include "trapd/devices/bus.h"
#include "trapd/link/vcpu_link.h"

static int start(struct vm *vm, void (*attached)(struct vm *vm, void *ctx), void (*ended)(struct vm *vm, void *ctx),
		 void *ctx)
{
	vm->attached = attached;
	return vm_start(vm, ended, ctx);
}

static void stop_state(struct vm *vm, struct vm_stop *out)
{
	stop_why(&vm->machine.stop, out);
}

static void stop(struct vm *vm, enum vm_stop_reason reason)
{
	stop_vm(&vm->machine.stop, reason, "%s",
		reason == VM_STOP_TIMEOUT ? "the time that it was given is over" : "it was asked to end");
}

/* Counters and durations of the pool, from its shared object, whose size is poold's word. Under the link's lock. */
static void look_at_pool(const struct memfd *stats, struct vm_snapshot *out)
{
	const struct duration *d = (const void *)((const uint8_t *)stats->base + STATS_P_DURATIONS_AT);
	const uint64_t *counter = stats->base;

	if (!stats->base)
		return;
	for (size_t n = 0; n < POOL_STAT_COUNT && (n + 1) * sizeof(*counter) <= stats->size; n++)
		out->pool[n] = load_relaxed(&counter[n]);
	for (size_t n = 0; n < POOL_DURATION_COUNT && stats->size >= STATS_P_SIZE; n++)
		duration_sum(&out->pool_duration[n], &d[n]);
}

/* The vCPUs go on meanwhile: each number is right by itself. */
static void look_at_machine(struct vm *vm, struct vm_snapshot *out)
{
	out->nvcpu = vm->machine.nvcpu < LINK_MAX_VCPUS ? vm->machine.nvcpu : LINK_MAX_VCPUS;
	bus_lock(vm->machine.bus);
	for (uint32_t i = 0; i < out->nvcpu; i++) {
		out->vcpu[i].interrupt_flag = load_relaxed(&vm->machine.vcpu[i].cpu.rflags) & RFLAGS_IF;
		out->vcpu[i].halted = load_relaxed(&vm->machine.vcpu[i].cpu.halted);
		irqs_look_cpu(vm->machine.irqs, i, &out->vcpu[i].apic);
	}
	irqs_look_pic(vm->machine.irqs, &out->pic);
	vga_text(vm->vga, &vm->machine.ram, out->screen);
	bus_unlock(vm->machine.bus);
}

static void look(struct vm *vm, struct vm_snapshot *out)
{
	uint32_t i, n;

	memset(out, 0, sizeof(*out));
	out->facts = vm->machine.facts;
	for (i = 0; i < vm->machine.nvcpu; i++) {
		for (n = 0; n < TRAP_STAT_COUNT; n++)
			out->trap[n] += load_relaxed(&vm->machine.vcpu[i].stat[n]);
		duration_sum(&out->request, &vm->machine.vcpu[i].link->request);
	}
	/* The vCPU thread swaps the link's objects under this lock when it attaches anew. */
	pthread_mutex_lock(&vm->pool.lock);
	out->pool_bytes = vm->pool.pool_bytes;
	out->pool_pages = vm->pool.pool_pages;
	out->epoch = vm->pool.epoch;
	out->pool_up = vm->pool.epoch && !load_relaxed(&vm->pool.lost);
	look_at_pool(&vm->pool.stats, out);
	pthread_mutex_unlock(&vm->pool.lock);
	look_at_machine(vm, out);
}

const struct vm_engine engine_kvm = {
	.create = vm_create,
	.start = start,
	.destroy = vm_destroy,
	.stop_state = stop_state,
	.stop = stop,
	.look = look,
};
