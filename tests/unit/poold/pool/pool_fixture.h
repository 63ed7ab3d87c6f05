/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool over a small fake RAM, with a test in the part of trapd: it walks the guest's tables, asks for maps, carries out
 * writes to monitored pages, and has a TLB that keeps what was walked until a result asks for a flush. Test programs only.
 */
#ifndef SHADOWPOOL_TESTS_POOL_FIXTURE_H
#define SHADOWPOOL_TESTS_POOL_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/walk.h"
#include "common/x86.h"
#include "poold/pool/pool.h"

#define FIX_POOL_MADDR	(1ull << 30)
#define FIX_RAM_MADDR	(64ull << 30)
#define FIX_COPIES_MADDR (96ull << 30)
#define FIX_STUB_SLOT	271u
#define FIX_STUB_ENTRY	(0x5000ull | PTE_P | PTE_W | PTE_A)
#define FIX_TLB		64u

#define FIX_PSC		16u
/* Bits of a table entry of 4 bytes that stand for higher ones. */
#define FIX_F32_NX	(1u << 10)
#define FIX_QUEUE	16u

/* One entry of a paging-structure cache: a leaf table that a walk has reached. */
struct fix_psc { bool valid, writable, nx, f32; uint64_t root, gva, table; };
struct fix_event { uint64_t gpa; uint32_t len; enum write_class class; };
/* span: 4 KiB, or 2 MiB. A CPU may also keep a part of a large page only. */
struct fix_tlb { bool valid, writable, nx; uint64_t root, gva, gpa, span; };

struct fix {
	struct pool *p;
	struct pool_config cfg;
	struct guest_ram ram;
	uint8_t *arena, *tracking;
	uint64_t arena_bytes, tracking_bytes;
	uint64_t stats[POOL_STAT_COUNT];
	uint8_t *state;			/* page_state as published, by gfn */
	uint64_t state_gfns;
	bool *tracked;			/* by gfn: what fix_track() and fix_code() have asked for */
	struct pool_modes modes;
	struct walk_mode mode;
	struct pool_result r;		/* of the last request */
	struct fix_tlb tlb[FIX_TLB];
	unsigned tlb_next;
	struct fix_psc psc[FIX_PSC];
	unsigned psc_next;
	bool post;			/* events wait for the next request */
	struct fix_event queue[FIX_QUEUE];
	unsigned queued;
	bool stepping;
	uint64_t open_gfn;
	bool watch_code;		/* of the roots that are loaded */
	unsigned code_turn;		/* what the next page is to watched code: fix_access() */
	bool audit;			/* full audit after every request */
	unsigned need_flush;		/* NEED_FLUSH answers so far */
	unsigned entry_changes;
	uint64_t next_table;		/* bump allocator of guest pages */
};

enum fix_access { FIX_OK, FIX_FAULT, FIX_MONITORED, FIX_OUTSIDE, FIX_STUCK };

/* Default configuration: 8 MiB of RAM, smallest pool, one vCPU. Change f->cfg, then fix_open(). */
void fix_init(struct fix *f);
void fix_open(struct fix *f);
void fix_close(struct fix *f);

/*
 * What follows runs twice, from an empty pool each time: with tables of 8-byte and with tables of 4-byte entries for
 * 32-bit and unpaged guests. f is open and as fix_open() left it.
 */
#define fix_both_formats(f) for (unsigned pass_ = 0; pass_ < 2 && fix_format_pass(f, pass_); pass_++)
bool fix_format_pass(struct fix *f, unsigned pass);
static inline bool fix_f32(const struct fix *f) { return f->cfg.legacy_format == POOL_F32; }

/* Guest memory. */
uint64_t fix_table(struct fix *f);			/* a zeroed guest page, from 64 KiB up */
uint64_t fix_read(const struct fix *f, uint64_t gpa, unsigned size);
/* A store as trapd does it: RAM, then an event if the page is monitored. */
void fix_write(struct fix *f, uint64_t gpa, uint64_t value, unsigned size);
/* The same for bytes inside one page. */
void fix_store(struct fix *f, uint64_t gpa, const void *bytes, uint32_t len, enum write_class class);
void fix_consume(struct fix *f);
/* A store that the pool is not told of. */
void fix_poke(struct fix *f, uint64_t gpa, uint64_t value, unsigned size);

/* Tables of one 4-level address space, each the first entry of the one above, W and U everywhere. */
struct fix_tables { uint64_t pml4, pdpt, pd, pt; };
struct fix_tables fix_long_tables(struct fix *f);
#define FIX_RWU		(PTE_P | PTE_W | PTE_U)
#define FIX_USED	(FIX_RWU | PTE_A | PTE_D)
#define FIX_PAGED	(CR0_PE | CR0_PG | CR0_WP)
#define FIX_LONG	(EFER_LME | EFER_LMA | EFER_NXE)
/* Load a 4-level address space with CR0.WP=1, NXE=1. */
void fix_long_root(struct fix *f, uint64_t pml4);
/* fix_access() must succeed and lead to gpa. */
void fix_expect(struct fix *f, uint64_t gva, uint32_t access, uint64_t gpa);

/* Requests: each consumes f->r's flush as trapd does and audits. */
void fix_set_root(struct fix *f, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer, bool ac);
void fix_invlpg(struct fix *f, uint64_t gva);
enum pool_status fix_dirty(struct fix *f, uint64_t gva, bool user);
enum pool_status fix_write_fault(struct fix *f, uint64_t gva, uint64_t gpa, enum write_class class, uint64_t rip);
enum pool_status fix_unshadow(struct fix *f, uint64_t gva, uint64_t gpa, uint64_t rip);
void fix_step_open(struct fix *f, uint64_t gfn);
void fix_step_close(struct fix *f);
enum pool_status fix_map(struct fix *f, uint64_t gva, uint32_t access);
void fix_track(struct fix *f, uint64_t gfn, bool on);
enum pool_status fix_code(struct fix *f, uint64_t gpa, enum pool_code_state code);
/*
 * Access as a CPU: TLB, shadow, fault, walk, map, again. FIX_OK: *gpa is where the access went. A page that watched code is fetched
 * from and that nobody has looked at is executed as it is, from a copy, or left alone, by turns.
 */
enum fix_access fix_access(struct fix *f, uint64_t gva, uint32_t access, uint64_t *gpa);
/* What follows each request. */
void fix_settle(struct fix *f);
void fix_audit(struct fix *f, const char *when);
/* The shadow's translation for one view, by the loaded roots. */
int fix_shadow(struct fix *f, uint64_t gva, bool user, struct pool_walk *w);

#endif
