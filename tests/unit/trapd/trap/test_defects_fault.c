/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ancestor's defect D33 where it would come back: what write_fault_monitored() does with a write that is not emulated. poold and
 * the step are this file's. The other defects: tests/unit/poold/pool/pool_defects.h.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fakes/fake_bus.h"
#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/link/events.h"
#include "trapd/link/pool_request.h"
#include "trapd/trap/look_ahead.h"
#include "trapd/trap/vcpu_priv.h"
#include "trapd/trap/write_pair_insns.h"

#define RAM	(1ull << 20)
#define CODE	0x8000ull
#define TABLE	0x6000ull

static struct fake_vcpu f;
static struct vcpu_link vcpu_link;

/* What was asked, and what poold answers. */
static struct {
	unsigned faults, unshadows, steps, looks;
	enum write_class class;
	unsigned size;
	enum pool_status answer;
} asked;

int pool_request_write_fault(struct vcpu *v, uint64_t gva, uint64_t gpa, enum write_class class, unsigned size, enum pool_status *status)
{
	asked.faults++;
	asked.class = class;
	asked.size = size;
	*status = asked.answer;
	return 0;
}

int pool_request_unshadow(struct vcpu *v, uint64_t gva, uint64_t gpa, enum pool_status *status)
{
	asked.unshadows++;
	*status = asked.answer;
	return 0;
}

enum next step_begin(struct vcpu *v, uint64_t gpa) { asked.steps++; return NEXT_GO_ON; }
enum next look_ahead(struct vcpu *v) { asked.looks++; return NEXT_GO_ON; }
void events_close_pair(struct vcpu *v) { v->link->pair.open = false; }
bool write_pair_possible(const struct vcpu *v, uint64_t gva, unsigned size) { return false; }
int write_pair_absorb(struct vcpu *v, uint64_t gva) { return 0; }

static void setup(void)
{
	fake_vcpu_init(&f, RAM);
	memset(&vcpu_link, 0, sizeof(vcpu_link));
	memset(&asked, 0, sizeof(asked));
	f.v.link = &vcpu_link;
	f.v.cpu.rip = CODE;
	f.v.cpu.gpr[GPR_RBX] = TABLE;
	f.v.cpu.gpr[GPR_RSP] = TABLE + 8;
	f.v.cpu.gpr[GPR_RAX] = 0x1234;
	f.page_state[TABLE >> PAGE_SHIFT] = PAGE_STATE_MONITORED;
}

static void teardown(void)
{
	fake_vcpu_fini(&f);
}

TestSuite(defects_fault, .init = setup, .fini = teardown);

static enum next fault(const char *bytes, unsigned n, enum pool_status answer)
{
	const struct walk_result walk = { .gpa = TABLE };

	memset(fake_ram(&f, CODE, 32), 0xcc, 32);
	memcpy(fake_ram(&f, CODE, n), bytes, n);
	fake_put64(&f, TABLE, 0x11);
	memset(&asked, 0, sizeof(asked));
	asked.answer = answer;
	f.nposts = 0;
	f.v.cpu.rip = CODE;
	return write_fault_monitored(&f.v, TABLE, &walk);
}
#define FAULT(bytes, answer) fault(bytes, sizeof(bytes) - 1, answer)

/* It runs natively, so nothing of it is done here. */
static void expect_undone(const char *what)
{
	cr_expect_eq(fake_get64(&f, TABLE), 0x11, "%s has stored", what);
	cr_expect_eq(f.v.cpu.rip, CODE, "%s has retired", what);
	cr_expect_eq(f.nposts, 0, "%s has posted an event", what);
}

/* reuse: says why the table goes, so poold is told by WRITE_FAULT, where it would let the table go for that. */
static const struct { const char *name, *bytes; unsigned n; bool reuse; } unknown[] = {
	{ "movups", "\x0f\x11\x03", 3 }, { "fxsave", "\x0f\xae\x03", 3, true }, { "fstp", "\xdd\x1b", 2 }, { "push", "\x50", 1, true },
	{ "misaligned lock", "\xf0\x01\x43\x01", 4 }, { "nothing that stores", "\x90", 1 },
};

