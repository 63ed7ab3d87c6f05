/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * poold: builds and keeps the shadow tables of virtual machines, for trapd. It holds no device and cannot write guest
 * RAM. Main thread: sockets; one further thread per attached VM. Exit codes: 0, 1 (could not start), 2 (usage,
 * configuration), 86 (forbidden system call).
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "poold/daemon.h"
#include "poold/sandbox.h"

int main(int argc, char **argv)
{
	static struct poold d;
	char err[512];
	int rc;

	sandbox_close_inherited();
	log_init("poold", LOG_LEVEL_INFO);
	rc = poold_config_load(&d.config, argc, argv, err, sizeof(err));
	if (rc < 0)
		log_error("%s", err);
	if (rc || d.config.test_only) {
		poold_config_free(&d.config);
		return rc < 0 ? POOLD_EXIT_CONFIG : 0;
	}
	log_set_level((enum log_level)d.config.log_level);

	rc = daemon_start(&d, err, sizeof(err));
	if (rc)
		log_error("%s", err);
	else if (event_base_dispatch(d.base) < 0)
		rc = -1;
	daemon_stop(&d);
	return rc ? 1 : 0;
}
