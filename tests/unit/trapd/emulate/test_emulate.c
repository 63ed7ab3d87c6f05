/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the comparison with the real CPU (test_emulate_native.c) cannot see: faults and what they leave undone, events,
 * devices, repeat limits, segments, flags of retirement.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/write_class.h"
#include "tests/unit/fakes/fake_bus.h"
#include "tests/unit/fakes/fake_vcpu.h"
#include "tests/unit/fakes/insn_said.h"
#include "trapd/cpu/gva.h"
#include "trapd/emulate/emulate.h"
#include "trapd/insn/insn.h"

#define RAM		(1ull << 20)
#define TABLES		0x1000ull
#define PT		0x4000ull
#define WINDOW		0x40000000ull	/* pages i of the window are frames below */
#define DEVICE_GPA	0x10000000ull

static const uint64_t frames[] = { 0x20000, 0x10000, 0x30000, DEVICE_GPA };
#define PAGES		(sizeof(frames) / sizeof(frames[0]))

struct bench { struct fake_vcpu f; struct cpu_state *c; };

static void set_pte(struct bench *b, unsigned page, uint64_t flags)
{
	fake_put64(&b->f, PT + page * 8, flags & PTE_P ? frames[page] | flags : 0);
}

static uint64_t get_pte(struct bench *b, unsigned page)
{
	return fake_get64(&b->f, PT + page * 8);
}

/* 64-bit code at CPL 0 with the window mapped by 4 KiB pages, the page after it absent. */
static void setup(struct bench *b)
{
	fake_vcpu_init(&b->f, RAM);
	b->c = &b->f.v.cpu;
	fake_put64(&b->f, TABLES, 0x2000 | PTE_P | PTE_W | PTE_U);
	fake_put64(&b->f, 0x2000 + 8, 0x3000 | PTE_P | PTE_W | PTE_U);
	fake_put64(&b->f, 0x3000, PT | PTE_P | PTE_W | PTE_U);
	for (unsigned i = 0; i < PAGES; i++)
		set_pte(b, i, PTE_P | PTE_W);
	b->c->cr0 |= CR0_PG | CR0_WP;
	b->c->cr3 = TABLES;
	b->c->cr4 = CR4_PAE;
	b->c->efer = EFER_LME | EFER_LMA;
	b->c->seg[SREG_CS].l = true;
	b->c->seg[SREG_CS].db = false;
	b->c->rip = 0x1000;
	fake_vcpu_sync(&b->f);
}

/* Protected mode without paging: gva is gpa. */
static void setup_legacy(struct bench *b)
{
	fake_vcpu_init(&b->f, RAM);
	b->c = &b->f.v.cpu;
	b->c->rip = 0x1000;
}

static void teardown(struct bench *b)
{
	fake_vcpu_fini(&b->f);
}

static int run(struct bench *b, const char *bytes, unsigned n)
{
	struct insn in;
	unsigned bits = cpu_code64(b->c) ? 64 : b->c->seg[SREG_CS].db ? 32 : 16;

	b->f.nposts = 0;
	fake_bus.count = 0;
	b->f.v.exc.pending = false;
	cr_assert(!insn_decode((const uint8_t *)bytes, n, bits, b->c->rip, &in) && in.length == n);
	return emulate_memory(&b->f.v, &in);
}
#define RUN(b, bytes) run(b, bytes, sizeof(bytes) - 1)

static unsigned post_class(const struct fake_post *p)
{
	return (p->flags & LINK_CLASS_MASK) >> LINK_CLASS_SHIFT;
}

static uint64_t bytes8(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, 8);
	return value;
}

Test(emulate, store_posts_old_and_new_value_once)
{
	struct bench b;

	setup(&b);
	fake_put64(&b.f, 0x20010, 0x1111222233334444);
	b.c->gpr[GPR_RBX] = WINDOW + 0x10;
	b.c->gpr[GPR_RAX] = 0x5555666677778888;
	cr_assert(RUN(&b, "\x48\x89\x03") == 0);
	cr_assert(b.f.nposts == 1 && b.f.post[0].gpa == 0x20010 && b.f.post[0].size == 8);
	cr_assert(bytes8(b.f.post[0].new_bytes) == 0x5555666677778888 && bytes8(b.f.post[0].old_bytes) == 0x1111222233334444);
	cr_assert(post_class(&b.f.post[0]) == WRITE_CLASS_SIMPLE && (b.f.post[0].flags & LINK_EVF_LAST));
	cr_assert(!(b.f.post[0].flags & LINK_EVF_USER));
	cr_assert(fake_get64(&b.f, 0x20010) == 0x5555666677778888 && b.c->rip == 0x1003);
	cr_assert((get_pte(&b, 0) & (PTE_A | PTE_D)) == (PTE_A | PTE_D));
	teardown(&b);
}

