/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defects D52 to D54, D58 to D68: limits, clear, rights, stores of entries. See pool_defects.h. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include "tests/unit/poold/pool/pool_defects.h"

static struct fix f;
static struct fix_tables t;

static void init(void)
{
	fix_init(&f);
}

static void start(void)
{
	fix_open(&f);
	t = fix_long_tables(&f);
	fix_long_root(&f, t.pml4);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_defects_core, .init = init, .fini = teardown);

/* Each limit by its own field: one wrong field in a configuration that is right. */
#define LIMIT(field, good_, bad_) do { \
	struct pool_config c = f.cfg; \
	c.field = (good_); \
	cr_assert_neq(pool_memory_needed(&c), 0, #field " = " #good_); \
	c.field = (bad_); \
	cr_assert_eq(pool_memory_needed(&c), 0, #field " = " #bad_); \
} while (0)

Test(pool_defects_core, defect_D52_each_limit_by_its_own_field)
{
	f.cfg.ram_maddr = 1ull << 40;	/* leaves room for the largest pool */
	f.cfg.max_extents = f.cfg.max_users = 64;
	LIMIT(max_pages, 512, 511);
	LIMIT(max_pages, 1u << 24, (1u << 24) + 1);
	LIMIT(max_pages, 512, ~0u);
	LIMIT(max_users, 16, 15);
	LIMIT(max_users, 1u << 26, (1u << 26) + 1);
	LIMIT(max_extents, 1, (1u << 24) + 1);
	LIMIT(rmap_nodes_per_gfn, 4096, 4097);
	LIMIT(prefetch, 64, 128);
	LIMIT(prefetch, 1, 3);
	LIMIT(nvcpu, POOL_MAX_VCPUS, POOL_MAX_VCPUS + 1);
	LIMIT(nvcpu, 1, 0);
	LIMIT(maxphyaddr, 36, 35);
	LIMIT(maxphyaddr, 52, 53);
	LIMIT(stub_slot, 511, 512);
	LIMIT(stub_slot, 1, 0);
	LIMIT(pool_maddr, 2ull << 20, 1ull << 20);
	LIMIT(ram_maddr, 1ull << 36, (1ull << 36) + 1);
	LIMIT(ram_maddr, 1ull << 36, FIX_POOL_MADDR);
	LIMIT(ram.low_end, 1ull << 20, (1ull << 20) + 1);
	LIMIT(ram.low_end, GUEST_RAM_LOW_MAX, GUEST_RAM_LOW_MAX + PAGE_SIZE);
	fix_open(&f);
}

/* The table page of large pages: addresses with many low zeros. */
Test(pool_defects_core, defect_D53_large_pages_spread_over_the_buckets)
{
	static const unsigned shifts[] = { 12, 21, 22, 30 };
	uint8_t load[512];

	start();
	for (unsigned i = 0; i < 4; i++) {
		memset(load, 0, sizeof(load));
		for (uint64_t n = 0; n < 512; n++) {
			uint32_t b = cache_bucket(f.p, n << shifts[i]);

			cr_assert_lt(b, 512);
			cr_assert_lt(++load[b], 6, "shift %u", shifts[i]);
		}
	}
	for (unsigned off = 0; off < PAGE_SIZE; off += 32)
		cr_assert_eq(cache_bucket(f.p, 0x5000 + off), cache_bucket(f.p, 0x5000), "one bucket per guest page");
}

/* Pages above 16 bits as root, parent, child, and in references and records. */
Test(pool_defects_core, defect_D54_pool_of_100000_pages)
{
	struct defects_starved s;
	uint64_t bytes;
	uint32_t pt;

	fix_open(&f);
	free(f.arena);
	free(f.tracking);
	f.cfg.max_pages = 100352;
	f.cfg.prefetch = 1;
	bytes = f.cfg.max_pages * PAGE_SIZE;
	f.arena = calloc(1, bytes);
	f.tracking = calloc(1, pool_memory_needed(&f.cfg));
	cr_assert(f.arena && f.tracking);
	cr_assert_eq(pool_create(&f.p, &f.cfg, &(struct pool_callbacks){ 0 }, f.arena, f.tracking, f.stats, NULL, 0), 0);
	f.audit = false;
	s = defects_starve(f.p, 70000);
	/* Take the pages that are left of the low ones away too. */
	f.p->free_head = s.head;
	f.p->n_free = s.n;
	/* And the low records of users, extents and guest tables. */
	for (unsigned i = 0; i < 70000; i++) {
		f.p->user_free = f.p->user[f.p->user_free].below[0];
		f.p->ext_free = f.p->extent[f.p->ext_free].next;
		f.p->gt_free = f.p->gtable[f.p->gt_free].head;
	}
	f.p->n_user_free -= 70000;
	f.p->n_ext_free -= 70000;
	t = fix_long_tables(&f);
	for (unsigned i = 0; i < 20; i++)
		fix_poke(&f, t.pt + 8 * i, TARGET | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
	for (unsigned i = 0; i < 20; i++)
		fix_expect(&f, i * PAGE_SIZE, 0, TARGET);
	cr_assert_gt(defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL), 70000);
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET)), 20);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	cr_assert_geq(f.p->page[pt].users, 70000);
	cr_assert_geq(f.p->page[pt].gt, 70000);
	cr_assert_geq((uint32_t)f.p->rmap[ram_index(f.p, gfn_of(TARGET))], 70000, "an extent");
	rmap_flush(f.p, gfn_of(TARGET));
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET)), 0);
	fix_expect(&f, 0, 0, TARGET);
	pool_flush_all(f.p, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert_eq(f.p->n_used, 2);
	cr_assert_eq(f.p->n_user_free, f.p->cfg.max_users - 70000);
	cr_assert_eq(f.p->n_ext_free, f.p->cfg.max_extents - 70000);
}

