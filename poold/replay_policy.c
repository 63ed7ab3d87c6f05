/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switches of a pool that a replay may set otherwise, as tables. Pure; what they may be the library checks. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "poold/replay.h"

static const struct policy_key {
	const char *name;
	size_t offset;			/* of a uint32_t in struct pool_config */
} policy_keys[] = {
	{ "prefetch", offsetof(struct pool_config, prefetch) },
	{ "cached-roots", offsetof(struct pool_config, cached_roots) },
	{ "hot-limit", offsetof(struct pool_config, hot_limit) },
	{ "users", offsetof(struct pool_config, max_users) },
	{ "extents", offsetof(struct pool_config, max_extents) },
	{ "rmap-nodes", offsetof(struct pool_config, rmap_nodes_per_gfn) },
	{ "unsync", offsetof(struct pool_config, unsync_tables) },
};

/* Keys whose value is one of a few words. */
static void set_cache(struct pool_config *config, unsigned word)
{
	config->cache_off = word;
}

static void set_format(struct pool_config *config, unsigned word)
{
	config->legacy_format = word ? POOL_F32 : POOL_F64;
}

static const struct policy_word {
	const char *name, *values[2];
	void (*set)(struct pool_config *config, unsigned word);
} policy_words[] = {
	{ "cache", { "on", "off" }, set_cache },
	{ "format", { "f64", "f32" }, set_format },
};

const char *replay_policy_keys(void)
{
	return "prefetch cached-roots hot-limit users extents rmap-nodes unsync (numbers), cache (on, off), "
	       "format (f64, f32)";
}

static int set_number(struct pool_config *config, const struct policy_key *k, const char *value, char *err,
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

static int set_word(struct pool_config *config, const struct policy_word *k, const char *value, char *err,
		    size_t err_size)
{
	for (unsigned i = 0; i < 2; i++)
		if (!strcmp(k->values[i], value)) {
			k->set(config, i);
			return 0;
		}
	snprintf(err, err_size, "policy %s is %s or %s, not %.40s", k->name, k->values[0], k->values[1], value);
	return -EINVAL;
}

static int set_one(struct pool_config *config, const char *key, const char *value, char *err, size_t err_size)
{
	for (size_t i = 0; i < sizeof(policy_keys) / sizeof(policy_keys[0]); i++)
		if (!strcmp(policy_keys[i].name, key))
			return set_number(config, &policy_keys[i], value, err, err_size);
	for (size_t i = 0; i < sizeof(policy_words) / sizeof(policy_words[0]); i++)
		if (!strcmp(policy_words[i].name, key))
			return set_word(config, &policy_words[i], value, err, err_size);
	snprintf(err, err_size, "no policy '%.40s'; there are %s", key, replay_policy_keys());
	return -EINVAL;
}

int replay_policy(struct pool_config *config, const char *text, char *err, size_t err_size)
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
