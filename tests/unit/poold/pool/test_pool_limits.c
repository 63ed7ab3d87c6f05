/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Creation: every limit is checked by its own field. The kinds: every one that is reachable can be made and flushed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "poold/pool/op.h"
#include "tests/unit/poold/pool/pool_fixture.h"

static struct fix f;

static bool accepted(const struct pool_config *c)
{
	return pool_memory_needed(c) != 0;
}

#define REFUSED(field, value) do { \
	struct pool_config c_ = f.cfg; \
	c_.field = value; \
	cr_assert(!accepted(&c_), #field " = " #value " is accepted"); \
} while (0)
#define ACCEPTED(field, value) do { \
	struct pool_config c_ = f.cfg; \
	c_.field = value; \
	cr_assert(accepted(&c_), #field " = " #value " is refused"); \
} while (0)

Test(pool_limits, each_by_its_own_field)
{
	fix_init(&f);
	cr_assert(accepted(&f.cfg));
	REFUSED(max_pages, POOL_MIN_PAGES - 1);
	REFUSED(max_pages, (1u << 24) + 1);
	ACCEPTED(max_pages, 100000);
	REFUSED(nvcpu, 0);
	REFUSED(nvcpu, POOL_MAX_VCPUS + 1);
	REFUSED(maxphyaddr, 35);
	REFUSED(maxphyaddr, 53);
	REFUSED(ram.low_end, 0);
	REFUSED(ram.low_end, 4097);
	REFUSED(ram.low_end, GUEST_RAM_LOW_MAX + PAGE_SIZE);
	REFUSED(ram.high_end, 5ull << 30);
	REFUSED(ram_maddr, 1);
	REFUSED(ram_maddr, FIX_POOL_MADDR);
	REFUSED(ram_maddr, 1ull << 52);
	REFUSED(pool_maddr, PAGE_SIZE);
	ACCEPTED(copies_maddr, FIX_COPIES_MADDR);
	REFUSED(copies_maddr, FIX_COPIES_MADDR + 1);
	REFUSED(copies_maddr, FIX_POOL_MADDR);
	REFUSED(copies_maddr, FIX_RAM_MADDR);
	REFUSED(copies_maddr, FIX_RAM_MADDR - PAGE_SIZE);
	REFUSED(copies_maddr, 1ull << 52);
	REFUSED(stub_slot, 0);
	REFUSED(stub_slot, 512);
	REFUSED(max_users, 15);
	ACCEPTED(max_users, 16);
	REFUSED(max_extents, (1u << 24) + 1);
	REFUSED(legacy_format, (enum pool_format)2);
	REFUSED(prefetch, 65);
	REFUSED(prefetch, 3);
	ACCEPTED(prefetch, 64);
	ACCEPTED(unsync_tables, 64);
	REFUSED(unsync_tables, 65);
}

Test(pool_limits, error_is_one_line)
{
	struct pool *p = (void *)1;
	char err[200] = "";
	static uint64_t tracking[1 << 20];

	fix_init(&f);
	f.cfg.nvcpu = 0;
	cr_assert_eq(pool_create(&p, &f.cfg, NULL, NULL, tracking, f.stats, err, sizeof(err)), -EINVAL);
	cr_assert_null(p);
	cr_assert(strstr(err, "nvcpu") && !strchr(err, '\n'), "%s", err);
	f.cfg.nvcpu = 1;
	cr_assert_eq(pool_create(&p, &f.cfg, NULL, NULL, tracking, f.stats, err, sizeof(err)), -EINVAL);
	cr_assert(strstr(err, "RAM"), "no way to read guest RAM: %s", err);
}

Test(pool_limits, table_of_kinds_is_consistent)
{
	cr_assert_eq(pool_kinds_check(), 0);
	cr_assert_str_eq(pool_kind_name(8), "PAE_PT_FOR_PAE_PT");
	cr_assert_str_eq(pool_kind_name(KIND_COUNT), "?");
	for (unsigned k = 2; k < KIND_COUNT; k++)
		cr_assert_not_null(pool_kinds[k].name, "kind %u", k);
}

Test(pool_limits, canonical_roles_are_fixed_points)
{
	for (uint32_t role = 0; role <= ROLE_VALID; role++) {
		uint32_t c;

		if (role_kind(role) >= KIND_COUNT)
			continue;
		c = role_canon(role);
		cr_assert_eq(role_canon(c), c, "role %x", role);
		cr_assert_eq(role_kind(c), role_kind(role));
		cr_assert_eq(c & ~ROLE_VALID, 0);
	}
}