Test(pool_defects_core, defect_D58_clear_all_clears_flags_and_flushes)
{
	f.cfg.hot_limit = 4;
	start();
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_expect(&f, 0, 0, TARGET);
	for (unsigned i = 0; i < 8; i++)
		fix_write(&f, t.pt + 8, 0, 8);
	cr_assert_eq(f.state[gfn_of(t.pt)], PAGE_STATE_MONITORED | PAGE_STATE_HOT);
	pool_clear_all(f.p, &f.r);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	cr_assert_eq(f.r.ntouch, POOL_TOUCH_TOO_MANY);
	cr_assert_eq(f.state[gfn_of(t.pt)], PAGE_STATE_MONITORED);
	cr_assert_eq(f.p->n_modified, 0);
	cr_assert(!epoch_vcpu_is_clean(f.p, 0), "until the CPU has flushed");
	fix_settle(&f);
	cr_assert(epoch_vcpu_is_clean(f.p, 0));
	/* Also when there is nothing to clear: the pool does not believe its own tables here. */
	pool_clear_all(f.p, &f.r);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	cr_assert(!epoch_vcpu_is_clean(f.p, 0));
}

/* ---- one store ---- */

/* The test steps through the store and looks at the entry after each instruction, as a CPU might in between. */
static struct { const uint64_t *at; uint64_t a, b, torn; unsigned steps; bool on; } look;

static void on_step(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uint64_t e = load_relaxed(look.at);

	look.steps++;
	if (e != look.a && e != look.b)
		look.torn = e ? e : ~0ull;
	if (!load_relaxed(&look.on))
		uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)RFLAGS_TF;
}

/* Sets TF; the words that leaf functions keep below the stack pointer are left alone. */
static void step_on(void)
{
	store_release(&look.on, true);
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq %0, (%%rsp); popfq; lea 128(%%rsp), %%rsp"
			 : : "i"(RFLAGS_TF) : "memory", "cc");
}

