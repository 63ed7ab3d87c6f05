/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An embedded run: a private directory, private trapd and poold, one VM, its result. The parts: run_dir.c (directory
 * and the process that removes it), run_child.c (the daemons), run_vm.c (the VM's life), run_result.c (what is told
 * at the end). One thread; it waits in run_wait() only.
 */
#ifndef SHADOWPOOL_CTL_RUN_H
#define SHADOWPOOL_CTL_RUN_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/control_client.h"
#include "common/vm_conf.h"
#include "ctl/cmd.h"

#define RUN_VM_NAME	"vm"

struct run_child {
	const char *name;
	char path[4096];
	pid_t pid;		/* 0: none */
	bool ready;		/* has said READY=1 */
	int status;		/* of waitpid(2), when pid is 0 after a start */
};

struct run {
	const struct cmd *cmd;
	struct vm_conf conf;
	const char *stats_file, *status_file;	/* NULL: none; "-": standard error */
	const char *trace_file;			/* NULL: none; poold writes it */
	const char *policy;			/* switches of the pool, NULL: as poold has them */
	bool verbose;
	char dir[96];
	pid_t cleaner;
	int cleaner_pipe;	/* its end tells the cleaner that this process is gone */
	int signal_fd, notify_fd;
	char notify_name[32];
	int console_in, console_out;
	struct run_child trapd, poold;
	bool keep_poold;		/* a poold that ends is started again */
	unsigned poold_restarts;	/* in all */
	unsigned poold_failures;	/* since it was last ready */
	struct control_client vm;	/* the connection on which Wait is open */
	int signal;			/* that asked us to end; 0: none */
	bool timed_out;
	char failure[512];		/* our own: the last message of cmd_fail() */
	Shadowpool__Reply *end;		/* what Wait answered */
	Shadowpool__Reply *stats;
};

/* run_dir.c. Create the directory and its cleaner. 0, or the exit code after the error is reported. */
int run_dir_create(struct run *run);
/* Let the cleaner remove it and wait until it has. */
void run_dir_remove(struct run *run);

/* run_child.c. Find both programs, set up signals and the notification socket. 0 or the exit code. */
int run_children_prepare(struct run *run);
/* Start one. 0 or the exit code. */
int run_child_start(struct run *run, struct run_child *child);
/*
 * Wait until something happens or the deadline is over: a signal for us, a notification, a child's end (a poold that
 * is to be kept is restarted here), or fd (-1: none) readable. Returns 1 if fd is readable, 0 on anything else,
 * -ETIMEDOUT, -ECHILD if poold can't be kept.
 */
int run_wait(struct run *run, int fd, int64_t deadline);
/* End both: SIGTERM, SIGKILL to who does not listen. */
void run_children_stop(struct run *run);
/* "exit code 2", "signal 9 (Killed)". */
const char *run_status_text(int status, char *buf, size_t size);

/* run_vm.c. From the start of the daemons to the end of the VM: 0 and run->end, or the exit code. */
int run_vm(struct run *run);

/* run_result.c. Tell how it ended; returns the exit code. */
int run_result(struct run *run);
/* The same for a run that has no result: code and run->failure go to the status file, so that no old one is believed. */
void run_failed(struct run *run, int code);

/* preflight.c. What can be found out before anything is started. 0 or the exit code. */
int run_preflight(const struct run *run);

#endif
