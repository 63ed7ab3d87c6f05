/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that a test starts: all die with it. Their input is nothing, their output goes to files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/harness_priv.h"

#define CALL_S	60	/* for a program that is only called */
#define KILL_S	10	/* for one that is killed */

struct listed {
	struct sp_process p;
	struct listed *next;
};
static struct listed *processes;
static unsigned nstarted;

const char *sp_program(const char *name)
{
	static const char *const ours[] = { "shadowctl", "trapd", "poold" };
	static const char *const folders[] = { "ctl", "trapd", "poold" };

	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(name, ours[i]))
			return sp_text("%s/%s/%s", sp_builddir(), folders[i], name);
	return name;
}

static void keep_open(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

static void __attribute__((noreturn)) child_main(const struct sp_process *p, const struct sp_start *start, const char *program,
						 pid_t parent)
{
	int out = open(p->out_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	int err = open(p->err_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	dup2(start->in_fd >= 0 ? start->in_fd : open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	/* What the runner has open is no program's business: by their ends it sees that this test is over. */
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	keep_open(start->kept_fd[0]);
	keep_open(start->kept_fd[1]);
	if (start->notify)
		setenv("NOTIFY_SOCKET", start->notify, 1);
	/* A shell without job control has its background jobs ignore this, and tests may be run by one. */
	signal(SIGINT, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	execvp(program, (char *const *)(uintptr_t)start->argv);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

struct sp_process *sp_process_start(const struct sp_start *start)
{
	const char *program = sp_program(start->argv[0]), *base = strrchr(start->argv[0], '/');
	struct listed *l = sp_new(sizeof(*l));
	struct sp_process *p = &l->p;
	const pid_t self = getpid();

	nstarted++;
	p->name = sp_text("%s", base ? base + 1 : start->argv[0]);
	p->out_path = start->out_path ? start->out_path : sp_path(sp_text("out.%s.%u", p->name, nstarted));
	p->err_path = start->err_path ? start->err_path : sp_path(sp_text("err.%s.%u", p->name, nstarted));
	p->pid = fork();
	if (!p->pid)
		child_main(p, start, program, self);
	if (p->pid < 0)
		sp_fail("fork: %s", strerror(errno));
	l->next = processes;
	processes = l;
	return p;
}

struct sp_process *sp_spawn_argv(const char *const argv[])
{
	return sp_process_start(&(struct sp_start){ .argv = argv, .in_fd = -1, .kept_fd = { -1, -1 } });
}

void sp_signal(struct sp_process *p, int sig)
{
	if (p->pid)
		kill(p->pid, sig);
}

bool sp_ended(struct sp_process *p)
{
	int status, rc;

	if (!p->pid)
		return true;
	do
		rc = waitpid(p->pid, &status, WNOHANG);
	while (rc < 0 && errno == EINTR);
	if (!rc)
		return false;
	if (rc < 0)
		sp_fail("%s: waitpid: %s", p->name, strerror(errno));
	p->pid = 0;
	p->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return true;
}

/* False: the limit is over. */
static bool wait_for_end(struct sp_process *p, double seconds)
{
	struct sp_limit limit = sp_limit(seconds);
	struct pollfd fd = { .events = POLLIN };

	if (sp_ended(p))
		return true;
	fd.fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (fd.fd < 0)
		sp_fail("pidfd_open: %s", strerror(errno));
	while (!sp_ended(p) && sp_limit_left_ms(&limit))
		poll(&fd, 1, sp_limit_left_ms(&limit));
	close(fd.fd);
	return !p->pid;
}

int sp_reap(struct sp_process *p, double seconds)
{
	if (!wait_for_end(p, seconds))
		sp_fail("%s did not end within %g s", p->name, seconds);
	return p->code;
}

struct sp_process *sp_call_argv(const char *const argv[])
{
	struct sp_process *p = sp_spawn_argv(argv);

	sp_reap(p, CALL_S);
	return p;
}

const char *sp_out(const struct sp_process *p)
{
	return sp_read(p->out_path, NULL);
}

const char *sp_err(const struct sp_process *p)
{
	return sp_read(p->err_path, NULL);
}

pid_t sp_child_of(pid_t parent, const char *name)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	pid_t found = 0;

	while (d && !found && (e = readdir(d))) {
		const char *stat, *end;
		size_t n;
		int ppid;

		if (*e->d_name < '0' || *e->d_name > '9')
			continue;
		/* "PID (NAME) STATE PPID", and a name may hold anything. */
		stat = sp_read(sp_text("/proc/%s/stat", e->d_name), &n);
		end = strrchr(stat, ')');
		if (!end || sscanf(end, ") %*c %d", &ppid) != 1 || ppid != parent)
			continue;
		stat = strchr(stat, '(') + 1;
		if (strlen(name) == (size_t)(end - stat) && !memcmp(stat, name, strlen(name)))
			found = atoi(e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

/* Programs of the test's own that still run: asked to end, so that they clean up, then killed. */
void sp_processes_end(void)
{
	for (struct listed *l = processes; l; l = l->next)
		sp_signal(&l->p, SIGTERM);
	for (struct listed *l = processes; l; l = l->next)
		if (l->p.pid && !wait_for_end(&l->p, KILL_S)) {
			sp_signal(&l->p, SIGKILL);
			wait_for_end(&l->p, KILL_S);
		}
}

void sp_processes_print(void)
{
	for (struct listed *l = processes; l; l = l->next) {
		sp_print_tail(sp_text("%s, standard output", l->p.name), sp_out(&l->p));
		sp_print_tail(sp_text("%s, standard error", l->p.name), sp_err(&l->p));
	}
}
