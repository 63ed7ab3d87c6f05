/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and command line of trapd. Runs in main() before anything else; opens configuration files and nothing more. */
#include "trapd/config.h"

#include <config.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/vm_conf.h"

static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };

#define KEY(key, kind, member) .name = key, .type = kind, .offset = offsetof(struct trapd_config, member)

const struct conf_key trapd_conf_keys[] = {
	{ KEY("control-socket", CONF_STRING, control_socket), .help = "socket for shadowctl" },
	{ KEY("attach-socket", CONF_STRING, attach_socket), .help = "poold's socket, on which VMs are attached" },
	{ KEY("vm-dir", CONF_STRING, vm_dir), .help = "folder with NAME.conf of each VM" },
	{ KEY("log-level", CONF_ENUM, log_level), .values = log_levels, .help = "error, warning, info or debug" },
	{ KEY("max-vms", CONF_UINT, max_vms), .min = 1, .max = 4096, .help = "VMs that run at one time" },
	{ KEY("allow-inject", CONF_BOOL, allow_inject),
	  .help = "allow test hooks that break shadow tables on purpose" },
	{ NULL },
};

enum { OPT_RUNTIME_DIR = 256, OPT_CONSOLE_IN, OPT_CONSOLE_OUT, OPT_ALLOW_INJECT, OPT_VERSION };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "test", no_argument, NULL, 'n' },
	{ "option", required_argument, NULL, 'o' },
	{ "runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR },
	{ "console-in", required_argument, NULL, OPT_CONSOLE_IN },
	{ "console-out", required_argument, NULL, OPT_CONSOLE_OUT },
	{ "allow-inject", no_argument, NULL, OPT_ALLOW_INJECT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL },
};

static const char usage[] =
	"usage: trapd [-n] [-c FILE] [-o KEY=VALUE]... [--runtime-dir DIR] [--console-in FD] [--console-out FD]\n"
	"  -c, --config FILE    configuration, default " TRAPD_CONFIG_FILE "\n"
	"  -n, --test           test the configuration and those of all VMs only: exit code 0 or 2\n"
	"  -o, --option K=V     set a key of the configuration\n"
	"      --runtime-dir D  embedded use: sockets D/trapd-control.sock and D/poold-attach.sock,\n"
	"                       no configuration file\n"
	"      --console-in FD  inherited descriptor that the first VM's serial line reads from\n"
	"      --console-out FD inherited descriptor that the first VM's serial line writes to\n"
	"      --allow-inject   the same as -o allow-inject=yes\n"
	"keys:\n";

/* What decides about the file, found before it is read; the settings win over it and are applied after it. */
struct arguments {
	const char *file, *runtime_dir;
	bool settings;
};

static void print_help(void)
{
	fputs(usage, stdout);
	conf_print_keys(trapd_conf_keys);
}

static int set_descriptor(int *where, const char *text, char *err, size_t err_size)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 0 || n > 1 << 20) {
		snprintf(err, err_size, "not the number of a descriptor: %s", text);
		return -EINVAL;
	}
	*where = (int)n;
	return 0;
}

/* 0, 1: answered on stdout, -EINVAL. */
static int take_option(struct trapd_config *c, struct arguments *a, int opt, char *err, size_t err_size)
{
	switch (opt) {
	case 'c':
		a->file = optarg;
		return 0;
	case 'n':
		c->test_only = true;
		return 0;
	case 'o':
		return a->settings ? conf_set_pair(trapd_conf_keys, c, optarg, err, err_size) : 0;
	case OPT_RUNTIME_DIR:
		a->runtime_dir = optarg;
		return 0;
	case OPT_CONSOLE_IN:
		return set_descriptor(&c->console_in, optarg, err, err_size);
	case OPT_CONSOLE_OUT:
		return set_descriptor(&c->console_out, optarg, err, err_size);
	case OPT_ALLOW_INJECT:
		c->allow_inject = true;
		return 0;
	case 'h':
		print_help();
		return 1;
	case OPT_VERSION:
		puts("trapd " PACKAGE_VERSION);
		return 1;
	default:
		return -EINVAL;
	}
}

