/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bus with devices that record what they are asked, and the debug-exit port with a line that records its call. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>

#include "common/barrier.h"
#include "trapd/devices/bus.h"
#include "trapd/devices/debug_exit.h"

struct recorder {
	unsigned reads, writes, destroyed, size;
	uint32_t offset;
	uint64_t value;		/* last written; reads give it back */
};

static uint64_t recorder_read(void *dev, uint32_t offset, unsigned size)
{
	struct recorder *r = dev;

	r->reads++;
	r->offset = offset;
	r->size = size;
	return r->value;
}

static void recorder_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct recorder *r = dev;

	r->writes++;
	r->offset = offset;
	r->size = size;
	r->value = value;
}

static void recorder_destroy(void *dev)
{
	((struct recorder *)dev)->destroyed++;
}

static const struct device_ops ops = { "recorder", recorder_read, recorder_write, recorder_destroy };
static const struct device_ops mute_ops = { .name = "mute" };

static struct bus *bus;
static struct recorder a, b;

static void setup(void)
{
	cr_assert_eq(bus_create(&bus), 0);
}

static void teardown(void)
{
	bus_destroy(bus);
}

TestSuite(bus, .init = setup, .fini = teardown);

Test(bus, unassigned_reads_as_ones_of_the_access_size)
{
	cr_assert_eq(bus_port_read(bus, 0x80, 1), 0xff);
	cr_assert_eq(bus_port_read(bus, 0x80, 2), 0xffff);
	cr_assert_eq(bus_port_read(bus, 0xffff, 4), 0xffffffff);
	cr_assert_eq(bus_mmio_read(bus, 0xfee00000, 8), ~0ull);
	cr_assert_eq(bus_mmio_read(bus, ~0ull, 8), ~0ull);
	bus_port_write(bus, 0xffff, 4, 1);
	bus_mmio_write(bus, ~0ull, 8, 1);
	cr_assert_eq(bus_mmio_read(bus, 0, 9), ~0ull, "no such size");
	cr_assert_eq(bus_port_read(bus, 0, 0), ~0ull);
}

Test(bus, device_sees_offset_size_and_value)
{
	cr_assert_eq(bus_add_ports(bus, 0x3f8, 8, &ops, &a), 0);
	bus_port_write(bus, 0x3fa, 2, 0xffff1234);
	cr_assert_eq(a.offset, 2);
	cr_assert_eq(a.size, 2);
	cr_assert_eq(a.value, 0x1234, "only what the access carries");
	a.value = ~0ull;
	cr_assert_eq(bus_port_read(bus, 0x3ff, 1), 0xff);
	cr_assert_eq(a.offset, 7);
	cr_assert_eq(bus_port_read(bus, 0x3f8, 4), 0xffffffff);
	cr_assert_eq(a.reads, 2);
	cr_assert_eq(bus_mmio_read(bus, 0x3f8, 1), 0xff, "ports and memory are two spaces");
	cr_assert_eq(a.reads, 2);
}

Test(bus, mmio_has_64_bit_addresses_and_accesses)
{
	cr_assert_eq(bus_add_mmio(bus, 0x1fee00000, 0x1000, &ops, &a), 0);
	bus_mmio_write(bus, 0x1fee00ff8, 8, 0x1122334455667788);
	cr_assert_eq(a.offset, 0xff8);
	cr_assert_eq(bus_mmio_read(bus, 0x1fee00000, 8), 0x1122334455667788);
	cr_assert_eq(bus_mmio_read(bus, 0xfee00000, 4), 0xffffffff);
}

Test(bus, access_over_two_devices_is_split_into_bytes)
{
	cr_assert_eq(bus_add_ports(bus, 0x100, 2, &ops, &a), 0);
	cr_assert_eq(bus_add_ports(bus, 0x102, 1, &ops, &b), 0);
	bus_port_write(bus, 0x100, 4, 0x44332211);
	cr_assert_eq(a.writes, 2);
	cr_assert_eq(a.value, 0x22);
	cr_assert_eq(a.size, 1);
	cr_assert_eq(b.writes, 1);
	cr_assert_eq(b.value, 0x33);
	cr_assert_eq(b.offset, 0);
	cr_assert_eq(bus_port_read(bus, 0x101, 4), 0xffff3322, "nobody at 0x103 and 0x104");
	cr_assert_eq(bus_port_read(bus, 0xff, 2), 0x22ff);
}

