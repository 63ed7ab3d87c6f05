/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests of the user records of a table as a container: many of them, the worst choice of them, damaged links. The records
 * name parents that need not exist here; what they have to do with entries is tested with the entries.
 */
#include <criterion/criterion.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define RECORDS		600u
#define DIGITS		17u
#define SLOT_BITS	10u
#define MASK		((1ull << 2 * DIGITS) - 1)
#define SCRAMBLE	0x278dde6e5ull

static struct fix f;

static void setup(void)
{
	fix_init(&f);
	f.cfg.max_users = 2048;
	f.audit = false;
	fix_open(&f);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_users, .init = setup, .fini = teardown);

struct record { uint32_t parent, slot; };

struct found { const struct record *r; uint32_t n; bool *seen; };

static void take_note(void *ctx, const struct pool_user *u)
{
	struct found *found = ctx;

	for (uint32_t i = 0; i < found->n; i++)
		if (found->r[i].parent == u->parent && found->r[i].slot == u->slot && !found->seen[i]) {
			found->seen[i] = true;
			return;
		}
	cr_assert(false, "(%u, %u) should not be there, or not twice", u->parent, u->slot);
}

/* Exactly those, each found by its name. */
static void expect_records(uint32_t page, const struct record *r, uint32_t n)
{
	bool seen[RECORDS] = { false };
	struct found found = { r, n, seen };

	cr_assert_eq(user_each(f.p, page, take_note, &found), n);
	for (uint32_t i = 0; i < n; i++)
		cr_assert(user_has(f.p, page, r[i].parent, r[i].slot));
}

static void remove_at(uint32_t page, struct record *r, uint32_t *n, uint32_t i)
{
	user_remove(f.p, page, r[i].parent, r[i].slot);
	cr_assert(!f.p->corrupt);
	cr_assert(!user_has(f.p, page, r[i].parent, r[i].slot));
	r[i] = r[--*n];
}

Test(pool_users, many_records_come_and_go_in_any_order)
{
	static struct record r[2][RECORDS];
	uint32_t n[2] = { 0, 0 }, seed = 1;

	for (unsigned step = 0; step < 20000; step++) {
		uint32_t page, which;

		seed = seed * 1664525 + 1013904223;
		page = seed >> 31;
		which = seed >> 8 & 0xffff;
		/* Dense and far apart, one slot of many parents and many slots of one. */
		if (n[page] < RECORDS && (step / 2000 & 1 ? which % 3 : !(which % 3))) {
			struct record new = { which % 7 ? 1 + which % 5000 : 0xffffff, which % 11 ? which % 1024 : 0 };

			if (user_has(f.p, 5 + page, new.parent, new.slot))
				continue;
			user_add(f.p, 5 + page, new.parent, new.slot);
			r[page][n[page]++] = new;
		} else if (n[page]) {
			remove_at(5 + page, r[page], &n[page], which % n[page]);
		}
		cr_assert_eq(f.p->n_user_free + n[0] + n[1], f.p->cfg.max_users);
		if (step % 64 == 0) {
			expect_records(5, r[0], n[0]);
			expect_records(6, r[1], n[1]);
		}
	}
	cr_assert(!f.p->corrupt);
}

/* The record whose scrambled digits are these, were its slot of so many bits; false if there is no such page. */
static bool record_of(uint64_t digits, unsigned slot_bits, struct record *r)
{
	uint64_t inverse = SCRAMBLE;

	for (unsigned i = 0; i < 5; i++)	/* Newton's method, modulo a power of two */
		inverse *= 2 - SCRAMBLE * inverse;
	digits = digits * inverse & MASK;
	*r = (struct record){ (uint32_t)(digits >> slot_bits), digits & ((1u << slot_bits) - 1) };
	return r->parent < 1u << 24;
}

/* The longest path there can be: each record differs from all after it one digit later. last: digits of the last one. */
static uint32_t add_path(uint32_t page, struct record *r, unsigned slot_bits, uint64_t last)
{
	uint32_t n = 0;

	for (unsigned i = DIGITS; i-- > 0;) {
		uint64_t digit = 0;

		while (digit < 3 && !record_of(last ^ ++digit << 2 * i, slot_bits, &r[n]))
			;
		user_add(f.p, page, r[n].parent, r[n].slot);
		n++;
	}
	cr_assert(record_of(last, slot_bits, &r[n]));
	user_add(f.p, page, r[n].parent, r[n].slot);
	return n + 1;
}

static uint32_t add_longest_path(uint32_t page, struct record *r)
{
	return add_path(page, r, SLOT_BITS, 0);
}

