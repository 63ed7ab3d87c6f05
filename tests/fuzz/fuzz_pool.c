/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: bytes as a guest and its vCPUs. Eight bytes are one step: a store to guest RAM that the pool is told of,
 * an access with the walk that trapd would make, or any other call with any arguments. A cheap audit after each step
 * and a full one at the end, which costs as much as all else. The first two bytes choose the pool's limits and extensions. The library is built
 * with a smaller POOL_MIN_PAGES for this, and all memory is used again for the next input: thousands of inputs a second.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/walk.h"
#include "common/x86.h"
#include "poold/trace/call.h"

#define RAM_PAGES	1024u		/* for one large page without a table in it */
#define RAM_BYTES	(RAM_PAGES * PAGE_SIZE)
#define TABLES		16u		/* where stores and roots point to */
#define LARGE_BYTES	(2ull << 20)
#define STEPS		128u
#define VCPUS		2u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct step {
	uint8_t op, a, b, c;
	uint32_t v;
};

static struct {
	struct pool *pool;
	struct pool_config config;
	struct walk_mode mode[VCPUS];
	unsigned vcpu;			/* that makes the calls just now */
	struct pool_call_out out;
	unsigned nopen;
} m;

static uint8_t arena[POOL_MIN_PAGES * 4096] __attribute__((aligned(4096)));
static uint8_t ram[RAM_PAGES * 4096] __attribute__((aligned(4096)));
static uint64_t stats[POOL_STAT_COUNT];
static uint8_t page_state[RAM_PAGES];

static void state_changed(void *ctx, uint64_t gfn, uint8_t bits)
{
	page_state[gfn] = bits;
}

static void audit(bool full)
{
	struct pool_violation v[4];
	/* Between OPEN and CLOSE the open tables are as stale as a TLB may be. */
	enum pool_audit_mode mode = full && !m.nopen ? POOL_AUDIT_FULL : POOL_AUDIT_CHEAP;
	uint32_t n = pool_audit(m.pool, mode, v, 4);

	if (!n)
		return;
	fprintf(stderr, "rule A%u violated: page %u slot %u, expected 0x%llx, found 0x%llx\n", v[0].rule, v[0].page, v[0].slot,
		(unsigned long long)v[0].expected, (unsigned long long)v[0].found);
	abort();
}

/* Every vCPU has flushed. */
static void acknowledge(void)
{
	struct pool_call c = { .op = POOL_CALL_FLUSH_DONE, .flags = POOL_CALLF_ALL, .len = m.out.result.epoch };
	struct pool_call_out out;

	for (c.vcpu = 0; c.vcpu < m.config.nvcpu; c.vcpu++)
		call_run(m.pool, &c, &out);
}

static void call(struct pool_call *c)
{
	c->vcpu = m.vcpu;
	for (unsigned i = 0; i < 3; i++) {
		call_run(m.pool, c, &m.out);
		if (m.out.result.status == POOL_E_CORRUPT) {
			fprintf(stderr, "%s: the pool calls itself corrupt\n", call_name(c->op));
			abort();
		}
		if (m.out.result.status != POOL_NEED_FLUSH && m.out.result.status != POOL_NEED_SHOOTDOWN)
			return;
		acknowledge();
	}
}

static void store(uint64_t gpa, uint64_t value, unsigned size, uint8_t class)
{
	struct pool_call c = {
		.op = POOL_CALL_GUEST_WRITE, .gpa = gpa, .len = size, .write_class = class % WRITE_CLASS_COUNT,
		.flags = class & 0x40 ? POOL_CALLF_USER : 0, .rip = class,
	};

	memcpy(ram + gpa, &value, size);
	/* What is out of step is written natively, and nobody is told; a device's store is announced all the same. */
	if (!(page_state[gpa >> PAGE_SHIFT] & PAGE_STATE_UNSYNC) || c.write_class == WRITE_CLASS_DEVICE)
		call(&c);
}

