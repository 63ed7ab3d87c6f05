/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bus: which device answers at which port and at which guest-physical address outside RAM. A device adds its ranges with a
 * struct device_ops; a port or an address that belongs to no device reads as ones, and what is written there is lost.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_BUS_H
#define SHADOWPOOL_TRAPD_DEVICES_BUS_H

#include <stdint.h>

struct bus;
struct device_thread;
struct irqs;

struct device_ops {
	const char *name;
	/* offset: from the start of the range; size 1, 2, 4 (MMIO also 8). Thread: a vCPU's, under the bus lock. */
	uint64_t (*read)(void *dev, uint32_t offset, unsigned size);
	void (*write)(void *dev, uint32_t offset, unsigned size, uint64_t value);
	void (*destroy)(void *dev);
};

/*
 * The bus lock of the VM, one for all its devices. The bus holds it around a device's read and write functions; all other code
 * that touches a device takes it (irq.h says who has it already). Order: the bus lock comes before every other lock of a VM, so
 * never take it while another one is held. It is not recursive.
 */
void bus_lock(struct bus *b);
void bus_unlock(struct bus *b);
/*
 * bus_set_cpu(): from now on the accesses of the calling thread are those of this vCPU. The local APICs need it: each vCPU has
 * its own one, all at the same address. bus_cpu(): the vCPU of the calling thread; 0 on a thread that has not called
 * bus_set_cpu().
 */
void bus_set_cpu(unsigned cpu);
unsigned bus_cpu(void);

int bus_create(struct bus **out);
void bus_destroy(struct bus *b);
/*
 * Give a range of ports or of guest-physical addresses to a device. After success the bus owns dev and destroys it with
 * ops->destroy(), once, however many ranges dev has. Returns 0; -EEXIST if ranges overlap; -EINVAL for a range that is empty,
 * longer than 4 GiB or beyond the last address; -ENOMEM.
 */
int bus_add_ports(struct bus *b, uint16_t first, uint16_t count, const struct device_ops *ops, void *dev);
int bus_add_mmio(struct bus *b, uint64_t gpa, uint64_t size, const struct device_ops *ops, void *dev);
/*
 * An access of the guest to a port or to an address outside RAM. size: 1 to 8 bytes; bits of value above size are ignored in a
 * write and 0 in what is read. An access that reaches over the end of a device's range is made byte by byte. Takes the bus lock.
 * Thread: any vCPU's.
 */
uint64_t bus_port_read(struct bus *b, uint16_t port, unsigned size);
void bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value);
uint64_t bus_mmio_read(struct bus *b, uint64_t gpa, unsigned size);
void bus_mmio_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value);

/*
 * Add a 16550A UART at COM1. out_fd: where the guest's output goes, -1: output is dropped. in_fd: where input comes from, -1:
 * there is none. Both descriptors stay the caller's and outlive the bus, and may block: a vCPU's thread never waits for them.
 * thread: the VM's device thread, which waits for input and for room; NULL (unit tests): input is found only when the guest reads
 * a register. The process must ignore SIGPIPE. Returns 0, -EEXIST, -ENOMEM.
 */
int uart_add(struct bus *b, struct irqs *irqs, struct device_thread *thread, int in_fd, int out_fd);

#endif