Test(pool_limits, phys_tables_are_keyed_by_their_start)
{
	fix_init(&f);
	fix_open(&f);
	fix_both_formats(&f) {
		fix_set_root(&f, CR0_PE, 0, 0, 0, false);
		fix_expect(&f, 0x234567, WALK_WRITE, 0x234567);
		fix_expect(&f, 0x3ff000, WALK_WRITE, 0x3ff000);
		cr_assert_eq(pool_pages_of_kind(f.p, fix_f32(&f) ? KIND_32BIT_PT_FOR_PHYS : KIND_PAE_PT_FOR_PHYS), 1);
	}
	fix_close(&f);
}

static uint32_t kinds_seen;

/* Note what kinds there are, and let all tables go, one by one. */
static void note_and_flush(void)
{
	for (unsigned k = 0; k < KIND_COUNT; k++)
		if (pool_pages_of_kind(f.p, k))
			kinds_seen |= 1u << k;
	for (uint32_t page = 1; page < f.cfg.max_pages; page++) {
		struct pool_result r;

		if (!page_in_use(f.p, page) || f.p->page[page].lock)
			continue;
		cr_assert(op_begin(f.p, 0, &r));
		cr_assert_eq(page_flush(f.p, page), 0);
		op_end(f.p, POOL_OK, &r);
		fix_audit(&f, "after one flush");
	}
	cr_assert_leq(f.stats[POOL_STAT_pages_used], 2, "only the loaded roots are left");
}

