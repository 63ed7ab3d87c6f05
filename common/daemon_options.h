/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command line and configuration file of a daemon: what trapd and poold have in common is here, what one of them has more is
 * in its table. Main thread, in main() before anything else; opens the configuration file and nothing more.
 */
#ifndef SHADOWPOOL_COMMON_DAEMON_OPTIONS_H
#define SHADOWPOOL_COMMON_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conf.h"

/* --NAME, or --NAME VALUE. */
struct daemon_option {
	const char *name;
	bool has_value;
	/* value: NULL if it has none. 0, or -errno with one line in err. It is called twice, before and after the file is read. */
	int (*take)(void *config, const char *value, char *err, size_t err_size);
};

/*
 * Beside the options of own: -c FILE, -n, -o KEY=VALUE, --runtime-dir DIR, --allow-inject (short for that key), --help,
 * --version.
 */
struct daemon_options {
	const char *program;			/* "trapd" */
	const char *usage;			/* of --help, up to the list of keys */
	const char *file;			/* is read if neither -c nor --runtime-dir is given; need not exist */
	const struct conf_key *keys;		/* log-level and allow-inject are among them */
	size_t log_level;			/* offset of what log-level sets */
	const struct daemon_option *own;	/* at most DAEMON_OPTIONS_OWN, ends with a NULL name */
	/* Both 0 or -ENOMEM. The runtime directory is set before a file of -c is read. */
	int (*set_defaults)(void *config);
	int (*set_runtime_dir)(void *config, const char *dir);
	/* Of all together, at the end: 0, or -errno with one line in err. NULL: nothing. */
	int (*check)(const void *config, char *err, size_t err_size);
};

#define DAEMON_OPTIONS_OWN	8u

/*
 * Defaults, then the file, then the command line, which wins. config: the daemon's own struct, all zero; what is in it
 * afterwards is the caller's to free, whatever the result. Returns 0, and whether -n was given in *test_only; -errno with
 * one line in err; 1 if --help or --version were answered on stdout. An absent file is an error only if -c named it.
 */
int daemon_options_load(const struct daemon_options *o, void *config, int argc, char **argv, bool *test_only, char *err,
			size_t err_size);

#endif
