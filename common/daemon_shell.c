/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See daemon_shell.h. Either daemon, main thread, from main() to its end. */
#include "common/daemon_shell.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct daemon_shell *s = arg;

	log_info("ending after signal %d", (int)sig);
	event_base_loopbreak(s->base);
}

int daemon_shell_start_loop(struct daemon_shell *s, char *err, size_t err_size)
{
	struct sigaction old;

	s->base = event_base_new();
	if (!s->base) {
		snprintf(err, err_size, "libevent gives no event base");
		return -ENOMEM;
	}
	s->on_term = evsignal_new(s->base, SIGTERM, on_signal, s);
	/* Started in the background, or by a program that handles the terminal's ^C itself: leave it alone. */
	if (!sigaction(SIGINT, NULL, &old) && old.sa_handler != SIG_IGN)
		s->on_int = evsignal_new(s->base, SIGINT, on_signal, s);
	if (!s->on_term || event_add(s->on_term, NULL) || (s->on_int && event_add(s->on_int, NULL))) {
		snprintf(err, err_size, "libevent refuses a signal event");
		return -ENOMEM;
	}
	return 0;
}

int daemon_shell_start_notify(struct daemon_shell *s, char *err, size_t err_size)
{
	int rc = notify_open(&s->notify, s->base);

	if (rc)
		snprintf(err, err_size, "notification socket of the service manager: %s", strerror(-rc));
	return rc;
}

int daemon_shell_sandboxed(int rc)
{
	if (rc > 0)
		log_warning("built with a sanitizer: no system-call filter");
	return rc < 0 ? rc : 0;
}

static int start(struct daemon_shell *s, char *err, size_t err_size)
{
	s->notify.fd = -1;
	for (size_t i = 0; s->program->start[i]; i++) {
		int rc = s->program->start[i](s, err, err_size);

		if (rc)
			return rc;
	}
	notify_send(&s->notify, "READY=1");
	return 0;
}

static void stop(struct daemon_shell *s)
{
	bool quiet;

	notify_send(&s->notify, "STOPPING=1");
	quiet = s->program->stop(s);
	notify_close(&s->notify);
	if (!quiet)
		return;
	if (s->on_term)
		event_free(s->on_term);
	if (s->on_int)
		event_free(s->on_int);
	if (s->base)
		event_base_free(s->base);
	s->program->free_config(s->config);
}

/* -n: the daemon's own configuration has been read without error. */
static int test(const struct daemon_shell *s, char *err, size_t err_size)
{
	return s->program->test ? s->program->test(s->config, err, err_size) : 0;
}

int daemon_shell_main(struct daemon_shell *s, int argc, char **argv)
{
	const struct daemon_options *options = s->program->options;
	bool test_only = false;
	char err[512];
	int rc;

	log_init(options->program, LOG_LEVEL_INFO);
	rc = daemon_options_load(options, s->config, argc, argv, &test_only, err, sizeof(err));
	if (!rc && test_only)
		rc = test(s, err, sizeof(err));
	if (rc || test_only) {
		if (rc < 0)
			log_error("%s", err);
		s->program->free_config(s->config);
		return rc < 0 ? DAEMON_EXIT_CONFIG : 0;
	}
	log_set_level((enum log_level)*(const int *)((const char *)s->config + options->log_level));
	rc = start(s, err, sizeof(err));
	if (rc)
		log_error("%s", err);
	else if (event_base_dispatch(s->base) < 0)
		rc = -1;
	stop(s);
	return rc ? DAEMON_EXIT_START : 0;
}
