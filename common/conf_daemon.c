/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command lines of both daemons do with configuration keys. Main thread, at start-up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"

int conf_set_pair(const struct conf_key *keys, void *config, const char *pair, char *err, size_t err_size)
{
	const char *eq = strchr(pair, '=');
	char key[64];

	if (!eq || (size_t)(eq - pair) >= sizeof(key)) {
		snprintf(err, err_size, "-o %s: KEY=VALUE expected", pair);
		return -EINVAL;
	}
	memcpy(key, pair, (size_t)(eq - pair));
	key[eq - pair] = 0;
	return conf_set(keys, config, key, eq + 1, err, err_size);
}

int conf_replace(char **where, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*where);
	*where = copy;
	return 0;
}

int conf_replace_path(char **where, const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	free(*where);
	*where = path;
	return 0;
}

void conf_print_keys(const struct conf_key *keys)
{
	for (; keys->name; keys++)
		printf("  %-16s %s\n", keys->name, keys->help);
}
