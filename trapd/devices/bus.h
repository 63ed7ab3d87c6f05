/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The platform's ports and MMIO ranges. A device is a file and a row; unassigned ports and addresses read as ones.
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
 * The bus lock, for whoever acts for a device outside of its read and write functions (see irq.h). Taken before any other
 * lock of a VM but never while one is held; not recursive.
 */
void bus_lock(struct bus *b);
void bus_unlock(struct bus *b);
/*
 * Accesses of the calling thread come from this vCPU, for devices that each vCPU has one of at the same address. bus_cpu() is 0
 * on threads that never said so.
 */
void bus_set_cpu(unsigned cpu);
unsigned bus_cpu(void);

int bus_create(struct bus **out);
void bus_destroy(struct bus *b);
/*
 * The bus owns dev from success on; one dev may have several ranges and is destroyed once. 0; -EEXIST if ranges overlap;
 * -EINVAL for a range that is empty, longer than 4 GiB or beyond the last address; -ENOMEM.
 */
int bus_add_ports(struct bus *b, uint16_t first, uint16_t count, const struct device_ops *ops, void *dev);
int bus_add_mmio(struct bus *b, uint64_t gpa, uint64_t size, const struct device_ops *ops, void *dev);
/*
 * size 1 to 8. An access that no single device covers is split into bytes. value bits above size are ignored, and read as 0.
 * Thread: any vCPU's.
 */
uint64_t bus_port_read(struct bus *b, uint16_t port, unsigned size);
void bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value);
uint64_t bus_mmio_read(struct bus *b, uint64_t gpa, unsigned size);
void bus_mmio_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value);

/*
 * 16550A UART at COM1: output to out_fd (-1: dropped), input from in_fd (-1: none). Descriptors stay the caller's and outlive
 * the bus; blocking or not, no vCPU ever waits for them: thread does, where an interrupt depends on it (NULL: nobody, input is
 * found when the guest looks). The process ignores SIGPIPE. 0, -EEXIST, -ENOMEM.
 */
int uart_add(struct bus *b, struct irqs *irqs, struct device_thread *thread, int in_fd, int out_fd);

#endif
