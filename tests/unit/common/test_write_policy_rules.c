/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pure rules of the write policy, and the switches by name. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/write_class.h"
#include "common/write_policy.h"
#include "common/x86.h"
#include "poold/trace/policy.h"

static struct write_store store(uint64_t gpa, uint32_t len, uint32_t entry_size)
{
	return (struct write_store){ .gpa = gpa, .rip = 0x1000, .len = len, .entry_size = entry_size };
}

static uint32_t weight(uint32_t offset, uint32_t len, uint32_t entry_size)
{
	struct write_store s = store(0x5000 + offset, len, entry_size);

	return write_weight(&s);
}

Test(write_policy_rules, partial_and_misaligned_writes_count_four)
{
	cr_assert_eq(weight(8, 8, 8), 1);
	cr_assert_eq(weight(8, 64, 8), 1, "eight whole entries");
	cr_assert_eq(weight(4, 4, 4), 1);
	cr_assert_eq(weight(4, 4, 8), 4, "half an entry, unless write_half() finds the other one");
	cr_assert_eq(weight(0, 4, 8), 4);
	cr_assert_eq(weight(4, 8, 8), 4, "across two entries");
	cr_assert_eq(weight(9, 1, 8), 4);
	cr_assert_eq(weight(8, 1, 8), 1, "a byte operation on status bits");
	cr_assert_eq(weight(4, 1, 4), 1);
	cr_assert_eq(weight(8, 2, 8), 4);
}

static enum write_half half(struct write_history *h, uint64_t gpa, uint32_t len, uint32_t entry_size)
{
	struct write_store s = store(gpa, len, entry_size);
	enum write_half got = write_half(h, &s);

	if (got == WRITE_HALF_SECOND)
		cr_assert(s.gpa == (gpa & ~7ull) && s.len == 8, "the whole entry");
	else
		cr_assert(s.gpa == gpa && s.len == len);
	return got;
}

Test(write_policy_rules, two_halves_of_one_entry_are_one_write)
{
	struct write_history h = { 0 };

	for (unsigned first = 0; first <= 4; first += 4) {
		cr_assert_eq(half(&h, 0x5ff8 + first, 4, 8), WRITE_HALF_FIRST);
		cr_assert_eq(half(&h, 0x5ff8 + (first ^ 4), 4, 8), WRITE_HALF_SECOND, "in any order");
	}
	cr_assert_eq(half(&h, 0x5ffc, 4, 8), WRITE_HALF_FIRST, "the pair is over: this begins another one");
	cr_assert_eq(half(&h, 0x5ffc, 4, 8), WRITE_HALF_FIRST, "the same half again");
	cr_assert_eq(half(&h, 0x5ff0, 4, 8), WRITE_HALF_FIRST, "a half of another entry");
	cr_assert_eq(half(&h, 0x5000, 8, 8), WRITE_HALF_NONE);
	cr_assert_eq(half(&h, 0x5ff4, 4, 8), WRITE_HALF_FIRST, "its other half, but another write came between");
	cr_assert_eq(half(&h, 0x5ff0, 4, 4), WRITE_HALF_NONE, "a whole entry");
	cr_assert_eq(half(&h, 0x5000, 4, 8), WRITE_HALF_FIRST);
	cr_assert_eq(half(&h, 0x5ffc, 4, 8), WRITE_HALF_FIRST, "first and last word of the table");
	cr_assert_eq(half(&h, 0x5ffa, 4, 8), WRITE_HALF_NONE, "not aligned");
	cr_assert_eq(half(&h, 0x5ff8, 2, 8), WRITE_HALF_NONE);
}

static uint32_t count(struct write_history *h, uint64_t gpa, uint32_t len)
{
	struct write_store s = store(gpa, len, 8);
	enum write_half is;
	uint32_t n = write_count(h, &s, &is);

	cr_assert_eq(n == 0, is == WRITE_HALF_SECOND);
	return n;
}

Test(write_policy_rules, an_entry_counts_one_however_it_is_written)
{
	struct write_history h = { 0 };

	cr_assert_eq(count(&h, 0x5000, 8), 1);
	cr_assert_eq(count(&h, 0x5000, 4) + count(&h, 0x5004, 4), 1);
	cr_assert_eq(count(&h, 0x5004, 4) + count(&h, 0x5000, 4), 1);
	cr_assert_eq(count(&h, 0x5000, 4) + count(&h, 0x500c, 4), 2);
	cr_assert_eq(count(&h, 0x5002, 4), 4);
}

