/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * churn.elf: the steps on single mappings. Every change to a present entry is followed by INVLPG or a CR3 load before the
 * address is used, except where the comment says what the architecture allows instead. 64-bit code, the guest's kernel.
 */
#include "tests/guests/churn.h"

/* One mapping of the current space, chosen at random. */
struct pick {
	unsigned local, index;
	unsigned long va;
	uint64_t entry;		/* the model's */
};

static struct pick pick_any(void)
{
	struct pick p;
	unsigned table;

	p.local = churn_random(LOCAL_TABLES);
	table = table_id(churn.current, p.local);
	p.index = slot_index(table, churn_random(SLOTS_USED));
	p.va = table_va(p.local) + p.index * PAGE_BYTES;
	p.entry = churn.entry[table][p.index];
	return p;
}

static struct pick pick_present(void)
{
	struct pick p;

	do
		p = pick_any();
	while (!(p.entry & PTE_P));
	return p;
}

static uint64_t *model_of(const struct pick *p)
{
	return &churn.entry[table_id(churn.current, p->local)][p->index];
}

/* A and D as hardware left them, so that a change keeps them: the model has no speculative A. */
static uint64_t entry_now(const struct pick *p)
{
	return *(volatile uint64_t *)&churn.table[table_id(churn.current, p->local)][p->index];
}

static uint64_t entry_random(void)
{
	return (uint64_t)page_at(page_random_data()) | PTE_P | (churn_random(4) ? PTE_W : 0);
}

static void step_toggle(void)
{
	struct pick p = pick_any();

	if (p.entry & PTE_P) {
		/* sometimes only P goes and the rest stays, as in a swapped-out entry */
		entry_change(p.local, p.index, churn_random(2) ? 0 : entry_now(&p) & ~PTE_P);
		page_invalidate((void *)p.va);
		if (churn_random(2))
			return;
	} else {
		entry_change(p.local, p.index, entry_random());	/* was absent: no flush needed */
	}
	entry_check(p.local, p.index, p.va);
}

static void step_remap(void)
{
	struct pick p = pick_present();

	entry_change(p.local, p.index, entry_random());
	page_invalidate((void *)p.va);
	entry_check(p.local, p.index, p.va);
}

static void step_protect(void)
{
	struct pick p = pick_present();

	entry_change(p.local, p.index, entry_now(&p) ^ PTE_W);
	page_invalidate((void *)p.va);
	entry_check(p.local, p.index, p.va);
}

static void step_clear_accessed_dirty(void)
{
	struct pick p = pick_present();
	uint64_t *model = model_of(&p);

	entry_change(p.local, p.index, entry_now(&p) & ~(PTE_A | PTE_D));
	page_invalidate((void *)p.va);
	read_check(p.va, page_of(*model));
	*model |= PTE_A;
	EXPECT_EQ(entry_now(&p), *model, "entry after A and D were cleared and the page was read");
	if (!(*model & PTE_W))
		return;
	write_check(p.va, page_of(*model));
	*model |= PTE_D;
	EXPECT_EQ(entry_now(&p), *model, "entry after a write to a clean page");
}

static void step_accesses(void)
{
	unsigned n;

	for (n = 0; n < 4; n++) {
		struct pick p = pick_present();

		entry_check(p.local, p.index, p.va);
	}
}

/* What the page-fault handler is to do once; set by the step, cleared by the handler. */
static struct { bool armed; struct pick pick; unsigned long error; uint64_t value; bool flush; } lazy;

static bool lazy_hook(struct trap_regs *regs)
{
	if (!lazy.armed || regs->vector != VEC_PF)
		return false;
	lazy.armed = false;
	churn.stats.faults++;
	EXPECT_EQ(cr2_read() & PAGE_MASK, lazy.pick.va, "page of CR2");
	EXPECT_EQ(regs->error, lazy.error, "#PF error code");
	entry_change(lazy.pick.local, lazy.pick.index, lazy.value);
	if (lazy.flush)
		page_invalidate((void *)lazy.pick.va);
	return true;
}

/* Copy on write: the handler of the write fault gives the page another frame. */
static void step_copy_on_write(void)
{
	struct pick p = pick_present();
	unsigned page = page_random_data();

	entry_change(p.local, p.index, entry_now(&p) & ~PTE_W);
	page_invalidate((void *)p.va);
	read_check(p.va, page_of(p.entry));
	lazy.pick = p;
	lazy.error = PF_P | PF_W;
	lazy.value = (uint64_t)page_at(page) | PTE_P | PTE_W;
	lazy.flush = true;
	lazy.armed = true;
	trap_hook = lazy_hook;
	write_check(p.va, page);
	trap_hook = NULL;
	EXPECT_EQ(lazy.armed, 0, "the write fault came");
	*model_of(&p) |= PTE_A | PTE_D;
}