Test(pool_defects_core, defect_D60_entries_are_stored_at_once)
{
	struct sigaction sa = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	uint32_t pt;

	start();
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_expect(&f, 0, 0, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	look.at = page_slots(f.p, pt);
	look.a = *look.at;
	look.b = ((look.a & ~(PTE_W | PTE_D)) + 3 * PAGE_SIZE) | PTE_NX;	/* differs in both halves */
	cr_assert_eq(sigaction(SIGTRAP, &sa, NULL), 0);
	step_on();
	entry_set(f.p, pt, 0, look.b);
	store_release(&look.on, false);
	cr_assert_eq(*look.at, look.b);
	cr_assert_gt(look.steps, 20, "nobody looked");
	cr_assert_eq(look.torn, 0, "a CPU could see %llx", (unsigned long long)look.torn);
	cr_assert(!f.p->corrupt);
}

/* The same by a second thread in the part of the CPU: what a step looks at in order, this does at any moment. */
static struct { const uint64_t *at; uint64_t a, b, torn; bool seen_a, seen_b, stop; } watch;

static void *watch_entry(void *unused)
{
	while (!load_relaxed(&watch.stop)) {
		uint64_t e = load_relaxed(watch.at);

		if (e == watch.a)
			store_release(&watch.seen_a, true);
		else if (e == watch.b)
			store_release(&watch.seen_b, true);
		else
			watch.torn = e ? e : ~0ull;
	}
	return unused;
}

Test(pool_defects_core, defect_D60_other_thread_sees_whole_entries)
{
	unsigned stores = 0;
	pthread_t thread;
	uint32_t pt;

	start();
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_expect(&f, 0, 0, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	watch.at = page_slots(f.p, pt);
	watch.a = *watch.at;
	watch.b = ((watch.a & ~(PTE_W | PTE_D)) + 3 * PAGE_SIZE) | PTE_NX;
	cr_assert_eq(pthread_create(&thread, NULL, watch_entry, NULL), 0);
	/* Until it has looked at both often enough to have been in between. */
	for (unsigned rounds = 0; rounds < 100; stores++) {
		entry_set(f.p, pt, 0, stores & 1 ? watch.a : watch.b);
		if (stores % 4096 || !load_acquire(&watch.seen_a) || !load_acquire(&watch.seen_b))
			continue;
		store_release(&watch.seen_a, false);
		store_release(&watch.seen_b, false);
		rounds++;
	}
	store_release(&watch.stop, true);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(watch.torn, 0, "a CPU could see %llx", (unsigned long long)watch.torn);
	cr_assert(!f.p->corrupt);
}

/* With NDEBUG an assertion does nothing; so that the library works the same there, it has none. */
Test(pool_defects_core, defect_D59_nothing_is_done_in_assertions)
{
	char name[16] = "__assert_", *program = NULL;
	size_t size = 0, read = 0;
	FILE *file = fopen("/proc/self/exe", "rb");

	cr_assert(file);
	do {
		program = realloc(program, size + 65536);
		cr_assert(program);
		read = fread(program + size, 1, 65536, file);
		size += read;
	} while (read);
	fclose(file);
	/* Names of functions are in there. */
	cr_assert(memmem(program, size, "pthread_create", 14));
	/* Put together here, or this program would hold it in any case. */
	strcat(name, "fail");
	cr_assert(!memmem(program, size, name, strlen(name)), "the library, or a test of it, asserts");
	strcpy(name + strlen("__assert_"), "perror");
	cr_assert(!memmem(program, size, name, strlen(name)), "the library, or a test of it, asserts that there is no errno");
	free(program);
}

static struct { const uint32_t *at; uint32_t a, b, torn; unsigned steps; bool on; } look32;

static void on_step32(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uint32_t e = load_relaxed(look32.at);

	look32.steps++;
	if (e != look32.a && e != look32.b)
		look32.torn = e ? e : ~0u;
	if (!load_relaxed(&look32.on))
		uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)RFLAGS_TF;
}

/* The neighbours in the same 8 bytes must not change either. */
Test(pool_defects_core, defect_D60_4_byte_entries_are_stored_at_once)
{
	struct sigaction sa = { .sa_sigaction = on_step32, .sa_flags = SA_SIGINFO };
	uint32_t page, before, after;
	uint64_t pd, pt, new;

	f.cfg.legacy_format = POOL_F32;
	fix_open(&f);
	pd = fix_table(&f);
	pt = fix_table(&f);
	fix_poke(&f, pd, pt | FIX_USED, 4);
	for (unsigned i = 0; i < 3; i++)
		fix_poke(&f, pt + 4 * i, (TARGET + i * PAGE_SIZE) | FIX_USED, 4);
	fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
	fix_expect(&f, PAGE_SIZE, 0, TARGET + PAGE_SIZE);
	page = defects_find(f.p, KIND_32BIT_PT_FOR_32BIT_PT, pt, PAGE_NIL);
	look32.at = (const uint32_t *)(const void *)page_slots(f.p, page) + 1;
	look32.a = *look32.at;
	cr_assert_eq(look32.a, (TARGET + PAGE_SIZE) | FIX_USED, "relative to RAM");
	look32.b = 0x555000u | PTE_P | PTE_U | PTE_A | FIX_F32_NX;
	new = (f.cfg.ram_maddr + 0x555000) | PTE_P | PTE_U | PTE_A | PTE_NX;
	before = look32.at[-1];
	after = look32.at[1];
	cr_assert(before && after);
	cr_assert_eq(sigaction(SIGTRAP, &sa, NULL), 0);
	store_release(&look32.on, true);
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq %0, (%%rsp); popfq; lea 128(%%rsp), %%rsp"
			 : : "i"(RFLAGS_TF) : "memory", "cc");
	entry_set(f.p, page, 1, new);
	store_release(&look32.on, false);
	cr_assert_eq(*look32.at, look32.b);
	cr_assert_eq(entry_get(f.p, page, 1), new);
	cr_assert_gt(look32.steps, 20, "nobody looked");
	cr_assert_eq(look32.torn, 0, "a walker could see %x", look32.torn);
	cr_assert_eq(look32.at[-1], before);
	cr_assert_eq(look32.at[1], after);
	cr_assert(!f.p->corrupt);
}

