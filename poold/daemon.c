/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Start and end of poold. Main thread. What needs a path, a new socket or a device is done here and before the sandbox
 * is closed; afterwards nothing can.
 */
#include "poold/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/inherit.h"
#include "common/log.h"
#include "poold/attach/attach_server.h"
#include "poold/sandbox.h"

#define STOP_WAIT_MS		3000

/* Nobody hands poold a descriptor, and none is open yet. */
static int start_descriptors(struct daemon_shell *s, char *err, size_t err_size)
{
	struct poold *d = s->own;

	inherit_close_others(NULL, 0);
	d->service.huge.free_fd = d->service.huge.total_fd = -1;
	return 0;
}

static int start_process(struct daemon_shell *s, char *err, size_t err_size)
{
	/* A client that hangs up while it is written to is an ordinary event. */
	signal(SIGPIPE, SIG_IGN);
	/* A trace that has no room left is an error of that trace. */
	signal(SIGXFSZ, SIG_IGN);
	/* One arena per thread would cost address space and, at the first use, a look into /sys. */
	mallopt(M_ARENA_MAX, 2);
	return 0;
}

static int start_epoch(struct daemon_shell *s, char *err, size_t err_size)
{
	struct poold *d = s->own;
	uint32_t start;

	/* Random, so that a peer of an older poold is never taken for one of ours. */
	if (getrandom(&start, sizeof(start), 0) != sizeof(start)) {
		snprintf(err, err_size, "no random number: %s", strerror(errno));
		return -EIO;
	}
	d->service.epoch = (uint64_t)start + 1;
	return 0;
}

static int start_recorder(struct daemon_shell *s, char *err, size_t err_size)
{
	struct poold *d = s->own;
	int fd, rc;

	if (!d->config.trace)
		return 0;
	fd = open(d->config.trace, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : recorder_create(&d->service.recorder, fd);
	if (rc)
		snprintf(err, err_size, "trace %s: %s", d->config.trace, strerror(-rc));
	return rc;
}

static int start_connections(struct daemon_shell *s, char *err, size_t err_size)
{
	struct poold *d = s->own;
	d->service.config = &d->config;
	connections_init(&d->service.connections, (unsigned)d->config.max_vms);
	trace_jobs_init(&d->service.trace_jobs);
	hugepages_open(&d->service.huge);
	return attach_server_create(&d->attach, s->base, &d->service, err, err_size);
}

static int start_control(struct daemon_shell *s, char *err, size_t err_size)
{
	struct poold *d = s->own;
	return poold_control_open(&d->control, s->base, &d->service, err, err_size);
}

static int start_sandbox(struct daemon_shell *s, char *err, size_t err_size)
{
	return daemon_shell_sandboxed(sandbox_close(err, err_size));
}

static int start_parent(struct daemon_shell *s, char *err, size_t err_size)
{
	struct poold *d = s->own;
	int rc = d->config.die_with_parent ? sandbox_die_with_parent() : 0;

	if (rc)
		snprintf(err, err_size, "--die-with-parent: the parent is gone");
	return rc;
}

static int start_is_done(struct daemon_shell *s, char *err, size_t err_size)
{
	const struct poold *d = s->own;

	log_info("ready: attach socket %s, control socket %s", d->config.attach_socket, d->config.control_socket);
	return 0;
}

static bool stop(struct daemon_shell *s)
{
	struct poold *d = s->own;
	bool quiet = true;

	attach_server_destroy(d->attach);
	if (d->attach)
		quiet = connections_close(&d->service.connections, STOP_WAIT_MS);
	/* The sessions have ended, and with them what clients were waiting for. */
	poold_control_answer(&d->control);
	poold_control_close(&d->control);
	if (!quiet) {
		/* A session still uses what is left; the end of the process frees it. */
		log_warning("a session did not end within %u ms", STOP_WAIT_MS);
		return false;
	}
	recorder_destroy(d->service.recorder);
	hugepages_close(&d->service.huge);
	return true;
}

/* In this order. */
static int (*const start[])(struct daemon_shell *s, char *err, size_t err_size) = {
	start_descriptors, start_parent, daemon_shell_start_loop, start_process, start_epoch, start_recorder,
	daemon_shell_start_notify, start_connections, start_control, start_sandbox, start_is_done, NULL
};

const struct daemon_program poold_program = {
	.options = &poold_options, .free_config = poold_config_free, .start = start, .stop = stop,
};
