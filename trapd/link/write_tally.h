/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often a vCPU has written to which guest table since it last asked poold about that one. poold counts the events, but they
 * may rest in the ring until the next request: a table would be written some hundred times before it is known to be hot. So the
 * vCPU asks when, by its own count, the table could have become hot.
 */
#ifndef SHADOWPOOL_TRAPD_WRITE_TALLY_H
#define SHADOWPOOL_TRAPD_WRITE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/write_policy.h"

#define WRITE_TALLY_TABLES	16u	/* that are written by turns; of two with the same place the later one is counted */

struct write_tally {
	struct {
		uint64_t gfn;
		struct write_history history;	/* for the halves of entries */
		uint32_t count;			/* 0: nothing is known */
	} table[WRITE_TALLY_TABLES];
};

/*
 * A write to a guest table is about to be emulated. True: the writes before it have used up the limit, so poold is to be asked
 * about this one; the count of the table begins anew. Else the write is counted, as poold will count it. All zero: no writes. Pure.
 */
bool write_tally_is_full(struct write_tally *t, const struct write_store *s);

#endif
