/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APICs: registers, priorities, timer and messages, as SDM vol. 3A chapter 10 has them. The guest is this test. */
#include <criterion/criterion.h>

#include "tests/unit/fakes/fake_irqs.h"
#include "trapd/devices/lapic.h"

enum { ID = 0x20, VERSION = 0x30, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0, ISR = 0x100, TMR = 0x180,
       IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR2 = 0x310, LVT_TIMER = 0x320, LINT0 = 0x350, LVT_ERROR = 0x370, INITIAL = 0x380,
       CURRENT = 0x390, DIVIDE = 0x3e0 };
#define MASKED 0x10000u
#define PERIODIC 0x20000u
#define DEADLINE 0x40000u
#define CPUS 4u

static struct bus *bus;
static struct lapics *all;
static unsigned notified[CPUS], inits[CPUS], startups[CPUS], nmis[CPUS];
static uint8_t startup_vector, eoi_vector;
static unsigned eois;

static void notify(void *ctx, unsigned cpu) { notified[cpu]++; }
static void eoi(void *ctx, uint8_t vector) { eois++; eoi_vector = vector; }
static void init(void *ctx, unsigned cpu) { inits[cpu]++; }
static void startup(void *ctx, unsigned cpu, uint8_t vector) { startups[cpu]++; startup_vector = vector; }
static void nmi(void *ctx, unsigned cpu) { nmis[cpu]++; }
static const struct lapics_ops ops = { .notify = notify, .eoi = eoi, .init = init, .startup = startup, .nmi = nmi };

static uint32_t rd(unsigned reg)
{
	return (uint32_t)bus_mmio_read(bus, LAPIC_BASE + reg, 4);
}

static void wr(unsigned reg, uint32_t value)
{
	bus_mmio_write(bus, LAPIC_BASE + reg, 4, value);
}

static void setup(void)
{
	fake_irqs_init();
	cr_assert_eq(bus_create(&bus), 0);
	cr_assert_eq(lapics_add(&all, bus, CPUS, fake_irqs.timers, &ops, NULL), 0);
	for (unsigned i = 0; i < CPUS; i++) {
		bus_set_cpu(i);
		wr(SVR, 0x1ff);
	}
	bus_set_cpu(0);
}

static void teardown(void)
{
	bus_destroy(bus);
	timers_destroy(fake_irqs.timers);
}

TestSuite(lapic, .init = setup, .fini = teardown);

static void self(uint8_t vector)
{
	wr(ICR, 0x40000u | vector);
}

static int take(unsigned cpu)
{
	cr_expect_eq(lapic_pending(all, cpu), lapic_pending(all, cpu));
	return lapic_accept(all, cpu);
}

Test(lapic, registers_after_reset)
{
	struct lapics *fresh;
	struct bus *b;

	cr_assert_eq(bus_create(&b), 0);
	cr_assert_eq(lapics_add(&fresh, b, 2, fake_irqs.timers, &ops, NULL), 0);
	cr_expect_eq(bus_mmio_read(b, LAPIC_BASE + SVR, 4), 0xff);
	cr_expect_eq(bus_mmio_read(b, LAPIC_BASE + DFR, 4), 0xffffffff);
	cr_expect_eq(bus_mmio_read(b, LAPIC_BASE + LVT_TIMER, 4), MASKED);
	cr_expect_eq(bus_mmio_read(b, LAPIC_BASE + LINT0, 4), 0x700, "virtual wire on the boot processor");
	cr_expect_eq(bus_mmio_read(b, LAPIC_BASE + VERSION, 4), 0x50014);
	bus_set_cpu(1);
	cr_expect_eq(bus_mmio_read(b, LAPIC_BASE + LINT0, 4), MASKED);
	cr_expect_eq(bus_mmio_read(b, LAPIC_BASE + ID, 4), 1u << 24);
	bus_set_cpu(0);
	bus_destroy(b);
}

Test(lapic, vectors_are_taken_by_priority_and_nest_by_class)
{
	self(0x51);
	self(0x93);
	self(0x95);
	cr_expect_eq(rd(IRR + 0x20), 0x20000);
	cr_expect_eq(take(0), 0x95);
	cr_expect_eq(take(0), -1, "the same class waits");
	self(0xa0);
	cr_expect_eq(take(0), 0xa0);
	cr_expect_eq(rd(PPR), 0xa0);
	wr(EOI, 0);
	cr_expect_eq(rd(PPR), 0x90);
	wr(EOI, 0);
	cr_expect_eq(take(0), 0x93);
	wr(EOI, 0);
	cr_expect_eq(take(0), 0x51);
	cr_expect_eq(rd(ISR + 0x20), 0x20000);
	wr(EOI, 0);
	cr_expect_eq(eois, 0, "none was a level");
}

