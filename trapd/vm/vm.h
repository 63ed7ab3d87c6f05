/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One VM: its KVM file, the memory of its windows, its devices, its vCPUs, and its link to poold. The control thread creates and
 * destroys it, the vCPUs' threads run it.
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
#include "trapd/link/pool_link.h"
#include "trapd/link/world.h"
#include "trapd/vcpu/vcpu_thread.h"

struct device_thread;
struct stub;
struct vga;

struct vm_config {
	char name[33];
	char *image;			/* path of the image */
	char *cmdline;			/* NULL: none */
	char **modules;			/* NULL-terminated "PATH" or "PATH,ARGS", or NULL */
	char *initrd;			/* path of a Linux initial RAM disk, or NULL */
	char **disks;			/* NULL-terminated paths of up to two disks, master and slave; or NULL */
	uint64_t mem_bytes;
	uint64_t pool_bytes;		/* 0: poold's default for this size of RAM */
	uint32_t pool_pages;		/* ATTACH_PAGES_* */
	uint32_t nvcpu;			/* 0: one */
	uint32_t audit;			/* ATTACH_AUDIT_* */
	uint32_t interrupt_flag;	/* VM_CONF_IF_* */
	uint32_t emulate;		/* VM_CONF_EMULATE_* */
	bool untimed;			/* no durations are taken */
	uint64_t poison;		/* test hook of the pool, see struct attach_hello; 0: off */
	char *attach_socket;		/* path of poold's socket */
	int console_in, console_out;	/* descriptors of the serial line, -1: none; they belong to the VM */
};

struct vm {
	struct vm_config config;
	struct machine machine;		/* the part of the VM that code which acts for the guest may see */
	int kvm_fd, fd;
	struct stub *stub_window;
	struct memfd ram_fd, stub_fd, stats_t;
	struct pool_link pool;		/* the attach to poold */
	struct device_thread *devices;	/* platform.c makes this, the next one, and the devices of machine */
	struct vga *vga;
	struct disk disk[2];		/* disks that are open and that no device has taken over yet */
	struct world world;		/* what the vCPUs do together */
	struct vcpu_threads threads;	/* those of the vCPUs */
	void (*attached)(struct vm *vm, void *ctx);	/* NULL, or set before vm_start(): called once, by a vCPU's thread */
	void (*ended)(struct vm *vm, void *ctx);	/* see vm_start() */
	void *ended_ctx;		/* argument of both */
};

/*
 * Create a VM: open /dev/kvm, run the self-tests, reserve memory, make vCPUs and devices, load the image. config is copied with
 * all its strings; after success the console descriptors belong to the VM. Returns 0, or -errno with one line (cause and remedy)
 * in err. Thread: control.
 */
int vm_create(struct vm **out, const struct vm_config *config, char *err, size_t err_size);
/*
 * Start the vCPUs' threads. ended() is called once, on a vCPU's thread, when the VM has ended; stop_why() says why. It must not
 * destroy the VM, because that joins the thread. Returns 0 or -errno. Thread: control.
 */
int vm_start(struct vm *vm, void (*ended)(struct vm *vm, void *ctx), void *ctx);
/* Stop the VM if it runs, join its threads and free everything. vm may be NULL. Thread: control. */
void vm_destroy(struct vm *vm);

#endif