Test(emulate, read_modify_write_posts_what_the_atomic_saw)
{
	struct bench b;

	setup(&b);
	fake_put64(&b.f, 0x20008, 0x67);
	b.c->gpr[GPR_RBX] = WINDOW;
	cr_assert(RUN(&b, "\xf0\x48\x0f\xba\x73\x08\x01") == 0);	/* lock btr qword [rbx+8], 1 */
	cr_assert(b.f.nposts == 1 && bytes8(b.f.post[0].old_bytes) == 0x67 && bytes8(b.f.post[0].new_bytes) == 0x65);
	cr_assert(post_class(&b.f.post[0]) == WRITE_CLASS_FORK && (b.c->rflags & RFLAGS_CF));
	teardown(&b);
}

Test(emulate, write_across_pages_needs_both_before_it_stores)
{
	struct bench b;

	setup(&b);
	fake_put64(&b.f, 0x20ff8, 0);
	set_pte(&b, 1, PTE_P);		/* read-only, WP=1 */
	b.c->gpr[GPR_RBX] = WINDOW + 0xffd;
	b.c->gpr[GPR_RAX] = 0xaabbccddee112233;
	cr_assert(RUN(&b, "\x48\x89\x03") == -EFAULT);
	cr_assert(b.f.v.exc.vector == VEC_PF && b.f.v.exc.cr2 == WINDOW + 0x1000 && b.f.v.exc.error == (PF_P | PF_W));
	cr_assert(b.f.nposts == 0 && fake_get64(&b.f, 0x20ff8) == 0 && b.c->rip == 0x1000);
	set_pte(&b, 1, PTE_P | PTE_W);
	cr_assert(RUN(&b, "\x48\x89\x03") == 0);
	cr_assert(*(uint8_t *)fake_ram(&b.f, 0x20ffd, 1) == 0x33 && *(uint8_t *)fake_ram(&b.f, 0x20fff, 1) == 0x11);
	cr_assert(fake_get32(&b.f, 0x10000) == 0xbbccddee && *(uint8_t *)fake_ram(&b.f, 0x10004, 1) == 0xaa);
	teardown(&b);
}

Test(emulate, event_of_each_page_of_a_crossing_write)
{
	struct bench b;
	unsigned bytes[2] = { 0 };

	setup(&b);
	b.c->gpr[GPR_RBX] = WINDOW + 0xffd;
	cr_assert(RUN(&b, "\x48\x89\x03") == 0);
	for (unsigned i = 0; i < b.f.nposts; i++) {
		const struct fake_post *p = &b.f.post[i];

		cr_assert((p->size & (p->size - 1)) == 0 && post_class(p) == WRITE_CLASS_REUSE);
		bytes[p->gpa >> PAGE_SHIFT == 0x10] += p->size;
		cr_assert(p->gpa >> PAGE_SHIFT == (p->gpa + p->size - 1) >> PAGE_SHIFT);
	}
	cr_assert(bytes[0] == 3 && bytes[1] == 5);
	teardown(&b);
}

Test(emulate, first_page_fault_reports_the_operand_address)
{
	struct bench b;

	setup(&b);
	set_pte(&b, 0, 0);
	b.c->gpr[GPR_RBX] = WINDOW + 0xffd;
	cr_assert(RUN(&b, "\x48\x89\x03") == -EFAULT && b.f.v.exc.cr2 == WINDOW + 0xffd && b.f.v.exc.error == PF_W);
	teardown(&b);
}

Test(emulate, user_write_to_a_supervisor_page_faults_as_user)
{
	struct bench b;

	setup(&b);
	b.c->cpl = 3;
	b.c->gpr[GPR_RBX] = WINDOW;
	cr_assert(RUN(&b, "\x89\x03") == -EFAULT && b.f.v.exc.error == (PF_P | PF_W | PF_U));
	set_pte(&b, 0, PTE_P | PTE_W | PTE_U);
	cr_assert(RUN(&b, "\x89\x03") == 0 && (b.f.post[0].flags & LINK_EVF_USER) && post_class(&b.f.post[0]) == WRITE_CLASS_REUSE);
	teardown(&b);
}

/* A read-modify-write that may not write faults as a write although it reads first. */
Test(emulate, read_modify_write_faults_as_a_write)
{
	struct bench b;

	setup(&b);
	set_pte(&b, 0, 0);
	b.c->gpr[GPR_RBX] = WINDOW + 8;
	cr_assert(RUN(&b, "\x01\x03") == -EFAULT && b.f.v.exc.error == PF_W);
	b.c->gpr[GPR_RBX] = WINDOW + 9;		/* misaligned: the way without an atomic */
	cr_assert(RUN(&b, "\x01\x03") == -EFAULT && b.f.v.exc.error == PF_W);
	cr_assert(RUN(&b, "\x39\x03") == -EFAULT && b.f.v.exc.error == 0);	/* cmp only reads */
	teardown(&b);
}

