/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the harness say to each other; see harness.h. All of it runs in the one thread of a test's process. */
#ifndef SHADOWPOOL_HARNESS_PRIV_H
#define SHADOWPOOL_HARNESS_PRIV_H

#include "common/control_client.h"
#include "tests/integration/harness/harness.h"

/* Memory that lives until the end of the test. sp_keep_with: it is given back by release(what). Both return what. */
void *sp_keep_with(void *what, void (*release)(void *));
void *sp_keep(void *what);
/* Zeroed. */
void *sp_new(size_t size);
void sp_forget_all(void);

/* begin.c. The number of milliseconds that a request may take, scaled. */
int64_t sp_request_deadline(void);

/* wait.c. No limit is running any more: the watchdog is stopped. */
void sp_watchdog_stop(void);

/* folder.c. The folder, and the process that removes it when this one is gone. */
void sp_folder_create(void);
void sp_folder_remove(void);
const char *sp_folder(void);
pid_t sp_folder_keeper(void);

/* process.c. */
struct sp_start {
	const char *const *argv;
	const char *out_path, *err_path;	/* NULL: files of its own */
	int in_fd, kept_fd[2];		/* its input, and descriptors that it inherits under their numbers; -1: none */
	const char *notify;		/* NOTIFY_SOCKET, NULL: none */
};
struct sp_process *sp_process_start(const struct sp_start *start);
void sp_processes_end(void);
/* Ends of what all of them have printed, to the test's log. */
void sp_processes_print(void);
/* Path of a program of this build; what is none is returned as it is. */
const char *sp_program(const char *name);

/* daemons.c. */
/* What stands around each struct sp_daemons. */
struct sp_private {
	struct sp_daemons d;
	struct sp_daemons_options options;
	struct control_client clients[2];	/* by enum sp_daemon */
	int notify;
	const char *notify_path;
	int keys;			/* the console's input, ours to write to; -1: none */
	const char *console_path;	/* NULL: running daemons have none for us */
	struct sp_vm *console_owner;
};
struct sp_private *sp_private_of(struct sp_daemons *d);
void sp_daemons_end_all(void);
/* A connection of its own, for what is answered late. The caller closes it. */
void sp_connect(struct sp_daemons *d, enum sp_daemon which, struct control_client *client);
/* The answer to a request, of this kind; any other ends the test. */
const Shadowpool__Reply *sp_want(struct sp_daemons *d, enum sp_daemon which, const Shadowpool__Request *request,
				 Shadowpool__Reply__ResultCase kind);
/* The same, for the caller to free: answers that are asked for again and again. */
Shadowpool__Reply *sp_want_once(struct sp_daemons *d, enum sp_daemon which, const Shadowpool__Request *request,
				Shadowpool__Reply__ResultCase kind);

/* vm.c. */
void sp_vms_end(void);
void sp_vms_print(void);

/* leftovers.c, kernel_log.c: the note at the begin. */
void sp_leftovers_note(void);
void sp_leftovers_forget(void);
void sp_kernel_log_note(void);
void sp_kernel_log_forget(void);

/* The end of a text, for messages. */
void sp_print_tail(const char *title, const char *text);

/* ---- counters.c ---- */

/* Note which counters are above 0 in the file that the environment's SHADOWPOOL_COUNTERS names, if it does. */
void sp_note_counters(const Shadowpool__Stats *stats);

#endif
