/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poold's configuration: poold.conf(5) and the command line. Read once at start, constant afterwards. */
#ifndef SHADOWPOOL_POOLD_CONFIG_H
#define SHADOWPOOL_POOLD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/daemon_options.h"

#define POOLD_CONFIG_FILE	"/etc/shadowpool/poold.conf"

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
	bool die_with_parent;
};

/* The keys, the options of the command line and the defaults; what they set is a struct poold_config. */
extern const struct daemon_options poold_options;
/* config: a struct poold_config, of which everything is freed but the struct itself. */
void poold_config_free(void *config);

#endif
