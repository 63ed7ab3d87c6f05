/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poold's configuration: poold.conf(5) and the command line. Read once at start, constant afterwards. */
#ifndef SHADOWPOOL_POOLD_CONFIG_H
#define SHADOWPOOL_POOLD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"

#define POOLD_CONFIG_FILE	"/etc/shadowpool/poold.conf"
#define POOLD_EXIT_CONFIG	2	/* usage or configuration */

struct poold_config {
	/* keys of the file */
	char *attach_socket, *control_socket;
	int log_level;			/* enum log_level */
	int pool_pages;			/* ATTACH_PAGES_*: what a VM gets that asks for "auto" */
	uint64_t max_vm_pool;		/* bytes of pool that one VM may ask for */
	uint64_t max_vm_ram;		/* bytes of guest-physical space, which tracking memory is sized by */
	uint64_t max_vms;
	char *policy;			/* switches of the pools, see policy.h; NULL: the defaults */
	bool allow_inject;		/* test hooks that break things on purpose */
	/* command line only */
	char *trace;			/* file of the recorder, NULL: none */
	bool test_only;			/* -n */
	bool die_with_parent;
};

extern const struct conf_key poold_conf_keys[];

/*
 * Defaults, then the file, then the command line, which wins. Returns 0; -EINVAL with one line in err; 1 if --help or
 * --version were answered on stdout. An absent file is an error only if -c named it.
 */
int poold_config_load(struct poold_config *config, int argc, char **argv, char *err, size_t err_size);
void poold_config_free(struct poold_config *config);

#endif
