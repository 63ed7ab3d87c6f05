/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trapd: runs virtual machines whose shadow tables poold builds. It holds /dev/kvm and writes no shadow entry. Main
 * thread: control socket and the table of VMs; further threads per VM. Exit codes: 0, 1 (could not start), 2 (usage,
 * configuration), 86 (forbidden system call).
 */
#include <stdio.h>

#include "common/log.h"
#include "trapd/daemon.h"
#include "trapd/inherit.h"

/* -n: the daemon's own configuration has been read without error; now the VMs'. */
static int test_only(const struct trapd_config *config)
{
	char err[512];

	if (!trapd_config_test_vms(config, err, sizeof(err)))
		return 0;
	log_error("%s", err);
	return TRAPD_EXIT_CONFIG;
}

int main(int argc, char **argv)
{
	static struct trapd d;
	char err[512];
	int rc;

	log_init("trapd", LOG_LEVEL_INFO);
	rc = trapd_config_load(&d.config, argc, argv, err, sizeof(err));
	if (rc < 0)
		log_error("%s", err);
	if (rc || d.config.test_only) {
		rc = rc < 0 ? TRAPD_EXIT_CONFIG : rc ? 0 : test_only(&d.config);
		trapd_config_free(&d.config);
		return rc;
	}
	log_set_level((enum log_level)d.config.log_level);
	rc = inherit_only_console(&d.config, err, sizeof(err));
	if (!rc)
		rc = trapd_start(&d, err, sizeof(err));
	if (rc)
		log_error("%s", err);
	else if (event_base_dispatch(d.base) < 0)
		rc = -1;
	trapd_stop(&d);
	return rc ? 1 : 0;
}
