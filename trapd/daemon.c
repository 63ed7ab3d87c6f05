/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start and end of trapd: console, loop and signals, notification, control socket, sandbox. Main thread. */
#include "trapd/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/inherit.h"
#include "common/log.h"
#include "trapd/control/control.h"
#include "trapd/control/engine.h"
#include "trapd/kvm/kcpu.h"
#include "trapd/sandbox.h"

static int keep(const char *what, int fd, char *err, size_t err_size)
{
	if (fd < 0 || !fcntl(fd, F_SETFD, FD_CLOEXEC))
		return 0;
	snprintf(err, err_size, "--console-%s %d: no such descriptor was inherited", what, fd);
	return -EBADF;
}

/* Of what was inherited only the console's two stay. */
static int start_console(struct daemon_shell *s, char *err, size_t err_size)
{
	const struct trapd *d = s->own;
	const int console[] = { d->config.console_in, d->config.console_out };
	int rc;

	rc = keep("in", console[0], err, err_size);
	if (!rc)
		rc = keep("out", console[1], err, err_size);
	if (!rc)
		inherit_close_others(console, 2);
	return rc;
}

/* Before the first VM: a kick without a handler would end the process. */
static int start_kicks(struct daemon_shell *s, char *err, size_t err_size)
{
	int rc = kcpu_install_kick();

	if (rc)
		snprintf(err, err_size, "cannot handle the kick signal: %s", strerror(-rc));
	return rc;
}

static int start_control(struct daemon_shell *s, char *err, size_t err_size)
{
	struct trapd *d = s->own;

	return control_create(&d->control, s->base, &d->config, &engine_kvm, err, err_size);
}

static int start_sandbox(struct daemon_shell *s, char *err, size_t err_size)
{
	return daemon_shell_sandboxed(trapd_sandbox_close(err, err_size));
}

static int start_is_done(struct daemon_shell *s, char *err, size_t err_size)
{
	const struct trapd *d = s->own;

	log_info("ready: control socket %s, poold at %s", d->config.control_socket, d->config.attach_socket);
	return 0;
}

static bool stop(struct daemon_shell *s)
{
	struct trapd *d = s->own;

	control_destroy(d->control);
	return true;
}

/* In this order. */
static int (*const start[])(struct daemon_shell *s, char *err, size_t err_size) = {
	start_console, daemon_shell_start_loop, start_kicks, daemon_shell_start_notify, start_control, start_sandbox,
	start_is_done, NULL
};

const struct daemon_program trapd_program = {
	.options = &trapd_options, .test = trapd_config_test_vms, .free_config = trapd_config_free, .start = start, .stop = stop,
};
