/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's configuration, see vm_conf.h. Values come from users: everything is checked here, once, for every program. */
#include "common/vm_conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "common/attach.h"
#include "common/shm_layout.h"

#define DEFAULT_MEM	(128ull << 20)
#define MIN_MEM		(1ull << 20)	/* a multiboot image is loaded at 1 MiB by custom; less holds nothing useful */

static const char *const page_sizes[] = {
	[ATTACH_PAGES_AUTO] = "auto", [ATTACH_PAGES_2M] = "2m", [ATTACH_PAGES_4K] = "4k", NULL
};
static const char *const audits[] = {
	[ATTACH_AUDIT_OFF] = "off", [ATTACH_AUDIT_CHEAP] = "cheap", [ATTACH_AUDIT_FULL] = "full", NULL
};

static const char *const interrupt_flags[] = {
	[VM_CONF_IF_AUTO] = "auto", [VM_CONF_IF_TRAP] = "trap", [VM_CONF_IF_NATIVE] = "native", NULL
};

static const char *const emulations[] = {
	[VM_CONF_EMULATE_TRAPS] = "traps", [VM_CONF_EMULATE_AHEAD] = "ahead", NULL
};

static const char *const times[] = { [VM_CONF_TIME_ON] = "on", [VM_CONF_TIME_OFF] = "off", NULL };

#define KEY(key, kind, member) .name = key, .type = kind, .offset = offsetof(struct vm_conf, member)

const struct conf_key vm_conf_keys[] = {
	{ KEY("image", CONF_STRING, image), .help = "Multiboot image or Linux bzImage to boot" },
	{ KEY("cmdline", CONF_STRING, cmdline), .help = "its command line" },
	{ KEY("module", CONF_STRING, module), .help = "files handed to it as multiboot modules, separated by ;" },
	{ KEY("initrd", CONF_STRING, initrd), .help = "initial RAM disk of a Linux kernel" },
	{ KEY("disk", CONF_STRING, disk), .help = "files that are its disks, master and slave, separated by ;" },
	{ KEY("mem", CONF_SIZE, mem), .min = MIN_MEM, .max = 1ull << 40, .help = "guest memory, default 128M" },
	{ KEY("vcpus", CONF_UINT, vcpus), .min = 1, .max = LINK_MAX_VCPUS, .help = "virtual processors, default 1" },
	{ KEY("pool", CONF_SIZE, pool), .min = 0, .max = 63ull << 30,
	  .help = "shadow page pool, 0 (default): poold decides" },
	{ KEY("pool-pages", CONF_ENUM, pool_pages), .values = page_sizes,
	  .help = "pages that the pool is made of: 2m, 4k, or auto" },
	{ KEY("audit", CONF_ENUM, audit), .values = audits, .help = "check the pool while it works: off, cheap, full" },
	{ KEY("if", CONF_ENUM, interrupt_flag), .values = interrupt_flags,
	  .help = "the guest's interrupt flag: the real one (native), by traps (trap), or as the host can (auto)" },
	{ KEY("emulate", CONF_ENUM, emulate), .values = emulations,
	  .help = "code that trapd emulates: what traps (traps), or also what the host would emulate more slowly (ahead)" },
	{ KEY("time", CONF_ENUM, time), .values = times, .help = "durations of the pool's operations in the statistics: on, off" },
	{ NULL },
};

bool vm_name_is_valid(const char *name)
{
	size_t n;

	for (n = 0; name[n]; n++) {
		bool letter = (name[n] >= 'a' && name[n] <= 'z') || (name[n] >= '0' && name[n] <= '9');

		if (n >= VM_NAME_MAX || (!letter && (name[n] != '-' || !n)))
			return false;
	}
	return n > 0;
}

int vm_conf_defaults(struct vm_conf *conf)
{
	*conf = (struct vm_conf){ .mem = DEFAULT_MEM, .vcpus = 1 };
	return 0;
}

