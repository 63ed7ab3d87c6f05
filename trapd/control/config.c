/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and command line of trapd. Runs in main() before anything else; opens configuration files and nothing more. */
#include "trapd/control/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/vm_conf.h"

#define KEY(key, kind, member) .name = key, .type = kind, .offset = offsetof(struct trapd_config, member)

static const struct conf_key trapd_conf_keys[] = {
	{ KEY("control-socket", CONF_STRING, control_socket), .help = "socket for shadowctl" },
	{ KEY("attach-socket", CONF_STRING, attach_socket), .help = "poold's socket, on which VMs are attached" },
	{ KEY("vm-dir", CONF_STRING, vm_dir), .help = "folder with NAME.conf of each VM" },
	{ KEY("log-level", CONF_ENUM, log_level), .values = log_level_names, .help = "error, warning, info or debug" },
	{ KEY("max-vms", CONF_UINT, max_vms), .min = 1, .max = 4096, .help = "VMs that run at one time" },
	{ KEY("allow-inject", CONF_BOOL, allow_inject),
	  .help = "allow test hooks that break shadow tables on purpose" },
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

static int take_console_in(void *config, const char *value, char *err, size_t err_size)
{
	struct trapd_config *c = config;

	return set_descriptor(&c->console_in, value, err, err_size);
}

static int take_console_out(void *config, const char *value, char *err, size_t err_size)
{
	struct trapd_config *c = config;

	return set_descriptor(&c->console_out, value, err, err_size);
}

static const struct daemon_option own_options[] = {
	{ "console-in", true, take_console_in }, { "console-out", true, take_console_out }, { NULL },
};

static int set_defaults(void *config)
{
	struct trapd_config *c = config;

	*c = (struct trapd_config){ .log_level = LOG_LEVEL_INFO, .max_vms = 64, .console_in = -1, .console_out = -1 };
	if (conf_replace(&c->control_socket, "/run/shadowpool/trapd/control.sock") ||
	    conf_replace(&c->attach_socket, "/run/shadowpool/link/attach.sock") ||
	    conf_replace(&c->vm_dir, "/etc/shadowpool/vm.d"))
		return -ENOMEM;
	return 0;
}

static int set_runtime_dir(void *config, const char *dir)
{
	struct trapd_config *c = config;

	c->embedded = true;
	if (conf_replace_path(&c->control_socket, dir, "trapd-control.sock") ||
	    conf_replace_path(&c->attach_socket, dir, "poold-attach.sock"))
		return -ENOMEM;
	return 0;
}

const struct daemon_options trapd_options = {
	.program = "trapd", .usage = usage, .file = TRAPD_CONFIG_FILE, .keys = trapd_conf_keys,
	.log_level = offsetof(struct trapd_config, log_level), .own = own_options,
	.set_defaults = set_defaults, .set_runtime_dir = set_runtime_dir,
};

void trapd_config_free(void *config)
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

int trapd_config_test_vms(const void *config, char *err, size_t err_size)
{
	const char *vm_dir = ((const struct trapd_config *)config)->vm_dir;
	DIR *d = opendir(vm_dir);
	struct dirent *e;
	int rc = 0;

	while (d && !rc && (e = readdir(d))) {
		struct vm_conf conf;
		char path[4096];

		if (!is_vm_file(e->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", vm_dir, e->d_name);
		rc = vm_conf_defaults(&conf);
		if (!rc)
			rc = vm_conf_read(&conf, path, err, err_size);
		vm_conf_free(&conf);
	}
	if (d)
		closedir(d);
	return rc ? -EINVAL : 0;
}
