/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the write policy that look at more than one write: how much a write counts, when a table is hot, and what
 * a sequence of writes shows. Each rule is a pure function of the write, of what is known of the table and of the
 * configuration, so that the pool, the replayer and the tests decide alike. doc/pool.md, "Writes to monitored tables".
 */
#ifndef SHADOWPOOL_COMMON_WRITE_POLICY_H
#define SHADOWPOOL_COMMON_WRITE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* One write to a table: gpa and len in bytes, inside one page. */
struct write_store {
	uint64_t gpa, rip;
	uint32_t len;
	uint32_t entry_size;		/* 4 or 8, of the table */
	bool zero;			/* every byte is 0 now */
};

/* Why a table is let go at its next write although that write says nothing. */
enum write_reason {
	WRITE_REASON_NONE,
	WRITE_REASON_ZEROS, WRITE_REASON_REINIT, WRITE_REASON_FLOOD,
	WRITE_REASON_COUNT
};

/* What the writes so far have left. All zero: none yet. */
struct write_history {
	uint64_t gpa, rip;		/* last write of a run that began at offset 0 */
	uint16_t size;			/* its bytes; 0: no such run */
	uint16_t half;			/* 1 + the 4-byte word of the table that was the last write, half an entry of 8; 0: none */
	uint8_t flood;			/* writes since a walk last used the table, saturating */
	uint8_t zeros;			/* whole entries zeroed one after the other, saturating */
	uint8_t reason;			/* enum write_reason */
};

#define WRITE_MODS_MAX		0xffffffffu
#define WRITE_LIMIT_DEFAULT	48u	/* modifications that do not make a table hot, unless the configuration says otherwise */
#define WRITE_FLOOD_LIMIT	3u
#define WRITE_ZEROS_LIMIT	2u
#define WRITE_REINIT_NEAR	64u	/* bytes of code that a loop over a table fits into */
#define WRITE_REINIT_RESTART	8u

/* Modifications before a table is hot; 0 in leaf or upper: as all. */
struct write_limits { uint32_t all, leaf, upper; };

/* What a store is to an entry of 8 bytes that 32-bit code writes by two stores of 4. */
enum write_half { WRITE_HALF_NONE, WRITE_HALF_FIRST, WRITE_HALF_SECOND };

/*
 * The two halves of an entry of 8 bytes, stored one directly after the other in any order, are one write: the first half counts
 * 1, the second nothing. WRITE_HALF_SECOND: *s is the store of the whole entry now. WRITE_HALF_FIRST: the other half has not come
 * yet. WRITE_HALF_NONE: *s is no half.
 */
enum write_half write_half(struct write_history *h, struct write_store *s);
/*
 * What a write that is no half counts: 1, or 4 for a store of a part of an entry or across entries, which is no way to write page tables;
 * but one byte at byte 0 of an entry (an operation on its status bits) counts 1.
 */
uint32_t write_weight(const struct write_store *s);
/* What a write adds to the modification counter: by write_half() and write_weight(). *half, if not NULL: what write_half() says. */
uint32_t write_count(struct write_history *h, struct write_store *s, enum write_half *half);
/* Does it touch more than one entry without being whole entries? */
bool write_is_cross_entry(const struct write_store *s);
/* leaf: all shadows of the table are leaf tables, and it may be left writable (unsync) instead of being let go. */
uint32_t write_limit(const struct write_limits *l, bool all_leaf, bool may_unsync);
/* Whole entries zeroed, twice: the guest takes the address space apart. True from the second one on. */
bool write_zeros(struct write_history *h, const struct write_store *s);
/*
 * Writes that go on where the last one ended, from offset 0, by code near the last: *mods is doubled with each. A new
 * start at offset 0 forgets most of *mods. True if this write goes on with a run.
 */
bool write_reinit(struct write_history *h, const struct write_store *s, uint32_t *mods);
/* An upper table written for the third time without a walk that used it. */
bool write_flood(struct write_history *h);
/* A walk has used the table, or it was found in the cache: what it was written before says nothing any more. */
void write_used(struct write_history *h);

#endif
