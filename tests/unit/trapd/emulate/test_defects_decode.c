/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Defects D23 to D25 and D30 to D33 of the pool's ancestor: those of the decoder and emulator around it. The others are in
 * test_pool_defects_*.c; pool_defects.h has the list.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "common/write_class.h"
#include "tests/unit/fakes/fake_bus.h"
#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/emulate/emulate.h"
#include "trapd/emulate/insn_writes.h"
#include "trapd/insn/insn.h"

#define RAM	(1ull << 20)
#define PLACE	0x8000ull

static struct fake_vcpu f;

static void setup(void)
{
	fake_vcpu_init(&f, RAM);
	f.v.cpu.rip = 0x1000;
	f.v.cpu.gpr[GPR_RBX] = PLACE;
	f.v.cpu.gpr[GPR_RDI] = PLACE;
	f.v.cpu.gpr[GPR_RSP] = 0x9000;
}

static void teardown(void)
{
	fake_vcpu_fini(&f);
}

TestSuite(defects_decode, .init = setup, .fini = teardown);

static struct insn decode(const char *bytes, unsigned n)
{
	struct insn in;

	cr_assert_eq(insn_decode((const uint8_t *)bytes, n, 32, f.v.cpu.rip, &in), 0);
	cr_assert_eq(in.length, n);
	return in;
}

static struct insn_write classify(const char *bytes, unsigned n, uint64_t gva, unsigned entry_size)
{
	struct insn in = decode(bytes, n);
	struct insn_write w;

	insn_classify_write(&f.v, &in, gva, entry_size, &w);
	return w;
}
#define CLASSIFY(bytes, gva, size) classify(bytes, sizeof(bytes) - 1, gva, size)

static int run(const char *bytes, unsigned n)
{
	struct insn in = decode(bytes, n);

	f.nposts = 0;
	f.v.exc.pending = false;
	return emulate_memory(&f.v, &in);
}
#define RUN(bytes) run(bytes, sizeof(bytes) - 1)

Test(defects_decode, defect_D23_size_is_that_of_the_write)
{
	struct insn_write w = CLASSIFY("\x0f\xae\x03", PLACE, 4);	/* fxsave */

	cr_assert_eq(w.size, 512);
	cr_assert_eq(w.class, WRITE_CLASS_REUSE);
	w = CLASSIFY("\x0f\xc7\x0b", PLACE, 4);				/* cmpxchg8b: no operand says 8 */
	cr_assert_eq(w.size, 8);
	w = CLASSIFY("\xc6\x03\x11", PLACE, 4);				/* movb: the immediate is smaller than a register */
	cr_assert_eq(w.size, 1);
	w = CLASSIFY("\x8b\x03", PLACE, 4);				/* no write at all */
	cr_assert_eq(w.class, WRITE_CLASS_UNKNOWN);
	for (unsigned state = 0; state < 4; state++)
		cr_assert_eq(write_policy(WRITE_CLASS_UNKNOWN, (uint8_t)(PAGE_STATE_MONITORED | state), 0), WRITE_DO_UNSHADOW);
}

