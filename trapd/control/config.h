/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trapd's configuration: trapd.conf(5) and the command line. Read once at start, constant afterwards. */
#ifndef SHADOWPOOL_TRAPD_CONFIG_H
#define SHADOWPOOL_TRAPD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/daemon_options.h"

#define TRAPD_CONFIG_FILE	"/etc/shadowpool/trapd.conf"

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
	bool embedded;			/* --runtime-dir was given */
};

/* How daemon_options_load() fills a struct trapd_config. */
extern const struct daemon_options trapd_options;
void trapd_config_free(void *config);

/* -n: read every file of vm_dir as well. 0, or -EINVAL with one line in err about the first that is wrong. */
int trapd_config_test_vms(const void *config, char *err, size_t err_size);

#endif
