/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start and end of trapd: loop, signals, watchdog, control socket, sandbox, readiness. Main thread. */
#include "trapd/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

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

static int start_notify(struct trapd *d, char *err, size_t err_size)
{
	int rc = notify_open(&d->notify, d->base);

	if (rc)
		snprintf(err, err_size, "notification socket of the service manager: %s", strerror(-rc));
	return rc;
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
	start_base, start_kicks, start_notify, start_control, start_sandbox,
};

int trapd_start(struct trapd *d, char *err, size_t err_size)
{
	size_t i;

	d->notify.fd = -1;
	for (i = 0; i < sizeof(start_steps) / sizeof(start_steps[0]); i++) {
		int rc = start_steps[i](d, err, err_size);

		if (rc)
			return rc;
	}
	log_info("ready: control socket %s, poold at %s", d->config.control_socket, d->config.attach_socket);
	notify_send(&d->notify, "READY=1");
	return 0;
}

void trapd_stop(struct trapd *d)
{
	notify_send(&d->notify, "STOPPING=1");
	control_destroy(d->control);
	notify_close(&d->notify);
	if (d->on_term)
		event_free(d->on_term);
	if (d->on_int)
		event_free(d->on_int);
	if (d->base)
		event_base_free(d->base);
	trapd_config_free(&d->config);
}
