/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See code_loose.h. Process trapd, any vCPU's thread. */
#include "trapd/code/code_loose.h"

#include "common/barrier.h"

void code_loose_init(struct code_loose *l)
{
	*l = (struct code_loose){ .next_ns = CODE_LOOSE_NEVER };
}

void code_loose_add(struct code_loose *l, uint64_t gfn, uint64_t now_ns)
{
	uint32_t i = 0;
	uint8_t times;

	while (i < l->used && l->page[i].gfn != gfn)
		i++;
	if (i == CODE_LOOSE_PAGES)
		return;
	if (i == l->used)
		l->page[l->used++].times = 0;
	times = l->page[i].times;
	l->page[i].gfn = gfn;
	l->page[i].until_ns = now_ns + (CODE_LOOSE_NS << times);
	l->page[i].times = times < CODE_LOOSE_DOUBLINGS ? times + 1 : times;
	l->page[i].waits = true;
	if (l->page[i].until_ns < l->next_ns)
		store_relaxed(&l->next_ns, l->page[i].until_ns);
}

bool code_loose_due(struct code_loose *l, uint64_t now_ns, uint64_t *gfn)
{
	uint64_t next = CODE_LOOSE_NEVER;
	bool found = false;

	for (uint32_t i = 0; i < l->used; i++) {
		if (!l->page[i].waits)
			continue;
		if (!found && l->page[i].until_ns <= now_ns) {
			l->page[i].waits = false;
			*gfn = l->page[i].gfn;
			found = true;
		} else if (l->page[i].until_ns < next) {
			next = l->page[i].until_ns;
		}
	}
	store_relaxed(&l->next_ns, next);
	return found;
}

void code_loose_reset(struct code_loose *l)
{
	for (uint32_t i = 0; i < l->used; i++)
		l->page[i].waits = false;
	store_relaxed(&l->next_ns, CODE_LOOSE_NEVER);
}