/* ---- rights and roots ---- */

Test(pool_defects_core, defect_D61_pae_root_has_four_directories)
{
	uint64_t pdpt, pd[4], pt[4];

	fix_open(&f);
	pdpt = fix_table(&f) + 0x60;
	for (unsigned i = 0; i < 4; i++) {
		pd[i] = fix_table(&f);
		pt[i] = fix_table(&f);
		fix_poke(&f, pdpt + 8 * i, pd[i] | PTE_P, 8);
		fix_poke(&f, pd[i], pt[i] | FIX_USED, 8);
		fix_poke(&f, pt[i], (TARGET + i * PAGE_SIZE) | FIX_USED, 8);
	}
	fix_set_root(&f, FIX_PAGED, pdpt, CR4_PAE, 0, false);
	for (uint64_t i = 0; i < 4; i++)
		fix_expect(&f, i << 30, WALK_WRITE, TARGET + i * PAGE_SIZE);
	for (uint64_t i = 0; i < 4; i++)
		cr_assert_neq(defects_find(f.p, KIND_PAE_PD_FOR_PAE_PD, pd[i], PAGE_NIL), PAGE_NIL);
	/* And the four quarters of a 32-bit directory. */
	for (unsigned i = 0; i < 4; i++) {
		memset(f.ram.base + pt[i], 0, PAGE_SIZE);
		fix_poke(&f, pdpt - 0x60 + 0x400 * i, pt[i] | FIX_USED, 4);
		fix_poke(&f, pt[i], (TARGET + i * PAGE_SIZE) | FIX_USED, 4);
	}
	pool_flush_all(f.p, &f.r);
	fix_settle(&f);
	fix_set_root(&f, FIX_PAGED, pdpt - 0x60, 0, 0, false);
	for (uint64_t i = 0; i < 4; i++)
		fix_expect(&f, i << 30, WALK_WRITE, TARGET + i * PAGE_SIZE);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PD_FOR_32BIT_PD), 4);
}

static unsigned order, last_entry, last_state;

static void note_entry(void *ctx, uint32_t page, uint32_t slot, uint64_t old, uint64_t new)
{
	last_entry = ++order;
}

static void note_state(void *ctx, uint64_t gfn, uint8_t bits)
{
	last_state = ++order;
}

