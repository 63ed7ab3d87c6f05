/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which counters have moved in some test: notes for tests/integration/counters-seen. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/integration/harness/harness_priv.h"

static void note(FILE *f, const char *part, size_t n, Shadowpool__Counter *const *counters)
{
	for (size_t i = 0; i < n; i++)
		if (counters[i]->value)
			fprintf(f, "%s.%s\n", part, counters[i]->name);
}

void sp_note_counters(const Shadowpool__Stats *stats)
{
	const char *path = getenv("SHADOWPOOL_COUNTERS");
	FILE *f = path ? fopen(path, "ae") : NULL;

	if (!f)
		return;
	note(f, "pool", stats->n_pool, stats->pool);
	note(f, "trapd", stats->n_trapd, stats->trapd);
	fclose(f);
}
