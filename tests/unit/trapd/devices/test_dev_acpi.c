/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI tables as a kernel finds them: every pointer, length and sum, and that they claim what there is and nothing else. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "trapd/devices/acpi.h"

#define RAM_BYTES (2u << 20)

static struct guest_ram ram;

static uint64_t get(uint64_t gpa, unsigned size)
{
	uint64_t value = 0;

	cr_assert(guest_ram_contains(&ram, gpa, size), "%#llx", (unsigned long long)gpa);
	memcpy(&value, ram.base + gpa, size);
	return value;
}

static void is(uint64_t gpa, const char *signature)
{
	cr_assert_eq(memcmp(ram.base + gpa, signature, strlen(signature)), 0, "%s at %#llx", signature, (unsigned long long)gpa);
}

static void sums_to_zero(uint64_t gpa, unsigned size)
{
	uint8_t sum = 0;

	while (size--)
		sum = (uint8_t)(sum + ram.base[gpa + size]);
	cr_assert_eq(sum, 0, "at %#llx", (unsigned long long)gpa);
}

/* A table with a common header: signature, sum, and inside of what memory maps call reserved. Returns its length. */
static unsigned table(uint64_t gpa, const char *signature)
{
	unsigned length = (unsigned)get(gpa + 4, 4);

	is(gpa, signature);
	cr_assert_geq(gpa, 0xe0000);
	cr_assert_leq(gpa + length, 0xf0000, "the MP table follows");
	sums_to_zero(gpa, length);
	return length;
}

static uint64_t find_rsdp(void)
{
	uint64_t at;

	for (at = 0xe0000; at < 0x100000; at += 16)
		if (!memcmp(ram.base + at, "RSD PTR ", 8))
			return at;
	cr_assert_fail("no RSDP");
	return 0;
}

/* Table number i, which RSDT and XSDT agree about. */
static uint64_t entry(unsigned i)
{
	uint64_t rsdp = find_rsdp(), rsdt = get(rsdp + 16, 4), xsdt = get(rsdp + 24, 8);

	cr_assert_eq(table(rsdt, "RSDT"), 36 + 2 * 4);
	cr_assert_eq(table(xsdt, "XSDT"), 36 + 2 * 8);
	cr_assert_eq(get(rsdt + 36 + i * 4, 4), get(xsdt + 36 + i * 8, 8));
	return get(xsdt + 36 + i * 8, 8);
}

static void make(unsigned cpus)
{
	ram.base = calloc(1, RAM_BYTES);
	guest_ram_layout(&ram, RAM_BYTES);
	acpi_write(&ram, cpus);
}

Test(acpi, rsdp_is_found_and_has_both_sums)
{
	uint64_t rsdp;

	make(1);
	rsdp = find_rsdp();
	cr_assert_eq(rsdp, acpi_rsdp(&ram));
	sums_to_zero(rsdp, 20);
	sums_to_zero(rsdp, 36);
	cr_assert_eq(get(rsdp + 15, 1), 2);
	cr_assert_eq(get(rsdp + 20, 4), 36);
	free(ram.base);
}

Test(acpi, fadt_names_the_registers_that_are_there)
{
	uint64_t f, facs;

	make(1);
	f = entry(0);
	cr_assert_eq(table(f, "FACP"), 244);
	cr_assert_eq(get(f + 8, 1), 4);
	facs = get(f + 36, 4);
	is(facs, "FACS");
	cr_assert_eq(facs % 64, 0);
	cr_assert_eq(get(facs + 4, 4), 64);
	cr_assert_eq(get(f + 132, 8), 0, "X_FIRMWARE_CTRL: one of both");
	cr_assert_eq(get(f + 40, 4), get(f + 140, 8));
	cr_assert_eq(get(f + 46, 2), 9);
	cr_assert_eq(get(f + 48, 4), 0, "SMI_CMD: always in ACPI mode");
	cr_assert_eq(get(f + 56, 4), ACPI_PM1_EVENT);
	cr_assert_eq(get(f + 64, 4), ACPI_PM1_CONTROL);
	cr_assert_eq(get(f + 76, 4), ACPI_PM_TIMER);
	for (unsigned at = 60; at <= 84; at += 4)
		if (at != 64 && at != 76)
			cr_assert_eq(get(f + at, 4), 0, "no register block is at %u", at);
	cr_assert_eq(get(f + 88, 4), 0x04000204, "PM1 event 4, control 2, PM2 0, timer 4: bytes");
	cr_assert_eq(get(f + 92, 2), 0, "no general-purpose events");
	cr_assert_gt(get(f + 96, 2), 100, "no C2");
	cr_assert_gt(get(f + 98, 2), 1000, "no C3");
	cr_assert_eq(get(f + 108, 1), 0x32);
	cr_assert_eq(get(f + 112, 4) & 1u << 20, 0, "not hardware-reduced: there are a PIT and a pair of 8259");
	cr_assert_eq(get(f + 112, 4) & 0x30, 0x30, "no buttons");
	cr_assert_eq(get(f + 116, 1), 1);
	cr_assert_eq(get(f + 120, 8), 0xcf9);
	cr_assert_eq(get(f + 128, 1), 6);
	cr_assert_eq(get(f + 152, 8), ACPI_PM1_EVENT);
	cr_assert_eq(get(f + 176, 8), ACPI_PM1_CONTROL);
	cr_assert_eq(get(f + 212, 8), ACPI_PM_TIMER);
	free(ram.base);
}

