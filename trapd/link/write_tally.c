/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See write_tally.h. Process trapd, the vCPU's own thread. */
#include "trapd/link/write_tally.h"

#include <stddef.h>

#include "common/x86.h"

bool write_tally_is_full(struct write_tally *t, const struct write_store *s)
{
	uint64_t gfn = s->gpa >> PAGE_SHIFT;
	unsigned i = gfn % WRITE_TALLY_TABLES;
	struct write_store store = *s;
	uint32_t weight;

	if (t->table[i].gfn != gfn) {
		t->table[i].gfn = gfn;
		t->table[i].count = 0;
		t->table[i].history = (struct write_history){ 0 };
	}
	weight = write_count(&t->table[i].history, &store, NULL);
	if (weight && t->table[i].count >= WRITE_LIMIT_DEFAULT) {
		t->table[i].count = 0;
		return true;
	}
	t->table[i].count += weight;
	return false;
}
