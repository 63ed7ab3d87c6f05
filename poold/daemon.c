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

#include "common/log.h"
#include "poold/sandbox.h"
#include "poold/attach/attach_server.h"

#define STOP_WAIT_MS		3000

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct poold *d = arg;

	log_info("ending after signal %d", (int)sig);
	event_base_loopbreak(d->base);
}

static int start_base(struct poold *d, char *err, size_t err_size)
{
	d->base = event_base_new();
	if (!d->base) {
		snprintf(err, err_size, "libevent gives no event base");
		return -ENOMEM;
	}
	d->on_term = evsignal_new(d->base, SIGTERM, on_signal, d);
	d->on_int = evsignal_new(d->base, SIGINT, on_signal, d);
	if (!d->on_term || !d->on_int || event_add(d->on_term, NULL) || event_add(d->on_int, NULL)) {
		snprintf(err, err_size, "libevent refuses a signal event");
		return -ENOMEM;
	}
	/* A client that hangs up while it is written to is an ordinary event. */
	signal(SIGPIPE, SIG_IGN);
	/* A trace that has no room left is an error of that trace. */
	signal(SIGXFSZ, SIG_IGN);
	/* One arena per thread would cost address space and, at the first use, a look into /sys. */
	mallopt(M_ARENA_MAX, 2);
	return 0;
}

static int start_epoch(struct poold *d, char *err, size_t err_size)
{
	uint32_t start;

	/* Random, so that a peer of an older poold is never taken for one of ours. */
	if (getrandom(&start, sizeof(start), 0) != sizeof(start)) {
		snprintf(err, err_size, "no random number: %s", strerror(errno));
		return -EIO;
	}
	d->service.epoch = (uint64_t)start + 1;
	return 0;
}

static int start_recorder(struct poold *d, char *err, size_t err_size)
{
	int fd, rc;

	if (!d->config.trace)
		return 0;
	fd = open(d->config.trace, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : recorder_create(&d->service.recorder, fd);
	if (rc)
		snprintf(err, err_size, "trace %s: %s", d->config.trace, strerror(-rc));
	return rc;
}

static int start_connections(struct poold *d, char *err, size_t err_size)
{
	d->service.config = &d->config;
	connections_init(&d->service.connections, (unsigned)d->config.max_vms);
	trace_jobs_init(&d->service.trace_jobs);
	hugepages_open(&d->service.huge);
	return attach_server_create(&d->attach, d->base, &d->service, err, err_size);
}

static int start_control(struct poold *d, char *err, size_t err_size)
{
	return poold_control_open(&d->control, d->base, &d->service, err, err_size);
}

static int start_notify(struct poold *d, char *err, size_t err_size)
{
	int rc = notify_open(&d->notify, d->base);

	if (rc)
		snprintf(err, err_size, "notification socket of the service manager: %s", strerror(-rc));
	return rc;
}

static int start_sandbox(struct poold *d, char *err, size_t err_size)
{
	int rc = sandbox_close(err, err_size);

	if (rc > 0)
		log_warning("built with a sanitizer: no system-call filter");
	return rc < 0 ? rc : 0;
}

static int start_parent(struct poold *d, char *err, size_t err_size)
{
	int rc = d->config.die_with_parent ? sandbox_die_with_parent() : 0;

	if (rc)
		snprintf(err, err_size, "--die-with-parent: the parent is gone");
	return rc;
}

/* In this order. */
static int (*const start_steps[])(struct poold *d, char *err, size_t err_size) = {
	start_parent, start_base, start_epoch, start_recorder, start_notify, start_connections, start_control, start_sandbox,
};

int daemon_start(struct poold *d, char *err, size_t err_size)
{
	d->service.huge.free_fd = d->service.huge.total_fd = d->notify.fd = -1;
	for (size_t i = 0; i < sizeof(start_steps) / sizeof(start_steps[0]); i++) {
		int rc = start_steps[i](d, err, err_size);

		if (rc)
			return rc;
	}
	log_info("ready: attach socket %s, control socket %s", d->config.attach_socket, d->config.control_socket);
	notify_send(&d->notify, "READY=1");
	return 0;
}

void daemon_stop(struct poold *d)
{
	bool quiet = true;

	notify_send(&d->notify, "STOPPING=1");
	attach_server_destroy(d->attach);
	if (d->attach)
		quiet = connections_close(&d->service.connections, STOP_WAIT_MS);
	/* The sessions have ended, and with them what clients were waiting for. */
	poold_control_answer(&d->control);
	poold_control_close(&d->control);
	notify_close(&d->notify);
	if (!quiet) {
		/* A session still uses what is left; the end of the process frees it. */
		log_warning("a session did not end within %u ms", STOP_WAIT_MS);
		return;
	}
	recorder_destroy(d->service.recorder);
	hugepages_close(&d->service.huge);
	if (d->on_term)
		event_free(d->on_term);
	if (d->on_int)
		event_free(d->on_int);
	if (d->base)
		event_base_free(d->base);
	poold_config_free(&d->config);
}