Test(write_policy_rules, cross_entry_is_more_than_one_entry)
{
	const struct write_store one = store(0x5008, 8, 8), two = store(0x500c, 8, 8), half = store(0x500c, 4, 8);

	cr_assert(!write_is_cross_entry(&one));
	cr_assert(write_is_cross_entry(&two));
	cr_assert(!write_is_cross_entry(&half));
}

Test(write_policy_rules, limits_by_level_are_those_that_are_set)
{
	const struct write_limits seed = { .all = 48 }, ext = { .all = 48, .leaf = 4, .upper = 24 };

	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(write_limit(&seed, i & 1, i & 2), 48);
	cr_assert_eq(write_limit(&ext, false, true), 24);
	cr_assert_eq(write_limit(&ext, false, false), 24);
	cr_assert_eq(write_limit(&ext, true, true), 4);
	cr_assert_eq(write_limit(&ext, true, false), 48, "a leaf table that would be let go, not left writable");
}

Test(write_policy_rules, two_zeroed_entries_in_a_row)
{
	struct write_history h = { 0 };
	struct write_store s = store(0x5010, 8, 8), half = store(0x5018, 4, 8), both = store(0x5020, 16, 8);

	cr_assert(!write_zeros(&h, &s), "not zero at all");
	s.zero = half.zero = both.zero = true;
	cr_assert(!write_zeros(&h, &s));
	cr_assert(write_zeros(&h, &s));
	s.zero = false;
	cr_assert(!write_zeros(&h, &s));
	s.zero = true;
	cr_assert(!write_zeros(&h, &s), "another write between starts anew");
	cr_assert(!write_zeros(&h, &half), "half an entry is not an entry");
	cr_assert(!write_zeros(&h, &s));
	write_used(&h);
	cr_assert(!write_zeros(&h, &s), "the table was used between");
	write_used(&h);
	cr_assert(write_zeros(&h, &both), "two by one store");
	for (unsigned i = 0; i < 600; i++)
		cr_assert(write_zeros(&h, &s), "does not wrap");
}

Test(write_policy_rules, a_run_from_offset_0_doubles)
{
	struct write_history h = { 0 };
	uint32_t mods = 1;

	for (unsigned i = 0; i < 6; i++) {
		struct write_store s = store(0x5000 + 8 * i, 8, 8);

		cr_assert_eq(write_reinit(&h, &s, &mods), i > 0);
	}
	cr_assert_eq(mods, 32);
	for (unsigned i = 6; i < 60; i++) {
		struct write_store s = store(0x5000 + 8 * i, 8, 8);

		write_reinit(&h, &s, &mods);
	}
	cr_assert_eq(mods, WRITE_MODS_MAX, "saturates");
}

Test(write_policy_rules, a_run_ends_by_a_gap_or_by_other_code)
{
	struct write_history h = { 0 };
	struct write_store first = store(0x5000, 8, 8), second = store(0x5008, 8, 8), gap = store(0x5018, 8, 8);
	uint32_t mods = 3;

	cr_assert(!write_reinit(&h, &second, &mods), "no run without offset 0");
	write_reinit(&h, &first, &mods);
	cr_assert(!write_reinit(&h, &gap, &mods));
	cr_assert(!write_reinit(&h, &second, &mods), "over after the gap");
	write_reinit(&h, &first, &mods);
	second.rip += WRITE_REINIT_NEAR + 1;
	cr_assert(!write_reinit(&h, &second, &mods), "code far away");
	write_reinit(&h, &first, &mods);
	second.rip = first.rip - WRITE_REINIT_NEAR;
	cr_assert(write_reinit(&h, &second, &mods), "near, before it");
	cr_assert_eq(mods, 6);
}

Test(write_policy_rules, a_new_start_cools_a_warm_table)
{
	struct write_history h = { 0 };
	struct write_store first = store(0x5000, 8, 8);
	uint32_t mods = WRITE_REINIT_RESTART;

	write_reinit(&h, &first, &mods);
	cr_assert_eq(mods, WRITE_REINIT_RESTART);
	mods++;
	write_reinit(&h, &first, &mods);
	cr_assert_eq(mods, 2);
}

