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
#include "common/guest_ram.h"
#include "common/memfd.h"
#include "trapd/vcpu.h"

#define VM_STUB_MADDR	0ull
#define VM_STUB_BYTES	(4ull << 20)
#define VM_DUMMY_MADDR	(768ull << 20)
#define VM_POOL_MADDR	(1ull << 30)
#define VM_RAM_MADDR	(64ull << 30)
#define VM_POOL_MAX	(VM_RAM_MADDR - VM_POOL_MADDR)
#define VM_STUB_SLOT	271u

struct bus;
struct stub;

struct vm_config {
	char name[33];
	char *image;			/* path */
	char *cmdline;			/* NULL: none */
	char **modules;			/* NULL-terminated paths, or NULL */
	uint64_t mem_bytes;
	uint64_t pool_bytes;		/* 0: default */
	uint32_t pool_pages;		/* ATTACH_PAGES_* */
	uint32_t nvcpu;
	uint32_t audit;			/* ATTACH_AUDIT_* */
	uint64_t poison;
	char *attach_socket;		/* poold's */
	int console_in, console_out;	/* descriptors, -1: none. Owned by the VM */
};

/* Why a VM ended; travels to shadowctl as numbers and text. */
enum vm_stop_reason {
	VM_RUNNING, VM_STOP_GUEST_EXIT, VM_STOP_FAULT, VM_STOP_ERROR, VM_STOP_REQUESTED, VM_STOP_TIMEOUT
};

struct vm_stop {
	enum vm_stop_reason reason;
	int exit_code;			/* VM_STOP_GUEST_EXIT: 0 to 255 */
	char *report;			/* several lines of text: what happened, registers, bytes at RIP decoded; or NULL */
	char message[256];		/* one line */
};

/* What the self-tests found out about this host (kvm-facts.md). */
struct host_facts {
	bool coherent_after_flush;	/* a CR3 load alone makes changed present entries visible: no touches needed */
	bool coherent_after_touch;	/* touch + CR3 load does */
	bool iopl_native_32, iopl_native_64;
	bool syscall_faults_at_lstar;	/* SYSCALL with SCE=0 arrives as a fetch #PF at LSTAR */
	bool int_n_gives_ud;		/* INT n through a DPL 0 gate: #UD at the instruction */
	uint8_t maxphyaddr;
};

struct vm {
	struct vm_config config;
	int kvm_fd, fd;
	struct memfd ram_fd, stub_fd, link_t, stats_t, link_p, page_state_fd, stats_p;
	struct guest_ram ram;
	const uint8_t *page_state;	/* one byte per gfn, poold writes; all zero while no pool is attached */
	uint32_t stub_slot;		/* PML4 index */
	struct host_facts facts;
	struct bus *bus;
	struct vcpu *vcpu;		/* config.nvcpu of them */
	uint64_t epoch;
	uint32_t pool_pages;		/* what poold really uses */
	uint64_t pool_bytes;
	pthread_mutex_t stop_lock;
	struct vm_stop stop;
	uint32_t stopping;		/* atomic */
};

/*
 * Record why the VM ends (the first reason wins) and kick every vCPU. Any thread. Returns -ECANCELED for convenience.
 * report may be NULL and is then owned by the VM.
 */
int vm_stop(struct vm *vm, enum vm_stop_reason reason, int exit_code, char *report, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif
