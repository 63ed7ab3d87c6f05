/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See daemon_options.h. The command line is read twice: what decides which file is read must be known before, and what sets
 * keys comes after it. Main thread.
 */
#include "common/daemon_options.h"

#include <config.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_RUNTIME_DIR = 256, OPTION_ALLOW_INJECT, OPTION_VERSION, OPTION_OWN };

static const struct option common_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "test", no_argument, NULL, 'n' },
	{ "option", required_argument, NULL, 'o' },
	{ "runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR },
	{ "allow-inject", no_argument, NULL, OPTION_ALLOW_INJECT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPTION_VERSION },
};

#define COMMON_OPTIONS	(sizeof(common_options) / sizeof(common_options[0]))

struct arguments {
	const struct daemon_options *o;
	void *config;
	const char *file, *runtime_dir;
	bool test_only, settings;	/* settings: the second time */
};

static void list_options(const struct daemon_options *o, struct option all[COMMON_OPTIONS + DAEMON_OPTIONS_OWN + 1])
{
	size_t n = COMMON_OPTIONS;

	memcpy(all, common_options, sizeof(common_options));
	for (size_t i = 0; o->own && o->own[i].name && i < DAEMON_OPTIONS_OWN; i++)
		all[n++] = (struct option){ .name = o->own[i].name, .val = OPTION_OWN + (int)i,
					    .has_arg = o->own[i].has_value ? required_argument : no_argument };
	all[n] = (struct option){ 0 };
}

static void print_help(const struct daemon_options *o)
{
	fputs(o->usage, stdout);
	conf_print_keys(o->keys);
}

/* 0, 1: answered on stdout, -errno. */
static int take_option(struct arguments *a, int option, char *err, size_t err_size)
{
	switch (option) {
	case 'c':
		a->file = optarg;
		return 0;
	case 'n':
		a->test_only = true;
		return 0;
	case 'o':
		return a->settings ? conf_set_pair(a->o->keys, a->config, optarg, err, err_size) : 0;
	case OPTION_RUNTIME_DIR:
		a->runtime_dir = optarg;
		return 0;
	case OPTION_ALLOW_INJECT:
		return conf_set(a->o->keys, a->config, "allow-inject", "yes", err, err_size);
	case 'h':
		print_help(a->o);
		return 1;
	case OPTION_VERSION:
		printf("%s " PACKAGE_VERSION "\n", a->o->program);
		return 1;
	default:
		return a->o->own[option - OPTION_OWN].take(a->config, optarg, err, err_size);
	}
}

static int scan_arguments(struct arguments *a, int argc, char **argv, char *err, size_t err_size)
{
	struct option all[COMMON_OPTIONS + DAEMON_OPTIONS_OWN + 1];
	int option, rc = 0;

	list_options(a->o, all);
	optind = 0;
	opterr = 0;
	while (!rc && (option = getopt_long(argc, argv, ":c:no:h", all, NULL)) != -1) {
		if (option == '?' || option == ':') {
			snprintf(err, err_size, "%s: %s; see %s --help", argv[optind - 1],
				 option == '?' ? "unknown option" : "needs a value", a->o->program);
			return -EINVAL;
		}
		rc = take_option(a, option, err, err_size);
	}
	if (!rc && optind < argc) {
		snprintf(err, err_size, "%s: no arguments are expected; see %s --help", argv[optind], a->o->program);
		return -EINVAL;
	}
	return rc;
}

static int read_file(const struct arguments *a, char *err, size_t err_size)
{
	int rc;

	if (a->runtime_dir) {
		rc = a->o->set_runtime_dir(a->config, a->runtime_dir);
		if (rc || !a->file)
			return rc;
	}
	rc = conf_read(a->o->keys, a->config, a->file ? a->file : a->o->file, err, err_size);
	return rc == -ENOENT && !a->file ? 0 : rc;
}

int daemon_options_load(const struct daemon_options *o, void *config, int argc, char **argv, bool *test_only, char *err,
			size_t err_size)
{
	struct arguments a = { .o = o, .config = config };
	int rc;

	snprintf(err, err_size, "out of memory");
	rc = o->set_defaults(config);
	if (!rc)
		rc = scan_arguments(&a, argc, argv, err, err_size);
	if (!rc)
		rc = read_file(&a, err, err_size);
	a.settings = true;
	if (!rc)
		rc = scan_arguments(&a, argc, argv, err, err_size);
	*test_only = a.test_only;
	return rc || !o->check ? rc : o->check(config, err, err_size);
}
