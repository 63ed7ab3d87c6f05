/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See code_pages.h. What a page is at present is said by page_state, which poold publishes. A record here counts only while
 * page_state says that the page is executed and guarded; so after the loss of a pool, when all of page_state is 0, no record
 * counts.
 *
 * When a page is looked at, it is first protected, then the other vCPUs give up translations that let them write to it, and only
 * then it is read. When a copy is given up, first all vCPUs give up their translations to it, and only then the page may be
 * written. The lock protects the records and is never held over a request. A vCPU that changes what a page is holds the world
 * (world_hold()) as well.
 */
#include "trapd/code/code_pages.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/counters.h"
#include "trapd/code/code_loose.h"
#include "trapd/code/code_moved.h"
#include "trapd/code/code_scan.h"
#include "trapd/cpu/machine.h"
#include "trapd/insn/insn.h"
#include "trapd/kvm/slots.h"
#include "trapd/kvm/windows.h"
#include "trapd/link/pool_request.h"
#include "trapd/link/world.h"

#define MAX_PAGES	8192u		/* pages that are known at a time: 32 MiB of code, 17 MiB of records */
#define MAX_DROPS	512u		/* copies of one page given up: it is code and data at once, and left alone for a while */
#define AGAIN_DROPS	64u		/* the same limit for a page that was left alone before */
#define DROP_BY_ITSELF	8u		/* what a write by code of the page itself counts: such code may never get on else */
#define WINDOW_ALIGN	(1ull << 30)

enum width { WIDTH_64, WIDTH_OTHER, WIDTHS };

struct code_page {
	uint64_t gfn;
	uint32_t next;			/* index of the next record in the list of free, or of stale, ones; 0: none */
	bool copied;
	bool stale;			/* a store has changed the page: the record does not fit it any more */
	bool listed;			/* it is in the list of stale records, for code_settle() */
	struct code_scan scan[WIDTHS];
};

struct code_pages {
	pthread_mutex_t lock;
	uint64_t maddr, bytes;		/* machine address and size of the window of copies, which is as large as RAM's */
	uint8_t *copies;		/* trapd's mapping of the window; a page has memory once it is used */
	uint32_t *index;		/* by gfn: number of the page's record, 0: none */
	uint16_t *drops;		/* by gfn: copies that were given up, weighted */
	struct code_page *page;		/* MAX_PAGES + 1 records; the first one is not used */
	struct code_loose loose;
	uint32_t used, free, stale;
	uint32_t nstale;		/* atomic: records that a store of trapd's has made stale */
};

static uint64_t rip_linear(const struct vcpu *v)
{
	return ((cpu_code64(&v->cpu) ? 0 : v->cpu.seg[SREG_CS].base) + v->cpu.rip) & cpu_linear_mask(&v->cpu);
}

static uint8_t page_state(const struct vcpu *v, uint64_t gfn)
{
	return v->machine->page_state ? load_relaxed(&v->machine->page_state[gfn]) : 0;
}

static bool is_guarded_code(uint8_t state)
{
	return (state & (PAGE_STATE_EXEC | PAGE_STATE_TRACKED)) == (PAGE_STATE_EXEC | PAGE_STATE_TRACKED);
}

/* ---- records, under the lock */

static struct code_page *page_find(struct code_pages *c, uint64_t gfn)
{
	return c->index[gfn] ? &c->page[c->index[gfn]] : NULL;
}

static struct code_page *page_take(struct code_pages *c, uint64_t gfn)
{
	uint32_t i = c->free ? c->free : c->used < MAX_PAGES ? c->used + 1 : 0;
	struct code_page *page = &c->page[i];

	if (!i)
		return NULL;
	if (c->free)
		c->free = page->next;
	else
		c->used++;
	page->gfn = gfn;
	page->next = 0;
	page->copied = page->stale = page->listed = false;
	code_scan_init(&page->scan[WIDTH_64], 64);
	code_scan_init(&page->scan[WIDTH_OTHER], 32);
	c->index[gfn] = i;
	return page;
}

static void page_give(struct code_pages *c, struct code_page *page)
{
	if (page->copied)
		madvise(c->copies + (page->gfn << PAGE_SHIFT), PAGE_SIZE, MADV_DONTNEED);
	c->index[page->gfn] = 0;
	page->copied = false;
	if (page->listed)
		return;			/* take_stale() gives it back */
	page->next = c->free;
	c->free = (uint32_t)(page - c->page);
}

