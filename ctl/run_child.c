/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The private daemons of an embedded run: where their programs are, start, readiness (the protocol of sd_notify(3) on a
 * socket of our own), death, restart, end. All waiting is one ppoll().
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "ctl/run.h"

#define STOP_MS		2000	/* from SIGTERM to SIGKILL */
#define MAX_FAILURES	5u	/* ends of poold without being ready in between */
#define MAX_RESTARTS	1000u	/* in all: a poold that is killed over and over again is somebody's test, or hopeless */

/* In a build tree the daemons lie beside shadowctl's folder, else where they were installed. */
static int find_program(struct run_child *child, const char *name)
{
	char self[2048];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	child->name = name;
	if (n > 0) {
		self[n] = 0;
		slash = strrchr(self, '/');
		*slash = 0;
		snprintf(child->path, sizeof(child->path), "%s/../%s/%s", self, name, name);
		if (!access(child->path, X_OK))
			return 0;
	}
	snprintf(child->path, sizeof(child->path), LIBEXECDIR "/%s", name);
	return access(child->path, X_OK) ? -errno : 0;
}

/*
 * An abstract address that the kernel chooses leaves no file behind; who may speak on it is decided by the sender's
 * pid.
 */
static int open_notify(struct run *run)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa.sun_family);
	int on = 1;

	run->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (run->notify_fd < 0 || bind(run->notify_fd, (struct sockaddr *)&sa, len) ||
	    setsockopt(run->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return -errno;
	len = sizeof(sa);
	if (getsockname(run->notify_fd, (struct sockaddr *)&sa, &len))
		return -errno;
	len -= offsetof(struct sockaddr_un, sun_path) + 1;
	if (len >= sizeof(run->notify_name) - 1)
		return -ENAMETOOLONG;
	snprintf(run->notify_name, sizeof(run->notify_name), "@%.*s", (int)len, sa.sun_path + 1);
	return 0;
}

int run_children_prepare(struct run *run)
{
	static const char *const names[] = { "poold", "trapd" };
	struct run_child *children[] = { &run->poold, &run->trapd };
	sigset_t set;
	unsigned i;
	int rc;

	for (i = 0; i < 2; i++) {
		rc = find_program(children[i], names[i]);
		if (rc)
			return cmd_fail(run->cmd, CONTROL_FAILED, "build it, or install the whole package",
					"cannot run %s at %s: %s", names[i], children[i]->path, strerror(-rc));
	}
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	run->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	rc = run->signal_fd < 0 ? -errno : open_notify(run);
	if (rc)
		rc = cmd_fail(run->cmd, CONTROL_FAILED, NULL, "cannot set up signals and notification: %s",
			      strerror(-rc));
	return rc;
}

/* "--console-out=7": a copy of fd that survives exec. */
static char *console_option(const char *option, int fd)
{
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD, 3);
	char *text;

	if (copy < 0 || asprintf(&text, "--console-%s=%d", option, copy) < 0)
		return NULL;
	return text;
}

static void __attribute__((noreturn)) child_main(const struct run *run, const struct run_child *child, pid_t parent)
{
	char *argv[16], policy[512];
	sigset_t none;
	int n = 0, null;

	/* Dies with shadowctl; it may already have died. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	argv[n++] = (char *)(uintptr_t)child->name;
	argv[n++] = (char *)(uintptr_t)"--runtime-dir";
	argv[n++] = (char *)(uintptr_t)run->dir;
	argv[n++] = (char *)(uintptr_t)"-o";
	argv[n++] = (char *)(uintptr_t)(run->verbose ? "log-level=info" : "log-level=warning");
	if (run->conf.poison)
		argv[n++] = (char *)(uintptr_t)"--allow-inject";
	if (child == &run->poold && run->trace_file) {
		argv[n++] = (char *)(uintptr_t)"--trace";
		argv[n++] = (char *)(uintptr_t)run->trace_file;
	}
	if (child == &run->poold && run->policy) {
		snprintf(policy, sizeof(policy), "policy=%s", run->policy);
		argv[n++] = (char *)(uintptr_t)"-o";
		argv[n++] = policy;
	}
	if (child == &run->trapd) {
		argv[n] = console_option("in", run->console_in);
		n += argv[n] != NULL;
		argv[n] = console_option("out", run->console_out);
		n += argv[n] != NULL;
	}
	argv[n] = NULL;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	setenv("NOTIFY_SOCKET", run->notify_name, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* The terminal's ^C goes to all of us: shadowctl alone says in which order to end. */
	signal(SIGINT, SIG_IGN);
	execv(child->path, argv);
	fprintf(stderr, "shadowctl: cannot execute %s: %s\n", child->path, strerror(errno));
	_exit(127);
}