Test(emulate, failed_cmpxchg_writes_back_but_posts_nothing)
{
	struct bench b;

	setup(&b);
	fake_put32(&b.f, 0x20000, 7);
	b.c->gpr[GPR_RBX] = WINDOW;
	b.c->gpr[GPR_RAX] = 8;
	b.c->gpr[GPR_RCX] = 9;
	cr_assert(RUN(&b, "\xf0\x0f\xb1\x0b") == 0);
	cr_assert(b.f.nposts == 0 && fake_get32(&b.f, 0x20000) == 7 && b.c->gpr[GPR_RAX] == 7 && !(b.c->rflags & RFLAGS_ZF));
	cr_assert(get_pte(&b, 0) & PTE_D, "a failed CMPXCHG is a write for the walk");
	cr_assert(RUN(&b, "\xf0\x0f\xb1\x0b") == 0);
	cr_assert(b.f.nposts == 1 && fake_get32(&b.f, 0x20000) == 9 && (b.c->rflags & RFLAGS_ZF));
	set_pte(&b, 0, PTE_P);
	b.c->gpr[GPR_RAX] = 1;
	cr_assert(RUN(&b, "\x0f\xb1\x0b") == -EFAULT && b.f.v.exc.error == (PF_P | PF_W));
	teardown(&b);
}

Test(emulate, cmpxchg16b_is_one_event_and_wants_alignment)
{
	struct bench b;

	setup(&b);
	fake_put64(&b.f, 0x20010, 1);
	fake_put64(&b.f, 0x20018, 2);
	b.c->gpr[GPR_RDI] = WINDOW + 0x10;
	b.c->gpr[GPR_RAX] = 1;
	b.c->gpr[GPR_RDX] = 2;
	b.c->gpr[GPR_RBX] = 3;
	b.c->gpr[GPR_RCX] = 4;
	cr_assert(RUN(&b, "\xf0\x48\x0f\xc7\x0f") == 0);
	cr_assert(b.f.nposts == 1 && b.f.post[0].size == 16 && bytes8(b.f.post[0].new_bytes + 8) == 4);
	cr_assert(fake_get64(&b.f, 0x20010) == 3 && fake_get64(&b.f, 0x20018) == 4);
	b.c->gpr[GPR_RDI] += 8;
	cr_assert(RUN(&b, "\xf0\x48\x0f\xc7\x0f") == -EFAULT && b.f.v.exc.vector == VEC_GP);
	teardown(&b);
}

Test(emulate, misaligned_lock_is_left_to_the_caller_undone)
{
	static const char *const forms[] = { "\xf0\x01\x03", "\x87\x03" };
	struct bench b;

	setup(&b);
	fake_put64(&b.f, 0x20000, 0x0102030405060708);
	b.c->gpr[GPR_RBX] = WINDOW + 1;
	cr_assert(run(&b, forms[0], 3) == -EOPNOTSUPP);
	cr_assert(run(&b, forms[1], 2) == -EOPNOTSUPP);
	cr_assert(b.f.nposts == 0 && b.c->rip == 0x1000 && fake_get64(&b.f, 0x20000) == 0x0102030405060708);
	teardown(&b);
}

/* Either the decoder knows no such instruction, or it is #UD; never is it carried out. */
Test(emulate, lock_on_what_cannot_be_locked_is_invalid)
{
	static const struct { const char *bytes; unsigned n; } forms[] = {
		{ "\xf0\x89\x03", 3 }, { "\xf0\x03\x03", 3 }, { "\xf0\xd1\x23", 3 }, { "\xf0\x0f\xa3\x0b", 4 }, { "\xf0\xab", 2 },
		{ "\xf0\x39\x03", 3 }, { "\xf0\x01\xc3", 3 },
	};
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RBX] = b.c->gpr[GPR_RDI] = WINDOW;
	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct insn in;

		if (insn_decode((const uint8_t *)forms[i].bytes, forms[i].n, 64, 0x1000, &in))
			continue;
		cr_assert(emulate_memory(&b.f.v, &in) == -EFAULT && b.f.v.exc.vector == VEC_UD, "form %u, %s", i, insn_said(&in, 64));
	}
	cr_assert(b.f.nposts == 0 && b.c->rip == 0x1000);
	teardown(&b);
}