Test(lapic, task_priority_holds_back_its_class)
{
	wr(TPR, 0x5f);
	self(0x5f);
	cr_expect_eq(take(0), -1);
	self(0x60);
	cr_expect_eq(take(0), 0x60);
	wr(EOI, 0);
	notified[0] = 0;
	wr(TPR, 0x40);
	cr_expect(notified[0]);
	cr_expect_eq(take(0), 0x5f);
	wr(EOI, 0);
	lapic_set_cr8(all, 0, 7);
	cr_expect_eq(rd(TPR), 0x70);
	cr_expect_eq(lapic_cr8(all, 0), 7);
}

Test(lapic, software_disable_holds_back_and_masks)
{
	wr(LVT_TIMER, 0x40);
	self(0x80);
	wr(SVR, 0xff);
	cr_expect_eq(take(0), -1);
	cr_expect_eq(rd(LVT_TIMER), MASKED | 0x40);
	wr(LVT_TIMER, 0x40);
	cr_expect_eq(rd(LVT_TIMER), MASKED | 0x40, "stays masked while disabled");
	wr(SVR, 0x1ff);
	cr_expect_eq(take(0), 0x80);
}

Test(lapic, hardware_disable_takes_it_off_the_bus)
{
	lapic_set_enabled(all, 0, false);
	cr_expect_eq(rd(SVR), 0xffffffff);
	cr_expect(lapic_takes_extint(all, 0));
	cr_expect_not(lapic_takes_extint(all, 1));
	lapic_set_enabled(all, 0, true);
	cr_expect_eq(rd(SVR), 0xff);
}

Test(lapic, lint0_passes_the_pic)
{
	wr(LINT0, 0x700);
	cr_expect(lapic_takes_extint(all, 0));
	wr(LINT0, 0x10700);
	cr_expect_not(lapic_takes_extint(all, 0));
	wr(LINT0, 0x31);
	cr_expect_not(lapic_takes_extint(all, 0));
}

Test(lapic, one_shot_timer_interrupts_once)
{
	wr(DIVIDE, 0x0b);
	wr(LVT_TIMER, 0x40);
	wr(INITIAL, 100000);
	fake_irqs_pass(400000);
	cr_expect_eq(rd(CURRENT), 60000);
	fake_irqs_pass(599999);
	cr_expect_eq(take(0), -1);
	fake_irqs_pass(1);
	cr_expect_eq(take(0), 0x40);
	wr(EOI, 0);
	cr_expect_eq(rd(CURRENT), 0);
	fake_irqs_pass(5000000);
	cr_expect_eq(take(0), -1);
	wr(INITIAL, 100000);
	wr(INITIAL, 0);
	fake_irqs_pass(5000000);
	cr_expect_eq(take(0), -1, "a count of 0 stops it");
}

Test(lapic, a_one_shot_that_is_over_before_its_timer_is_armed_interrupts)
{
	wr(DIVIDE, 0x0b);
	wr(LVT_TIMER, 0x40);
	fake_irqs.look_ns = 2000000;
	wr(INITIAL, 100000);		/* 1 ms */
	fake_irqs.look_ns = 0;
	fake_irqs_pass(1);
	cr_expect_eq(take(0), 0x40);
	wr(EOI, 0);
	fake_irqs_pass(5000000);
	cr_expect_eq(take(0), -1);
}

/* The vCPU has the bus, and the device thread waits for it to tell that the count is over. */
Test(lapic, an_entry_written_before_its_interrupt_is_told_does_not_lose_it)
{
	wr(DIVIDE, 0x0b);
	wr(LVT_TIMER, 0x40);
	wr(INITIAL, 100000);
	fake_irqs.now_ns += 1500000;
	wr(LVT_TIMER, 0x43);
	wr(DIVIDE, 0x0b);
	fake_irqs_pass(1);
	cr_expect_eq(take(0), 0x43);
	wr(EOI, 0);
	wr(LVT_TIMER, MASKED | 0x43);
	wr(INITIAL, 100000);
	fake_irqs_pass(5000000);
	wr(LVT_TIMER, 0x43);
	fake_irqs_pass(5000000);
	cr_expect_eq(take(0), -1, "over while it was masked");
}

Test(lapic, periodic_timer_that_becomes_one_shot_ends_its_period)
{
	wr(DIVIDE, 0x0b);
	wr(LVT_TIMER, PERIODIC | 0x41);
	wr(INITIAL, 100000);
	fake_irqs_pass(3400000);
	cr_expect_eq(take(0), 0x41);
	wr(EOI, 0);
	wr(LVT_TIMER, 0x41);
	cr_expect_eq(rd(CURRENT), 60000);
	fake_irqs_pass(599999);
	cr_expect_eq(take(0), -1);
	fake_irqs_pass(1);
	cr_expect_eq(take(0), 0x41);
	wr(EOI, 0);
	fake_irqs_pass(5000000);
	cr_expect_eq(take(0), -1);
}