Test(pool_defects_core, defect_D62_monitor_is_dropped_last_and_set_first)
{
	uint64_t table;
	uint32_t pt;

	start();
	table = fix_table(&f);
	for (unsigned i = 0; i < 8; i++)
		fix_poke(&f, t.pt + 8 * i, (i == 7 ? table : TARGET + i * PAGE_SIZE) | FIX_USED, 8);
	fix_expect(&f, 0, 0, TARGET);
	/* One of two shadows goes: the other still needs it. */
	fix_expect(&f, 0, WALK_USER, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	cr_assert_eq(page_flush(f.p, pt), 0);
	cr_assert_neq(defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL), PAGE_NIL);
	cr_assert_eq(f.state[gfn_of(t.pt)], PAGE_STATE_MONITORED);
	cr_assert_eq(page_flush(f.p, defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL)), 0);
	cr_assert_eq(f.state[gfn_of(t.pt)], 0);
	cr_assert_eq(fix_map(&f, 0, 0), POOL_OK);
	f.p->cb.entry_changed = note_entry;
	f.p->cb.state_changed = note_state;
	f.p->cb.ctx = NULL;
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	cr_assert_eq(page_flush(f.p, pt), 0);
	cr_assert_gt(last_entry, 0);
	cr_assert_gt(last_state, last_entry, "writes to the table went unseen while it still had leaves");
	/* The other way round a table is announced before its leaves lose W. */
	cr_assert_eq(defects_map_once(&f, 0, 0), POOL_OK);
	fix_poke(&f, t.pd + 8, table | FIX_USED, 8);
	fix_poke(&f, table, TARGET | FIX_USED, 8);
	order = last_entry = last_state = 0;
	cr_assert_eq(defects_map_once(&f, 2ull << 20, 0), POOL_OK);
	cr_assert_gt(last_state, 0);
	cr_assert_gt(last_entry, last_state, "no leaf lost W, or too early");
}

Test(pool_defects_core, defect_D63_large_page_has_its_rights_above_the_split)
{
	struct pool_walk w[2];
	uint64_t gpa;

	start();
	fix_poke(&f, t.pd + 8, 0x400000 | FIX_USED | PTE_PS, 8);
	fix_poke(&f, t.pd + 16, 0x400000 | PTE_P | PTE_U | PTE_A | PTE_D | PTE_PS | PTE_NX, 8);
	fix_expect(&f, 0x200000, WALK_WRITE, 0x400000);
	fix_expect(&f, 0x400000, 0, 0x400000);
	fix_expect(&f, 0x200000, WALK_FETCH, 0x400000);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PT_FOR_PAE_2MB), 1, "one split for both");
	cr_assert_eq(fix_access(&f, 0x400000, WALK_WRITE, &gpa), FIX_FAULT);
	cr_assert_eq(fix_access(&f, 0x400000, WALK_FETCH, &gpa), FIX_FAULT);
	cr_assert_eq(fix_shadow(&f, 0x200000, false, &w[0]), 0);
	cr_assert_eq(fix_shadow(&f, 0x400000, false, &w[1]), 0);
	cr_assert(w[0].writable && !w[0].nx && !w[1].writable && w[1].nx);
	/* Taking W from the first leaves it there for the fault that tells so. */
	fix_write(&f, t.pd + 8, 0x400000 | (FIX_USED & ~PTE_W) | PTE_PS, 8);
	fix_invlpg(&f, 0x200000);
	cr_assert_eq(fix_access(&f, 0x200000, WALK_WRITE, &gpa), FIX_FAULT);
}

