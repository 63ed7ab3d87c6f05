/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One VM: KVM file, three windows (stub, pool, RAM), devices, the reason why it stopped. Created and destroyed by the
 * control thread, run by the vCPU threads.
 */
#ifndef SHADOWPOOL_TRAPD_VM_H
#define SHADOWPOOL_TRAPD_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attach.h"
#include "common/memfd.h"
#include "trapd/cpu/machine.h"
#include "trapd/cpu/vcpu.h"
#include "trapd/devices/disk.h"
#include "trapd/kvm/slots.h"
#include "trapd/kvm/windows.h"
#include "trapd/link/world.h"

struct device_thread;
struct irqs;
struct stub;
struct vga;

struct vm_config {
	char name[33];
	char *image;			/* path */
	char *cmdline;			/* NULL: none */
	char **modules;			/* NULL-terminated "PATH" or "PATH,ARGS", or NULL */
	char *initrd;			/* path, or NULL */
	char **disks;			/* NULL-terminated paths, or NULL: two at most, master and slave */
	uint64_t mem_bytes;
	uint64_t pool_bytes;		/* 0: default */
	uint32_t pool_pages;		/* ATTACH_PAGES_* */
	uint32_t nvcpu;			/* 0: one */
	uint32_t audit;			/* ATTACH_AUDIT_* */
	uint32_t interrupt_flag;	/* VM_CONF_IF_* */
	uint32_t emulate;		/* VM_CONF_EMULATE_* */
	uint64_t poison;
	char *attach_socket;		/* poold's */
	int console_in, console_out;	/* descriptors, -1: none. Owned by the VM */
};

struct vm {
	struct vm_config config;
	struct machine machine;		/* the part that guest code's stand-ins see */
	int kvm_fd, fd;
	struct stub *stub_window;
	struct pool_link *link;		/* pool_link.c */
	struct memfd ram_fd, stub_fd, link_t, stats_t, link_p, page_state_fd, stats_p;
	uint32_t stub_slot;		/* PML4 index */
	struct irqs *irqs;		/* these and the bus of machine: platform.c */
	struct device_thread *devices;
	struct vga *vga;
	struct disk disk[2];		/* opened ones, until a device has taken them over */
	struct world world;		/* what they do together */
	pthread_mutex_t pool_lock;	/* the next three and stats_p: the control thread reads them while a vCPU attaches */
	uint64_t epoch;
	uint32_t pool_pages;		/* what poold really uses */
	uint64_t pool_bytes;
	struct dummy_slot dummy_slot;
	uint32_t link_lost;		/* atomic: set by the link's watcher, cleared by the vCPU thread that attaches anew */
	uint32_t quiesce;		/* atomic: poold wants AUDIT from a VM that stands; set by the watcher, cleared by vCPU 0 */
	uint32_t running;		/* vCPU threads that have not ended */
	void (*attached)(struct vm *vm, void *ctx);	/* NULL, or set before vm_start: called once, by a vCPU thread */
	void (*ended)(struct vm *vm, void *ctx);
	void *ended_ctx;		/* for both */
	bool started;
};

/*
 * Create a VM: opens /dev/kvm, reserves memory, runs the self-tests, loads the image. config is copied (strings duplicated;
 * the console descriptors are taken over from success on). 0; -errno with one line (cause and remedy) in err.
 * Thread: control.
 */
int vm_create(struct vm **out, const struct vm_config *config, char *err, size_t err_size);
/*
 * Start the vCPU threads. ended is called once, from a vCPU thread, when the VM has ended: machine.stop says why; the callee
 * must not destroy the VM from there. 0 or -errno.
 */
int vm_start(struct vm *vm, void (*ended)(struct vm *vm, void *ctx), void *ctx);
/* Joins the threads (a running VM is stopped first) and frees everything. NULL is ignored. */
void vm_destroy(struct vm *vm);
/* Make every vCPU thread leave KVM_RUN. Any thread. */
void vm_kick(struct vm *vm);

#endif