Test(lapic, periodic_timer_divides)
{
	unsigned n = 0;

	wr(DIVIDE, 0x03);		/* by 16 */
	wr(LVT_TIMER, PERIODIC | 0x41);
	wr(INITIAL, 6250);		/* 1 ms */
	fake_irqs_pass(500000);
	cr_expect_eq(rd(CURRENT), 3125);
	for (unsigned i = 0; i < 100; i++) {
		fake_irqs_pass(1000000);
		if (take(0) == 0x41)
			n++;
		wr(EOI, 0);
	}
	cr_expect_eq(n, 100);
	wr(LVT_TIMER, PERIODIC | MASKED | 0x41);
	fake_irqs_pass(3000000);
	cr_expect_eq(take(0), -1);
	cr_expect_neq(rd(CURRENT), 0, "it counts on while masked");
	wr(LVT_TIMER, PERIODIC | 0x41);
	fake_irqs_pass(1000000);
	cr_expect_eq(take(0), 0x41);
}

Test(lapic, deadline_timer_fires_at_its_tsc)
{
	wr(LVT_TIMER, DEADLINE | 0x42);
	lapic_set_deadline(all, 0, 5000000, 2000000, 3000000);	/* 3 GHz: 1 ms */
	cr_expect_eq(lapic_deadline(all, 0), 5000000);
	wr(INITIAL, 5);
	cr_expect_eq(rd(INITIAL), 0, "ignored in this mode");
	fake_irqs_pass(999999);
	cr_expect_eq(take(0), -1);
	fake_irqs_pass(1);
	cr_expect_eq(take(0), 0x42);
	cr_expect_eq(lapic_deadline(all, 0), 0, "disarmed");
	wr(EOI, 0);
	lapic_set_deadline(all, 0, 1, 2000000, 3000000);	/* in the past */
	fake_irqs_pass(1);
	cr_expect_eq(take(0), 0x42);
	wr(EOI, 0);
	lapic_set_deadline(all, 0, ~0ull, 0, 1);
	lapic_set_deadline(all, 0, 0, 0, 3000000);
	fake_irqs_pass(10000000);
	cr_expect_eq(take(0), -1, "0 disarms");
	lapic_set_deadline(all, 0, 3000000, 0, 3000000);
	wr(LVT_TIMER, 0x42);
	fake_irqs_pass(10000000);
	cr_expect_eq(take(0), -1, "a change of mode disarms");
	lapic_set_deadline(all, 0, 3000000, 0, 3000000);
	cr_expect_eq(lapic_deadline(all, 0), 0, "no deadline in other modes");
}

Test(lapic, the_fastest_period_is_bounded)
{
	unsigned n = 0;

	wr(DIVIDE, 0x0b);
	wr(LVT_TIMER, PERIODIC | 0x41);
	wr(INITIAL, 1);
	for (unsigned i = 0; i < 1000; i++) {
		fake_irqs_pass(TIMER_MIN_PERIOD_NS / 10);
		n += take(0) == 0x41;
		wr(EOI, 0);
	}
	cr_expect_leq(n, 101);
	cr_expect_geq(n, 90);
}

Test(lapic, messages_reach_who_is_meant)
{
	wr(ICR2, 2u << 24);
	wr(ICR, 0x55);
	cr_expect_eq(take(2), 0x55);
	cr_expect_eq(take(1), -1);
	wr(ICR, 0x80056);		/* all including self */
	for (unsigned i = 0; i < CPUS; i++)
		cr_expect_eq(take(i), 0x56 > 0x55 && i == 2 ? -1 : 0x56, "vCPU %u", i);
	wr(ICR, 0xc0077);		/* all but self */
	cr_expect_eq(take(0), -1);
	cr_expect_eq(take(1), 0x77);
	wr(ICR2, 0xffu << 24);
	wr(ICR, 0x88);			/* broadcast */
	cr_expect_eq(take(3), 0x88);
}

Test(lapic, logical_destinations_flat_and_cluster)
{
	for (unsigned i = 0; i < CPUS; i++) {
		bus_set_cpu(i);
		wr(LDR, 1u << (24 + i));
	}
	bus_set_cpu(0);
	wr(ICR2, 0x0au << 24);
	wr(ICR, 0x855);
	cr_expect_eq(take(0), -1);
	cr_expect_eq(take(1), 0x55);
	cr_expect_eq(take(2), -1);
	cr_expect_eq(take(3), 0x55);
	for (unsigned i = 0; i < CPUS; i++) {
		bus_set_cpu(i);
		wr(DFR, 0x0fffffff);
		wr(LDR, (i / 2) << 28 | 1u << (24 + i % 2));
	}
	bus_set_cpu(0);
	wr(ICR2, 0x12u << 24);		/* cluster 1, second member */
	wr(ICR, 0x866);
	cr_expect_eq(take(3), 0x66);
	cr_expect_eq(take(1), -1);
}