static bool is_site(const struct code_page *page, unsigned offset)
{
	return code_bit(page->scan[WIDTH_64].site, offset) || code_bit(page->scan[WIDTH_OTHER].site, offset);
}

static unsigned count_sites(const struct code_page *page)
{
	return code_scan_count(&page->scan[WIDTH_64]) + code_scan_count(&page->scan[WIDTH_OTHER]);
}

/* Bring the copy up to date. Another vCPU may be executing it, so only bytes that differ are stored, one at a time. */
static void copy_write(struct code_pages *c, struct code_moved *moved, struct code_page *page, const uint8_t *bytes)
{
	uint8_t *to = c->copies + (page->gfn << PAGE_SHIFT);

	if (!page->copied)
		memcpy(to, bytes, PAGE_SIZE);
	page->copied = true;
	for (unsigned i = 0; i < PAGE_SIZE; i++) {
		uint8_t want = is_site(page, i) ? CODE_HLT : bytes[i];

		if (load_relaxed(&to[i]) != want)
			store_relaxed(&to[i], want);
	}
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		if (is_site(page, i))
			code_moved_note(moved, to, i, bytes[i]);
}

/* The scan of a page for the width of the code that runs now. */
static struct code_scan *scan_of(const struct vcpu *v, struct code_page *page)
{
	return &page->scan[cpu_code64(&v->cpu) ? WIDTH_64 : WIDTH_OTHER];
}

/* What the trap at RIP tells about one page. */
struct way {
	unsigned start;		/* offset at which control reaches an instruction; PAGE_SIZE: unknown */
	unsigned opcode;	/* offset of the opcode of a PUSHF or POPF that begins on the page before; PAGE_SIZE: none */
};

/* Scan a page with what a trap tells about it. true: the opcodes to replace are others than before. */
static bool page_scan(struct vcpu *v, struct code_page *page, const uint8_t *bytes, const struct way *way)
{
	struct code_scan *scan = scan_of(v, page);
	unsigned before = count_sites(page), after;
	bool changed = false;

	if (!code_flags_trap(v))
		return false;
	if (scan == &page->scan[WIDTH_OTHER])
		scan->bits = v->cpu.seg[SREG_CS].db ? 32 : 16;
	if (!scan->paired)
		changed |= code_scan_pairs(scan, bytes);
	if (way->start < PAGE_SIZE)
		changed |= code_scan_flow(scan, bytes, way->start);
	if (way->opcode < PAGE_SIZE)
		changed |= code_scan_add(scan, way->opcode);
	after = count_sites(page);
	if (after > before)
		counter_add(&v->stat[TRAP_STAT_code_sites], after - before);
	return changed;
}

/* ---- what a page is, with the world held */

static int ask(struct vcpu *v, uint64_t gfn, enum pool_code_state code)
{
	return pool_request_code(v, gfn << PAGE_SHIFT, code);
}

/*
 * The page is protected and no vCPU writes to it: scan it, and make a copy if there is an opcode to replace.
 */
static int scan_and_copy(struct vcpu *v, uint64_t gfn, const struct way *way)
{
	struct code_pages *c = v->machine->code;
	bool wants_copy = false, had_copy = false;
	uint8_t bytes[PAGE_SIZE];
	struct code_page *page;
	int rc;

	pthread_mutex_lock(&c->lock);
	page = page_find(c, gfn);
	if (page && !page->stale) {
		memcpy(bytes, guest_ram_ptr(&v->machine->ram, gfn << PAGE_SHIFT), sizeof(bytes));
		had_copy = page->copied;
		wants_copy = page_scan(v, page, bytes, way);
		if (wants_copy)
			copy_write(c, v->machine->code_moved, page, bytes);
	}
	pthread_mutex_unlock(&c->lock);
	if (!wants_copy || had_copy)
		return 0;
	rc = ask(v, gfn, POOL_CODE_STATE_COPY);
	if (rc)
		return rc;
	counter_add(&v->stat[TRAP_STAT_code_copies], 1);
	world_shootdown(v);
	return 0;
}

