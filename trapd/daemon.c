/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start and end of trapd: loop, signals, watchdog, control socket, sandbox, readiness. Main thread. */
#include "trapd/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/log.h"
#include "trapd/control/control.h"
#include "trapd/control/engine.h"
#include "trapd/kvm/kcpu.h"
#include "trapd/sandbox.h"

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct trapd *d = arg;

	log_info("ending after signal %d", (int)sig);
	event_base_loopbreak(d->base);
}

/* The loop turns: that is what the watchdog wants to know. */
static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	sd_notify(0, "WATCHDOG=1");
}

static int start_base(struct trapd *d, char *err, size_t err_size)
{
	struct sigaction old;

	d->base = event_base_new();
	if (!d->base) {
		snprintf(err, err_size, "libevent gives no event base");
		return -ENOMEM;
	}
	d->on_term = evsignal_new(d->base, SIGTERM, on_signal, d);
	/* Started in the background, or by a program that handles the terminal's ^C itself: leave it alone. */
	if (!sigaction(SIGINT, NULL, &old) && old.sa_handler != SIG_IGN)
		d->on_int = evsignal_new(d->base, SIGINT, on_signal, d);
	if (!d->on_term || event_add(d->on_term, NULL) || (d->on_int && event_add(d->on_int, NULL))) {
		snprintf(err, err_size, "libevent refuses a signal event");
		return -ENOMEM;
	}
	return 0;
}

/* Before the first VM: a kick without a handler would end the process. */
static int start_kicks(struct trapd *d, char *err, size_t err_size)
{
	int rc = kcpu_install_kick();

	if (rc)
		snprintf(err, err_size, "cannot handle the kick signal: %s", strerror(-rc));
	return rc;
}

static int start_watchdog(struct trapd *d, char *err, size_t err_size)
{
	uint64_t usec = 0;
	struct timeval every;

	if (sd_watchdog_enabled(0, &usec) <= 0 || !usec)
		return 0;
	/* Half of it, as sd_watchdog_enabled(3) recommends. */
	every = (struct timeval){ .tv_sec = (time_t)(usec / 2000000), .tv_usec = (suseconds_t)(usec / 2 % 1000000) };
	d->watchdog = event_new(d->base, -1, EV_PERSIST, on_watchdog, NULL);
	if (d->watchdog && !event_add(d->watchdog, &every))
		return 0;
	snprintf(err, err_size, "libevent refuses a timer");
	return -ENOMEM;
}

static int start_control(struct trapd *d, char *err, size_t err_size)
{
	return control_create(&d->control, d->base, &d->config, &vm_engine_kvm, err, err_size);
}

static int start_sandbox(struct trapd *d, char *err, size_t err_size)
{
	int rc = trapd_sandbox_close(err, err_size);

	if (rc > 0)
		log_warning("built with a sanitizer: no system-call filter");
	return rc < 0 ? rc : 0;
}

/* In this order. */
static int (*const start_steps[])(struct trapd *d, char *err, size_t err_size) = {
	start_base, start_kicks, start_watchdog, start_control, start_sandbox,
};

int trapd_start(struct trapd *d, char *err, size_t err_size)
{
	size_t i;

	for (i = 0; i < sizeof(start_steps) / sizeof(start_steps[0]); i++) {
		int rc = start_steps[i](d, err, err_size);

		if (rc)
			return rc;
	}
	log_info("ready: control socket %s, poold at %s", d->config.control_socket, d->config.attach_socket);
	sd_notify(0, "READY=1");
	return 0;
}

void trapd_stop(struct trapd *d)
{
	sd_notify(0, "STOPPING=1");
	control_destroy(d->control);
	if (d->watchdog)
		event_free(d->watchdog);
	if (d->on_term)
		event_free(d->on_term);
	if (d->on_int)
		event_free(d->on_int);
	if (d->base)
		event_base_free(d->base);
	trapd_config_free(&d->config);
}