Test(pool_users, longest_path_is_one_record_for_each_digit)
{
	struct record r[DIGITS + 1];
	uint32_t n = add_longest_path(5, r), depth = 0;

	cr_assert_eq(n, DIGITS + 1);
	cr_assert(!f.p->corrupt);
	expect_records(5, r, n);
	for (uint32_t u = f.p->page[5].users; f.p->user[u].below[0] != USER_NIL; u = f.p->user[u].below[0])
		depth++;
	cr_assert_eq(depth, DIGITS, "the test's idea of the order is the library's");
	for (unsigned i = 0; n; i++) {
		remove_at(5, r, &n, i % 3 ? n - 1 : 0);
		expect_records(5, r, n);
	}
	cr_assert_eq(f.p->page[5].users, USER_NIL);
	cr_assert_eq(f.p->n_user_free, f.p->cfg.max_users);
}

/* Were a slot of 9 bits, these three would be one record: the last ones of a path that has no room for a second one. */
Test(pool_users, all_slots_of_a_table_of_4_byte_entries_are_told_apart)
{
	struct record r[DIGITS + 3];
	uint32_t n = add_path(5, r, 9, (1001ull << 9 | 7) * SCRAMBLE & MASK);

	cr_assert(r[n - 1].parent == 1001 && r[n - 1].slot == 7);
	r[n++] = (struct record){ 1001, 512 + 7 };
	user_add(f.p, 5, r[n - 1].parent, r[n - 1].slot);
	r[n++] = (struct record){ 1000, 512 + 7 };
	user_add(f.p, 5, r[n - 1].parent, r[n - 1].slot);
	cr_assert(!f.p->corrupt);
	expect_records(5, r, n);
	while (n)
		remove_at(5, r, &n, n / 2);
	cr_assert_eq(f.p->page[5].users, USER_NIL);
}

#define CORRUPT(call) do { \
	uint32_t free_ = f.p->n_user_free, head_ = f.p->user_free; \
	call; \
	cr_assert(f.p->corrupt, #call " is not noticed"); \
	cr_assert(f.p->n_user_free == free_ && f.p->user_free == head_, #call " changed something"); \
	f.p->corrupt = false; \
} while (0)

Test(pool_users, damaged_links_are_noticed_and_not_followed)
{
	struct record r[DIGITS + 1];
	uint32_t n = add_longest_path(5, r), u = f.p->page[5].users, last = u;
	struct pool_user kept;

	CORRUPT(user_add(f.p, 5, r[3].parent, r[3].slot));
	CORRUPT(user_remove(f.p, 5, r[3].parent, r[3].slot ^ 1));
	while (f.p->user[last].below[0] != USER_NIL)
		last = f.p->user[last].below[0];
	kept = f.p->user[last];
	/* A circle: nothing is found in it that is not there, and its end is never reached. */
	for (unsigned i = 0; i < USER_BELOW; i++)
		f.p->user[last].below[i] = u;
	f.p->user[last].parent = PAGE_NIL;
	CORRUPT(user_add(f.p, 5, r[n - 1].parent, r[n - 1].slot));
	CORRUPT(user_remove(f.p, 5, r[n - 1].parent, r[n - 1].slot));
	CORRUPT(user_remove(f.p, 5, r[0].parent, r[0].slot));
	f.p->user[last] = kept;
	/* Out of the array. */
	f.p->user[last].below[0] = f.p->cfg.max_users;
	CORRUPT(user_remove(f.p, 5, r[0].parent, r[0].slot));
	f.p->user[last] = kept;
	f.p->user[u].below[0] = USER_NIL - 1;
	CORRUPT(user_remove(f.p, 5, r[n - 1].parent, r[n - 1].slot));
	cr_assert(!user_has(f.p, 5, r[n - 1].parent, r[n - 1].slot));
}

static void ignore(void *ctx, const struct pool_user *u)
{
	uint32_t *n = ctx;

	cr_assert_geq(u, f.p->user);
	cr_assert_lt(u, f.p->user + f.p->cfg.max_users);
	++*n;
}

Test(pool_users, visit_of_damaged_links_ends)
{
	struct record r[DIGITS + 1];
	uint32_t visits = 0, u;

	add_longest_path(5, r);
	u = f.p->page[5].users;
	f.p->user[u].below[1] = u;
	cr_assert_eq(user_each(f.p, 5, ignore, &visits), USER_NIL);
	cr_assert_leq(visits, f.p->cfg.max_users);
	f.p->user[u].below[0] = u;
	cr_assert_eq(user_each(f.p, 5, ignore, &visits), USER_NIL);
	f.p->page[5].users = f.p->cfg.max_users;
	cr_assert_eq(user_each(f.p, 5, ignore, &visits), USER_NIL);
}
