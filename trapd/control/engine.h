/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions by which the table of VMs reaches real VMs. As a struct, so that unit tests of the table and of the control verbs
 * put VMs without KVM in their place. engine.c has the real ones.
 */
#ifndef SHADOWPOOL_TRAPD_ENGINE_H
#define SHADOWPOOL_TRAPD_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/duration.h"
#include "common/pool_stats.h"
#include "common/shm_layout.h"
#include "trapd/cpu/trap_stats.h"
#include "trapd/devices/irq.h"
#include "trapd/devices/vga.h"
#include "trapd/vm/vm.h"

/* What one vCPU waits for. interrupt_flag and halted are those of its last exit. */
struct vcpu_snapshot {
	bool interrupt_flag, halted;
	struct lapic_state apic;
};

/* The numbers of a VM at one moment. A copy: it stays valid when the VM is gone. */
struct vm_snapshot {
	uint64_t pool_bytes;
	uint32_t pool_pages;		/* ATTACH_PAGES_2M or _4K; 0: the VM was never attached to a pool */
	bool pool_up;
	uint64_t epoch;
	struct host_facts facts;
	uint64_t trap[TRAP_STAT_COUNT];	/* summed over the vCPUs */
	uint64_t pool[POOL_STAT_COUNT];
	struct duration pool_duration[POOL_DURATION_COUNT];
	struct duration request;	/* to poold and back, over all vCPUs */
	uint32_t nvcpu;
	struct vcpu_snapshot vcpu[LINK_MAX_VCPUS];
	struct pic_state pic;
	char screen[VGA_TEXT_MAX];
};

/* Thread: the control thread calls all of them. */
struct vm_engine {
	/* vm.h: vm_create, vm_start, vm_destroy; stop.h: stop_why */
	int (*create)(struct vm **out, const struct vm_config *config, char *err, size_t err_size);
	/* attached() is called once, when the VM has a pool and begins to run its guest; not if the VM ends before. */
	int (*start)(struct vm *vm, void (*attached)(struct vm *vm, void *ctx), void (*ended)(struct vm *vm, void *ctx),
		     void *ctx);
	void (*destroy)(struct vm *vm);
	void (*stop_state)(struct vm *vm, struct vm_stop *out);
	/* Ask the VM to end; ended() is called when it has. */
	void (*stop)(struct vm *vm, enum vm_stop_reason reason);
	void (*look)(struct vm *vm, struct vm_snapshot *out);
};

extern const struct vm_engine engine_kvm;

#endif
