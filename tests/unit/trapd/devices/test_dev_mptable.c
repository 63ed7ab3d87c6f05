/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The MP table as a kernel reads it: found by its signature, sums 0, claims what there is and nothing else. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "trapd/devices/mptable.h"

static struct guest_ram ram;

static uint32_t get(uint64_t gpa, unsigned size)
{
	uint32_t value = 0;

	memcpy(&value, ram.base + gpa, size);
	return value;
}

static void sums_to_zero(uint64_t gpa, unsigned size)
{
	uint8_t sum = 0;

	while (size--)
		sum += ram.base[gpa + size];
	cr_assert_eq(sum, 0);
}

static void check(unsigned cpus)
{
	static const unsigned size_of[] = { 20, 8, 8, 8, 8 };
	unsigned count[5] = { 0 }, pins = 0;
	uint64_t f, t, at;

	for (f = 0xf0000; f < 0x100000 && memcmp(ram.base + f, "_MP_", 4); f += 16)
		;
	cr_assert_lt(f, 0x100000);
	sums_to_zero(f, 16);
	cr_assert_eq(get(f + 11, 1), 0, "a table, not a default configuration");
	cr_assert_eq(get(f + 12, 1) & 0x80, 0, "virtual wire: there is no IMCR");
	t = get(f + 4, 4);
	cr_assert_eq(memcmp(ram.base + t, "PCMP", 4), 0);
	sums_to_zero(t, get(t + 4, 2));
	cr_assert_eq(get(t + 36, 4), 0xfee00000);
	at = t + 44;
	for (unsigned i = 0; i < get(t + 34, 2); i++) {
		unsigned type = get(at, 1);

		cr_assert_lt(type, 5);
		if (type == 0) {
			cr_assert_eq(get(at + 1, 1), count[0], "APIC ids in order");
			cr_assert_eq(get(at + 3, 1), count[0] ? 1 : 3, "the first one boots");
		} else if (type == 2) {
			cr_assert_eq(get(at + 1, 1), cpus);
			cr_assert_eq(get(at + 4, 4), 0xfec00000);
		} else if (type == 3) {
			cr_assert_eq(get(at + 6, 1), cpus);
			cr_assert_eq(get(at + 7, 1), get(at + 5, 1) ? get(at + 5, 1) : 2, "pin of the line, the timer's is 2");
			pins |= 1u << get(at + 7, 1);
		}
		count[type]++;
		at += size_of[type];
	}
	cr_assert_eq(at, t + get(t + 4, 2));
	cr_assert_eq(count[0], cpus);
	cr_assert_eq(count[1], 1);
	cr_assert_eq(count[2], 1);
	cr_assert_eq(count[3], 15);
	cr_assert_eq(count[4], 2);
	cr_assert_eq(pins, 0xfffe);
	cr_assert_eq(get(0x40e, 2), 0x9fc0);
	cr_assert_eq(get(0x413, 2), 639);
}

Test(mptable, describes_one_cpu_and_many)
{
	static const unsigned cpus[] = { 1, 2, 8, 255 };

	ram.base = malloc(2 << 20);
	guest_ram_layout(&ram, 2 << 20);
	for (unsigned i = 0; i < 4; i++) {
		memset(ram.base, 0, 2 << 20);
		mptable_write(&ram, cpus[i]);
		check(cpus[i]);
	}
	free(ram.base);
}

Test(mptable, small_memory_has_none)
{
	ram.base = calloc(1, 0xf0000);
	guest_ram_layout(&ram, 0xf0000);
	mptable_write(&ram, 1);
	cr_assert_eq(get(0x413, 2), 0);
	free(ram.base);
}