int run_child_start(struct run *run, struct run_child *child)
{
	pid_t parent = getpid();

	fflush(NULL);
	child->ready = false;
	child->pid = fork();
	if (!child->pid)
		child_main(run, child, parent);
	if (child->pid > 0)
		return 0;
	child->pid = 0;
	return cmd_fail(run->cmd, CONTROL_FAILED, "raise the limit of processes (ulimit -u)", "cannot start %s: %s",
			child->name, strerror(errno));
}

static void take_signals(struct run *run)
{
	struct signalfd_siginfo si;

	while (read(run->signal_fd, &si, sizeof(si)) == sizeof(si))
		if (si.ssi_signo != SIGCHLD)
			run->signal = (int)si.ssi_signo;
}

static void take_notifications(struct run *run)
{
	struct run_child *children[] = { &run->trapd, &run->poold };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char text[512];

	for (;;) {
		struct iovec iov = { text, sizeof(text) - 1 };
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
		};
		ssize_t n = recvmsg(run->notify_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		const struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
		struct ucred cred;
		unsigned i;

		if (n < 0)
			return;
		if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&cred, CMSG_DATA(c), sizeof(cred));
		text[n] = 0;
		for (i = 0; i < 2; i++)
			if (cred.pid == children[i]->pid && strstr(text, "READY=1"))
				children[i]->ready = true;
	}
}

static void reap(struct run_child *child)
{
	int status;

	if (child->pid && waitpid(child->pid, &status, WNOHANG) == child->pid) {
		child->pid = 0;
		child->status = status;
		child->ready = false;
	}
}

/* 0, or -ECHILD: there is no hope for poold. */
static int keep_poold(struct run *run)
{
	if (!run->keep_poold || run->poold.pid || run->signal)
		return 0;
	if (run->poold_failures >= MAX_FAILURES || run->poold_restarts >= MAX_RESTARTS)
		return -ECHILD;
	run->poold_failures++;
	run->poold_restarts++;
	return run_child_start(run, &run->poold) ? -ECHILD : 0;
}

int run_wait(struct run *run, int fd, int64_t deadline)
{
	struct pollfd p[3] = {
		{ .fd = run->signal_fd, .events = POLLIN }, { .fd = run->notify_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	const struct timespec *timeout;
	struct timespec ts;
	int n = frame_time_left(deadline, &ts, &timeout);

	if (n)
		return n;
	n = ppoll(p, 3, timeout, NULL);
	if (n == 0)
		return -ETIMEDOUT;
	take_notifications(run);
	take_signals(run);
	reap(&run->trapd);
	reap(&run->poold);
	if (run->poold.ready)
		run->poold_failures = 0;
	n = keep_poold(run);
	if (n)
		return n;
	return p[2].revents ? 1 : 0;
}

void run_children_stop(struct run *run)
{
	struct run_child *children[] = { &run->trapd, &run->poold };
	int64_t deadline = frame_deadline(STOP_MS);
	unsigned i;

	run->keep_poold = false;
	for (i = 0; i < 2; i++)
		if (children[i]->pid)
			kill(children[i]->pid, SIGTERM);
	while (run->trapd.pid || run->poold.pid)
		if (run_wait(run, -1, deadline) == -ETIMEDOUT)
			break;
	for (i = 0; i < 2; i++)
		if (children[i]->pid) {
			fprintf(stderr, "shadowctl: %s does not end, killing it\n", children[i]->name);
			kill(children[i]->pid, SIGKILL);
			while (waitpid(children[i]->pid, NULL, 0) < 0 && errno == EINTR)
				;
			children[i]->pid = 0;
		}
	if (run->signal_fd >= 0)
		close(run->signal_fd);
	if (run->notify_fd >= 0)
		close(run->notify_fd);
}

const char *run_status_text(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "exit code %d", WEXITSTATUS(status));
	return buf;
}
