/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI fixed hardware: the timer counts and carries, status bits are cleared by ones, S5 and nothing else switches off. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/unit/fakes/fake_platform.h"
#include "trapd/devices/acpi.h"

#define SECOND		1000000000ull
#define CARRY_NS	599932100000ull	/* a little more than 2^31 ticks of 3.579545 MHz */
#define STATUS		ACPI_PM1_EVENT
#define ENABLE		(ACPI_PM1_EVENT + 2)

static struct fake_platform p;
static unsigned offs;

static void count_off(void *ctx) { offs++; }

static uint64_t in(uint32_t port, unsigned size)
{
	return bus_port_read(p.bus, (uint16_t)port, size);
}

static void out(uint32_t port, unsigned size, uint64_t value)
{
	bus_port_write(p.bus, (uint16_t)port, size, value);
}

static void setup(void)
{
	fake_platform_create(&p);
	cr_assert_eq(acpi_pm_add(p.bus, p.irqs, p.timers, &(struct power_line){ count_off, NULL }), 0);
	/* The SCI is a level, ACPI 4.7.2.5: ELCR bit 9, as its override in the MADT says for the I/O APIC. */
	out(0x4d1, 1, 0x02);
}

static void teardown(void)
{
	fake_platform_destroy(&p);
}

TestSuite(acpi_pm, .init = setup, .fini = teardown);

Test(acpi_pm, timer_counts_at_its_rate_and_in_parts)
{
	cr_assert_eq(in(ACPI_PM_TIMER, 4), 0);
	fake_advance(&p, SECOND);
	cr_assert_eq(in(ACPI_PM_TIMER, 4), 3579545);
	cr_assert_eq(in(ACPI_PM_TIMER + 1, 1), 3579545 >> 8 & 0xff);
	cr_assert_eq(in(ACPI_PM_TIMER + 2, 2), 3579545 >> 16);
	fake_advance(&p, 99 * SECOND);
	cr_assert_eq(in(ACPI_PM_TIMER, 4), 357954500);
	out(ACPI_PM_TIMER, 4, 0);
	cr_assert_eq(in(ACPI_PM_TIMER, 4), 357954500, "read only");
}

Test(acpi_pm, timer_wraps_at_32_bits)
{
	fake_advance(&p, 1200 * SECOND);
	cr_assert_eq(in(ACPI_PM_TIMER, 4), (uint32_t)(1200ull * 3579545));
	cr_assert_lt(in(ACPI_PM_TIMER, 4), 1000000);
}

Test(acpi_pm, machine_is_always_in_acpi_mode)
{
	cr_assert_eq(in(ACPI_PM1_CONTROL, 2), 1);
	out(ACPI_PM1_CONTROL, 2, 0);
	cr_assert_eq(in(ACPI_PM1_CONTROL, 2), 1);
	out(ACPI_PM1_CONTROL, 2, 0x1c02);
	cr_assert_eq(in(ACPI_PM1_CONTROL, 2), 0x1c03);
}

Test(acpi_pm, carry_is_a_status_that_a_one_clears)
{
	cr_assert_eq(in(STATUS, 2), 0);
	fake_advance(&p, CARRY_NS);
	cr_assert_eq(in(STATUS, 2), 1);
	out(STATUS, 2, 0xfffe);
	cr_assert_eq(in(STATUS, 2), 1);
	out(ENABLE, 2, 0);
	out(STATUS + 1, 1, 0xff);
	cr_assert_eq(in(STATUS, 2), 1, "a write elsewhere clears nothing");
	out(STATUS, 2, 1);
	cr_assert_eq(in(STATUS, 2), 0);
	fake_advance(&p, CARRY_NS);
	cr_assert_eq(in(STATUS, 2), 1, "from one to zero as well");
	cr_assert_not(fake_take_irq(&p, ACPI_SCI), "not enabled");
}

Test(acpi_pm, carry_interrupts_if_enabled)
{
	out(ENABLE, 2, 0xffff);
	cr_assert_eq(in(ENABLE, 2), 0x0721);
	fake_advance(&p, CARRY_NS);
	cr_assert(fake_take_irq(&p, ACPI_SCI));
	cr_assert(fake_take_irq(&p, ACPI_SCI), "a level");
	out(STATUS, 4, 0x07210001);
	cr_assert_eq(in(STATUS, 4), 0x07210000);
	cr_assert_not(fake_take_irq(&p, ACPI_SCI));
	fake_advance(&p, CARRY_NS);
	cr_assert(fake_take_irq(&p, ACPI_SCI));
	out(ENABLE, 2, 0);
	cr_assert_not(fake_take_irq(&p, ACPI_SCI));
}

Test(acpi_pm, soft_off_is_the_type_of_s5_with_its_enable_bit)
{
	for (unsigned type = 0; type < 8; type++) {
		out(ACPI_PM1_CONTROL, 2, type << 10);
		cr_assert_eq(offs, 0);
		if (type != ACPI_SLEEP_OFF)
			out(ACPI_PM1_CONTROL, 2, type << 10 | 0x2000);
		cr_assert_eq(offs, 0, "type %u", type);
	}
	out(ACPI_PM1_CONTROL, 2, ACPI_SLEEP_OFF << 10 | 0x2001);
	cr_assert_eq(offs, 1);
	cr_assert_eq(in(ACPI_PM1_CONTROL, 2) & 0x2000, 0, "write only");
	out(ENABLE, 2, 0);
	cr_assert_eq(offs, 1);
	/* Both halves of the register by themselves: the type stays, the bit acts. */
	out(ACPI_PM1_CONTROL + 1, 1, ACPI_SLEEP_OFF << 2);
	out(ACPI_PM1_CONTROL + 1, 1, ACPI_SLEEP_OFF << 2 | 0x20);
	cr_assert_eq(offs, 2);
}

Test(acpi_pm, random_accesses_do_no_harm)
{
	unsigned seed = 7;

	for (unsigned i = 0; i < 20000; i++) {
		uint32_t port = ACPI_PM1_EVENT + (unsigned)rand_r(&seed) % ACPI_PM_PORTS;

		out(port, 1u << rand_r(&seed) % 3, (uint64_t)rand_r(&seed));
		in(port, 1u << rand_r(&seed) % 3);
		fake_advance(&p, (uint64_t)rand_r(&seed));
	}
	cr_assert_eq(in(ACPI_PM1_CONTROL, 2) & 0xe001, 1);
	cr_assert_eq(in(ACPI_PM_TIMER, 4), (uint32_t)(p.now / SECOND * 3579545 + p.now % SECOND * 3579545 / SECOND));
}
