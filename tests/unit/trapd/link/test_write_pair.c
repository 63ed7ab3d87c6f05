/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of 8 bytes written in two halves: one event, and no other instruction is carried out on the way. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fakes/fake_bus.h"
#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/insn/insn.h"
#include "trapd/link/write_pair.h"
#include "trapd/trap/vcpu_priv.h"

/* ---- events ---- */

static struct link_event half(uint64_t gpa, uint64_t value, uint64_t old)
{
	return (struct link_event){ .ev_type = LINK_EV_WRITE, .ev_size = 4, .ev_gpa = gpa, .ev_new = { value }, .ev_old = { old },
				    .ev_count = 1 };
}

static void check_merged(const struct link_event *ev)
{
	cr_assert_eq(ev->ev_gpa, 0x5010);
	cr_assert_eq(ev->ev_size, 8);
	cr_assert_eq(ev->ev_new[0], 0x80000000aaaa1067ull);
	cr_assert_eq(ev->ev_old[0], 0x1111111122222222ull);
}

Test(write_pair, two_halves_are_one_event_in_either_order)
{
	const struct link_event low = half(0x5010, 0xaaaa1067, 0x22222222), high = half(0x5014, 0x80000000, 0x11111111);

	for (unsigned i = 0; i < 2; i++) {
		struct write_pair p = { .open = true };
		struct link_event out[2];

		cr_assert_eq(write_pair_add(&p, i ? &high : &low, out), 0);
		cr_assert_eq(write_pair_add(&p, i ? &low : &high, out), 1);
		check_merged(&out[0]);
		cr_assert_eq(write_pair_end(&p, out), 0);
	}
}

Test(write_pair, a_half_alone_is_not_lost)
{
	const struct link_event low = half(0x5010, 1, 2);
	struct write_pair p = { .open = true };
	struct link_event out[2];

	cr_assert_eq(write_pair_add(&p, &low, out), 0);
	cr_assert_eq(write_pair_end(&p, out), 1);
	cr_assert(!memcmp(&out[0], &low, sizeof(low)));
	cr_assert_eq(write_pair_end(&p, out), 0, "once");
}

Test(write_pair, other_events_keep_their_order)
{
	const struct link_event low = half(0x5010, 1, 2), next = half(0x5018, 3, 4), again = half(0x5010, 5, 6);
	struct link_event whole = half(0x5010, 7, 8), out[2];
	const struct link_event *others[] = { &next, &again, &whole };

	whole.ev_size = 8;
	for (unsigned i = 0; i < 3; i++) {
		struct write_pair p = { .open = true };

		write_pair_add(&p, &low, out);
		cr_assert_eq(write_pair_add(&p, others[i], out), 2);
		cr_assert(!memcmp(&out[0], &low, sizeof(low)) && !memcmp(&out[1], others[i], sizeof(low)), "other %u", i);
	}
}

Test(write_pair, only_aligned_halves_wait)
{
	struct link_event odd = half(0x5012, 1, 2), fill = half(0x5010, 1, 2), byte = half(0x5010, 1, 2), out[2];
	const struct link_event *others[] = { &odd, &fill, &byte };

	fill.ev_type = LINK_EV_FILL;
	byte.ev_size = 1;
	for (unsigned i = 0; i < 3; i++) {
		struct write_pair p = { .open = true };

		cr_assert_eq(write_pair_add(&p, others[i], out), 1);
	}
}

/* ---- instructions ---- */

#define RAM	(1ull << 20)
#define CODE	0x1000ull
#define ENTRY	0x8010ull

static struct fake_vcpu f;
static struct vcpu_priv priv;

/* A PAE guest, unpaged in the fake: only the size of its entries matters. */
static void setup(void)
{
	fake_vcpu_init(&f, RAM);
	memset(&priv, 0, sizeof(priv));
	f.v.priv = &priv;
	f.v.cpu.rip = CODE;
	f.v.cpu.gpr[GPR_RBX] = ENTRY;
	f.v.cpu.gpr[GPR_RDX] = 0x80000000;
}

