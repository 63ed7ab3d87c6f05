/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The private runtime directory, and the cleaner: a child of shadowctl that does nothing but wait for its end,
 * however it comes (SIGKILL too), and then removes the directory. The daemons die with shadowctl by PR_SET_PDEATHSIG.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/run.h"

#define LONGEST_SOCKET	"/poold-control.sock"
#define REMOVE_TRIES	200	/* of 10 ms: a dying daemon may still be creating its socket */

/* $XDG_RUNTIME_DIR if a socket's path fits there, else /tmp. */
static int make_directory(struct run *run)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	size_t room = sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof(LONGEST_SOCKET);
	int attempt;

	for (attempt = 0; attempt < 2; attempt++, base = "/tmp") {
		if (!base || *base != '/' || strlen(base) + strlen("/shadowpool-XXXXXX") > room)
			continue;
		snprintf(run->dir, sizeof(run->dir), "%s/shadowpool-XXXXXX", base);
		if (mkdtemp(run->dir))
			return 0;
	}
	run->dir[0] = 0;
	return -errno;
}

static bool remove_directory(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return true;
	while ((e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return !rmdir(dir) || errno == ENOENT;
}

static void __attribute__((noreturn)) cleaner_main(const char *dir, int pipe_end)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	unsigned i;
	char c;
	int null;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "shadowctl-clean");
	setsid();	/* what kills shadowctl's process group must not kill its cleaner */
	null = open("/dev/null", O_RDWR);
	for (i = 0; i < 3; i++)
		dup2(null, (int)i);
	while (read(pipe_end, &c, 1) < 0 && errno == EINTR)
		;
	for (i = 0; i < REMOVE_TRIES && !remove_directory(dir); i++)
		poll(NULL, 0, 10);
	_exit(0);
}

int run_dir_create(struct run *run)
{
	int p[2], rc;

	rc = make_directory(run);
	if (rc)
		return cmd_fail(run->cmd, CONTROL_FAILED, "make one of them writable", "cannot create a directory in "
				"$XDG_RUNTIME_DIR or /tmp: %s", strerror(-rc));
	if (pipe2(p, O_CLOEXEC)) {
		rc = cmd_fail(run->cmd, CONTROL_FAILED, NULL, "cannot create a pipe: %s", strerror(errno));
		rmdir(run->dir);
		return rc;
	}
	fflush(NULL);
	run->cleaner = fork();
	if (!run->cleaner) {
		close(p[1]);
		cleaner_main(run->dir, p[0]);
	}
	close(p[0]);
	run->cleaner_pipe = p[1];
	if (run->cleaner < 0) {
		rc = cmd_fail(run->cmd, CONTROL_FAILED, NULL, "cannot create a process: %s", strerror(errno));
		close(p[1]);
		rmdir(run->dir);
		return rc;
	}
	if (run->verbose)
		fprintf(stderr, "shadowctl: runtime directory %s\n", run->dir);
	return 0;
}

void run_dir_remove(struct run *run)
{
	close(run->cleaner_pipe);
	while (waitpid(run->cleaner, NULL, 0) < 0 && errno == EINTR)
		;
}
