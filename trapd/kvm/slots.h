/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memslots of a VM: which machine addresses are which memory of trapd. windows.h has the addresses. */
#ifndef SHADOWPOOL_TRAPD_SLOTS_H
#define SHADOWPOOL_TRAPD_SLOTS_H

#include <pthread.h>
#include <stdint.h>

/* KVM's number of each window's memslot. */
enum { VM_SLOT_STUB, VM_SLOT_POOL, VM_SLOT_RAM_LOW, VM_SLOT_RAM_HIGH, VM_SLOT_DUMMY, VM_SLOT_COPIES_LOW, VM_SLOT_COPIES_HIGH };

/* Memslot id (VM_SLOT_*) at maddr is size bytes at hva; size 0 removes it. vm_fd: KVM's file of the VM. 0 or -errno. Any thread. */
int slots_set(int vm_fd, uint32_t id, uint64_t maddr, uint64_t size, const void *hva);

/* A memslot of one page that comes and goes at once: KVM drops everything that it derived from the shadow tables. */
struct dummy_slot {
	int vm_fd;
	const void *page;
	pthread_mutex_t lock;		/* one vCPU at a time */
};

/* page: any memory of the VM; nothing reads or writes it through this slot. */
void slots_dummy_init(struct dummy_slot *d, int vm_fd, const void *page);
/* Zeros, a slot that was never initialised, are no mistake. */
void slots_dummy_destroy(struct dummy_slot *d);
/* cycles: the calling vCPU's counter of them. Thread: a vCPU's. */
void slots_dummy_cycle(struct dummy_slot *d, uint64_t *cycles);

#endif