Test(pool_defects_core, defect_D64_every_store_drops_the_old_reference)
{
	uint32_t pt;
	uint64_t e;

	start();
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_expect(&f, 0, 0, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	e = entry_get(f.p, pt, 0);
	entry_set(f.p, pt, 0, e + PAGE_SIZE);
	cr_assert_eq(f.p->rmap[gfn_of(TARGET)], 0);
	cr_assert_eq(f.p->rmap[gfn_of(TARGET) + 1], RMAP_WORD(RMAP_SINGLE, RMAP_REF(pt, 0)));
	entry_set(f.p, pt, 0, 0);
	cr_assert_eq(f.p->rmap[gfn_of(TARGET) + 1], 0);
	cr_assert_eq(f.p->page[pt].n_present, 0);
	entry_set(f.p, pt, 0, e & ~(PTE_W | PTE_D));
	entry_set(f.p, pt, 0, e);
	cr_assert_eq(f.p->rmap[gfn_of(TARGET)], RMAP_WORD(RMAP_SINGLE, RMAP_REF(pt, 0)), "rights add no second one");
	cr_assert_eq(f.p->page[pt].n_present, 1);
	fix_audit(&f, "after stores over present entries");
	/* Whoever clears an entry goes that way: a write of the guest, and INVLPG. */
	fix_write(&f, t.pt, 0, 8);
	cr_assert_eq(f.p->rmap[gfn_of(TARGET)], 0);
	cr_assert_eq(f.p->page[pt].n_present, 0);
	fix_write(&f, t.pt, TARGET | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, 0, 0), POOL_OK);
	cr_assert_eq(f.p->page[pt].n_present, 1);
	fix_poke(&f, t.pt, 0, 8);
	pool_invlpg(f.p, 0, 0, false, &f.r);
	cr_assert_eq(f.p->rmap[gfn_of(TARGET)], 0);
	cr_assert_eq(f.p->page[pt].n_present, 0);
	fix_audit(&f, "after entries were cleared");
}

Test(pool_defects_core, defect_D65_supervisor_writes_without_wp)
{
	uint64_t gpa;

	start();
	fix_poke(&f, t.pt, TARGET | PTE_P | PTE_U, 8);
	fix_poke(&f, t.pd, t.pt | PTE_P | PTE_U, 8);
	cr_assert_eq(fix_access(&f, 0, WALK_WRITE, &gpa), FIX_FAULT);
	fix_set_root(&f, CR0_PE | CR0_PG, t.pml4, CR4_PAE, FIX_LONG, false);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	cr_assert_eq(fix_access(&f, 0, WALK_WRITE | WALK_USER, &gpa), FIX_FAULT, "it is for the supervisor only");
	fix_set_root(&f, FIX_PAGED, t.pml4, CR4_PAE, FIX_LONG, false);
	cr_assert_eq(fix_access(&f, 0, WALK_WRITE, &gpa), FIX_FAULT);
}

/* ---- bounds ---- */

/* Room is made for what comes next, not for all that might come: what one trap costs does not grow with the pool. */
Test(pool_defects_core, defect_D66_one_call_lets_few_pages_go)
{
	struct defects_starved s;
	uint64_t evicted;

	f.cfg.prefetch = 1;
	start();
	for (unsigned i = 0; i < 62; i++) {
		uint64_t pt = 0x400000 + i * PAGE_SIZE;

		fix_poke(&f, pt, TARGET | FIX_USED, 8);
		fix_poke(&f, t.pd + 8 * i, pt | FIX_USED, 8);
	}
	for (unsigned i = 0; i < 60; i++)
		cr_assert_eq(fix_map(&f, i * (2ull << 20), 0), POOL_OK);
	s = defects_starve(f.p, 0);
	evicted = f.stats[POOL_STAT_evict];
	cr_assert_eq(defects_map_once(&f, 60 * (2ull << 20), 0), POOL_NEED_FLUSH);
	defects_feed(f.p, s);
	cr_assert_eq(f.stats[POOL_STAT_evict] - evicted, POOL_EVICT_BATCH);
	cr_assert_leq(f.p->op.steps, (POOL_EVICT_BATCH + 2) * 4 * POOL_SLOTS);
	fix_settle(&f);
	fix_audit(&f, "after evictions");
	/* And one record is one page. */
	for (; f.p->n_user_free; f.p->n_user_free--)
		f.p->user_free = f.p->user[f.p->user_free].below[0];
	evicted = f.stats[POOL_STAT_evict];
	cr_assert_eq(defects_map_once(&f, 61 * (2ull << 20), 0), POOL_OK);
	cr_assert_eq(f.stats[POOL_STAT_evict] - evicted, 1);
}

