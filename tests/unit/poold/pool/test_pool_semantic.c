/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the shadow means: the same translations, whatever tables carry them; each one once, as a walk finds it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "poold/pool/base/role.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define LOW	0x1000ull
#define HIGH	0xffff800000005000ull

struct seen {
	struct fix *f;
	uint64_t root;
	unsigned n, stop_at, nwritable;
};

static bool see(void *ctx, const struct pool_translation *t)
{
	struct seen *s = ctx;
	struct pool_walk w;

	cr_assert_eq(pool_walk(s->f->p, s->root, t->gva, &w), 0, "gva %#llx is no translation", (unsigned long long)t->gva);
	cr_assert_eq(w.gpa, t->gpa);
	cr_assert_eq(w.writable, t->writable);
	cr_assert_eq(w.nx, t->nx);
	s->nwritable += t->writable;
	return ++s->n != s->stop_at;
}

/* Low, high and 2 MiB addresses; each of the read ones is written if write is set. */
static void open_guest(struct fix *f, bool write)
{
	struct fix_tables t;

	fix_open(f);
	t = fix_long_tables(f);
	for (uint64_t i = 1; i < 40; i++)
		fix_poke(f, t.pt + 8 * i, (0x300000 + i * PAGE_SIZE) | FIX_USED, 8);
	fix_poke(f, t.pml4 + 8 * 256, t.pdpt | FIX_RWU, 8);
	fix_poke(f, t.pd + 8, 0x400000 | FIX_USED | PTE_PS, 8);
	fix_long_root(f, t.pml4);
	fix_expect(f, LOW, write ? WALK_WRITE : 0, 0x301000);
	fix_expect(f, HIGH, write ? WALK_WRITE : 0, 0x305000);
	fix_expect(f, 0x200000, 0, 0x400000);
}

static struct seen count(struct fix *f, uint64_t root, unsigned stop_at, int want)
{
	struct seen s = { .f = f, .root = root, .stop_at = stop_at };

	cr_assert_eq(pool_translations(f->p, root, see, &s), want);
	return s;
}

Test(pool_semantic, each_translation_is_what_a_walk_finds)
{
	struct fix f;
	struct seen s;
	struct pool_modes modes;
	uint64_t root[2];

	fix_init(&f);
	open_guest(&f, true);
	cr_assert_eq(pool_vcpu_roots(f.p, 0, root, &modes), 0);
	s = count(&f, root[0], 0, 0);
	cr_assert_geq(s.n, 3);
	cr_assert_geq(s.nwritable, 2);
	cr_assert_eq(count(&f, root[0], 2, -ECANCELED).n, 2, "enough is enough");
	cr_assert_eq(pool_translations(f.p, root[0] + 8, see, &s), -EINVAL, "not a page");
	cr_assert_eq(pool_translations(f.p, FIX_RAM_MADDR, see, &s), -EINVAL, "not in the pool");
	cr_assert_eq(pool_translations(f.p, FIX_POOL_MADDR, see, &s), -EINVAL, "page 0");
	fix_close(&f);
}

/* other: another address space is loaded in the end. */
static void digest_of(uint32_t prefetch, bool large, bool other, uint64_t out[2])
{
	struct fix f;

	fix_init(&f);
	f.cfg.prefetch = prefetch;
	f.cfg.large_leaves = large;
	open_guest(&f, true);
	f.audit = false;
	/* Until there is nothing left to prefetch. */
	for (uint64_t i = 1; i < 40; i++) {
		fix_expect(&f, i * PAGE_SIZE, 0, 0x300000 + i * PAGE_SIZE);
		fix_expect(&f, 0xffff800000000000ull + i * PAGE_SIZE, 0, 0x300000 + i * PAGE_SIZE);
	}
	for (uint64_t i = 0; i < 512; i++)
		fix_expect(&f, 0x200000 + i * PAGE_SIZE, 0, 0x400000 + i * PAGE_SIZE);
	if (other) {
		fix_long_root(&f, fix_long_tables(&f).pml4);
		cr_assert_eq(fix_access(&f, LOW, 0, out), FIX_FAULT);
	}
	fix_audit(&f, "in the end");
	pool_semantic_digest(f.p, out);
	fix_close(&f);
}

Test(pool_semantic, digest_is_of_the_meaning)
{
	uint64_t a[2], b[2], c[2], d[2];

	digest_of(1, false, false, a);
	digest_of(64, false, false, b);
	cr_assert_arr_eq(a, b, sizeof(a), "another prefetch window");
	digest_of(1, true, false, c);
	cr_assert_arr_eq(a, c, sizeof(a), "large leaves");
	digest_of(1, false, true, d);
	cr_assert_arr_neq(a, d, sizeof(a), "another address space");
}

