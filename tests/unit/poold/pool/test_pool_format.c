/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables with entries of 4 bytes: what stands in memory, what cannot stand there, and that everything above sees no
 * difference. What both formats must do alike is tested where it is tested for the other one (fix_both_formats).
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define TARGET 0x300000ull

static struct fix f;

static void setup(void)
{
	fix_init(&f);
	f.cfg.legacy_format = POOL_F32;
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_format, .init = setup, .fini = teardown);

static uint64_t pd, pt;

/* gva 0: TARGET by a table; gva 4 MiB: the same 4 MiB as a large page. */
static void start(uint64_t cr4)
{
	fix_open(&f);
	pd = fix_table(&f);
	pt = fix_table(&f);
	fix_poke(&f, pd, pt | FIX_USED, 4);
	fix_poke(&f, pd + 4, 0x400000 | FIX_USED | PTE_PS, 4);
	for (unsigned i = 0; i < 8; i++)
		fix_poke(&f, pt + 4 * i, (TARGET + i * PAGE_SIZE) | FIX_USED, 4);
	fix_set_root(&f, FIX_PAGED, pd, CR4_PSE | cr4, 0, false);
}

static uint32_t raw(const struct pool_walk_step *s)
{
	uint32_t v;

	memcpy(&v, f.arena + (s->maddr - FIX_POOL_MADDR), sizeof(v));
	return v;
}

Test(pool_format, entries_are_relative_to_their_window)
{
	struct pool_walk w;

	start(0);
	fix_expect(&f, 0x2004, WALK_WRITE, TARGET + 0x2004);
	cr_assert_eq(fix_shadow(&f, 0x2004, false, &w), 0);
	cr_assert_eq(w.nsteps, 2);
	cr_assert_eq(w.step[0].kind, KIND_ROOT_32BIT_PD);
	cr_assert_eq(w.step[0].maddr, FIX_POOL_MADDR + w.step[0].page * PAGE_SIZE);
	cr_assert_eq(raw(&w.step[0]), w.step[1].page * PAGE_SIZE | PTE_P | PTE_W | PTE_U | PTE_A);
	cr_assert_eq(w.step[0].entry, (FIX_POOL_MADDR + w.step[1].page * PAGE_SIZE) | PTE_P | PTE_W | PTE_U | PTE_A);
	cr_assert_eq(w.step[1].kind, KIND_32BIT_PT_FOR_32BIT_PT);
	cr_assert_eq(w.step[1].maddr, FIX_POOL_MADDR + w.step[1].page * PAGE_SIZE + 4 * 2);
	cr_assert_eq(raw(&w.step[1]), (TARGET + 0x2000) | FIX_USED);
	cr_assert_eq(w.step[1].entry, (FIX_RAM_MADDR + TARGET + 0x2000) | FIX_USED);
}

/* A slot above 512 is as good as one below. */
Test(pool_format, last_slots_of_a_table)
{
	struct pool_walk w;
	uint64_t was[2], is[2];

	start(0);
	fix_poke(&f, pd + 4 * 1023, pt | FIX_USED, 4);
	fix_poke(&f, pt + 4 * 1023, (TARGET + PAGE_SIZE) | FIX_USED, 4);
	fix_expect(&f, 0xfffff123, WALK_WRITE, TARGET + PAGE_SIZE + 0x123);
	cr_assert_eq(fix_shadow(&f, 0xfffff123, false, &w), 0);
	cr_assert_eq(w.step[1].slot, 1023);
	cr_assert(rmap_has(f.p, gfn_of(TARGET) + 1, w.step[1].page, 1023));
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_32BIT_PT_FOR_32BIT_PT), 1, "one table under two entries");
	pool_digest(f.p, was);
	f.arena[w.step[1].maddr - FIX_POOL_MADDR] ^= PTE_D;
	pool_digest(f.p, is);
	f.arena[w.step[1].maddr - FIX_POOL_MADDR] ^= PTE_D;
	cr_assert(was[0] != is[0] && was[1] != is[1], "the digest ends before the table");
	fix_write(&f, pt + 4 * 1023, 0, 4);
	cr_assert_eq(fix_shadow(&f, 0xfffff123, false, &w), -ENOENT);
	fix_write(&f, pd + 4 * 1023, 0, 4);
	fix_invlpg(&f, 0xfffff000);
}