/* Demand paging: the handler maps what was absent, and need not flush. */
static void step_demand(void)
{
	struct pick p = pick_any();
	unsigned page = page_random_data();
	bool write = churn_random(2);

	if (p.entry & PTE_P) {
		entry_change(p.local, p.index, 0);
		page_invalidate((void *)p.va);
	}
	lazy.pick = p;
	lazy.error = write ? PF_W : 0;
	lazy.value = (uint64_t)page_at(page) | PTE_P | PTE_W;
	lazy.flush = false;
	lazy.armed = true;
	trap_hook = lazy_hook;
	if (write)
		write_check(p.va, page);
	else
		read_check(p.va, page);
	trap_hook = NULL;
	EXPECT_EQ(lazy.armed, 0, "the fault of an absent page came");
	*model_of(&p) |= PTE_A | (write ? PTE_D : 0);
	EXPECT_EQ(entry_now(&p), *model_of(&p), "entry after demand paging");
}

static struct pick upgraded;

static bool spurious_hook(struct trap_regs *regs)
{
	if (regs->vector != VEC_PF || cr2_read() >> 12 != upgraded.va >> 12 || regs->error != (PF_P | PF_W))
		return false;
	trap_hook = NULL;	/* once: the fault itself has flushed the address */
	churn.stats.spurious++;
	return true;
}

/* More rights need no flush: the old ones may still be cached and give one fault too many (SDM vol. 3A 4.10.4.3). */
static void step_upgrade(void)
{
	struct pick p = pick_present();
	uint64_t *model = model_of(&p);

	entry_change(p.local, p.index, entry_now(&p) & ~PTE_W);
	page_invalidate((void *)p.va);
	read_check(p.va, page_of(*model));
	entry_change(p.local, p.index, entry_now(&p) | PTE_W | PTE_A);
	upgraded = p;
	trap_hook = spurious_hook;
	write_check(p.va, page_of(*model));
	trap_hook = NULL;
	*model |= PTE_A | PTE_D;
	EXPECT_EQ(entry_now(&p), *model, "entry after a write with more rights");
}

/* Eight entries by one string instruction: all gone, then all new. */
static void step_batch(void)
{
	struct pick p = pick_any();
	unsigned table = table_id(churn.current, p.local), first = p.index & ~7u, i;
	uint64_t *model = &churn.entry[table][first], values[8];
	volatile uint64_t *e;

	e = entry_window(p.local, first);
	store_fill(e, 0, 8);
	for (i = 0; i < 8; i++) {
		model[i] = 0;
		page_invalidate((void *)(table_va(p.local) + (first + i) * PAGE_BYTES));
	}
	fault_check(churn_random(2), table_va(p.local) + (first + churn_random(8)) * PAGE_BYTES, 0);
	for (i = 0; i < 8; i++)
		model[i] = values[i] = churn_random(2) ? entry_random() : 0;
	store_copy(e, values, 8);
	churn.stats.edits += 16;
	for (i = 0; i < 8; i += 3)
		entry_check(p.local, first + i, table_va(p.local) + (first + i) * PAGE_BYTES);
}

static void step_switch(void)
{
	space_load(churn_random(SPACES));
	step_accesses();
}

/* Steps and how often each comes, in parts of their sum. */
static const struct { void (*step)(void); unsigned weight; } steps[] = {
	{ step_toggle, 30 }, { step_remap, 15 }, { step_protect, 15 }, { step_clear_accessed_dirty, 5 }, { step_accesses, 5 },
	{ step_copy_on_write, 4 }, { step_demand, 6 }, { step_upgrade, 3 }, { step_batch, 3 }, { step_switch, 8 },
	{ step_unlink, 2 }, { step_move_table, 2 }, { step_move_root, 1 }, { step_root_slot, 2 }, { step_self_map, 2 },
	{ step_large, 2 }, { step_recursive_slot, 1 },
};

void churn_step(void)
{
	unsigned i, sum = 0, at;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		sum += steps[i].weight;
	at = churn_random(sum);
	for (i = 0; at >= steps[i].weight; i++)
		at -= steps[i].weight;
	steps[i].step();
}