Test(bus, access_past_the_last_port_does_not_wrap)
{
	cr_assert_eq(bus_add_ports(bus, 0xffff, 1, &ops, &a), 0);
	cr_assert_eq(bus_add_ports(bus, 0, 4, &ops, &b), 0);
	bus_port_write(bus, 0xffff, 4, 0x44332211);
	cr_assert_eq(a.value, 0x11);
	cr_assert_eq(b.writes, 0);
	cr_assert_eq(bus_port_read(bus, 0xffff, 2), 0xff11);
}

Test(bus, ranges_are_checked_when_added)
{
	cr_assert_eq(bus_add_ports(bus, 0x100, 16, &ops, &a), 0);
	cr_assert_eq(bus_add_ports(bus, 0x10f, 1, &ops, &b), -EEXIST);
	cr_assert_eq(bus_add_ports(bus, 0xf0, 17, &ops, &b), -EEXIST);
	cr_assert_eq(bus_add_ports(bus, 0, 0xffff, &ops, &b), -EEXIST);
	cr_assert_eq(bus_add_ports(bus, 0x200, 0, &ops, &b), -EINVAL);
	cr_assert_eq(bus_add_ports(bus, 0xfff8, 9, &ops, &b), -EINVAL);
	cr_assert_eq(bus_add_mmio(bus, 0, 0, &ops, &b), -EINVAL);
	cr_assert_eq(bus_add_mmio(bus, 0, (4ull << 30) + 1, &ops, &b), -EINVAL);
	cr_assert_eq(bus_add_mmio(bus, ~0ull - 7, 9, &ops, &b), -EINVAL);
	cr_assert_eq(bus_add_mmio(bus, ~0ull - 7, 8, &ops, &a), 0);
	cr_assert_eq(bus_add_ports(bus, 0xfff8, 8, &ops, &a), 0);
	bus_destroy(bus);
	bus = NULL;
	cr_assert_eq(a.destroyed, 1, "three ranges, one device");
	cr_assert_eq(b.destroyed, 0, "a refused device stays the caller's");
}

Test(bus, device_may_lack_any_operation)
{
	cr_assert_eq(bus_add_ports(bus, 0x60, 1, &mute_ops, NULL), 0);
	cr_assert_eq(bus_port_read(bus, 0x60, 1), 0xff);
	bus_port_write(bus, 0x60, 1, 0);
}

static unsigned inside, overlaps;

static void exclusive_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	if (fetch_add_relaxed(&inside, 1) != 0)
		overlaps++;
	fetch_sub_acq_rel(&inside, 1);
}

static const struct device_ops exclusive_ops = { .name = "exclusive", .write = exclusive_write };

static void *write_many(void *arg)
{
	for (unsigned i = 0; i < 50000; i++)
		bus_port_write(bus, 0x10, 1, i);
	return NULL;
}

Test(bus, accesses_of_vcpus_are_serialised)
{
	pthread_t thread[2];

	cr_assert_eq(bus_add_ports(bus, 0x10, 1, &exclusive_ops, NULL), 0);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, write_many, NULL), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	cr_assert_eq(overlaps, 0);
}

static unsigned exits;
static int exit_code;

static void on_debug_exit(void *ctx, int code)
{
	cr_assert_eq(ctx, &exits);
	exits++;
	exit_code = code;
}

Test(bus, debug_exit_stops_the_vm_with_the_low_byte)
{
	const struct exit_line line = { on_debug_exit, &exits };

	cr_assert_eq(debug_exit_add(bus, &line), 0);
	cr_assert_eq(bus_port_read(bus, 0xf4, 1), 0xff);
	cr_assert_eq(exits, 0, "reading ends nothing");
	bus_port_write(bus, 0xf4, 1, 0);
	cr_assert_eq(exits, 1);
	cr_assert_eq(exit_code, 0);
	bus_port_write(bus, 0xf4, 4, 0x12345fe);
	cr_assert_eq(exit_code, 0xfe);
	cr_assert_eq(exits, 2);
	cr_assert_eq(debug_exit_add(bus, &line), -EEXIST);
}
