/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long the pool's operations took, for stats. One form for all: the JSON that stats --json prints and run --stats writes,
 * from which the table is printed too.
 */
#ifndef SHADOWPOOL_CTL_DURATIONS_H
#define SHADOWPOOL_CTL_DURATIONS_H

#include <jansson.h>
#include <stdio.h>

#include "control.pb-c.h"

/* {"unit": "ns", "map": {"one_in": ..., "samples": ..., ...}, ...}; doc/statistics.md names the members. A new reference, or NULL. */
json_t *durations_json(const Shadowpool__Stats *stats);
/* A line for each operation that was timed at least once; nothing if there is none. The document may be anybody's. */
void durations_print(FILE *f, const json_t *durations);

#endif
