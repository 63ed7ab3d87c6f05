/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM consists of, as a user says it: vm.d/NAME.conf, `shadowctl start --config`, the options of `shadowctl run`.
 * One table of keys for all of them. Runs in trapd's main thread and in shadowctl.
 */
#ifndef SHADOWPOOL_COMMON_VM_CONF_H
#define SHADOWPOOL_COMMON_VM_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"

#define VM_NAME_MAX	32u
#define VM_MODULES_MAX	16u
#define VM_CONF_DISKS_MAX	2u

/* How the guest's interrupt flag is virtualised. */
enum { VM_CONF_IF_AUTO, VM_CONF_IF_TRAP, VM_CONF_IF_NATIVE };

/* Which of the guest's code trapd emulates: what traps and what follows closely, or all that the host would emulate itself. */
enum { VM_CONF_EMULATE_TRAPS, VM_CONF_EMULATE_AHEAD };

/* Are the operations of the pool and the requests to it timed? */
enum { VM_CONF_TIME_ON, VM_CONF_TIME_OFF };

struct vm_conf {
	char *image, *cmdline;
	char *module;			/* PATH or PATH,ARGS, separated by ';' */
	char *initrd;
	char *disk;			/* paths, separated by ';' */
	uint64_t mem;			/* bytes, a multiple of 4 KiB */
	uint64_t pool;			/* bytes, 0: poold decides by mem */
	uint64_t vcpus;			/* 1 to LINK_MAX_VCPUS */
	int pool_pages;			/* ATTACH_PAGES_* */
	int audit;			/* ATTACH_AUDIT_* */
	int interrupt_flag;		/* VM_CONF_IF_* */
	int emulate;			/* VM_CONF_EMULATE_* */
	int time;			/* VM_CONF_TIME_* */
	uint64_t poison;		/* no key: a test hook */
	char **modules;			/* cut out of module by vm_conf_check(), or from vm_conf_add_module() */
	size_t nmodules;
	char **disks;			/* likewise */
	size_t ndisks;
};

extern const struct conf_key vm_conf_keys[];

/* A VM's name: [a-z0-9][a-z0-9-]{0,31}. */
bool vm_name_is_valid(const char *name);

/* Every value its default; nothing before this call is freed. 0, -ENOMEM. */
int vm_conf_defaults(struct vm_conf *conf);
/* Read a file over the values there are and check the whole. 0, -ENOENT, or another -errno with one line in err. */
int vm_conf_read(struct vm_conf *conf, const char *path, char *err, size_t err_size);
/* 0, -ENOMEM, -E2BIG. */
int vm_conf_add_module(struct vm_conf *conf, const char *path);
int vm_conf_add_disk(struct vm_conf *conf, const char *path);
/*
 * What the keys alone cannot say: an image is named, memory in whole pages and no more than the machine has, modules
 * and disks cut.
 * 0, -EINVAL, -ENOMEM; err gets one line with the remedy.
 */
int vm_conf_check(struct vm_conf *conf, char *err, size_t err_size);
void vm_conf_free(struct vm_conf *conf);

#endif