Test(pool_format, smep_is_kept_in_4_bytes)
{
	struct pool_walk w;
	uint64_t gpa;

	start(CR4_SMEP);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	cr_assert_eq(fix_shadow(&f, 0, false, &w), 0);
	cr_assert(w.nx && w.writable);
	cr_assert_eq(raw(&w.step[1]), TARGET | FIX_USED | FIX_F32_NX);
	cr_assert_eq(fix_access(&f, 0, WALK_FETCH, &gpa), FIX_FAULT);
	fix_expect(&f, 0, WALK_FETCH | WALK_USER, TARGET);
}

Test(pool_format, clean_and_guarded_pages)
{
	struct pool_walk w;
	uint64_t gpa;

	start(0);
	fix_poke(&f, pt + 4, (TARGET + PAGE_SIZE) | (FIX_USED & ~PTE_D), 4);
	fix_poke(&f, pt + 8, pt | FIX_USED, 4);
	fix_expect(&f, 0x1000, 0, TARGET + PAGE_SIZE);
	cr_assert_eq(fix_shadow(&f, 0x1000, false, &w), 0);
	cr_assert_eq(raw(&w.step[1]) & 0xfff, PTE_P | PTE_U | PTE_A | ENTRY_TRACK_DIRTY);
	fix_poke(&f, pt + 4, (TARGET + PAGE_SIZE) | FIX_USED, 4);
	cr_assert_eq(fix_dirty(&f, 0x1000, false), POOL_OK);
	cr_assert_eq(fix_shadow(&f, 0x1000, false, &w), 0);
	cr_assert(w.writable);
	fix_expect(&f, 0x2000, 0, pt);
	cr_assert_eq(fix_shadow(&f, 0x2000, false, &w), 0);
	cr_assert_eq(raw(&w.step[1]) & 0xfff, PTE_P | PTE_U | PTE_A | ENTRY_GUARDED);
	cr_assert_eq(fix_access(&f, 0x2000, WALK_WRITE, &gpa), FIX_MONITORED);
}

/* PSE-36 leads above 4 GiB, an entry of 4 bytes does not: the page is never present, and MAP says so. */
Test(pool_format, targets_above_4g_stay_absent)
{
	uint64_t high = (4ull << 30) + 0x3000;
	struct pool_map_args a = { .gva = 0x403000, .gpa = high, .nwalk = 1 };
	struct pool_walk w;

	guest_ram_layout(&f.cfg.ram, (3ull << 30) + (64ull << 20));
	f.audit = false;
	start(0);
	fix_poke(&f, pd + 4, PTE_PS | FIX_USED | 1u << 13, 4);
	a.walk[0] = PTE_PS | FIX_USED | 1u << 13;
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_E_RANGE);
	a.gpa = 0x3000;		/* what is left of it when the upper bits are cut off */
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_RETRY);
	cr_assert_eq(fix_shadow(&f, 0x403000, false, &w), -ENOENT);
	cr_assert_eq(w.nsteps, 1, "not even a table");
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	fix_audit(&f, "with RAM above 4 GiB");
	cr_assert(!f.p->corrupt);
}

Test(pool_format, entry_that_does_not_fit_is_refused)
{
	uint32_t page;

	start(0);
	fix_expect(&f, 0, 0, TARGET);
	for (page = 1; role_kind(f.p->page[page].role) != KIND_32BIT_PT_FOR_32BIT_PT; page++)
		;
	cr_assert(format_fits(f.p, page, (FIX_RAM_MADDR + TARGET) | FIX_USED | PTE_NX));
	cr_assert(format_fits(f.p, page, (FIX_RAM_MADDR + TARGET) | PTE_P | ENTRY_FETCH));
	cr_assert(!format_fits(f.p, page, (FIX_RAM_MADDR + (4ull << 30)) | FIX_USED));
	cr_assert(!format_fits(f.p, page, (FIX_RAM_MADDR + TARGET) | FIX_USED | 1ull << 55));
	entry_set(f.p, page, 900, (FIX_RAM_MADDR + TARGET) | FIX_USED | 1ull << 55);
	cr_assert(f.p->corrupt);
}

