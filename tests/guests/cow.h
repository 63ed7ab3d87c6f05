/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cow.elf: a small kernel with hundreds of processes that share their pages until somebody writes. 64-bit code, the guest's
 * kernel, with trips to user mode. An address space has tables of its own for PROCESS_PAGES pages at PROCESS_VA.
 */
#ifndef GUEST_COW_H
#define GUEST_COW_H

#include "tests/guests/traps.h"

#define PROCESS_VA	(3ul << 39 | 5ul << 30 | 7ul << 21 | 508ul << 12)	/* so that the pages need two last-level tables */
#define PROCESS_PAGES	8u
#define PROCESS_MAX	512u

struct process {
	bool used;
	uint64_t *root;
	uint32_t word[PROCESS_PAGES];	/* what each page must show */
};

/* cow_space.c: frames with a count of their users, and address spaces. */
void spaces_init(unsigned frames);
unsigned spaces_frames_free(void);
/* An address space with fresh pages of zeros; false: no frames. */
bool space_create(struct process *p);
/* child gets all pages of parent, both without write permission; parent's TLB entries are the caller's business. */
bool space_fork(struct process *parent, struct process *child);
void space_destroy(struct process *p);
/* Page page has been written to without permission: a copy if it is shared. False: not a case for copying. */
bool space_write_fault(struct process *p, unsigned page);
/* Does nothing else use the frame of this page? */
bool space_page_is_own(const struct process *p, unsigned page);

#endif
