/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key table and command line of poold. Runs in main() before anything else; opens the configuration file and nothing
 * more.
 */
#include "poold/serve/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attach.h"
#include "common/log.h"
#include "poold/trace/policy.h"

static const char *const page_sizes[] = { "auto", "2m", "4k", NULL };	/* ATTACH_PAGES_* */

#define KEY(key, kind, member) .name = key, .type = kind, .offset = offsetof(struct poold_config, member)

static const struct conf_key poold_conf_keys[] = {
	{ KEY("attach-socket", CONF_STRING, attach_socket), .help = "socket on which trapd attaches VMs" },
	{ KEY("control-socket", CONF_STRING, control_socket), .help = "socket for shadowctl" },
	{ KEY("log-level", CONF_ENUM, log_level), .values = log_level_names, .help = "error, warning, info or debug" },
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

static int take_trace(void *config, const char *value, char *err, size_t err_size)
{
	struct poold_config *c = config;

	return conf_replace(&c->trace, value);
}

static int take_die_with_parent(void *config, const char *value, char *err, size_t err_size)
{
	struct poold_config *c = config;

	c->die_with_parent = true;
	return 0;
}

static const struct daemon_option own_options[] = {
	{ "trace", true, take_trace }, { "die-with-parent", false, take_die_with_parent }, { NULL },
};

static int set_defaults(void *config)
{
	struct poold_config *c = config;

	*c = (struct poold_config){
		.log_level = LOG_LEVEL_INFO, .pool_pages = ATTACH_PAGES_2M, .max_vm_pool = 4ull << 30,
		.max_vm_ram = 256ull << 30, .max_vms = 64,
	};
	if (conf_replace(&c->attach_socket, "/run/shadowpool/link/attach.sock") ||
	    conf_replace(&c->control_socket, "/run/shadowpool/poold/control.sock"))
		return -ENOMEM;
	return 0;
}

static int set_runtime_dir(void *config, const char *dir)
{
	struct poold_config *c = config;

	c->pool_pages = ATTACH_PAGES_AUTO;
	if (conf_replace_path(&c->attach_socket, dir, "poold-attach.sock"))
		return -ENOMEM;
	return conf_replace_path(&c->control_socket, dir, "poold-control.sock");
}

static int check_policy(const void *config, char *err, size_t err_size)
{
	const struct poold_config *c = config;
	struct pool_config pool = { 0 };
	int rc = c->policy ? policy_apply(&pool, c->policy, err, err_size) : 0;

	if (!rc && pool.legacy_format != POOL_F64) {
		snprintf(err, err_size, "policy format=f32 is for shadowctl replay: no CPU walks such tables in long mode");
		rc = -EINVAL;
	}
	return rc;
}

const struct daemon_options poold_options = {
	.program = "poold", .usage = usage, .file = POOLD_CONFIG_FILE, .keys = poold_conf_keys,
	.log_level = offsetof(struct poold_config, log_level), .own = own_options,
	.set_defaults = set_defaults, .set_runtime_dir = set_runtime_dir, .check = check_policy,
};

void poold_config_free(void *config)
{
	struct poold_config *c = config;

	conf_free(poold_conf_keys, c);
	free(c->trace);
}