/* A fill that meets a page that is not there: registers tell how far it has come. */
Test(defects_decode, defect_D24_fill_advances_by_what_was_written)
{
	uint64_t pd = 0x2000, pt = 0x3000;

	fake_put32(&f, pd, (uint32_t)pt | PTE_P | PTE_W);
	for (uint32_t i = 0; i < 16; i++)
		fake_put32(&f, pt + 4 * i, i << 12 | (i == 9 ? 0 : PTE_P | PTE_W));
	f.v.cpu.cr3 = pd;
	f.v.cpu.cr0 |= CR0_PG | CR0_WP;
	fake_vcpu_sync(&f);
	fake_put32(&f, 0x8ff8, 0x11);
	fake_put32(&f, 0x9000, 0x11);
	f.v.cpu.gpr[GPR_RDI] = 0x8ff8;
	f.v.cpu.gpr[GPR_RCX] = 6;
	cr_assert_eq(RUN("\xf3\xab"), -EFAULT);
	cr_assert_eq(f.v.exc.cr2, 0x9000);
	cr_assert_eq(f.v.cpu.gpr[GPR_RCX], 4);
	cr_assert_eq(f.v.cpu.gpr[GPR_RDI], 0x9000);
	cr_assert_eq(f.v.cpu.rip, 0x1000, "it goes on after the fault");
	cr_assert_eq(fake_get32(&f, 0x8ff8), 0);
	cr_assert_eq(fake_get32(&f, 0x9000), 0x11);
	/* From the first byte on nothing can be written: nothing moves. */
	f.v.cpu.gpr[GPR_RDI] = 0x9000;
	cr_assert_eq(RUN("\xf3\xab"), -EFAULT);
	cr_assert_eq(f.v.cpu.gpr[GPR_RCX], 4);
	cr_assert_eq(f.v.cpu.gpr[GPR_RDI], 0x9000);
	cr_assert_eq(f.nposts, 0);
}

Test(defects_decode, defect_D25_fill_obeys_segment_base_and_limit)
{
	f.v.cpu.seg[SREG_ES].base = 0x4000;
	f.v.cpu.seg[SREG_ES].limit = 0x100b;
	f.v.cpu.gpr[GPR_RDI] = 0x1000;
	f.v.cpu.gpr[GPR_RCX] = 5;
	for (unsigned i = 0; i < 5; i++) {
		fake_put32(&f, 0x1000 + 4 * i, 0x11);
		fake_put32(&f, 0x5000 + 4 * i, 0x11);
	}
	cr_assert_eq(CLASSIFY("\xf3\xab", 0x5000, 4).gva, 0x5000);
	cr_assert_eq(RUN("\xf3\xab"), -EFAULT);
	cr_assert_eq(f.v.exc.vector, VEC_GP);
	cr_assert_eq(f.v.cpu.gpr[GPR_RCX], 2, "three of five are below the limit");
	cr_assert_eq(f.v.cpu.gpr[GPR_RDI], 0x100c);
	for (unsigned i = 0; i < 5; i++) {
		cr_assert_eq(fake_get32(&f, 0x5000 + 4 * i), i < 3 ? 0 : 0x11);
		cr_assert_eq(fake_get32(&f, 0x1000 + 4 * i), 0x11, "without the base");
	}
}

Test(defects_decode, defect_D30_only_the_bit_of_rw_is_a_fork)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		char code[] = { 0x0f, (char)0xba, 0x33, (char)bit };

		cr_assert_eq(classify(code, 4, PLACE, 4).class, bit == 1 ? WRITE_CLASS_FORK : WRITE_CLASS_SIMPLE, "bit %u", bit);
	}
	/* The index in a register counts from the operand, beyond its size. */
	for (unsigned bit = 0; bit < 128; bit++) {
		f.v.cpu.gpr[GPR_RCX] = bit;
		cr_assert_eq(CLASSIFY("\x0f\xb3\x0b", PLACE + bit / 32 * 4, 8).class,
			     bit % 64 == 1 ? WRITE_CLASS_FORK : WRITE_CLASS_SIMPLE, "bit %u", bit);
	}
}

Test(defects_decode, defect_D31_odd_entries_of_4_bytes_fork_too)
{
	for (unsigned i = 0; i < 4; i++) {
		char code[] = { 0x0f, (char)0xba, 0x73, (char)(4 * i), 1 };

		cr_assert_eq(classify(code, 5, PLACE + 4 * i, 4).class, WRITE_CLASS_FORK, "entry %u", i);
		cr_assert_eq(classify(code, 5, PLACE + 4 * i, 8).class, i % 2 ? WRITE_CLASS_SIMPLE : WRITE_CLASS_FORK,
			     "half of an 8-byte entry: dword %u", i);
	}
	/* Bit 1 of the entry behind, by an operand that begins in the middle of one. */
	cr_assert_eq(CLASSIFY("\x0f\xba\x73\x01\x19", PLACE + 1, 4).class, WRITE_CLASS_FORK);
	cr_assert_eq(CLASSIFY("\x0f\xba\x73\x01\x19", PLACE + 1, 8).class, WRITE_CLASS_SIMPLE);
	for (unsigned paging = WALK_UNPAGED; paging <= WALK_4LEVEL; paging++) {
		f.v.walk.paging = (enum walk_paging)paging;
		cr_assert_eq(insn_entry_size(&f.v), paging == WALK_PAE || paging == WALK_4LEVEL ? 8 : 4);
	}
}

