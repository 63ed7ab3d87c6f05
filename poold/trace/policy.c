/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See policy.h. One table; pure. poold's main thread at start, the connection's thread at an attach, the replayer. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "poold/trace/policy.h"

static const struct policy_number {
	const char *name;
	size_t offset;			/* of a uint32_t in struct pool_config */
} policy_numbers[] = {
	{ "prefetch", offsetof(struct pool_config, prefetch) },
	{ "cached-roots", offsetof(struct pool_config, cached_roots) },
	{ "hot-limit", offsetof(struct pool_config, hot_limit) },
	{ "leaf-limit", offsetof(struct pool_config, hot_leaf) },
	{ "upper-limit", offsetof(struct pool_config, hot_upper) },
	{ "users", offsetof(struct pool_config, max_users) },
	{ "extents", offsetof(struct pool_config, max_extents) },
	{ "rmap-nodes", offsetof(struct pool_config, rmap_nodes_per_gfn) },
	{ "unsync", offsetof(struct pool_config, unsync_tables) },
};

static const struct policy_switch {
	const char *name;
	uint32_t extension;		/* WRITE_EXT_*; 0: a field of its own */
	size_t offset;			/* of a bool in struct pool_config */
	bool when_on;			/* its value if the switch is on */
} policy_switches[] = {
	{ "cache", 0, offsetof(struct pool_config, cache_off), false },
	{ "large-leaves", 0, offsetof(struct pool_config, large_leaves), true },
	{ .name = "fork-locked", .extension = WRITE_EXT_FORK_LOCKED },
	{ .name = "stos-any", .extension = WRITE_EXT_STOS_ANY },
	{ .name = "pair", .extension = WRITE_EXT_PAIR },
	{ .name = "zeros", .extension = WRITE_EXT_ZEROS },
	{ .name = "reinit", .extension = WRITE_EXT_REINIT },
	{ .name = "flood", .extension = WRITE_EXT_FLOOD },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const format_names[] = { [POOL_F64] = "f64", [POOL_F32] = "f32" };

const char *policy_keys(void)
{
	return "prefetch cached-roots hot-limit leaf-limit upper-limit users extents rmap-nodes unsync (numbers), "
	       "cache large-leaves fork-locked stos-any pair zeros reinit flood (on, off), format (f64, f32)";
}

static int set_number(struct pool_config *config, const struct policy_number *k, const char *value, char *err,
		      size_t err_size)
{
	char *end;
	unsigned long long n;
	uint32_t number;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (errno || end == value || *end || *value == '-' || n > UINT32_MAX) {
		snprintf(err, err_size, "policy %s: not a number: %.40s", k->name, value);
		return -EINVAL;
	}
	number = (uint32_t)n;
	memcpy((char *)config + k->offset, &number, sizeof(number));
	return 0;
}

static int set_switch(struct pool_config *config, const struct policy_switch *k, const char *value, char *err,
		      size_t err_size)
{
	bool on = !strcmp(value, "on");

	if (!on && strcmp(value, "off")) {
		snprintf(err, err_size, "policy %s is on or off, not %.40s", k->name, value);
		return -EINVAL;
	}
	if (!k->extension)
		*(bool *)((char *)config + k->offset) = on == k->when_on;
	else if (on)
		config->extensions |= k->extension;
	else
		config->extensions &= ~k->extension;
	return 0;
}

static int set_format(struct pool_config *config, const char *value, char *err, size_t err_size)
{
	for (unsigned i = 0; i < COUNT(format_names); i++)
		if (!strcmp(format_names[i], value)) {
			config->legacy_format = (enum pool_format)i;
			return 0;
		}
	snprintf(err, err_size, "policy format is f64 or f32, not %.40s", value);
	return -EINVAL;
}

static int set_one(struct pool_config *config, const char *key, const char *value, char *err, size_t err_size)
{
	for (size_t i = 0; i < COUNT(policy_numbers); i++)
		if (!strcmp(policy_numbers[i].name, key))
			return set_number(config, &policy_numbers[i], value, err, err_size);
	for (size_t i = 0; i < COUNT(policy_switches); i++)
		if (!strcmp(policy_switches[i].name, key))
			return set_switch(config, &policy_switches[i], value, err, err_size);
	if (!strcmp(key, "format"))
		return set_format(config, value, err, err_size);
	snprintf(err, err_size, "no policy '%.40s'; there are %s", key, policy_keys());
	return -EINVAL;
}

int policy_apply(struct pool_config *config, const char *text, char *err, size_t err_size)
{
	char *copy = strdup(text), *rest = copy, *word;
	int rc = copy ? 0 : -ENOMEM;

	while (!rc && (word = strsep(&rest, ","))) {
		char *eq = strchr(word, '=');

		if (!eq) {
			snprintf(err, err_size, "policy '%.40s' is not key=value", word);
			rc = -EINVAL;
			break;
		}
		*eq = 0;
		rc = set_one(config, word, eq + 1, err, err_size);
	}
	free(copy);
	return rc;
}