static int leave_alone(struct vcpu *v, uint64_t gfn)
{
	struct code_pages *c = v->machine->code;
	int rc = ask(v, gfn, POOL_CODE_STATE_LOOSE);

	if (rc)
		return rc;
	counter_add(&v->stat[TRAP_STAT_code_loose], 1);
	pthread_mutex_lock(&c->lock);
	code_loose_add(&c->loose, gfn, clock_ns());
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static int look_held(struct vcpu *v, uint64_t gfn, const struct way *way)
{
	struct code_pages *c = v->machine->code;
	struct code_page *page;
	int rc;

	if (page_state(v, gfn) & PAGE_STATE_EXEC)
		return 0;		/* another vCPU was first */
	if (c->drops[gfn] >= MAX_DROPS)
		return leave_alone(v, gfn);
	rc = ask(v, gfn, POOL_CODE_STATE_RAM);
	if (rc)
		return rc;
	counter_add(&v->stat[TRAP_STAT_code_pages], 1);
	world_shootdown(v);
	pthread_mutex_lock(&c->lock);
	page = page_find(c, gfn);	/* a record of a pool that is gone, or of a page that poold has let go */
	if (page)
		page_give(c, page);
	page = page_take(c, gfn);
	pthread_mutex_unlock(&c->lock);
	return page ? scan_and_copy(v, gfn, way) : leave_alone(v, gfn);
}

/* The gpa that RIP leads to; GPA_NONE: it is not mapped, or leads to no RAM. */
#define GPA_NONE (~0ull)
static uint64_t rip_gpa(struct vcpu *v)
{
	struct walk_result walk;

	if (walk_guest(&v->machine->ram, &v->walk, rip_linear(v), WALK_FETCH | (v->cpu.cpl == 3 ? WALK_USER : 0), &walk) ||
	    !guest_ram_contains(&v->machine->ram, walk.gpa, 1))
		return GPA_NONE;
	return walk.gpa;
}

static int drop_held(struct vcpu *v, uint64_t gfn)
{
	struct code_pages *c = v->machine->code;
	struct code_page *page;
	int rc;

	if (!is_guarded_code(page_state(v, gfn)))
		return 0;
	rc = ask(v, gfn, POOL_CODE_STATE_UNKNOWN);
	if (rc)
		return rc;
	world_shootdown(v);
	counter_add(&v->stat[TRAP_STAT_code_drops], 1);
	pthread_mutex_lock(&c->lock);
	page = page_find(c, gfn);
	if (page)
		page_give(c, page);
	if (c->drops[gfn] < MAX_DROPS)
		c->drops[gfn] = (uint16_t)(c->drops[gfn] + (rip_gpa(v) >> PAGE_SHIFT == gfn ? DROP_BY_ITSELF : 1));
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static int drop(struct vcpu *v, uint64_t gfn)
{
	int rc;

	world_hold(v);
	rc = drop_held(v, gfn);
	world_release(v);
	return rc;
}

/* ---- what the trap path calls */

/* Find out what the instruction at RIP tells about the page of gva, which is RIP's own or the next one. */
static void find_way(struct vcpu *v, uint64_t gva, struct way *way)
{
	uint64_t rip = rip_linear(v), end;
	struct insn in;

	*way = (struct way){ PAGE_SIZE, PAGE_SIZE };
	if (rip >> PAGE_SHIFT == gva >> PAGE_SHIFT) {
		way->start = rip & (PAGE_SIZE - 1);
		return;
	}
	/* The instruction begins on the page before and goes on here. */
	if (insn_fetch(v, &in)) {
		v->exc.pending = false;		/* the fetch comes again */
		return;
	}
	end = (rip + in.length) & cpu_linear_mask(&v->cpu);
	if ((end - 1) >> PAGE_SHIFT != gva >> PAGE_SHIFT)
		return;
	if ((in.bytes[in.length - 1] | 1) == 0x9d && (in.id == X86_INS_PUSHF || in.id == X86_INS_PUSHFD || in.id == X86_INS_PUSHFQ ||
						      in.id == X86_INS_POPF || in.id == X86_INS_POPFD || in.id == X86_INS_POPFQ))
		way->opcode = (end - 1) & (PAGE_SIZE - 1);
	if (end >> PAGE_SHIFT == gva >> PAGE_SHIFT)
		way->start = end & (PAGE_SIZE - 1);
}

/* Is it not known yet that control reaches this byte of a page that has a record? */
static bool is_news(struct vcpu *v, uint64_t gfn, unsigned offset)
{
	struct code_pages *c = v->machine->code;
	struct code_page *page;
	bool news = false;

	if (!code_flags_trap(v) || offset >= PAGE_SIZE)
		return false;
	pthread_mutex_lock(&c->lock);
	page = page_find(c, gfn);
	if (page && !page->stale) {
		const struct code_scan *scan = scan_of(v, page);

		news = !scan->paired || !code_bit(scan->visited, offset);
	}
	pthread_mutex_unlock(&c->lock);
	return news;
}

int code_before_fetch(struct vcpu *v, uint64_t gva, uint64_t gpa)
{
	uint64_t gfn = gpa >> PAGE_SHIFT;
	struct way way;
	uint8_t state;
	int rc = 0;

	if (!code_is_watched_now(v))
		return 0;
	state = page_state(v, gfn);
	if (state & PAGE_STATE_EXEC && !is_guarded_code(state))
		return 0;		/* left alone */
	find_way(v, gva, &way);
	if (state & PAGE_STATE_EXEC && !is_news(v, gfn, way.start))
		return 0;
	world_hold(v);
	if (!(state & PAGE_STATE_EXEC))
		rc = look_held(v, gfn, &way);
	if (!rc && is_guarded_code(page_state(v, gfn)))
		rc = scan_and_copy(v, gfn, &way);
	world_release(v);
	return rc;
}

int code_executed(struct vcpu *v)
{
	struct way way = { PAGE_SIZE, PAGE_SIZE };
	uint64_t gpa, gfn;
	int rc = 0;

	if (!code_flags_trap(v))
		return 0;
	gpa = rip_gpa(v);
	if (gpa == GPA_NONE)
		return 0;
	gfn = gpa >> PAGE_SHIFT;
	way.start = gpa & (PAGE_SIZE - 1);
	if (!is_guarded_code(page_state(v, gfn)) || !is_news(v, gfn, way.start))
		return 0;
	world_hold(v);
	if (is_guarded_code(page_state(v, gfn)))
		rc = scan_and_copy(v, gfn, &way);
	world_release(v);
	return rc;
}

int code_before_write(struct vcpu *v, uint64_t gpa, bool open)
{
	uint64_t gfn = gpa >> PAGE_SHIFT;

	if (!v->machine->code || !is_guarded_code(page_state(v, gfn)) || open)
		return 0;
	return drop(v, gfn);
}

/*
 * Store the same bytes into the copy at once, so that no vCPU executes older bytes than it may. Opcodes that were replaced among
 * them are not replaced any more, until code_settle().
 */
void code_stored(struct vcpu *v, uint64_t gpa, uint64_t bytes)
{
	struct code_pages *c = v->machine->code;
	struct code_page *page;

	if (!c)
		return;
	fence_full();	/* the store to RAM before the look at page_state: S1, pairs with S2 in poold's state_changed */
	if (!is_guarded_code(page_state(v, gpa >> PAGE_SHIFT)))
		return;
	pthread_mutex_lock(&c->lock);
	page = page_find(c, gpa >> PAGE_SHIFT);
	if (page) {
		if (page->copied)
			memcpy(c->copies + gpa, guest_ram_ptr(&v->machine->ram, gpa), bytes);
		if (!page->stale) {
			page->stale = page->listed = true;
			page->next = c->stale;
			c->stale = (uint32_t)(page - c->page);
			store_release(&c->nstale, c->nstale + 1);	/* pairs with the load in code_settle */
		}
	}
	pthread_mutex_unlock(&c->lock);
}

/* Take a page from the list of stale records; false: there is none. */
static bool take_stale(struct code_pages *c, uint64_t *gfn)
{
	struct code_page *page;
	bool any;

	pthread_mutex_lock(&c->lock);
	any = c->stale;
	if (any) {
		page = &c->page[c->stale];
		c->stale = page->next;
		page->listed = false;
		store_release(&c->nstale, c->nstale - 1);
		*gfn = page->gfn;
		if (c->index[page->gfn] != (uint32_t)(page - c->page)) {
			page->next = c->free;
			c->free = (uint32_t)(page - c->page);
		}
	}
	pthread_mutex_unlock(&c->lock);
	return any;
}

/* Take a page that has been left alone for long enough; false: there is none. It is left alone again after AGAIN_DROPS. */
static bool take_due(struct code_pages *c, uint64_t now, uint64_t *gfn)
{
	bool any;

	pthread_mutex_lock(&c->lock);
	any = code_loose_due(&c->loose, now, gfn);
	if (any)
		c->drops[*gfn] = MAX_DROPS - AGAIN_DROPS;
	pthread_mutex_unlock(&c->lock);
	return any;
}

/* Make the page unknown, so that the next fetch from it faults and has it looked at. */
static int look_again(struct vcpu *v, uint64_t gfn)
{
	uint8_t state;
	int rc = 0;

	world_hold(v);
	state = page_state(v, gfn);
	if (state & PAGE_STATE_EXEC && !is_guarded_code(state)) {
		rc = ask(v, gfn, POOL_CODE_STATE_UNKNOWN);
		if (!rc)
			world_shootdown(v);
	}
	world_release(v);
	return rc;
}

int code_settle(struct vcpu *v)
{
	struct code_pages *c = v->machine->code;
	uint64_t gfn, now;
	int rc = 0;

	if (!c)
		return 0;
	while (!rc && load_acquire(&c->nstale) && take_stale(c, &gfn))
		rc = drop(v, gfn);
	if (rc || load_relaxed(&c->loose.next_ns) == CODE_LOOSE_NEVER)
		return rc;
	now = clock_ns();
	while (!rc && load_relaxed(&c->loose.next_ns) <= now && take_due(c, now, &gfn))
		rc = look_again(v, gfn);
	return rc;
}

/* ---- the window */

uint64_t code_pages_maddr(const struct machine *m)
{
	return m->code ? m->code->maddr : 0;
}

void code_pages_reset(struct machine *m)
{
	struct code_pages *c = m->code;

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	madvise(c->copies, c->bytes, MADV_DONTNEED);
	for (uint32_t i = 1; i <= c->used; i++)
		c->index[c->page[i].gfn] = 0;
	c->used = c->free = c->stale = 0;
	code_loose_reset(&c->loose);
	store_release(&c->nstale, 0);
	pthread_mutex_unlock(&c->lock);
}

static int window_add(const struct machine *m, int vm_fd, struct code_pages *c)
{
	int rc = slots_set(vm_fd, VM_SLOT_COPIES_LOW, c->maddr, m->ram.low_end, c->copies);

	if (!rc && m->ram.high_end)
		rc = slots_set(vm_fd, VM_SLOT_COPIES_HIGH, c->maddr + GUEST_RAM_HIGH_BASE,
			       m->ram.high_end - GUEST_RAM_HIGH_BASE, c->copies + GUEST_RAM_HIGH_BASE);
	return rc;
}

int code_pages_create(struct machine *m, int vm_fd, char *err, size_t err_size)
{
	uint64_t bytes = guest_ram_span(&m->ram), maddr = (VM_RAM_MADDR + bytes + WINDOW_ALIGN - 1) & ~(WINDOW_ALIGN - 1);
	struct code_pages *c;
	int rc = -ENOMEM;

	if ((m->if_native_32 && m->if_native_64) || maddr + bytes > 1ull << m->facts.maxphyaddr)
		return 0;
	c = m->code = calloc(1, sizeof(*c));
	if (c) {
		pthread_mutex_init(&c->lock, NULL);
		code_loose_init(&c->loose);
		c->maddr = maddr;
		c->bytes = bytes;
		c->index = calloc(bytes >> PAGE_SHIFT, sizeof(*c->index));
		c->drops = calloc(bytes >> PAGE_SHIFT, sizeof(*c->drops));
		c->page = calloc(MAX_PAGES + 1, sizeof(*c->page));
		m->code_moved = code_moved_create();
		c->copies = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (c->copies == MAP_FAILED)
			c->copies = NULL;
	}
	if (c && c->index && c->drops && c->page && m->code_moved && c->copies) {
		madvise(c->copies, bytes, MADV_NOHUGEPAGE);	/* a copy is one page */
		rc = window_add(m, vm_fd, c);
	}
	if (rc)
		snprintf(err, err_size, "cannot make the window of code copies, as large as the guest's memory: %s; give less with --mem",
			 strerror(-rc));
	return rc;
}

void code_pages_destroy(struct machine *m)
{
	struct code_pages *c = m->code;

	if (!c)
		return;
	if (c->copies)
		munmap(c->copies, c->bytes);
	pthread_mutex_destroy(&c->lock);
	free(c->index);
	free(c->drops);
	free(c->page);
	code_moved_destroy(m->code_moved);
	m->code_moved = NULL;
	free(c);
	m->code = NULL;
}