/* Tables of both formats in one pool are an error that the audit finds. */
Test(pool_format, formats_do_not_mix)
{
	struct pool_violation v;

	start(0);
	fix_expect(&f, 0, 0, TARGET);
	f.p->cfg.legacy_format = POOL_F64;
	cr_assert_gt(pool_audit(f.p, POOL_AUDIT_CHEAP, &v, 1), 0);
	cr_assert_eq(v.rule, 4);
	f.p->cfg.legacy_format = POOL_F32;
	fix_audit(&f, "as it was");
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		const struct pool_kind *row = &pool_kinds[k];

		if (row->child_table)
			cr_assert_eq(pool_kinds[row->child_table].entry_size, row->entry_size, "%s", row->name);
		if (row->child_large)
			cr_assert_eq(pool_kinds[row->child_large].entry_size, row->entry_size, "%s", row->name);
	}
}

Test(pool_format, pae_and_long_mode_keep_8_bytes)
{
	struct fix_tables t;
	struct pool_walk w;

	start(0);
	t = fix_long_tables(&f);
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	cr_assert_eq(fix_shadow(&f, 0, false, &w), 0);
	cr_assert_eq(w.nsteps, 4);
	cr_assert_eq(w.step[3].kind, KIND_PAE_PT_FOR_PAE_PT);
}

/* Every bit of a damaged table is looked at: no value in it is read as a present entry of something else. */
Test(pool_format, damage_is_found)
{
	static const uint32_t bits[] = { PTE_PWT, PTE_PCD, PTE_PS, FIX_F32_NX, 1u << 8, 1u << 21, 1u << 31 };
	struct pool_walk w;
	uint32_t *at;

	start(0);
	fix_expect(&f, 0, 0, TARGET);
	cr_assert_eq(fix_shadow(&f, 0, false, &w), 0);
	for (unsigned level = 0; level < 2; level++) {
		at = (uint32_t *)(void *)(f.arena + (w.step[level].maddr - FIX_POOL_MADDR));
		for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
			struct pool_violation v;

			*at ^= bits[i];
			cr_assert_gt(pool_audit(f.p, POOL_AUDIT_FULL, &v, 1), 0, "level %u bit %x", level, bits[i]);
			*at ^= bits[i];
		}
	}
	at[3000 / 4] = 0x40;	/* not present, and not nothing */
	cr_assert_gt(pool_audit(f.p, POOL_AUDIT_FULL, NULL, 0), 0);
	at[3000 / 4] = 0;
	fix_audit(&f, "as it was");
}

Test(pool_format, page_numbers_have_20_bits)
{
	f.cfg.max_pages = 1u << 20;
	cr_assert_neq(pool_memory_needed(&f.cfg), 0);
	f.cfg.max_pages++;
	cr_assert_eq(pool_memory_needed(&f.cfg), 0);
	f.cfg.legacy_format = POOL_F64;
	cr_assert_neq(pool_memory_needed(&f.cfg), 0);
}

/* A store of the guest that says "fork" about an odd entry of 4 bytes (D31): the table is let go. */
Test(pool_format, defect_D31_fork_on_an_odd_entry)
{
	start(0);
	fix_expect(&f, 0x1000, WALK_WRITE, TARGET + PAGE_SIZE);
	cr_assert_eq(fix_write_fault(&f, 0x405000, pt + 4, WRITE_CLASS_FORK, 0x1234), POOL_UNSHADOW);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_32BIT_PT_FOR_32BIT_PT), 0);
	cr_assert_eq(f.state[pt >> PAGE_SHIFT], 0);
	fix_poke(&f, pt + 4, (TARGET + PAGE_SIZE) | (FIX_USED & ~PTE_W), 4);
	fix_expect(&f, 0x1000, 0, TARGET + PAGE_SIZE);
}