Test(emulate, sse_and_segment_stores_are_left_to_the_caller)
{
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RBX] = WINDOW;
	cr_assert(RUN(&b, "\x0f\x11\x03") == -EOPNOTSUPP);
	cr_assert(RUN(&b, "\xf2\x0f\x11\x03") == -EOPNOTSUPP);	/* movsd [rbx], xmm0: the name of a string instruction */
	cr_assert(RUN(&b, "\xf2\x0f\x10\x03") == -EOPNOTSUPP);
	cr_assert(RUN(&b, "\x8c\x1b") == -EOPNOTSUPP);
	cr_assert(RUN(&b, "\x8e\x1b") == -EOPNOTSUPP);
	cr_assert(RUN(&b, "\x50") == -EOPNOTSUPP);
	cr_assert(b.f.nposts == 0 && b.c->rip == 0x1000);
	teardown(&b);
}

Test(emulate, device_loads_stores_and_read_modify_write)
{
	struct bench b;

	setup(&b);
	fake_bus.value = 0x1122334455667788;
	b.c->gpr[GPR_RBX] = WINDOW + 0x3010;
	b.c->gpr[GPR_RAX] = ~0ull;
	cr_assert(RUN(&b, "\x8b\x03") == 0 && b.c->gpr[GPR_RAX] == 0x55667788);
	cr_assert(fake_bus.count == 1 && fake_bus.access[0].gpa == DEVICE_GPA + 0x10 && fake_bus.access[0].size == 4);
	cr_assert(RUN(&b, "\x0f\xb6\x03") == 0 && b.c->gpr[GPR_RAX] == 0x88 && fake_bus.access[0].size == 1);
	cr_assert(RUN(&b, "\x66\x89\x03") == 0 && fake_bus.access[0].write && fake_bus.access[0].size == 2);
	cr_assert(RUN(&b, "\x80\x0b\x01") == 0 && fake_bus.count == 2 && !fake_bus.access[0].write);
	cr_assert(fake_bus.access[1].write && fake_bus.access[1].value == 0x89 && fake_bus.access[1].size == 1);
	cr_assert(RUN(&b, "\xf7\x03\x00\x00\x00\x80") == 0 && (b.c->rflags & RFLAGS_ZF) && fake_bus.count == 1);
	cr_assert(RUN(&b, "\x87\x03") == 0 && fake_bus.count == 2 && b.c->gpr[GPR_RAX] == 0x55667788);
	cr_assert(b.f.nposts == 0);
	teardown(&b);
}

Test(emulate, store_from_ram_into_a_device_is_cut_at_the_page)
{
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RBX] = WINDOW + 0x2ffe;
	b.c->gpr[GPR_RAX] = 0x44332211;
	cr_assert(RUN(&b, "\x89\x03") == 0);
	cr_assert(*(uint8_t *)fake_ram(&b.f, 0x30ffe, 1) == 0x11 && *(uint8_t *)fake_ram(&b.f, 0x30fff, 1) == 0x22);
	cr_assert(fake_bus.count == 1 && fake_bus.access[0].gpa == DEVICE_GPA && fake_bus.access[0].value == 0x4433);
	teardown(&b);
}

Test(emulate, repeat_does_32_iterations_per_call)
{
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RDI] = WINDOW;
	b.c->gpr[GPR_RCX] = 70;
	b.c->gpr[GPR_RAX] = 0x1234;
	b.c->rflags |= RFLAGS_RF;
	b.f.page_state[0x20000 >> PAGE_SHIFT] = PAGE_STATE_MONITORED;
	cr_assert(RUN(&b, "\xf3\x48\xab") == 0 && b.c->gpr[GPR_RCX] == 38 && b.c->gpr[GPR_RDI] == WINDOW + 256);
	cr_assert(b.c->rip == 0x1000 && b.f.nposts == 32 && fake_get64(&b.f, 0x20000 + 256) == 0);
	cr_assert(RUN(&b, "\xf3\x48\xab") == 0 && b.c->gpr[GPR_RCX] == 6 && b.c->rip == 0x1000);
	cr_assert(RUN(&b, "\xf3\x48\xab") == 0 && b.c->gpr[GPR_RCX] == 0 && b.c->rip == 0x1003);
	cr_assert(!(b.c->rflags & RFLAGS_RF) && b.c->gpr[GPR_RDI] == WINDOW + 560 && fake_get64(&b.f, 0x20000 + 552) == 0x1234);
	cr_assert(RUN(&b, "\xf3\x48\xab") == 0 && b.f.nposts == 0 && b.c->rip == 0x1006, "count 0 writes nothing");
	teardown(&b);
}