Test(acpi, dsdt_says_how_to_switch_off_and_no_more)
{
	static const uint8_t s5[] = { 8, '_', 'S', '5', '_', 0x12, 8, 4, 0x0a, 5, 0x0a, 5, 0, 0 };
	uint64_t d;

	make(1);
	d = get(entry(0) + 140, 8);
	cr_assert_eq(table(d, "DSDT"), 36 + sizeof(s5));
	cr_assert_arr_eq(ram.base + d + 36, s5, sizeof(s5));
	free(ram.base);
}

static void check_madt(unsigned cpus)
{
	static const unsigned size_of[] = { 8, 12, 10 };
	unsigned count[3] = { 0 }, length;
	uint64_t m = entry(1), at;

	length = table(m, "APIC");
	cr_assert_eq(get(m + 36, 4), 0xfee00000);
	cr_assert_eq(get(m + 40, 4), 1, "8259 pair");
	for (at = m + 44; at < m + length; at += get(at + 1, 1)) {
		unsigned type = (unsigned)get(at, 1);

		cr_assert_lt(type, 3);
		cr_assert_eq(get(at + 1, 1), size_of[type]);
		if (type == 0) {
			cr_assert_eq(get(at + 2, 1), count[0]);
			cr_assert_eq(get(at + 3, 1), count[0], "APIC ids in order");
			cr_assert_eq(get(at + 4, 4), 1);
		} else if (type == 1) {
			cr_assert_eq(get(at + 2, 1), cpus, "as in the MP table");
			cr_assert_eq(get(at + 4, 4), 0xfec00000);
			cr_assert_eq(get(at + 8, 4), 0);
		} else {
			cr_assert_eq(get(at + 2, 1), 0);
			cr_assert_eq(get(at + 3, 1), count[2] ? 9 : 0);
			cr_assert_eq(get(at + 4, 4), count[2] ? 9 : 2);
			cr_assert_eq(get(at + 8, 2), count[2] ? 0xd : 0);
		}
		count[type]++;
	}
	cr_assert_eq(at, m + length);
	cr_assert_eq(count[0], cpus);
	cr_assert_eq(count[1], 1);
	cr_assert_eq(count[2], 2);
}

Test(acpi, madt_describes_one_cpu_and_many)
{
	static const unsigned cpus[] = { 1, 2, 8, 255 };

	for (unsigned i = 0; i < 4; i++) {
		make(cpus[i]);
		check_madt(cpus[i]);
		free(ram.base);
	}
}

Test(acpi, nothing_else_is_written)
{
	make(255);
	for (uint64_t at = 0; at < RAM_BYTES; at++)
		if (at < 0xe0000 || at >= 0xf0000)
			cr_assert_eq(ram.base[at], 0, "%#llx", (unsigned long long)at);
	free(ram.base);
}

Test(acpi, small_memory_and_no_cpu_have_none)
{
	ram.base = calloc(1, 0xf0000);
	guest_ram_layout(&ram, 0xf0000);
	acpi_write(&ram, 1);
	cr_assert_eq(acpi_rsdp(&ram), 0);
	free(ram.base);
	make(0);
	cr_assert_eq(acpi_rsdp(&ram), 0);
	free(ram.base);
	make(256);
	cr_assert_eq(acpi_rsdp(&ram), 0);
	free(ram.base);
}
