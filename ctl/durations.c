/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See durations.h. */
#include "ctl/durations.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* 10^6 ns are a ms, which is khz ticks. khz 0: unknown, so ticks they stay. No product here exceeds 64 bits. */
static uint64_t ticks_ns(uint64_t ticks, uint32_t khz)
{
	return khz ? ticks / khz * 1000000 + ticks % khz * 1000000 / khz : ticks;
}

static uint64_t bucket_end(size_t i)
{
	return i < 63 ? 2ull << i : UINT64_MAX;
}

/* Percent of the samples took less than this; the end of a bucket, so at most twice the truth. */
static uint64_t percentile(const Shadowpool__Duration *d, unsigned percent)
{
	uint64_t wanted = d->samples - d->samples / 100 * (100 - percent) - d->samples % 100 * (100 - percent) / 100, seen = 0;

	for (size_t i = 0; i < d->n_buckets; i++) {
		seen += d->buckets[i];
		if (seen >= wanted)
			return bucket_end(i) < d->longest ? bucket_end(i) : d->longest;
	}
	return d->longest;
}

static json_t *buckets_json(const Shadowpool__Duration *d, uint32_t khz)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n_buckets; i++)
		if (d->buckets[i])
			json_array_append_new(list, json_pack("{s:I,s:I}", "below", (json_int_t)ticks_ns(bucket_end(i), khz),
							      "count", (json_int_t)d->buckets[i]));
	return list;
}

static json_t *duration_json(const Shadowpool__Duration *d, uint32_t khz)
{
	uint64_t mean = d->samples ? d->ticks / d->samples : 0;

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "one_in", (json_int_t)d->one_in, "samples", (json_int_t)d->samples,
			 "mean", (json_int_t)ticks_ns(mean, khz), "p50", (json_int_t)ticks_ns(percentile(d, 50), khz),
			 "p99", (json_int_t)ticks_ns(percentile(d, 99), khz), "longest", (json_int_t)ticks_ns(d->longest, khz),
			 "buckets", buckets_json(d, khz));
}

json_t *durations_json(const Shadowpool__Stats *stats)
{
	json_t *o = json_pack("{s:s}", "unit", stats->tsc_khz ? "ns" : "ticks");

	for (size_t i = 0; i < stats->n_durations; i++)
		json_object_set_new(o, stats->durations[i]->name, duration_json(stats->durations[i], stats->tsc_khz));
	return o;
}

/* Only what looks like a name of ours reaches the terminal. */
static bool is_name(const char *s)
{
	return s && *s && strlen(s) <= 32 && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz_")];
}

static json_int_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

void durations_print(FILE *f, const json_t *durations)
{
	const char *name, *unit = json_string_value(json_object_get(durations, "unit"));
	bool titled = false;
	json_t *d;

	json_object_foreach((json_t *)(uintptr_t)durations, name, d) {
		if (!is_name(name) || !json_is_object(d) || !number(d, "samples"))
			continue;
		if (!titled)
			fprintf(f, "durations, in %s\n  %-20s %8s %12s %12s %12s %12s %14s\n", is_name(unit) ? unit : "unknown units",
				"operation", "one in", "samples", "mean", "p50", "p99", "longest");
		titled = true;
		fprintf(f, "  %-20s %8" JSON_INTEGER_FORMAT " %12" JSON_INTEGER_FORMAT " %12" JSON_INTEGER_FORMAT " %12"
			JSON_INTEGER_FORMAT " %12" JSON_INTEGER_FORMAT " %14" JSON_INTEGER_FORMAT "\n", name, number(d, "one_in"),
			number(d, "samples"), number(d, "mean"), number(d, "p50"), number(d, "p99"), number(d, "longest"));
	}
}