Test(pool_defects_core, defect_D66_walks_of_broken_lists_end)
{
	uint32_t pt, pd;

	start();
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	/* A chain of shadows that has become a circle. */
	fix_expect(&f, 0, 0, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	f.p->page[pt].mon_next = pt;
	pool_guest_write(f.p, 0, t.pt, 8, WRITE_CLASS_SIMPLE, false, 0, &f.r);
	cr_assert_eq(f.r.status, POOL_E_CORRUPT);
	pool_reset(f.p);
	fix_long_root(&f, t.pml4);
	/* A list of users that names a record of somebody else. */
	fix_expect(&f, 0, 0, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	pd = defects_find(f.p, KIND_64BIT_PD_FOR_64BIT_PD, t.pd, PAGE_NIL);
	f.p->page[pt].users = f.p->page[pd].users;
	page_flush(f.p, pt);
	cr_assert(f.p->corrupt);
	pool_reset(f.p);
	fix_long_root(&f, t.pml4);
	/* A circle of extents. */
	for (unsigned i = 0; i < 8; i++)
		fix_poke(&f, t.pt + 8 * i, TARGET | FIX_USED, 8);
	fix_expect(&f, 0, 0, TARGET);
	f.p->extent[(uint32_t)f.p->rmap[gfn_of(TARGET)]].next = (uint32_t)f.p->rmap[gfn_of(TARGET)];
	pool_track(f.p, gfn_of(TARGET), true, &f.r);
	rmap_flush(f.p, gfn_of(TARGET));
	cr_assert(f.p->corrupt || !f.p->rmap[gfn_of(TARGET)]);
	pool_reset(f.p);
	f.state[gfn_of(TARGET)] = 0;
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0, 0, TARGET);
}

Test(pool_defects_core, defect_D67_references_are_packed_by_shifts)
{
	static const uint32_t pages[] = { 1, 0xffff, 0x10000, 0xffffff };
	static const uint32_t slots[] = { 0, 1, 511, 1023 };

	fix_open(&f);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < 4; j++) {
			uint64_t w = RMAP_WORD(RMAP_SINGLE, RMAP_REF(pages[i], slots[j]));

			cr_assert_eq(RMAP_TAG(w), RMAP_SINGLE);
			cr_assert_eq(RMAP_REF_PAGE(w), pages[i]);
			cr_assert_eq(RMAP_REF_SLOT(w), slots[j]);
		}
	/* The same through the map itself: which of them it has, and which it has not. */
	for (unsigned i = 0; i < 4; i++) {
		rmap_insert(f.p, 0x300, pages[i], slots[3 - i]);
		for (unsigned j = 0; j < 4; j++)
			cr_assert_eq(rmap_has(f.p, 0x300, pages[j], slots[3 - j]), j <= i, "%u of %u", j, i + 1);
	}
	for (unsigned i = 0; i < 4; i++)
		rmap_remove(f.p, 0x300, pages[i], slots[3 - i]);
	cr_assert_eq(f.stats[POOL_STAT_errors_corrupt], 0);
	cr_assert_eq(RMAP_TAG(RMAP_WORD(RMAP_CHAIN, EXT_NIL)), RMAP_CHAIN);
	cr_assert_eq((uint32_t)RMAP_WORD(RMAP_CHAIN, EXT_NIL), EXT_NIL);
}

Test(pool_defects_core, defect_D68_second_record_of_an_entry_is_refused)
{
	struct pool_key key = { .role = role_canon(KIND_PAE_PT_FOR_PAE_PT | ROLE_LM | ROLE_ACC) };
	uint32_t pt, pd, child = 77, users;

	start();
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_expect(&f, 0, 0, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	pd = defects_find(f.p, KIND_64BIT_PD_FOR_64BIT_PD, t.pd, PAGE_NIL);
	users = f.p->n_user_free;
	key.gpa = t.pt;
	cr_assert_eq(child_get(f.p, &key, pd, 0, entry_get(f.p, pd, 0) & ~PTE_ADDR, &child), POOL_E_CORRUPT);
	cr_assert_eq(child, PAGE_NIL);
	cr_assert_eq(f.p->n_user_free, users);
	cr_assert_eq(f.p->user[f.p->page[pt].users].below[0], USER_NIL);
	cr_assert(f.p->corrupt, "in every build");
	/* And by the records themselves. */
	f.p->corrupt = false;
	user_add(f.p, pt, pd, 0);
	cr_assert(f.p->corrupt);
	cr_assert_eq(f.p->n_user_free, users);
	f.p->corrupt = false;
	fix_audit(&f, "with one record");
}
