/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bus of a VM: which device answers at a port or a guest-physical address. In trapd: devices are added by the control
 * thread before the VM runs, accesses come from the vCPU threads and are serialised by one lock, which devices rely on.
 * It knows no device and raises no error towards the guest: what nobody answers reads as ones and swallows writes.
 */
#include "trapd/devices/bus.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define ACCESS_BYTES_MAX 8u

struct range {
	uint64_t first, last;		/* both inside */
	const struct device_ops *ops;
	void *dev;
};

/* Ports and memory are two spaces of the same kind; ranges never overlap, so their order does not matter. */
struct space {
	struct range *range;
	size_t count;
	uint64_t last;			/* greatest address there is */
};

struct bus {
	pthread_mutex_t lock;
	struct space ports, mmio;
};

static _Thread_local unsigned current_cpu;

void bus_set_cpu(unsigned cpu)
{
	current_cpu = cpu;
}

unsigned bus_cpu(void)
{
	return current_cpu;
}

void bus_lock(struct bus *b)
{
	pthread_mutex_lock(&b->lock);
}

void bus_unlock(struct bus *b)
{
	pthread_mutex_unlock(&b->lock);
}

int bus_create(struct bus **out)
{
	struct bus *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return -ENOMEM;
	rc = pthread_mutex_init(&b->lock, NULL);
	if (rc) {
		free(b);
		return -rc;
	}
	b->ports.last = UINT16_MAX;
	b->mmio.last = UINT64_MAX;
	*out = b;
	return 0;
}

/* A device with several ranges is destroyed with the last of them. */
static bool dev_has_range(const struct space *s, size_t from, const void *dev)
{
	for (; from < s->count; from++)
		if (s->range[from].dev == dev)
			return true;
	return false;
}

static void space_destroy(struct space *s, const struct space *later)
{
	struct range *r;
	size_t i;

	for (i = 0; i < s->count; i++) {
		r = &s->range[i];
		if (r->ops->destroy && !dev_has_range(s, i + 1, r->dev) && !(later && dev_has_range(later, 0, r->dev)))
			r->ops->destroy(r->dev);
	}
	free(s->range);
}

void bus_destroy(struct bus *b)
{
	if (!b)
		return;
	space_destroy(&b->ports, &b->mmio);
	space_destroy(&b->mmio, NULL);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static int space_add(struct bus *b, struct space *s, uint64_t first, uint64_t size, const struct device_ops *ops, void *dev)
{
	struct range *grown;
	int rc = 0;
	size_t i;

	/* Devices get 32-bit offsets. */
	if (!size || size - 1 > UINT32_MAX || first > s->last || size - 1 > s->last - first)
		return -EINVAL;
	pthread_mutex_lock(&b->lock);
	for (i = 0; i < s->count; i++)
		if (first <= s->range[i].last && s->range[i].first <= first + (size - 1))
			rc = -EEXIST;
	if (!rc) {
		grown = realloc(s->range, (s->count + 1) * sizeof(*grown));
		if (grown) {
			grown[s->count++] = (struct range){ first, first + (size - 1), ops, dev };
			s->range = grown;
		} else {
			rc = -ENOMEM;
		}
	}
	pthread_mutex_unlock(&b->lock);
	return rc;
}

int bus_add_ports(struct bus *b, uint16_t first, uint16_t count, const struct device_ops *ops, void *dev)
{
	return space_add(b, &b->ports, first, count, ops, dev);
}

int bus_add_mmio(struct bus *b, uint64_t gpa, uint64_t size, const struct device_ops *ops, void *dev)
{
	return space_add(b, &b->mmio, gpa, size, ops, dev);
}

static const struct range *space_find(const struct space *s, uint64_t addr)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (addr >= s->range[i].first && addr <= s->range[i].last)
			return &s->range[i];
	return NULL;
}

static uint64_t size_mask(unsigned size)
{
	return size >= 8 ? ~0ull : (1ull << size * 8) - 1;
}

/* Does all of the access belong to one owner, device or nobody? Then it is not split. */
static bool access_is_whole(const struct space *s, uint64_t addr, unsigned size, const struct range *r)
{
	unsigned i;

	if (size - 1 > s->last - addr)
		return false;
	for (i = 1; i < size; i++)
		if (space_find(s, addr + i) != r)
			return false;
	return true;
}

static uint64_t space_read(const struct space *s, uint64_t addr, unsigned size)
{
	const struct range *r = space_find(s, addr);
	uint64_t value = 0;
	unsigned i;

	if (access_is_whole(s, addr, size, r)) {
		if (!r || !r->ops->read)
			return size_mask(size);
		return r->ops->read(r->dev, (uint32_t)(addr - r->first), size) & size_mask(size);
	}
	for (i = 0; i < size; i++) {
		/* Past the last address nothing answers. */
		if (i > s->last - addr)
			value |= 0xffull << i * 8;
		else
			value |= space_read(s, addr + i, 1) << i * 8;
	}
	return value;
}

static void space_write(const struct space *s, uint64_t addr, unsigned size, uint64_t value)
{
	const struct range *r = space_find(s, addr);
	unsigned i;

	if (access_is_whole(s, addr, size, r)) {
		if (r && r->ops->write)
			r->ops->write(r->dev, (uint32_t)(addr - r->first), size, value & size_mask(size));
		return;
	}
	for (i = 0; i < size && i <= s->last - addr; i++)
		space_write(s, addr + i, 1, value >> i * 8 & 0xff);
}

static uint64_t bus_read(struct bus *b, const struct space *s, uint64_t addr, unsigned size)
{
	uint64_t value;

	if (!size || size > ACCESS_BYTES_MAX)
		return ~0ull;
	pthread_mutex_lock(&b->lock);
	value = space_read(s, addr, size);
	pthread_mutex_unlock(&b->lock);
	return value;
}

static void bus_write(struct bus *b, const struct space *s, uint64_t addr, unsigned size, uint64_t value)
{
	if (!size || size > ACCESS_BYTES_MAX)
		return;
	pthread_mutex_lock(&b->lock);
	space_write(s, addr, size, value);
	pthread_mutex_unlock(&b->lock);
}

uint64_t bus_port_read(struct bus *b, uint16_t port, unsigned size)
{
	return bus_read(b, &b->ports, port, size);
}

void bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value)
{
	bus_write(b, &b->ports, port, size, value);
}

uint64_t bus_mmio_read(struct bus *b, uint64_t gpa, unsigned size)
{
	return bus_read(b, &b->mmio, gpa, size);
}

void bus_mmio_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value)
{
	bus_write(b, &b->mmio, gpa, size, value);
}
