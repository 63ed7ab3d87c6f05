/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trapd's configuration: trapd.conf(5) and the command line. Read once at start, constant afterwards. */
#ifndef SHADOWPOOL_TRAPD_CONFIG_H
#define SHADOWPOOL_TRAPD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"

#define TRAPD_CONFIG_FILE	"/etc/shadowpool/trapd.conf"
#define TRAPD_EXIT_CONFIG	2	/* usage or configuration */

struct trapd_config {
	/* keys of the file */
	char *control_socket;
	char *attach_socket;	/* poold's */
	char *vm_dir;		/* holds NAME.conf of each VM */
	int log_level;		/* enum log_level */
	uint64_t max_vms;	/* that run at one time */
	bool allow_inject;	/* test hooks that break things on purpose */
	/* command line only */
	int console_in, console_out;	/* inherited descriptors for the first VM, -1: none */
	bool test_only;			/* -n */
	bool embedded;			/* --runtime-dir was given */
};

extern const struct conf_key trapd_conf_keys[];

/*
 * Defaults, then the file, then the command line, which wins. Returns 0; -EINVAL or -ENOMEM with one line in err; 1 if
 * --help or --version were answered on stdout. An absent file is an error only if -c named it.
 */
int trapd_config_load(struct trapd_config *config, int argc, char **argv, char *err, size_t err_size);
void trapd_config_free(struct trapd_config *config);

/* -n: read every file of vm_dir as well. 0, or -EINVAL with one line in err about the first that is wrong. */
int trapd_config_test_vms(const struct trapd_config *config, char *err, size_t err_size);

#endif