static int list_add(char ***list, size_t *n, size_t max, const char *path)
{
	char **grown;

	if (*n >= max)
		return -E2BIG;
	grown = realloc(*list, (*n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[*n] = strdup(path);
	if (!grown[*n])
		return -ENOMEM;
	++*n;
	return 0;
}

int vm_conf_add_module(struct vm_conf *conf, const char *path)
{
	return list_add(&conf->modules, &conf->nmodules, VM_MODULES_MAX, path);
}

int vm_conf_add_disk(struct vm_conf *conf, const char *path)
{
	return list_add(&conf->disks, &conf->ndisks, VM_CONF_DISKS_MAX, path);
}

/* The paths of "a; b" without the blanks around them. */
static int cut_list(struct vm_conf *conf, const char *text, int (*add)(struct vm_conf *conf, const char *path))
{
	char *copy, *rest, *word;
	int rc = 0;

	if (!text)
		return 0;
	copy = rest = strdup(text);
	while (copy && !rc && (word = strsep(&rest, ";"))) {
		char *end;

		word += strspn(word, " \t");
		for (end = word + strlen(word); end > word && strchr(" \t", end[-1]); )
			*--end = 0;
		if (*word)
			rc = add(conf, word);
	}
	if (!copy)
		rc = -ENOMEM;
	free(copy);
	return rc;
}

static int cut_lists(struct vm_conf *conf, char *err, size_t err_size)
{
	int rc = cut_list(conf, conf->module, vm_conf_add_module);

	if (rc) {
		snprintf(err, err_size, rc == -E2BIG ? "module: more than %u files" : "out of memory", VM_MODULES_MAX);
		return rc;
	}
	rc = cut_list(conf, conf->disk, vm_conf_add_disk);
	if (rc)
		snprintf(err, err_size, rc == -E2BIG ? "disk: more than %u files" : "out of memory", VM_CONF_DISKS_MAX);
	return rc;
}

int vm_conf_check(struct vm_conf *conf, char *err, size_t err_size)
{
	struct sysinfo si;
	uint64_t have;

	if (!conf->image || !*conf->image) {
		snprintf(err, err_size, "no image is named; set image to the path of a Multiboot image or a Linux bzImage");
		return -EINVAL;
	}
	if (conf->mem < MIN_MEM || conf->mem & 4095) {
		snprintf(err, err_size,
			 "mem = %" PRIu64 " bytes is too little or no whole number of 4 KiB pages; give 1M or more",
			 conf->mem);
		return -EINVAL;
	}
	if (!conf->vcpus || conf->vcpus > LINK_MAX_VCPUS) {
		snprintf(err, err_size, "vcpus = %" PRIu64 " is not possible; give 1 to %u", conf->vcpus, LINK_MAX_VCPUS);
		return -EINVAL;
	}
	if (!sysinfo(&si)) {
		have = (uint64_t)si.totalram * si.mem_unit;
		if (conf->mem > have) {
			snprintf(err, err_size,
				 "mem = %" PRIu64 "M is more than this machine has (%" PRIu64 "M); give less",
				 conf->mem >> 20, have >> 20);
			return -EINVAL;
		}
	}
	return cut_lists(conf, err, err_size);
}

int vm_conf_read(struct vm_conf *conf, const char *path, char *err, size_t err_size)
{
	char why[384];
	int rc = conf_read(vm_conf_keys, conf, path, err, err_size);

	if (rc)
		return rc;
	rc = vm_conf_check(conf, why, sizeof(why));
	if (rc)
		snprintf(err, err_size, "%s: %s", path, why);
	return rc;
}

void vm_conf_free(struct vm_conf *conf)
{
	size_t i;

	for (i = 0; i < conf->nmodules; i++)
		free(conf->modules[i]);
	free(conf->modules);
	for (i = 0; i < conf->ndisks; i++)
		free(conf->disks[i]);
	free(conf->disks);
	conf_free(vm_conf_keys, conf);
	*conf = (struct vm_conf){ 0 };
}