/* An entry that leads somewhere: to a table, to data, or large; the bits as they come. */
static void step_store(const struct step *s)
{
	uint64_t entry = (uint64_t)(s->v >> 12 & (s->c & 1 ? TABLES - 1 : RAM_PAGES - 1)) * PAGE_SIZE | (s->v & 0xfff);
	uint64_t gpa = (s->a % TABLES) * PAGE_SIZE + s->b * 8ull;

	if ((entry & PTE_PS) && !(s->c & 1))
		entry &= ~(LARGE_BYTES - PAGE_SIZE);
	if (s->c & 2)
		gpa += 2048;
	if (s->c & 4)
		entry |= PTE_NX;
	if (s->c & 8)
		store(gpa + (s->c & 16 ? 4 : 0), entry, 4, s->c >> 5);
	else
		store(gpa, entry, 8, s->c >> 5);
}

static void step_set_root(const struct step *s)
{
	struct pool_call c = { .op = POOL_CALL_SET_ROOT, .cr0 = CR0_PE, .cr3 = (s->a % TABLES) * PAGE_SIZE };
	struct walk_mode *mode;

	m.vcpu = s->b & 64 ? m.config.nvcpu - 1u : 0;
	mode = &m.mode[m.vcpu];
	c.flags = (s->b & 1 ? POOL_CALLF_AC : 0) | (s->c & 64 ? POOL_CALLF_CODE : 0);
	c.cr0 |= (s->b & 2 ? CR0_WP : 0) | (s->c & 3 ? CR0_PG : 0);
	c.cr4 = (s->b & 4 ? CR4_SMEP : 0) | (s->b & 8 ? CR4_SMAP : 0) | (s->b & 16 ? CR4_PSE : 0) | (s->c & 2 ? CR4_PAE : 0);
	c.efer = s->b & 32 && s->c & 2 ? EFER_NXE : 0;
	if ((s->c & 3) == 3)
		c.efer |= EFER_LME | EFER_LMA;
	walk_mode_from_cr(mode, c.cr0, c.cr3, c.cr4, c.efer, s->b & 1 ? RFLAGS_AC : 0, m.config.maxphyaddr);
	if (mode->paging == WALK_PAE && walk_load_pdptes(&m.config.ram, c.cr3, m.config.maxphyaddr, mode->pdpte))
		memset(mode->pdpte, 0, sizeof(mode->pdpte));
	if (mode->paging == WALK_PAE)
		memcpy(c.walk, mode->pdpte, sizeof(c.walk));
	call(&c);
}

/* Low indexes at every level, so that few stores make a path. */
static uint64_t any_gva(const struct step *s)
{
	uint64_t gva = (uint64_t)(s->v & 3) << 39 | (uint64_t)(s->v >> 2 & 3) << 30 | (uint64_t)(s->v >> 4 & 3) << 21 |
		       (uint64_t)(s->v >> 9 & 0x1ff) << 12 | (s->v >> 18 & 0xff8);

	return m.mode[m.vcpu].paging == WALK_4LEVEL ? gva : (uint32_t)gva;
}

static void step_access(const struct step *s)
{
	uint32_t access = (s->b & 1 ? WALK_WRITE : s->b & 2 ? WALK_FETCH : 0) | (s->b & 4 ? WALK_USER : 0);
	struct pool_call c = { .op = POOL_CALL_MAP, .gva = any_gva(s) };
	struct walk_result w;

	if (walk_guest(&m.config.ram, &m.mode[m.vcpu], c.gva, access | WALK_SET_AD, &w) || !guest_ram_contains(&m.config.ram, w.gpa, 1))
		return;
	c.gpa = w.gpa;
	c.nwalk = w.nentries;
	memcpy(c.walk, w.entry, w.nentries * sizeof(c.walk[0]));
	c.flags = (access & WALK_WRITE ? POOL_CALLF_WRITE : 0) | (access & WALK_FETCH ? POOL_CALLF_FETCH : 0) |
		  (access & WALK_USER ? POOL_CALLF_USER : 0);
	call(&c);
}