Test(emulate, fill_of_memory_that_nobody_watches_is_one_step_within_its_page)
{
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RDI] = WINDOW + 4;
	b.c->gpr[GPR_RCX] = 1023;
	b.c->gpr[GPR_RAX] = 0x55667788;
	cr_assert(RUN(&b, "\xf3\xab") == 0 && b.c->gpr[GPR_RCX] == 0 && b.c->gpr[GPR_RDI] == WINDOW + PAGE_SIZE && b.c->rip == 0x1002);
	cr_assert(fake_get32(&b.f, 0x20000) == 0 && fake_get32(&b.f, 0x20004) == 0x55667788 && fake_get32(&b.f, 0x20ffc) == 0x55667788);
	cr_assert(get_pte(&b, 0) & PTE_D, "the walk for a write");
	b.c->gpr[GPR_RDI] = WINDOW + 8;
	b.c->gpr[GPR_RCX] = 1023;
	cr_assert(RUN(&b, "\xf3\xab") == 0 && b.c->gpr[GPR_RCX] == 991, "beyond its page: iteration by iteration");
	b.c->rflags |= RFLAGS_DF;
	b.c->gpr[GPR_RDI] = WINDOW + 0x800;
	b.c->gpr[GPR_RCX] = 64;
	b.c->gpr[GPR_RAX] = 7;
	cr_assert(RUN(&b, "\xf3\xab") == 0 && b.c->gpr[GPR_RDI] == WINDOW + 0x800 - 128, "downwards as well");
	cr_assert(fake_get32(&b.f, 0x20804) == 0x55667788 && fake_get32(&b.f, 0x20800) == 7 && fake_get32(&b.f, 0x207fc) == 7);
	teardown(&b);
}

/* ... as one event: link/write_run.h. */
Test(emulate, what_a_repeat_stores_is_one_run)
{
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RSI] = WINDOW + 0x1000;
	b.c->gpr[GPR_RDI] = WINDOW;
	b.c->gpr[GPR_RCX] = 40;
	cr_assert_eq(RUN(&b, "\xf3\xa5"), 0);
	cr_assert(b.f.runs == 1 && !b.f.run_open && b.f.nposts == 32 && b.f.post[0].in_run);
	b.c->gpr[GPR_RCX] = 1;
	cr_assert_eq(RUN(&b, "\xa5"), 0);
	cr_assert(b.f.runs == 1 && b.f.nposts == 1, "no REP, no run");
	b.c->gpr[GPR_RDI] = 0;	/* not mapped */
	b.c->gpr[GPR_RCX] = 5;
	cr_assert(RUN(&b, "\xf3\xa5") == -EFAULT && b.f.runs == 2 && !b.f.run_open);
	teardown(&b);
}

Test(emulate, repeat_of_exactly_32_retires)
{
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RDI] = WINDOW;
	b.c->gpr[GPR_RCX] = 32;
	b.c->gpr[GPR_RAX] = 1;
	b.f.page_state[0x20000 >> PAGE_SHIFT] = PAGE_STATE_MONITORED;
	cr_assert(RUN(&b, "\xf3\xab") == 0 && b.c->gpr[GPR_RCX] == 0 && b.c->rip == 0x1002);
	cr_assert(b.f.nposts == 32 && post_class(&b.f.post[0]) == WRITE_CLASS_STOS_ANY);
	b.f.machine.extensions = WRITE_EXT_STOS_ANY;
	b.c->gpr[GPR_RDI] = WINDOW;
	b.c->gpr[GPR_RCX] = 32;
	cr_assert(RUN(&b, "\xf3\xab") == 0 && b.c->gpr[GPR_RCX] == 0);
	cr_assert(b.f.nposts == 1 && b.f.post[0].count == 32, "one event where any value is accepted");
	teardown(&b);
}

Test(emulate, accepted_rep_stos_is_one_event)
{
	struct bench b;

	setup(&b);
	for (unsigned i = 0; i < 40; i++)
		fake_put64(&b.f, 0x20000 + i * 8, ~0ull);
	b.c->gpr[GPR_RDI] = WINDOW + 8;
	b.c->gpr[GPR_RCX] = 32;
	b.c->gpr[GPR_RAX] = 0x80;
	cr_assert(RUN(&b, "\xf3\x48\xab") == 0 && b.c->gpr[GPR_RCX] == 0 && b.c->rip == 0x1003);
	cr_assert(b.c->gpr[GPR_RDI] == WINDOW + 8 + 256);
	cr_assert(b.f.nposts == 1 && b.f.post[0].gpa == 0x20008 && b.f.post[0].size == 8 && b.f.post[0].count == 32);
	cr_assert(bytes8(b.f.post[0].new_bytes) == 0x80 && post_class(&b.f.post[0]) == WRITE_CLASS_REP_STOS);
	cr_assert(fake_get64(&b.f, 0x20000) == ~0ull && fake_get64(&b.f, 0x20008) == 0x80);
	cr_assert(fake_get64(&b.f, 0x20100) == 0x80 && fake_get64(&b.f, 0x20108) == ~0ull);
	set_pte(&b, 0, 0);
	b.c->gpr[GPR_RDI] = WINDOW;
	b.c->gpr[GPR_RCX] = 4;
	cr_assert(RUN(&b, "\xf3\x48\xab") == -EFAULT && b.f.v.exc.cr2 == WINDOW && b.c->gpr[GPR_RCX] == 4);
	b.c->gpr[GPR_RDI] = WINDOW + 0x3000;
	cr_assert(RUN(&b, "\xf3\x48\xab") == 0 && fake_bus.count == 4 && b.f.nposts == 0, "a device sees each store");
	teardown(&b);
}

