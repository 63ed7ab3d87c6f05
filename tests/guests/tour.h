/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checks that the tour repeats in every paging mode. Compiled as 32- and as 64-bit code; the guest's kernel, after
 * traps_init. Each prints a line and stops the guest when something differs.
 */
#ifndef GUEST_TOUR_H
#define GUEST_TOUR_H

#include "tests/guests/traps.h"

/* A last-level table that maps 4 KiB pages from va on, all entries zero. */
struct tour_table {
	void *entries;
	unsigned entry_size;	/* 4 or 8 */
	unsigned long va;
	bool nx;		/* the mode has NX and it is on */
};

void tour_alias(const char *what, unsigned long a, unsigned long b);
void tour_small_pages(const struct tour_table *t);

#endif
