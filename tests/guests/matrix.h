/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * matrix.elf: every combination of the access rights, one table of entries at a time. Compiled as 32-bit code for 32-bit and
 * PAE paging and as 64-bit code for 4-level paging; the guest's kernel, with trips to user mode.
 *
 * A batch fills one table with all combinations of P, W, U, A, D, PS, a reserved bit and NX, makes one kind of access through
 * each entry, and compares with the rules. A digest of what happened is the same on every CPU with the same features.
 */
#ifndef GUEST_MATRIX_H
#define GUEST_MATRIX_H

#include "tests/guests/traps.h"

#define MATRIX_LEVELS	4u
#define MATRIX_ENTRIES	256u		/* at most, in one batch */
#define MATRIX_FRAMES	2u		/* where an entry may lead to */
#define FRAME_DISTANCE	0x400000ul	/* between the frames: the largest page below 1 GiB */
#define NO_FAULT	0xffffffffu

enum access_type { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH, ACCESS_TYPES };

struct matrix_config { bool wp, nxe, smep, smap, ac, pse; };

/*
 * A paging mode. Level 0 is the uppermost whose entries vary. Tables lie at their physical address. chain[k][l] lead from an
 * entry of level l - 1 to frame k; frame 0 and frame 1 have the same low bits, up to FRAME_DISTANCE.
 */
struct matrix_mode {
	const char *name;
	unsigned entry_size;			/* 4 or 8 */
	unsigned levels;
	unsigned shift[MATRIX_LEVELS];		/* of the address, at each level */
	unsigned first_large;			/* uppermost level whose entry may be a large page */
	bool long_mode;
	unsigned long va;			/* the bits above level 0 */
	unsigned first_index;			/* of the entry of case 0, at every level */
	unsigned long home, test;		/* CR3: tables without the tested ones, and with them */
	void *table[MATRIX_LEVELS];
	void *chain[MATRIX_FRAMES][MATRIX_LEVELS];
	unsigned long frame[MATRIX_FRAMES];
};

/* One access and the entries on its way. */
struct matrix_access {
	const struct matrix_mode *mode;
	struct matrix_config config;
	unsigned long va;
	uint64_t entry[MATRIX_LEVELS];
	enum access_type type;
	bool user;
};

struct matrix_outcome {
	bool faults;
	uint32_t error;
	uint64_t physical;	/* if it does not fault */
	unsigned leaf;		/* the same: level of the last entry used */
	unsigned used;		/* entries 0 to used - 1 are valid: their A may be set even if the access faults */
};

/* matrix_rules.c: what a CPU must do. */
void matrix_judge(const struct matrix_access *a, struct matrix_outcome *out);
/* Reserved bits of an entry, which is not present or not looked at otherwise. NX is left out. */
uint64_t matrix_reserved(const struct matrix_mode *m, const struct matrix_config *c, unsigned level, uint64_t entry);
/* Is this entry the last on the way? */
bool matrix_is_leaf(const struct matrix_mode *m, const struct matrix_config *c, unsigned level, uint64_t entry);

/* matrix_cases.c: the entries of one batch. */
struct matrix_batch {
	const struct matrix_mode *mode;
	struct matrix_config config;
	unsigned level;				/* that of the entries that vary */
	enum access_type type;
	bool user;
	bool mixed;				/* the others are chosen at random, too */
	unsigned count;
	uint64_t entry[MATRIX_ENTRIES];
	uint8_t chain_of[MATRIX_ENTRIES];	/* which chain an entry leads to */
	uint64_t upper[MATRIX_LEVELS];
	uint64_t chain[MATRIX_FRAMES][MATRIX_LEVELS];
	uint32_t random;
};
void matrix_batch_choose(struct matrix_batch *b, uint32_t seed);
unsigned long matrix_va(const struct matrix_batch *b, unsigned n);
unsigned matrix_index(const struct matrix_mode *m, unsigned n);
#define MATRIX_UPPER	6u	/* the case whose index the levels above the varying one use */

/* matrix_run.c */
struct matrix_run {
	unsigned slice, slices;
	unsigned next;				/* number of the next batch, over all modes */
	uint32_t seed;
	uint32_t digest;
	unsigned accesses, faults, batches;
};
/* Run the batches of a mode that are in the slice, with paging on and CR3 = mode->home. Prints one line. */
void matrix_run(struct matrix_run *run, const struct matrix_mode *mode);
void matrix_run_init(struct matrix_run *run);
/*
 * Each half of the image prints its part of the result. key: the digest in the command line that it must have, on a CPU with
 * all the features that the guest asks for.
 */
void matrix_report(const struct matrix_run *run, const char *name, const char *key);

/*
 * matrix_access*.S: the accesses. A page fault in between is recorded under the number of its access. Kernel and user code
 * have a block of their own each: neither may touch the other's pages.
 */
struct matrix_args {
	unsigned long address[MATRIX_ENTRIES], value[MATRIX_ENTRIES];	/* read from there, or to be written */
	unsigned long count, type, flags;				/* flags: or-ed into the kernel's */
};
void matrix_kernel(struct matrix_args *args);
extern char matrix_user[];
extern struct matrix_args matrix_user_args;		/* user data */
extern uint32_t matrix_error[MATRIX_ENTRIES];		/* NO_FAULT or the error code */
extern unsigned long matrix_cr2[MATRIX_ENTRIES];
extern unsigned char matrix_active;
void matrix_page_fault(void);

#endif