/* The limit is met in the middle: what lies below it is stored, then the fault. */
Test(emulate, accepted_rep_stos_stops_at_the_segment_limit)
{
	struct bench b;

	setup_legacy(&b);
	b.c->seg[SREG_ES].limit = 0x8007;
	fake_put32(&b.f, 0x8008, 0x11);
	b.c->gpr[GPR_RDI] = 0x8000;
	b.c->gpr[GPR_RCX] = 4;
	fake_put32(&b.f, 0x8004, 0x11);
	cr_assert(RUN(&b, "\xf3\xab") == -EFAULT && b.f.v.exc.vector == VEC_GP && b.c->gpr[GPR_RCX] == 2);
	cr_assert(fake_get32(&b.f, 0x8004) == 0 && fake_get32(&b.f, 0x8008) == 0x11 && b.c->gpr[GPR_RDI] == 0x8008);
	teardown(&b);
}

Test(emulate, immediate_operands_are_cut_to_the_size_of_the_other)
{
	struct bench b;

	setup(&b);
	fake_put64(&b.f, 0x20000, 0xffff);
	b.c->gpr[GPR_RBX] = WINDOW;
	cr_assert(!RUN(&b, "\x66\x83\x33\xff") && fake_get64(&b.f, 0x20000) == 0, "xor word [rbx], -1");
	cr_assert(b.c->rflags & RFLAGS_ZF && !(b.c->rflags & RFLAGS_SF));
	teardown(&b);
}

/* The fill is tried as a whole, and its fault is not the guest's: the iterations before it come first. */
Test(emulate, fill_that_would_fault_later_raises_nothing_yet)
{
	struct bench b;

	setup_legacy(&b);
	b.c->seg[SREG_ES].limit = 0x8000 + 40 * 4 - 1;
	b.c->gpr[GPR_RDI] = 0x8000;
	b.c->gpr[GPR_RCX] = 50;
	cr_assert(RUN(&b, "\xf3\xab") == 0 && b.c->gpr[GPR_RCX] == 18 && b.c->rip == 0x1000);
	cr_assert_not(b.f.v.exc.pending);
	cr_assert(RUN(&b, "\xf3\xab") == -EFAULT && b.c->gpr[GPR_RCX] == 10);
	teardown(&b);
}

Test(emulate, fault_inside_repeat_shows_the_iterations_done)
{
	struct bench b;

	setup(&b);
	set_pte(&b, 1, 0);
	b.c->gpr[GPR_RSI] = WINDOW + 0x2000;
	b.c->gpr[GPR_RDI] = WINDOW + 0xff0;
	b.c->gpr[GPR_RCX] = 10;
	cr_assert(RUN(&b, "\xf3\x48\xa5") == -EFAULT);
	cr_assert(b.f.v.exc.vector == VEC_PF && b.f.v.exc.cr2 == WINDOW + 0x1000 && b.f.v.exc.error == PF_W);
	cr_assert(b.c->gpr[GPR_RCX] == 8 && b.c->gpr[GPR_RSI] == WINDOW + 0x2010 && b.c->gpr[GPR_RDI] == WINDOW + 0x1000);
	cr_assert(b.c->rip == 0x1000 && b.f.nposts == 2);
	teardown(&b);
}

Test(emulate, single_step_stops_after_each_iteration)
{
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RDI] = WINDOW;
	b.c->gpr[GPR_RCX] = 2;
	b.c->rflags |= RFLAGS_TF;
	cr_assert(RUN(&b, "\xf3\xab") == -EFAULT && b.f.v.exc.vector == VEC_DB && b.f.v.exc.dr6 == DR6_BS);
	cr_assert(b.c->gpr[GPR_RCX] == 1 && b.c->rip == 0x1000 && b.f.nposts == 1);
	cr_assert(RUN(&b, "\xf3\xab") == -EFAULT && b.f.v.exc.vector == VEC_DB);
	cr_assert(b.c->gpr[GPR_RCX] == 0 && b.c->rip == 0x1002);
	teardown(&b);
}

Test(emulate, bit_offset_in_a_register_reaches_beyond_the_operand)
{
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RBX] = WINDOW + 0x100;
	b.c->gpr[GPR_RCX] = (uint64_t)-1;
	cr_assert(RUN(&b, "\x0f\xab\x0b") == 0);	/* bts dword [rbx], ecx: bit 31 of the dword below */
	cr_assert(fake_get32(&b.f, 0x200fc) == 0x80000000 && b.f.post[0].gpa == 0x200fc);
	b.c->gpr[GPR_RCX] = 32768;
	cr_assert(RUN(&b, "\x0f\xab\x0b") == 0 && fake_get32(&b.f, 0x10100) == 1, "next page");
	teardown(&b);
}