static bool asked_rightly(unsigned i, unsigned state)
{
	if (unknown[i].reuse && state != 2)
		return !asked.unshadows && asked.faults == 1 && asked.class == WRITE_CLASS_REUSE;
	return asked.unshadows == 1 && !asked.faults;
}

Test(defects_fault, defect_D33_what_is_not_emulated_is_asked_for_by_unshadow)
{
	for (unsigned state = 0; state < 3; state++) {
		f.page_state[TABLE >> PAGE_SHIFT] = PAGE_STATE_MONITORED | (state == 1 ? PAGE_STATE_HOT : state == 2 ? PAGE_STATE_ROOT : 0);
		for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
			cr_assert_eq(fault(unknown[i].bytes, unknown[i].n, POOL_UNSHADOW), NEXT_GO_ON);
			cr_expect(asked_rightly(i, state) && !asked.steps, "%s", unknown[i].name);
			expect_undone(unknown[i].name);
			cr_assert_eq(fault(unknown[i].bytes, unknown[i].n, POOL_STEP), NEXT_GO_ON);
			cr_expect(asked_rightly(i, state) && asked.steps == 1, "%s", unknown[i].name);
			expect_undone(unknown[i].name);
		}
	}
}

/* poold cannot know that trapd does not emulate it: then its answer is no order to do so. */
Test(defects_fault, defect_D33_what_is_not_emulated_is_not_emulated_when_poold_says_so)
{
	cr_assert_eq(FAULT("\x50", POOL_EMULATE), NEXT_END, "no answer to UNSHADOW");
	cr_expect(asked.faults == 1 && asked.unshadows == 1);
	expect_undone("a push");
}

Test(defects_fault, defect_D33_reuse_is_decided_by_poold_and_not_emulated_behind_its_back)
{
	f.v.cpu.cpl = 3;	/* user mode writes no tables: reuse, of an instruction that could be emulated */
	cr_assert_eq(FAULT("\x89\x03", POOL_UNSHADOW), NEXT_GO_ON);
	cr_expect(asked.faults == 1 && asked.class == WRITE_CLASS_REUSE && asked.size == 4 && !asked.unshadows);
	expect_undone("a reused page's mov");
	cr_assert_eq(FAULT("\x89\x03", POOL_STEP), NEXT_GO_ON);
	cr_expect(asked.faults == 1 && asked.steps == 1);
	expect_undone("a stepped mov");
	cr_assert_eq(FAULT("\x89\x03", POOL_UNSYNC), NEXT_WALK_AGAIN);
	expect_undone("a mov to a table out of step");
	cr_assert_eq(FAULT("\x89\x03", POOL_EMULATE), NEXT_GO_ON);
	cr_expect(fake_get64(&f, TABLE) == 0x1234 && f.v.cpu.rip == CODE + 2 && f.nposts == 1 && asked.looks == 1);
}

Test(defects_fault, plain_writes_are_emulated_at_once_and_hot_ones_asked_for)
{
	cr_assert_eq(FAULT("\x89\x03", POOL_UNSHADOW), NEXT_GO_ON);
	cr_expect(!asked.faults && !asked.unshadows && fake_get64(&f, TABLE) == 0x1234 && f.nposts == 1);
	f.page_state[TABLE >> PAGE_SHIFT] |= PAGE_STATE_HOT;
	cr_assert_eq(FAULT("\x89\x03", POOL_UNSHADOW), NEXT_GO_ON);
	cr_expect(asked.faults == 1 && asked.class == WRITE_CLASS_SIMPLE);
	expect_undone("a mov to a hot table");
	cr_assert_eq(FAULT("\x89\x03", POOL_E_CORRUPT), NEXT_END);
	expect_undone("a mov without an answer");
}
