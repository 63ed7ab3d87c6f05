/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of 8 bytes written in two halves: the second half is found, and no other instruction is carried out on the way. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/fakes/fake_bus.h"
#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/trap/vcpu_priv.h"
#include "trapd/trap/write_pair_insns.h"

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

TestSuite(write_pair_insns, .init = setup, .fini = teardown);

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