Test(emulate, noncanonical_operands_fault_by_segment)
{
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RBX] = 0x800000000000;
	b.c->gpr[GPR_RBP] = 0x7ffffffffffe;
	cr_assert(RUN(&b, "\x89\x03") == -EFAULT && b.f.v.exc.vector == VEC_GP && b.f.v.exc.error == 0);
	cr_assert(RUN(&b, "\x89\x45\x00") == -EFAULT && b.f.v.exc.vector == VEC_SS, "last byte beyond");
	teardown(&b);
}

Test(emulate, segment_limits_and_rights)
{
	struct bench b;
	struct segment *ds, *ss;

	setup_legacy(&b);
	ds = &b.c->seg[SREG_DS];
	ss = &b.c->seg[SREG_SS];
	ds->base = 0x8000;
	ds->limit = 0xfff;
	b.c->gpr[GPR_RBX] = 0xffc;
	b.c->gpr[GPR_RAX] = 0x12345678;
	cr_assert(RUN(&b, "\x89\x03") == 0 && fake_get32(&b.f, 0x8ffc) == 0x12345678);
	b.c->gpr[GPR_RBX] = 0xffd;
	cr_assert(RUN(&b, "\x89\x03") == -EFAULT && b.f.v.exc.vector == VEC_GP);
	ds->type = 1;		/* read-only */
	b.c->gpr[GPR_RBX] = 0;
	cr_assert(RUN(&b, "\x89\x03") == -EFAULT && b.f.v.exc.vector == VEC_GP);
	cr_assert(RUN(&b, "\x8b\x03") == 0);
	ds->type = 7;		/* expand-down: valid above the limit */
	cr_assert(RUN(&b, "\x89\x03") == -EFAULT);
	b.c->gpr[GPR_RBX] = 0x1000;
	cr_assert(RUN(&b, "\x89\x03") == 0 && fake_get32(&b.f, 0x9000) == b.c->gpr[GPR_RAX]);
	ds->usable = false;
	cr_assert(RUN(&b, "\x8b\x03") == -EFAULT && b.f.v.exc.vector == VEC_GP);
	ss->limit = 0xff;
	b.c->gpr[GPR_RBP] = 0x100;
	cr_assert(RUN(&b, "\x89\x45\x00") == -EFAULT && b.f.v.exc.vector == VEC_SS);
	b.c->gpr[GPR_RBX] = 0x1000;
	b.c->seg[SREG_CS].type = 8;	/* execute-only */
	cr_assert(RUN(&b, "\x2e\x8b\x03") == -EFAULT && b.f.v.exc.vector == VEC_GP);
	b.c->seg[SREG_CS].type = 10;
	cr_assert(RUN(&b, "\x2e\x8b\x03") == 0);
	cr_assert(RUN(&b, "\x2e\x89\x03") == -EFAULT && b.f.v.exc.vector == VEC_GP);
	teardown(&b);
}

Test(emulate, linear_addresses_wrap_at_4_gib)
{
	struct bench b;

	setup_legacy(&b);
	b.c->seg[SREG_DS].base = 0xfffff000;
	b.c->gpr[GPR_RBX] = 0x3000;
	b.c->gpr[GPR_RAX] = 0xcafe;
	cr_assert(RUN(&b, "\x89\x03") == 0 && fake_get32(&b.f, 0x2000) == 0xcafe);
	teardown(&b);
}

Test(emulate, sixteen_bit_string_registers_merge)
{
	struct bench b;

	setup_legacy(&b);
	b.c->gpr[GPR_RDI] = 0x1234fffe;
	b.c->gpr[GPR_RCX] = 0x56780002;
	cr_assert(RUN(&b, "\x67\xf3\x66\xab") == 0);
	cr_assert(b.c->gpr[GPR_RDI] == 0x12340002 && b.c->gpr[GPR_RCX] == 0x56780000);
	teardown(&b);
}

Test(emulate, retirement_truncates_rip_and_clears_rf)
{
	struct bench b;

	setup_legacy(&b);
	b.c->gpr[GPR_RBX] = 0x8000;
	b.c->rip = 0xffffffff;
	b.c->rflags |= RFLAGS_RF;
	b.c->inhibit = true;
	cr_assert(RUN(&b, "\x89\x03") == 0 && b.c->rip == 1 && !(b.c->rflags & RFLAGS_RF) && !b.c->inhibit);
	b.c->seg[SREG_CS].db = false;
	b.c->rip = 0xffff;
	cr_assert(RUN(&b, "\x67\x66\x89\x03") == 0 && b.c->rip == 3);
	teardown(&b);
}

