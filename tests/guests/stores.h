/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of stores.elf share; stores.c says what it does. 64-bit code, the guest's kernel. */
#ifndef GUEST_STORES_H
#define GUEST_STORES_H

#include "tests/guests/traps.h"
#include "tests/unit/trapd/emulate/native_forms.h"

#define PAGES		10u
#define ROOT_PAGE	2u		/* neighbours of other kinds */
#define WINDOW_VA	0x40000000ul	/* below 2 GiB, which 32-bit addresses and displacements reach */
#define WINDOW_BYTES	(PAGES * PAGE_BYTES)

/* ---- stores_space.c: two address spaces, the same but for what the window of PAGES pages maps */

enum space { SPACE_DATA, SPACE_TABLES };
/* The window's pages get random content, the same in both spaces; the tables are linked. The space of data is loaded. */
void space_build(uint64_t *random);
void space_load(enum space space);
/* Read through each table that has a byte in the range, so that it is shadowed and its writes are monitored. */
void tables_use(uint64_t from, uint64_t to);
/* Does the range hold one of the entries that keep the tables linked? They must stay as they are. */
bool range_links(uint64_t from, uint64_t to);
/* The page's frame in one space, at its own address; it can be read in both. */
uint8_t *space_page(enum space space, unsigned page);
/* "data", "page table", ..., for reports. */
const char *page_name(unsigned page);

/* ---- stores_run.S: registers and the arithmetic flags and DF from *state and back into it */

void stores_run(struct native_state *state, const void *code);
void stores_return(void);	/* where the code jumps at its end */

/* ---- stores_insn.c */

extern uint64_t stores_fs_base;
/*
 * Leave out what QEMU's TCG does otherwise: a REX in front of other prefixes has an effect there (SDM vol. 2A 2.2.1: none), and
 * RCL and RCR have the new CF when their store faults (SDM vol. 3A 6.5: a fault leaves the state as it was).
 */
extern bool stores_tcg;
/* A random instruction that writes to the window, to run at code. It touches no link. */
void insn_choose(uint64_t *random, uint64_t code, struct instance *out);
/* The instruction's name: the first word of its form's. */
void insn_name(const struct instance *in, char name[16]);

#endif
