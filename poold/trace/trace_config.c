/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of a pool as named values, so that a trace says what each number is. Recorder and replayer; pure
 * functions, any thread.
 *
 * A new field of struct pool_config needs one line in config_values[] and nothing else: no version of the format and no
 * size changes. Name it as its key in poold.conf(5) or replay --policy is named, if it has one; 0 in a trace that does not
 * have it must mean what the pool did before there was such a field. Names never change their meaning; one that is no
 * longer known makes a trace unreadable, so a field that goes keeps no line.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <config.h>
#include "poold/trace/trace.h"

#define FIELD(name, field) { name, offsetof(struct pool_config, field), sizeof(((struct pool_config *)0)->field), 0 }
#define BELOW(name, field, end) \
	{ name, offsetof(struct pool_config, field), sizeof(((struct pool_config *)0)->field), end }

static const struct config_value {
	char name[TRACE_NAME_SIZE];
	uint32_t offset, size;		/* in struct pool_config; little endian, so a short field is a value's first bytes */
	uint64_t end;			/* values from here on are refused; 0: none that fits the field is */
} config_values[] = {
	FIELD("ram-low-end", ram.low_end),
	FIELD("ram-high-end", ram.high_end),
	FIELD("ram-maddr", ram_maddr),
	FIELD("pool-maddr", pool_maddr),
	FIELD("copies-maddr", copies_maddr),
	FIELD("stub-entry", stub_entry),
	BELOW("stub-slot", stub_slot, 512),
	FIELD("pages", max_pages),
	BELOW("maxphyaddr", maxphyaddr, 53),
	BELOW("vcpus", nvcpu, POOL_MAX_VCPUS + 1),
	FIELD("users", max_users),
	FIELD("extents", max_extents),
	FIELD("rmap-nodes", rmap_nodes_per_gfn),
	FIELD("cached-roots", cached_roots),
	FIELD("prefetch", prefetch),
	FIELD("hot-limit", hot_limit),
	FIELD("leaf-limit", hot_leaf),
	FIELD("upper-limit", hot_upper),
	BELOW("extensions", extensions, WRITE_EXT_ALL + 1),
	BELOW("format", legacy_format, POOL_F32 + 1),
	FIELD("unsync", unsync_tables),
	BELOW("cache-off", cache_off, 2),
	BELOW("large-leaves", large_leaves, 2),
};

#define NVALUES (sizeof(config_values) / sizeof(config_values[0]))
_Static_assert(NVALUES <= TRACE_MAX_VALUES, "a configuration has more values than its record has room for");

size_t trace_config_pack(struct trace_config *out, const struct pool_config *config)
{
	memset(out, 0, sizeof(*out));
	out->library = trace_library();
	snprintf(out->program, sizeof(out->program), "%s", PACKAGE_VERSION);
	for (size_t i = 0; i < NVALUES; i++) {
		const struct config_value *v = &config_values[i];

		memcpy(out->value[i].name, v->name, sizeof(v->name));
		memcpy(&out->value[i].value, (const char *)config + v->offset, v->size);
	}
	return TRACE_CONFIG_SIZE(NVALUES);
}

static const struct config_value *value_find(const struct trace_value *t)
{
	for (size_t i = 0; i < NVALUES; i++)
		if (!memcmp(config_values[i].name, t->name, sizeof(t->name)))
			return &config_values[i];
	return NULL;
}

static int value_take(struct pool_config *out, const struct config_value *v, uint64_t value)
{
	if ((v->end && value >= v->end) || (v->size < sizeof(value) && value >> 8 * v->size))
		return -ERANGE;
	memcpy((char *)out + v->offset, &value, v->size);
	return 0;
}

int trace_config_unpack(struct pool_config *out, const struct trace_config *config, size_t nvalues, char *err,
			size_t err_size)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < nvalues; i++) {
		const struct trace_value *t = &config->value[i];
		const struct config_value *v = value_find(t);

		if (v && !value_take(out, v, t->value))
			continue;
		snprintf(err, err_size, v ? "the configuration's value %.*s is out of range" :
			 "the configuration has a value '%.*s' that this program does not know", TRACE_NAME_SIZE,
			 t->name);
		return -EPROTO;
	}
	return 0;
}
