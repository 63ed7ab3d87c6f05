/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What trapd and poold have in common as processes: main(), the loop and the signals that end it, the log, word to the service
 * manager. A daemon gives the list of what it starts, in order. Main thread.
 */
#ifndef SHADOWPOOL_COMMON_DAEMON_SHELL_H
#define SHADOWPOOL_COMMON_DAEMON_SHELL_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/daemon_options.h"
#include "common/notify.h"

#define DAEMON_EXIT_START	1	/* could not start, or the loop broke off */
#define DAEMON_EXIT_CONFIG	2	/* usage or configuration */

struct daemon_shell {
	/* set by the daemon's main() */
	const struct daemon_program *program;
	void *config;				/* its configuration, filled by daemon_options_load() */
	void *own;				/* whatever it has more */
	/* since daemon_shell_start_loop() */
	struct event_base *base;
	struct event *on_term, *on_int;
	/* since daemon_shell_start_notify() */
	struct notify notify;
};

struct daemon_program {
	const struct daemon_options *options;
	/* What -n looks at beside the daemon's own configuration: 0, or -errno with one line in err. NULL: nothing. */
	int (*test)(const void *config, char *err, size_t err_size);
	void (*free_config)(void *config);
	/*
	 * The start, ends with NULL: each is done in its turn, and is 0, or -errno with one line in err. The service manager is told
	 * after the last one, and stop() is called even if one has failed.
	 */
	int (*const *start)(struct daemon_shell *s, char *err, size_t err_size);
	/* Everything that start() made, backwards. false: a thread still uses what is left, which goes with the process. */
	bool (*stop)(struct daemon_shell *s);
};

/* All of main(). Returns the exit code: 0, or DAEMON_EXIT_*, after one line in the log. */
int daemon_shell_main(struct daemon_shell *s, int argc, char **argv);

/* Steps of a start. */
/* The event base; SIGTERM ends the loop, and SIGINT unless it is ignored. */
int daemon_shell_start_loop(struct daemon_shell *s, char *err, size_t err_size);
/* Connect to the service manager, if there is one; its watchdog. Before a sandbox that makes no sockets. */
int daemon_shell_start_notify(struct daemon_shell *s, char *err, size_t err_size);
/* What sandbox_install() has returned, as the result of a step: no filter in a build with a sanitizer is a warning. */
int daemon_shell_sandboxed(int rc);

#endif
