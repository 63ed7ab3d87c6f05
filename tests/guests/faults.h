/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faults.elf: one paging mode's permission cases, by brute force. Compiled as 32-bit code for 32-bit and PAE paging and as
 * 64-bit code for 4-level paging; the guest's kernel, with trips to user mode.
 * Source: SDM vol. 3A 4.6 (access rights), 4.7 (page faults), 4.8 (accessed and dirty flags), tables 4-4 to 4-19 (formats).
 */
#ifndef GUEST_FAULTS_H
#define GUEST_FAULTS_H

#include "tests/guests/traps.h"

#define MAX_LEVELS	4u

/* A paging mode and the path of one address through tables that serve nothing else. Level 0 is the uppermost that varies. */
struct fault_mode {
	const char *name;
	unsigned entry_size;		/* 4 or 8 */
	unsigned levels;
	unsigned shift[MAX_LEVELS];	/* of the address, at each level */
	void *table[MAX_LEVELS];	/* where each level's entry lies, supervisor address = physical */
	unsigned first_large;		/* uppermost level whose entry may be a large page */
	bool long_mode;
	unsigned long va;		/* of a 4 KiB page */
	unsigned one_in;		/* run one of so many cases of the full list, chosen at random; 1 is all */
	unsigned random_cases;		/* and so many with several levels changed at once */
};

/* Run everything for the mode that is on. The text from user_text_start to user_text_end must be user-accessible. Prints one line. */
void faults_run(const struct fault_mode *mode, uint64_t *random);

/* What the accesses of a case may do besides reading; exactly one of a row. */
enum access_type { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH, ACCESS_TYPES };

struct fault_config { bool wp, nxe, smep, smap, ac; };

/* One access and the entries on its way. */
struct fault_case {
	const struct fault_mode *mode;
	struct fault_config config;
	unsigned leaf;			/* level of the last entry used */
	uint64_t entry[MAX_LEVELS];
	enum access_type type;
	bool user;
};

/* faults_rules.c: what a CPU must do. False: the access succeeds; true: it faults with *error. */
bool fault_expected(const struct fault_case *c, unsigned long *error);
/* A bit that is reserved in this entry whatever else it holds, chosen at random; 0: there is none. */
uint64_t reserved_bit(const struct fault_mode *mode, unsigned level, bool leaf, uint64_t *random);

/* faults_user.S */
extern char user_read[], user_write[];

#endif