Test(emulate, single_step_traps_after_completion)
{
	struct bench b;

	setup(&b);
	b.c->gpr[GPR_RBX] = WINDOW;
	b.c->gpr[GPR_RAX] = 1;
	b.c->rflags |= RFLAGS_TF;
	cr_assert(RUN(&b, "\x89\x03") == -EFAULT && b.f.v.exc.vector == VEC_DB && b.f.v.exc.dr6 == DR6_BS);
	cr_assert(!b.f.v.exc.has_error && b.c->rip == 0x1002 && fake_get32(&b.f, 0x20000) == 1);
	teardown(&b);
}

Test(gva, frames_are_probed_whole)
{
	struct bench b;
	uint8_t zero[64] = { 0 };

	setup(&b);
	set_pte(&b, 2, PTE_P);
	cr_assert(gva_probe(&b.f.v, WINDOW + 0x1f00, 0x100, true, 0) == 0);
	cr_assert(gva_probe(&b.f.v, WINDOW + 0x1f00, 0x101, true, 0) == -EFAULT && b.f.v.exc.cr2 == WINDOW + 0x2000);
	cr_assert(gva_probe(&b.f.v, WINDOW + 0x1f00, 0x101, false, 0) == 0);
	cr_assert(gva_write(&b.f.v, WINDOW + 0x1fe0, zero, 64, 0, WRITE_CLASS_FRAME) == -EFAULT && b.f.nposts == 0);
	teardown(&b);
}

static const uint8_t zeros[64];

Test(gva, both_pages_are_asked_for_before_the_first_store)
{
	struct bench b;

	setup(&b);
	cr_assert(gva_write(&b.f.v, WINDOW + 0x1ffc, zeros, 8, 0, WRITE_CLASS_FRAME) == 0);
	cr_assert(b.f.nasked == 2 && b.f.asked[0].nposts == 0 && b.f.asked[1].nposts == 0 && b.f.nposts == 2);
	cr_assert(b.f.asked[0].gva == WINDOW + 0x1ffc && b.f.asked[1].gva == WINDOW + 0x2000);
	cr_assert(b.f.asked[0].size == 4 && b.f.asked[1].size == 4);
	cr_assert(b.f.asked[0].gpa == b.f.post[0].gpa && b.f.asked[1].gpa == b.f.post[1].gpa);
	cr_assert(b.f.asked[0].class == WRITE_CLASS_FRAME && b.f.asked[1].class == WRITE_CLASS_FRAME);
	b.f.before_write_result = -ECANCELED;
	cr_assert(gva_write(&b.f.v, WINDOW, zeros, 8, 0, WRITE_CLASS_FRAME) == -ECANCELED && b.f.nposts == 2);
	teardown(&b);
}

/* As one event: link/write_run.h. */
Test(gva, what_is_longer_than_an_operand_is_one_run)
{
	struct bench b;

	setup(&b);
	cr_assert(gva_write(&b.f.v, WINDOW, zeros, 16, 0, WRITE_CLASS_SIMPLE) == 0 && b.f.runs == 0);
	cr_assert(gva_write(&b.f.v, WINDOW, zeros, 28, 0, WRITE_CLASS_SIMPLE) == 0 && b.f.runs == 1 && !b.f.run_open);
	cr_assert(b.f.post[b.f.nposts - 1].in_run);
	teardown(&b);
}

Test(gva, access_rights_follow_the_flags)
{
	struct bench b;
	uint32_t word = 0;

	setup(&b);
	b.c->cpl = 3;
	cr_assert(gva_read(&b.f.v, WINDOW, &word, 4, 0) == -EFAULT && b.f.v.exc.error == (PF_P | PF_U));
	cr_assert(gva_read(&b.f.v, WINDOW, &word, 4, GVA_SYSTEM) == 0);
	cr_assert(gva_write(&b.f.v, WINDOW, &word, 4, GVA_SUPERVISOR, WRITE_CLASS_FRAME) == 0);
	b.c->cpl = 0;
	cr_assert(gva_read(&b.f.v, WINDOW, &word, 4, GVA_USER) == -EFAULT && b.f.v.exc.error == (PF_P | PF_U));
	teardown(&b);
}

Test(gva, wide_reads_of_a_device_are_refused)
{
	struct bench b;
	uint8_t out[64];

	setup(&b);
	cr_assert(gva_read(&b.f.v, WINDOW + 0x3000, out, 16, 0) == -EOPNOTSUPP && fake_bus.count == 0);
	cr_assert(gva_read(&b.f.v, WINDOW + 0x3000, out, 8, 0) == 0);
	teardown(&b);
}