static void every_kind(void)
{
	/* Kinds 2, 3, 4, 13, 24 in place of 5, 6, 7, 10, 18, 20, 21, 22. 14 is retired. */
	const uint32_t reachable = fix_f32(&f) ? 0x18bbb1cu : 0xffffe0u & ~(1u << 13 | 1u << 14);
	struct fix_tables t;
	uint64_t pd, pt, pdpt;

	kinds_seen = 0;
	fix_set_root(&f, CR0_PE, 0, 0, 0, false);
	fix_expect(&f, 0x500000, WALK_WRITE, 0x500000);
	note_and_flush();

	pd = fix_table(&f);
	pt = fix_table(&f);
	fix_write(&f, pd, pt | FIX_RWU, 4);
	fix_write(&f, pd + 4, 0x400000 | FIX_RWU | PTE_PS, 4);
	fix_write(&f, pt + 4, 0x300000 | FIX_RWU, 4);
	fix_set_root(&f, FIX_PAGED, pd, CR4_PSE, 0, false);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	fix_expect(&f, 0x601000, WALK_WRITE, 0x601000);
	note_and_flush();

	t = fix_long_tables(&f);
	fix_write(&f, t.pdpt + 8, PTE_PS | FIX_RWU, 8);
	fix_write(&f, t.pd + 8, 0x200000 | PTE_PS | FIX_RWU, 8);
	fix_write(&f, t.pt + 8, 0x300000 | FIX_RWU, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	fix_expect(&f, 0x201000, WALK_WRITE, 0x201000);
	fix_expect(&f, (1ull << 30) + 0x600000, WALK_WRITE, 0x600000);
	note_and_flush();

	pdpt = fix_table(&f);
	fix_write(&f, pdpt, fix_table(&f) | PTE_P, 8);
	fix_write(&f, pdpt + PAGE_SIZE, t.pt | FIX_RWU, 8);
	fix_set_root(&f, FIX_PAGED, pdpt, CR4_PAE, 0, false);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	note_and_flush();
	cr_assert_eq(kinds_seen, reachable, "seen %x", kinds_seen);
}

Test(pool_limits, every_kind_can_be_made_and_flushed)
{
	fix_init(&f);
	fix_open(&f);
	fix_both_formats(&f)
		every_kind();
	fix_close(&f);
}

/* The hash spreads large pages and roots too. */
Test(pool_limits, hash_spreads_large_frames)
{
	unsigned used = 0;
	static uint8_t hit[POOL_MIN_PAGES];

	fix_init(&f);
	fix_open(&f);
	for (uint64_t i = 0; i < 512; i++)
		hit[cache_bucket(f.p, i << 21)] = 1;
	for (unsigned i = 0; i < POOL_MIN_PAGES; i++)
		used += hit[i];
	cr_assert_gt(used, 250);
	fix_close(&f);
}

Test(pool_limits, pool_of_100000_pages)
{
	struct fix_tables t;

	fix_init(&f);
	f.cfg.max_pages = 100352;
	f.audit = false;
	fix_open(&f);
	f.p->free_head = 99999;	/* the list goes down from here: indexes above 16 bits */
	for (uint32_t i = 99999; i > 99900; i--)
		f.p->page[i].hash_next = i - 1;
	t = fix_long_tables(&f);
	fix_poke(&f, t.pt + 8, 0x300000 | FIX_RWU, 8);
	fix_long_root(&f, t.pml4);
	cr_assert_eq(f.r.root[0], FIX_POOL_MADDR + 99999 * PAGE_SIZE);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	fix_write(&f, t.pt + 8, 0, 8);
	cr_assert_eq(f.stats[POOL_STAT_errors_corrupt], 0);
	fix_close(&f);
}

/* ---- the same calls give the same state ---- */

static void play(uint64_t digest[2], uint64_t *arena_hash)
{
	struct fix_tables t;

	fix_init(&f);
	fix_open(&f);
	t = fix_long_tables(&f);
	for (unsigned i = 1; i < 100; i++)
		fix_poke(&f, t.pt + 8 * i, (0x300000 + i * PAGE_SIZE) | FIX_RWU, 8);
	fix_long_root(&f, t.pml4);
	for (uint64_t i = 1; i < 100; i += 7)
		fix_expect(&f, i * PAGE_SIZE, i & 1 ? WALK_WRITE : WALK_USER, 0x300000 + i * PAGE_SIZE);
	fix_write(&f, t.pt + 64, 0, 8);
	fix_invlpg(&f, 0x8000);
	pool_digest(f.p, digest);
	*arena_hash = 0;
	for (uint64_t i = 0; i < f.arena_bytes; i++)
		*arena_hash = (*arena_hash ^ f.arena[i]) * 0x100000001b3ull;
}

Test(pool_limits, digest_is_a_function_of_the_calls)
{
	uint64_t a[2], b[2], ha, hb, before[2], after[2];
	struct pool_walk w;

	play(a, &ha);
	fix_close(&f);
	play(b, &hb);
	cr_assert(a[0] == b[0] && a[1] == b[1]);
	cr_assert_eq(ha, hb);
	pool_digest(f.p, before);
	fix_audit(&f, "between digests");
	fix_shadow(&f, 0x1000, false, &w);
	pool_digest(f.p, after);
	cr_assert(before[0] == after[0] && before[1] == after[1], "audit and walk change nothing");
	fix_map(&f, 0x2000, WALK_WRITE);
	pool_digest(f.p, after);
	cr_assert(before[0] != after[0] && before[1] != after[1]);
	fix_close(&f);
}

/* A replayer answers for guest RAM: then the pool must not touch a mapping. */
static unsigned reads;

static uint64_t read_for_pool(void *ctx, uint64_t gpa, unsigned size)
{
	const uint8_t *ram = ctx;
	uint64_t v = 0;

	reads++;
	memcpy(&v, ram + gpa, size);
	return v;
}

Test(pool_limits, every_read_goes_through_the_callback)
{
	struct pool_callbacks cb = { .read = read_for_pool };
	struct pool_modes m = { .cr0 = FIX_PAGED, .cr4 = CR4_PAE, .efer = FIX_LONG };
	struct pool_map_args a = { .gva = 0x1000, .gpa = 0x300000, .nwalk = 4 };
	struct fix_tables t;
	char err[100];
	uint8_t *ram;

	fix_init(&f);
	fix_open(&f);
	t = fix_long_tables(&f);
	fix_poke(&f, t.pt + 8, 0x300000 | FIX_USED, 8);
	ram = f.cfg.ram.base;
	cb.ctx = ram;
	f.cfg.ram.base = NULL;
	cr_assert_eq(pool_create(&f.p, &f.cfg, &cb, f.arena, f.tracking, f.stats, err, sizeof(err)), 0);
	f.cfg.ram.base = ram;
	for (unsigned i = 0; i < 3; i++)
		fix_poke(&f, (uint64_t[]){ t.pml4, t.pdpt, t.pd }[i], fix_read(&f, (uint64_t[]){ t.pml4, t.pdpt, t.pd }[i], 8) | PTE_A, 8);
	m.cr3 = t.pml4;
	pool_set_root(f.p, 0, &m, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	for (unsigned i = 0; i < 4; i++)
		a.walk[i] = fix_read(&f, (uint64_t[]){ t.pml4, t.pdpt, t.pd, t.pt + 8 }[i], 8);
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert_geq(reads, 4);
	fix_audit(&f, "with a read callback");
	fix_close(&f);
}
