/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key table and command line of poold. Runs in main() before anything else; opens the configuration file and nothing
 * more.
 */
#include "poold/serve/config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attach.h"
#include "common/log.h"
#include "poold/trace/policy.h"
#include <config.h>

static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };
static const char *const page_sizes[] = { "auto", "2m", "4k", NULL };	/* ATTACH_PAGES_* */

#define KEY(key, kind, member) .name = key, .type = kind, .offset = offsetof(struct poold_config, member)

const struct conf_key poold_conf_keys[] = {
	{ KEY("attach-socket", CONF_STRING, attach_socket), .help = "socket on which trapd attaches VMs" },
	{ KEY("control-socket", CONF_STRING, control_socket), .help = "socket for shadowctl" },
	{ KEY("log-level", CONF_ENUM, log_level), .values = log_levels, .help = "error, warning, info or debug" },
	{ KEY("pool-pages", CONF_ENUM, pool_pages), .values = page_sizes,
	  .help = "pages where the VM leaves the choice to poold: 2m, 4k, or auto (4k when there are too few of 2m)" },
	{ KEY("max-vm-pool", CONF_SIZE, max_vm_pool), .min = 2ull << 20, .max = 63ull << 30,
	  .help = "largest pool of one VM" },
	{ KEY("max-vm-ram", CONF_SIZE, max_vm_ram), .min = 1ull << 20, .max = 1ull << 40,
	  .help = "largest guest-physical address space of one VM" },
	{ KEY("max-vms", CONF_UINT, max_vms), .min = 1, .max = 4096, .help = "VMs attached at one time" },
	{ KEY("policy", CONF_STRING, policy), .help = "switches of the pools: KEY=VALUE,..., as shadowctl replay takes them" },
	{ KEY("allow-inject", CONF_BOOL, allow_inject),
	  .help = "allow test hooks that break shadow tables on purpose" },
	{ NULL },
};

enum { OPT_RUNTIME_DIR = 256, OPT_TRACE, OPT_DIE_WITH_PARENT, OPT_ALLOW_INJECT, OPT_VERSION };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "test", no_argument, NULL, 'n' },
	{ "option", required_argument, NULL, 'o' },
	{ "runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "die-with-parent", no_argument, NULL, OPT_DIE_WITH_PARENT },
	{ "allow-inject", no_argument, NULL, OPT_ALLOW_INJECT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL },
};

static const char usage[] =
	"usage: poold [-n] [-c FILE] [-o KEY=VALUE]... [--runtime-dir DIR] [--die-with-parent] [--trace FILE]\n"
	"  -c, --config FILE    configuration, default " POOLD_CONFIG_FILE "\n"
	"  -n, --test           test the configuration only: exit code 0 or 2\n"
	"  -o, --option K=V     set a key of the configuration\n"
	"      --runtime-dir D  embedded use: sockets D/poold-attach.sock and D/poold-control.sock,\n"
	"                       no configuration file, pool-pages = auto\n"
	"      --die-with-parent  end when the process that started this one ends\n"
	"      --allow-inject   the same as -o allow-inject=yes\n"
	"      --trace FILE     trace the calls of one VM at a time, for shadowctl replay\n"
	"keys:\n";

static void print_help(void)
{
	fputs(usage, stdout);
	conf_print_keys(poold_conf_keys);
}

/* Command-line settings wait until the file has been read, so that they win. */
struct arguments {
	const char *file, *runtime_dir;
};

static int set_defaults(struct poold_config *c)
{
	*c = (struct poold_config){
		.log_level = LOG_LEVEL_INFO, .pool_pages = ATTACH_PAGES_2M, .max_vm_pool = 4ull << 30,
		.max_vm_ram = 256ull << 30, .max_vms = 64,
	};
	if (conf_replace(&c->attach_socket, "/run/shadowpool/link/attach.sock") ||
	    conf_replace(&c->control_socket, "/run/shadowpool/poold/control.sock"))
		return -ENOMEM;
	return 0;
}

/* First pass (file NULL-able): what decides which file is read. Second pass: the settings. 1: answered on stdout. */
static int scan_arguments(struct poold_config *c, int argc, char **argv, struct arguments *a, bool settings, char *err,
			  size_t err_size)
{
	int opt, rc = 0;

	optind = 1;
	opterr = 0;
	while (!rc && (opt = getopt_long(argc, argv, ":c:no:h", options, NULL)) != -1) {
		if (opt == 'c')
			a->file = optarg;
		else if (opt == 'n')
			c->test_only = true;
		else if (opt == 'o' && settings)
			rc = conf_set_pair(poold_conf_keys, c, optarg, err, err_size);
		else if (opt == OPT_RUNTIME_DIR)
			a->runtime_dir = optarg;
		else if (opt == OPT_TRACE)
			rc = conf_replace(&c->trace, optarg);
		else if (opt == OPT_DIE_WITH_PARENT)
			c->die_with_parent = true;
		else if (opt == OPT_ALLOW_INJECT)
			c->allow_inject = true;
		else if (opt == 'h' || opt == OPT_VERSION) {
			if (opt == 'h')
				print_help();
			else
				puts("poold " PACKAGE_VERSION);
			return 1;
		} else if (opt == '?' || opt == ':') {
			snprintf(err, err_size, "%s: %s; see poold --help", argv[optind - 1],
				 opt == '?' ? "unknown option" : "needs a value");
			return -EINVAL;
		}
	}
	if (!rc && optind < argc) {
		snprintf(err, err_size, "%s: no arguments are expected; see poold --help", argv[optind]);
		return -EINVAL;
	}
	return rc;
}

static int apply_runtime_dir(struct poold_config *c, const char *dir)
{
	c->pool_pages = ATTACH_PAGES_AUTO;
	if (conf_replace_path(&c->attach_socket, dir, "poold-attach.sock"))
		return -ENOMEM;
	return conf_replace_path(&c->control_socket, dir, "poold-control.sock");
}

static int check_policy(const struct poold_config *c, char *err, size_t err_size)
{
	struct pool_config pool = { 0 };
	int rc = c->policy ? policy_apply(&pool, c->policy, err, err_size) : 0;

	if (!rc && pool.legacy_format != POOL_F64) {
		snprintf(err, err_size, "policy format=f32 is for shadowctl replay: no CPU walks such tables in long mode");
		rc = -EINVAL;
	}
	return rc;
}

int poold_config_load(struct poold_config *config, int argc, char **argv, char *err, size_t err_size)
{
	struct arguments a = { 0 };
	int rc;

	if (err_size)
		err[0] = 0;
	rc = set_defaults(config);
	if (!rc)
		rc = scan_arguments(config, argc, argv, &a, false, err, err_size);
	if (rc)
		return rc;
	if (a.runtime_dir) {
		rc = apply_runtime_dir(config, a.runtime_dir);
		if (rc)
			return rc;
	}
	if (a.file || !a.runtime_dir) {
		rc = conf_read(poold_conf_keys, config, a.file ? a.file : POOLD_CONFIG_FILE, err, err_size);
		if (rc == -ENOENT && !a.file)
			rc = 0;
		if (rc)
			return rc;
	}
	rc = scan_arguments(config, argc, argv, &a, true, err, err_size);
	return rc ? rc : check_policy(config, err, err_size);
}

void poold_config_free(struct poold_config *config)
{
	conf_free(poold_conf_keys, config);
	free(config->trace);
}
