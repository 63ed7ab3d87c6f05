/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real VM engine behind engine.h. Process trapd, control thread. */
#include "trapd/control/engine.h"

#include <string.h>

#include "common/barrier.h"
#include "trapd/devices/bus.h"

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
	const uint64_t *pool;
	uint32_t i, n;

	memset(out, 0, sizeof(*out));
	out->facts = vm->machine.facts;
	for (i = 0; i < vm->machine.nvcpu; i++)
		for (n = 0; n < TRAP_STAT_COUNT; n++)
			out->trap[n] += load_relaxed(&vm->machine.vcpu[i].stat[n]);
	/* The vCPU thread swaps the link's objects under this lock when it attaches anew. */
	pthread_mutex_lock(&vm->pool.lock);
	out->pool_bytes = vm->pool.pool_bytes;
	out->pool_pages = vm->pool.pool_pages;
	out->epoch = vm->pool.epoch;
	out->pool_up = vm->pool.epoch && !load_relaxed(&vm->pool.lost);
	pool = vm->pool.stats.base;
	for (n = 0; pool && n < POOL_STAT_COUNT && (n + 1) * sizeof(*pool) <= vm->pool.stats.size; n++)
		out->pool[n] = load_relaxed(&pool[n]);
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
