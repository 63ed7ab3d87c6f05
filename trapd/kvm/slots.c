/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memslots, see slots.h. Process trapd. Source: Linux Documentation/virt/kvm/api.rst (KVM_SET_USER_MEMORY_REGION). */
#include "trapd/kvm/slots.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "common/counters.h"
#include "common/x86.h"
#include "trapd/kvm/windows.h"

int slots_set(int vm_fd, uint32_t id, uint64_t maddr, uint64_t size, const void *hva)
{
	struct kvm_userspace_memory_region m = { .slot = id, .guest_phys_addr = maddr, .memory_size = size,
						 .userspace_addr = (uint64_t)(uintptr_t)hva };

	return ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &m) ? -errno : 0;
}

void slots_dummy_init(struct dummy_slot *d, int vm_fd, const void *page)
{
	*d = (struct dummy_slot){ .vm_fd = vm_fd, .page = page };
	pthread_mutex_init(&d->lock, NULL);
}

void slots_dummy_destroy(struct dummy_slot *d)
{
	if (d->page)
		pthread_mutex_destroy(&d->lock);
}

void slots_dummy_cycle(struct dummy_slot *d, uint64_t *cycles)
{
	pthread_mutex_lock(&d->lock);
	slots_set(d->vm_fd, VM_SLOT_DUMMY, VM_DUMMY_MADDR, PAGE_SIZE, d->page);
	slots_set(d->vm_fd, VM_SLOT_DUMMY, VM_DUMMY_MADDR, 0, d->page);
	pthread_mutex_unlock(&d->lock);
	counter_add(cycles, 1);
}