Test(lapic, lowest_priority_goes_to_one)
{
	struct apic_message m = { .dest = 0xff, .mode = APIC_LOWEST, .vector = 0x70 };
	unsigned taken = 0;

	wr(TPR, 0x20);
	cr_expect(lapics_deliver(all, &m));
	cr_expect_eq(take(0), -1, "it has the highest task priority");
	for (unsigned i = 1; i < CPUS; i++)
		taken += take(i) == 0x70;
	cr_expect_eq(taken, 1);
	m.dest = 9;
	m.mode = APIC_FIXED;
	cr_expect_not(lapics_deliver(all, &m), "nobody there");
}

Test(lapic, init_startup_and_nmi)
{
	wr(ICR2, 1u << 24);
	wr(ICR, 0x4500);
	cr_expect_eq(inits[1], 1);
	wr(ICR, 0x8500);		/* de-assert */
	cr_expect_eq(inits[1], 1);
	wr(ICR, 0x4608);
	cr_expect_eq(startups[1], 1);
	cr_expect_eq(startup_vector, 8);
	wr(ICR, 0xc4400);
	cr_expect_eq(nmis[0], 0);
	cr_expect_eq(nmis[3], 1);
	bus_set_cpu(1);
	cr_expect_eq(rd(SVR), 0xff, "INIT resets the local APIC");
	bus_set_cpu(0);
}

Test(lapic, eoi_of_a_level_is_told)
{
	struct apic_message m = { .dest = 0, .mode = APIC_FIXED, .vector = 0x62, .level = true };

	cr_expect(lapics_deliver(all, &m));
	cr_expect_eq(rd(TMR + 0x30), 4);
	cr_expect_eq(take(0), 0x62);
	wr(EOI, 0);
	cr_expect_eq(eois, 1);
	cr_expect_eq(eoi_vector, 0x62);
	self(0x62);
	cr_expect_eq(rd(TMR + 0x30), 0);
}

Test(lapic, errors_are_latched_until_written)
{
	wr(LVT_ERROR, 0xfe);
	self(5);
	cr_expect_eq(take(0), 0xfe);
	wr(EOI, 0);
	cr_expect_eq(rd(ESR), 0);
	wr(ESR, 0);
	cr_expect_eq(rd(ESR), 0x20, "send illegal vector");
	rd(0x40);
	wr(ESR, 0);
	cr_expect_eq(rd(ESR), 0x80, "illegal register");
	wr(ESR, 0);
	cr_expect_eq(rd(ESR), 0);
}

Test(lapic, who_looks_sees_what_is_requested_and_in_service)
{
	struct lapic_state s;

	wr(TPR, 0x30);
	self(0x91);
	cr_assert_eq(take(0), 0x91);
	self(0x41);
	self(0xff);
	lapic_look(all, 0, &s);
	cr_expect(s.enabled && s.task_priority == 0x30);
	cr_expect(s.requested[2] == 2 && s.requested[7] == 1u << 31, "%#x %#x", s.requested[2], s.requested[7]);
	cr_expect(s.in_service[4] == 1u << 17 && !s.in_service[2]);
	cr_expect_eq(take(0), 0xff, "looking takes nothing away");
	lapic_look(all, 1, &s);
	cr_expect(s.enabled && !s.requested[2] && !s.in_service[4] && !s.task_priority, "each has its own");
	wr(SVR, 0xff);
	lapic_look(all, 0, &s);
	cr_expect_not(s.enabled);
}

Test(lapic, random_accesses_break_nothing)
{
	uint32_t seed = 7;

	for (unsigned i = 0; i < 200000; i++) {
		uint64_t gpa;

		seed = seed * 1664525 + 1013904223;
		gpa = LAPIC_BASE + (seed >> 8 & 0xff8) + (seed & 1 ? 0 : seed >> 4 & 7);
		bus_set_cpu(seed >> 30);
		bus_mmio_write(bus, gpa & ~7ull, 4, seed * 2654435761u);
		bus_mmio_read(bus, gpa, 1u << (seed >> 20 & 3));
		lapic_accept(all, seed >> 28 & 3);
		fake_irqs.now_ns += seed >> 12;
		timers_expire(fake_irqs.timers);
	}
	bus_set_cpu(0);
}
