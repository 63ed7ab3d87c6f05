/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kinds: which guest structure a shadow table derives from, and in which entry format. One row of constants each, so that no
 * code knows a kind by its number. The numbers and their history: doc/pool.md, Kinds.
 */
#ifndef SHADOWPOOL_POOLD_POOL_KINDS_H
#define SHADOWPOOL_POOLD_POOL_KINDS_H

#include <stdint.h>

/* Numbers are stable: traces contain them. */
enum kind {
	KIND_INVALID = 0, KIND_FREE = 1,
	KIND_32BIT_PT_FOR_PHYS = 2, KIND_32BIT_PT_FOR_32BIT_PT = 3, KIND_32BIT_PT_FOR_32BIT_4MB = 4,
	KIND_PAE_PT_FOR_PHYS = 5, KIND_PAE_PT_FOR_32BIT_PT = 6, KIND_PAE_PT_FOR_32BIT_4MB = 7, KIND_PAE_PT_FOR_PAE_PT = 8,
	KIND_PAE_PT_FOR_PAE_2MB = 9, KIND_PAE_PD_FOR_32BIT_PD = 10, KIND_PAE_PD_FOR_PAE_PD = 11,
	KIND_64BIT_PDPT_FOR_64BIT_PDPT = 12, KIND_ROOT_32BIT_PD = 13, KIND_ROOT_PAE_PD = 14, KIND_PAE_PDPT_FOR_PAE_PDPT = 15,
	KIND_64BIT_PML4_FOR_64BIT_PML4 = 16, KIND_64BIT_PD_FOR_64BIT_PD = 17, KIND_PAE_PDPT_FOR_32BIT = 18,
	KIND_64BIT_PML4_FOR_LEGACY = 19, KIND_64BIT_PML4_FOR_PHYS = 20, KIND_64BIT_PDPT_FOR_PHYS = 21,
	KIND_64BIT_PD_FOR_PHYS = 22, KIND_64BIT_PD_FOR_64BIT_1GB = 23, KIND_32BIT_PD_FOR_PHYS = 24,
	KIND_COUNT
};

enum kind_source {
	SOURCE_NONE,
	SOURCE_GUEST,		/* made from the entries of a guest page */
	SOURCE_LINEAR,		/* made from the gpa of the key and the slot: no paging, or the inside of a large page */
	SOURCE_REGISTERS,	/* made from the four PDPTE registers */
	SOURCE_FIXED,		/* links to tables that follow from the key alone */
};

enum kind_group { GROUP_NONE, GROUP_N, GROUP_L, GROUP_P, GROUP_CHILD };

#define KF_LEAF		(1u << 0)
#define KF_MONITORED	(1u << 1)
#define KF_ROOT		(1u << 2)
#define KF_SPLIT	(1u << 3)	/* the inside of a large page: its rights are in the entry that leads here */
#define KF_PHYS		(1u << 4)
#define KF_OWNED	(1u << 5)	/* holds the monitor's entries */
#define KF_PDPTE	(1u << 6)	/* the PDPTE values are part of the key */
#define KF_RETIRED	(1u << 7)
#define KF_LARGE	(1u << 8)	/* an entry may be a leaf of 2 MiB instead of leading to a table */

/* One kind as a row of data. */
struct pool_kind {
	const char *name;
	uint8_t entry_size;	/* bytes of a shadow entry: 4 or 8; 0: no table has this kind */
	uint16_t count;		/* shadow entries that are used */
	uint8_t level;		/* 1 to 4 */
	uint8_t span_shift;	/* log2 of the bytes that one shadow entry maps */
	uint8_t source;		/* enum kind_source */
	uint8_t guest_size;	/* bytes of a guest entry, 0: no guest table */
	uint16_t guest_count;	/* guest entries that one shadow table is made from */
	uint8_t spread;		/* shadow entries made from one guest entry */
	uint8_t quadrants;	/* shadow tables made from one guest table or large page */
	uint8_t align_shift;	/* log2 of the alignment of the key's gpa */
	uint8_t child_table, child_large;
	uint8_t group;		/* enum kind_group */
	uint32_t flags;
	uint32_t role_mask;	/* those of the role bits NXE, LM, PSE, PAE that the content depends on */
};

extern const struct pool_kind pool_kinds[KIND_COUNT];
/*
 * Compare the rows with each other, at every creation of a pool. Returns 0, or the number of the first row that contradicts the
 * rules.
 */
unsigned pool_kinds_check(void);

#endif