Test(pool_semantic, pages_are_described)
{
	struct pool_page_info info;
	struct pool_modes modes;
	uint64_t root[2];
	unsigned used = 0;
	struct fix f;

	fix_init(&f);
	open_guest(&f, false);
	pool_vcpu_roots(f.p, 0, root, &modes);
	for (uint32_t page = 0; page < f.cfg.max_pages + 2; page++)
		if (pool_page_describe(f.p, page, &info)) {
			used++;
			cr_assert_gt(info.count, 0);
			cr_assert_leq(info.n_present, info.count);
			cr_assert_eq(pool_page_entry(f.p, page, info.count), 0);
		} else {
			cr_assert_eq(pool_page_entry(f.p, page, 0), 0);
			cr_assert_not(pool_table_is_unsync(f.p, page));
		}
	cr_assert_eq(used, f.stats[POOL_STAT_pages_used]);
	cr_assert(pool_page_describe(f.p, (uint32_t)((root[0] - FIX_POOL_MADDR) >> PAGE_SHIFT), &info));
	cr_assert_gt(info.lock, 0, "a loaded root is pinned");
	fix_close(&f);
}

/* All pages in parts of max; each once, and as their lists say. Returns how many. */
static unsigned report_all(struct fix *f, unsigned kind, uint32_t max, struct pool_page_report *out)
{
	uint32_t next = 0, n = 0, got;

	do {
		got = pool_pages_report(f->p, next, kind, out + n, max, &next);
		cr_assert_leq(got, max);
		n += got;
	} while (next);
	return n;
}

Test(pool_semantic, pages_are_reported)
{
	static struct pool_page_report all[1024], some[1024];
	unsigned n, of_kind = 0, monitored = 0, pinned = 0;
	uint64_t present = 0, users = 0;
	struct fix f;

	fix_init(&f);
	open_guest(&f, false);
	n = report_all(&f, 0, 1024, all);
	cr_assert_eq(n, f.stats[POOL_STAT_pages_used]);
	cr_assert_eq(report_all(&f, 0, 3, some), n, "in parts");
	cr_assert_arr_eq(all, some, n * sizeof(all[0]));
	for (unsigned i = 0; i < n; i++) {
		cr_assert(!i || all[i].page > all[i - 1].page);
		of_kind += all[i].kind == all[0].kind;
		monitored += all[i].monitored;
		pinned += all[i].pins != 0;
		present += all[i].n_present;
		users += all[i].users;
		cr_assert(!all[i].pins || !all[i].age, "what is loaded is in use now");
		cr_assert(!all[i].hot && !all[i].unsync);
	}
	cr_assert_eq(report_all(&f, all[0].kind, 2, some), of_kind);
	cr_assert_eq(of_kind, pool_pages_of_kind(f.p, all[0].kind));
	cr_assert_eq(present, f.stats[POOL_STAT_present_entries]);
	cr_assert_eq(users, f.stats[POOL_STAT_users_used]);
	cr_assert_eq(pinned, f.stats[POOL_STAT_pages_pinned]);
	cr_assert_gt(monitored, 0);
	fix_close(&f);
}

Test(pool_semantic, age_counts_the_uses_of_others)
{
	static struct pool_page_report all[1024];
	uint64_t oldest = 0, newest = ~0ull;
	struct fix f;
	unsigned n;

	fix_init(&f);
	open_guest(&f, false);
	n = report_all(&f, 0, 1024, all);
	for (unsigned i = 0; i < n; i++) {
		if (all[i].pins)
			continue;
		oldest = all[i].age > oldest ? all[i].age : oldest;
		newest = all[i].age < newest ? all[i].age : newest;
	}
	cr_assert_lt(newest, oldest);
	fix_close(&f);
}

Test(pool_semantic, a_role_is_told_in_words)
{
	char text[64], cut[8];

	pool_role_text(6 | 1u << ROLE_QUAD_SHIFT | ROLE_WP | ROLE_SMAP, text, sizeof(text));
	cr_assert_str_eq(text, "supervisor q1 wp smap");
	pool_role_text(ROLE_USER | ROLE_NXE, text, sizeof(text));
	cr_assert_str_eq(text, "user nxe");
	pool_role_text(ROLE_WP, cut, sizeof(cut));
	cr_assert_str_eq(cut, "supervi");
}