/* Any other call, with whatever poold would let through. */
static void step_call(const struct step *s)
{
	struct pool_call c = {
		.op = (uint16_t)(s->op % POOL_CALL_COUNT), .flags = s->b & POOL_CALLF_KNOWN, .gva = any_gva(s),
		.gpa = (uint64_t)(s->a % 64) * PAGE_SIZE + (s->v & 0xfff), .len = s->c, .rip = s->v & 0xff,
		.write_class = s->c % WRITE_CLASS_COUNT, .nwalk = s->c % 5, .walk = { s->v, s->v & ~7u, s->a, s->b },
	};

	switch (c.op) {
	case POOL_CALL_SET_ROOT:	/* with a walk and modes that belong together only */
	case POOL_CALL_POISON:
	case POOL_CALL_AUDIT:
		return;
	case POOL_CALL_FLUSH_DONE:
		c.len = m.out.result.epoch - s->c % 3;
		break;
	case POOL_CALL_OPEN:
		m.nopen++;
		break;
	case POOL_CALL_CLOSE:
	case POOL_CALL_RESET:
		m.nopen = 0;
		break;
	default:
		break;
	}
	call(&c);
}

static void pool_begin(uint8_t limits, uint8_t extensions)
{
	static const struct pool_callbacks callbacks = { .state_changed = state_changed };
	static void *tracking;
	static uint64_t tracking_bytes;
	uint64_t need;
	char err[128];

	memset(&m, 0, sizeof(m));
	m.config = (struct pool_config){
		.ram = { .base = ram, .low_end = RAM_BYTES }, .ram_maddr = 64ull << 30, .pool_maddr = 1ull << 30,
		.copies_maddr = 96ull << 30,
		.max_pages = POOL_MIN_PAGES, .maxphyaddr = 40, .nvcpu = extensions & 1 ? VCPUS : 1, .stub_slot = 271,
		.stub_entry = 0x5000ull | PTE_P | PTE_W | PTE_A, .max_users = limits & 1 ? 16 : 0, .max_extents = limits & 2 ? 1 : 0,
		.rmap_nodes_per_gfn = limits & 4 ? 1 : 0, .cached_roots = limits & 8 ? 1 : 0, .prefetch = limits & 16 ? 64 : 0,
		.hot_limit = limits & 32 ? 2 : 0, .cache_off = limits & 64,
		.legacy_format = extensions & 2 ? POOL_F32 : POOL_F64, .unsync_tables = extensions & 4 ? 4 : 0,
		.large_leaves = extensions & 8, .hot_leaf = extensions & 32 ? 1 : 0, .hot_upper = extensions & 64 ? 1 : 0,
		.extensions = (limits & 128 || extensions & 16) ? WRITE_EXT_ALL : 0,
	};
	need = pool_memory_needed(&m.config);
	if (!need)
		abort();
	if (need > tracking_bytes) {
		free(tracking);
		tracking = aligned_alloc(4096, (need + 4095) & ~4095ull);
		tracking_bytes = need;
	}
	memset(tracking, 0, need);
	memset(arena, 0, sizeof(arena));
	/* Nothing else is ever stored to: what is no table has no entry whose A or D a walk could set. */
	memset(ram, 0, TABLES * PAGE_SIZE);
	memset(stats, 0, sizeof(stats));
	memset(page_state, 0, sizeof(page_state));
	if (pool_create(&m.pool, &m.config, &callbacks, arena, tracking, stats, err, sizeof(err)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct step s = { 0 };

	if (size < 2)
		return 0;
	pool_begin(data[0], data[1]);
	s.b = 64;
	step_set_root(&s);
	s.b = 0;
	step_set_root(&s);
	for (size_t at = 2, n = 0; at + sizeof(s) <= size && n < STEPS; at += sizeof(s), n++) {
		memcpy(&s, data + at, sizeof(s));
		if (s.op < 100)
			step_store(&s);
		else if (s.op < 190)
			step_access(&s);
		else if (s.op < 210)
			step_set_root(&s);
		else
			step_call(&s);
		audit(false);
	}
	audit(true);
	return 0;
}