Test(write_policy_rules, the_third_write_without_a_use_floods)
{
	struct write_history h = { 0 };

	cr_assert(!write_flood(&h));
	cr_assert(!write_flood(&h));
	cr_assert(write_flood(&h));
	for (unsigned i = 0; i < 600; i++)
		cr_assert(write_flood(&h), "does not wrap");
	write_used(&h);
	cr_assert(!write_flood(&h));
}

/* Each extension changes its own class and no other. */
Test(write_policy_rules, extensions_turn_classes)
{
	for (uint32_t ext = 0; ext <= WRITE_EXT_ALL; ext++) {
		for (unsigned c = 0; c < WRITE_CLASS_COUNT; c++) {
			enum write_class got = write_class_effective((enum write_class)c, ext);

			if (c == WRITE_CLASS_FORK_LOCKED)
				cr_assert_eq(got, ext & WRITE_EXT_FORK_LOCKED ? WRITE_CLASS_FORK : WRITE_CLASS_SIMPLE);
			else if (c == WRITE_CLASS_STOS_ANY)
				cr_assert_eq(got, ext & WRITE_EXT_STOS_ANY ? WRITE_CLASS_REP_STOS : WRITE_CLASS_STRING);
			else
				cr_assert_eq(got, c);
		}
	}
	cr_assert_eq(write_policy(WRITE_CLASS_FORK_LOCKED, PAGE_STATE_MONITORED, WRITE_EXT_FORK_LOCKED), WRITE_DO_UNSHADOW);
	cr_assert_eq(write_policy(WRITE_CLASS_FORK_LOCKED, PAGE_STATE_MONITORED, 0), WRITE_DO_EMULATE);
	cr_assert_eq(write_policy(WRITE_CLASS_STOS_ANY, PAGE_STATE_MONITORED, WRITE_EXT_STOS_ANY), WRITE_DO_EMULATE);
	cr_assert_eq(write_policy(WRITE_CLASS_STOS_ANY, PAGE_STATE_MONITORED, 0), WRITE_DO_UNSHADOW);
	cr_assert_eq(write_policy((enum write_class)200, 0, WRITE_EXT_ALL), WRITE_DO_UNSHADOW);
}

/* ---- switches by name ---- */

Test(write_policy_rules, switches_by_name)
{
	struct pool_config c = { 0 };
	char err[200];

	cr_assert_eq(policy_apply(&c, "hot-limit=7,leaf-limit=4,upper-limit=24,cache=off", err, sizeof(err)), 0);
	cr_assert(c.hot_limit == 7 && c.hot_leaf == 4 && c.hot_upper == 24 && c.cache_off && !c.extensions);
	cr_assert_eq(policy_apply(&c, "fork-locked=on,stos-any=on,pair=on,zeros=on,reinit=on,flood=on", err,
				  sizeof(err)), 0);
	cr_assert_eq(c.extensions, WRITE_EXT_ALL);
	cr_assert_eq(policy_apply(&c, "zeros=off", err, sizeof(err)), 0);
	cr_assert_eq(c.extensions, WRITE_EXT_ALL & ~WRITE_EXT_ZEROS);
	cr_assert_eq(policy_apply(&c, POLICY_DEFAULT, err, sizeof(err)), 0, "%s", err);
}

Test(write_policy_rules, wrong_switches_say_what_is_wrong)
{
	static const struct { const char *text, *says; } wrong[] = {
		{ "colour=red", "colour" }, { "hot-limit", "key=value" }, { "hot-limit=many", "many" }, { "hot-limit=-1", "-1" },
		{ "hot-limit=4294967296", "4294967296" }, { "flood=1", "on or off" }, { "", "key=value" }, { "pair=on,", "key=value" },
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct pool_config c = { 0 };
		char err[200] = "";

		cr_assert_eq(policy_apply(&c, wrong[i].text, err, sizeof(err)), -EINVAL, "%s", wrong[i].text);
		cr_assert(strstr(err, wrong[i].says), "%s: %s", wrong[i].text, err);
	}
}