Test(defects_decode, defect_D32_what_proves_that_a_page_is_no_table_any_more)
{
	static const struct { const char *bytes; unsigned n; } reuse[] = {
		{ "\x50", 1 }, { "\x9c", 1 }, { "\x60", 1 },				/* push, pushf, pusha */
		{ "\xe8\0\0\0\0", 5 }, { "\xff\xd0", 2 },				/* call */
		{ "\x0f\xae\x03", 3 }, { "\x0f\xc3\x03", 3 }, { "\x66\x0f\xe7\x03", 4 },	/* fxsave, movnti, movntdq */
		{ "\x89\x44\x24\xfc", 4 },						/* mov to the stack */
	};

	for (unsigned i = 0; i < sizeof(reuse) / sizeof(reuse[0]); i++)
		cr_assert_eq(classify(reuse[i].bytes, reuse[i].n, PLACE, 4).class, WRITE_CLASS_REUSE, "case %u", i);
	f.v.cpu.gpr[GPR_RCX] = 128;
	cr_assert_eq(CLASSIFY("\xf3\xab", PLACE, 4).class, WRITE_CLASS_REUSE, "512 bytes at once");
	f.v.cpu.gpr[GPR_RCX] = 127;
	cr_assert_neq(CLASSIFY("\xf3\xab", PLACE, 4).class, WRITE_CLASS_REUSE);
	cr_assert_eq(CLASSIFY("\x89\x03", PLACE, 4).class, WRITE_CLASS_SIMPLE);
	f.v.cpu.cpl = 3;
	cr_assert_eq(CLASSIFY("\x89\x03", PLACE, 4).class, WRITE_CLASS_REUSE, "user mode writes no tables");
	cr_assert_eq(write_policy(WRITE_CLASS_REUSE, PAGE_STATE_MONITORED, 0), WRITE_DO_UNSHADOW);
	cr_assert_eq(write_policy(WRITE_CLASS_FRAME, PAGE_STATE_MONITORED, 0), WRITE_DO_UNSHADOW, "a frame of an interrupt");
	cr_assert_eq(write_policy(WRITE_CLASS_FORK, PAGE_STATE_MONITORED, 0), WRITE_DO_UNSHADOW);
	cr_assert_eq(write_policy(WRITE_CLASS_REUSE, PAGE_STATE_MONITORED | PAGE_STATE_ROOT, 0), WRITE_DO_EMULATE, "a root in use");
}

Test(defects_decode, defect_D33_what_is_not_emulated_runs_natively)
{
	uint64_t rip = f.v.cpu.rip;

	fake_put32(&f, PLACE, 0x11);
	for (unsigned i = 0; i < 2; i++) {
		struct insn_write w = i ? CLASSIFY("\xdd\x1b", PLACE, 4) : CLASSIFY("\x0f\x11\x03", PLACE, 4);	/* fstp, movups */

		cr_assert(!w.emulated);
		cr_assert_eq(write_policy(w.class, PAGE_STATE_MONITORED, 0), WRITE_DO_UNSHADOW);
	}
	cr_assert_eq(RUN("\x0f\x11\x03"), -EOPNOTSUPP);
	cr_assert_eq(fake_get32(&f, PLACE), 0x11, "nothing half done");
	cr_assert_eq(f.v.cpu.rip, rip);
	cr_assert_eq(f.nposts, 0);
}