static void teardown(void)
{
	fake_vcpu_fini(&f);
}

TestSuite(write_pair_insns, .init = setup, .fini = teardown, .timeout = 20);

static int absorb(const char *code, unsigned n)
{
	memset(fake_ram(&f, CODE, 64), 0x90, 64);	/* NOP: not emulated */
	memcpy(fake_ram(&f, CODE, 64), code, n);
	f.v.cpu.rip = CODE;
	f.nposts = 0;
	return write_pair_absorb(&f.v, ENTRY);
}
#define ABSORB(code) absorb(code, sizeof(code) - 1)

Test(write_pair_insns, the_other_half_is_found)
{
	cr_assert_eq(ABSORB("\x89\x53\x04"), 0);			/* mov [ebx+4], edx */
	cr_assert_eq(f.v.cpu.rip, CODE + 3);
	cr_assert_eq(fake_get32(&f, ENTRY + 4), 0x80000000);
	cr_assert_eq(f.nposts, 1);
}

Test(write_pair_insns, register_instructions_between_are_carried_out)
{
	cr_assert_eq(ABSORB("\x89\xd0\xd1\xe8\x89\x43\x04"), 0);	/* mov eax, edx; shr eax; mov [ebx+4], eax */
	cr_assert_eq(f.v.cpu.rip, CODE + 7);
	cr_assert_eq(fake_get32(&f, ENTRY + 4), 0x40000000);
}

Test(write_pair_insns, four_instructions_and_no_more)
{
	cr_assert_eq(ABSORB("\x40\x40\x40\x40\x89\x53\x04"), 0);	/* inc eax, four times */
	cr_assert_eq(f.v.cpu.rip, CODE + 4);
	cr_assert_eq(f.nposts, 0);
}

/* Each would be seen by another vCPU, or is not the other half. */
Test(write_pair_insns, anything_else_ends_the_search_before_it)
{
	static const struct { const char *code; unsigned n; } others[] = {
		{ "\x89\x53\x08", 3 }, { "\x89\x13", 2 },		/* the next entry, the same half */
		{ "\x88\x53\x04", 3 }, { "\x66\x89\x53\x04", 4 },	/* a part of the other half */
		{ "\x8b\x53\x04", 3 }, { "\x89\x15\0\xb0\0\0", 6 },	/* a load, a store elsewhere */
		{ "\xf0\x09\x53\x04", 4 }, { "\x90", 1 }, { "\xeb\x02", 2 }, { "\x52", 1 }, { "\xab", 1 },
	};

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		cr_assert_eq(absorb(others[i].code, others[i].n), 0, "case %u", i);
		cr_assert_eq(f.v.cpu.rip, CODE, "case %u", i);
		cr_assert_eq(f.nposts, 0, "case %u", i);
	}
}

Test(write_pair_insns, only_where_entries_have_8_bytes_and_nothing_watches)
{
	cr_assert(!write_pair_possible(&f.v, ENTRY, 4), "unpaged: entries of 4 bytes");
	f.v.walk.paging = WALK_PAE;
	cr_assert(write_pair_possible(&f.v, ENTRY, 4));
	cr_assert(write_pair_possible(&f.v, ENTRY + 4, 4));
	cr_assert(!write_pair_possible(&f.v, ENTRY + 2, 4));
	cr_assert(!write_pair_possible(&f.v, ENTRY, 8));
	f.v.cpu.rflags |= RFLAGS_TF;
	cr_assert(!write_pair_possible(&f.v, ENTRY, 4), "single step");
	f.v.cpu.rflags &= ~RFLAGS_TF;
	f.v.cpu.dr7 = 1;
	cr_assert(!write_pair_possible(&f.v, ENTRY, 4), "breakpoints");
	f.v.cpu.dr7 = 0x400;
	cr_assert(write_pair_possible(&f.v, ENTRY, 4));
	priv.breakpoints.active = true;
	cr_assert(!write_pair_possible(&f.v, ENTRY, 4));
}