static int scan_arguments(struct trapd_config *c, int argc, char **argv, struct arguments *a, char *err,
			  size_t err_size)
{
	int opt, rc = 0;

	optind = 0;
	opterr = 0;
	while (!rc && (opt = getopt_long(argc, argv, ":c:no:h", options, NULL)) != -1) {
		if (opt == '?' || opt == ':') {
			snprintf(err, err_size, "%s: %s; see trapd --help", argv[optind - 1],
				 opt == '?' ? "unknown option" : "needs a value");
			return -EINVAL;
		}
		rc = take_option(c, a, opt, err, err_size);
	}
	if (!rc && optind < argc) {
		snprintf(err, err_size, "%s: no arguments are expected; see trapd --help", argv[optind]);
		return -EINVAL;
	}
	return rc;
}

static int set_defaults(struct trapd_config *c)
{
	*c = (struct trapd_config){ .log_level = LOG_LEVEL_INFO, .max_vms = 64, .console_in = -1, .console_out = -1 };
	if (conf_replace(&c->control_socket, "/run/shadowpool/trapd/control.sock") ||
	    conf_replace(&c->attach_socket, "/run/shadowpool/link/attach.sock") ||
	    conf_replace(&c->vm_dir, "/etc/shadowpool/vm.d"))
		return -ENOMEM;
	return 0;
}

static int read_file(struct trapd_config *c, const struct arguments *a, char *err, size_t err_size)
{
	int rc;

	if (a->runtime_dir) {
		c->embedded = true;
		if (conf_replace_path(&c->control_socket, a->runtime_dir, "trapd-control.sock") ||
		    conf_replace_path(&c->attach_socket, a->runtime_dir, "poold-attach.sock"))
			return -ENOMEM;
		if (!a->file)
			return 0;
	}
	rc = conf_read(trapd_conf_keys, c, a->file ? a->file : TRAPD_CONFIG_FILE, err, err_size);
	return rc == -ENOENT && !a->file ? 0 : rc;
}

int trapd_config_load(struct trapd_config *config, int argc, char **argv, char *err, size_t err_size)
{
	struct arguments a = { 0 };
	int rc;

	snprintf(err, err_size, "out of memory");
	rc = set_defaults(config);
	if (!rc)
		rc = scan_arguments(config, argc, argv, &a, err, err_size);
	if (!rc)
		rc = read_file(config, &a, err, err_size);
	a.settings = true;
	return rc ? rc : scan_arguments(config, argc, argv, &a, err, err_size);
}

void trapd_config_free(struct trapd_config *config)
{
	conf_free(trapd_conf_keys, config);
}

/* "NAME.conf" with a valid name; other files are none of ours (NAME.conf.dpkg-old). */
static bool is_vm_file(const char *file)
{
	char name[VM_NAME_MAX + 1];
	size_t n = strlen(file), suffix = strlen(".conf");

	if (n <= suffix || n - suffix > VM_NAME_MAX || strcmp(file + n - suffix, ".conf"))
		return false;
	memcpy(name, file, n - suffix);
	name[n - suffix] = 0;
	return vm_name_is_valid(name);
}

int trapd_config_test_vms(const struct trapd_config *config, char *err, size_t err_size)
{
	DIR *d = opendir(config->vm_dir);
	struct dirent *e;
	int rc = 0;

	while (d && !rc && (e = readdir(d))) {
		struct vm_conf conf;
		char path[4096];

		if (!is_vm_file(e->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", config->vm_dir, e->d_name);
		rc = vm_conf_defaults(&conf);
		if (!rc)
			rc = vm_conf_read(&conf, path, err, err_size);
		vm_conf_free(&conf);
	}
	if (d)
		closedir(d);
	return rc ? -EINVAL : 0;
}
