// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What trapd tells its service manager: READY=1 when its socket answers, WATCHDOG=1 while its loop turns, STOPPING=1 at
 * SIGTERM, exit code 0; and that it closes what it inherited. Test program that plays the manager.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/control_client.h"
#include "common/frame.h"

static char dir[64], path[128];
static pid_t pid;
static int sock;

static void cleanup(void)
{
	if (pid > 0)
		kill(pid, SIGKILL);
	unlink(path);
	snprintf(path, sizeof(path), "%s/notify", dir);
	unlink(path);
	rmdir(dir);
}

static void __attribute__((noreturn)) fail(const char *what)
{
	printf("FAIL: %s\n", what);
	cleanup();
	exit(1);
}

/* Wait for a message that begins with this; others may come first. */
static void await(const char *want)
{
	int64_t end = frame_deadline(10000);
	char text[512];

	for (;;) {
		struct pollfd p = { .fd = sock, .events = POLLIN };
		ssize_t n;

		if (clock_ns() > end || poll(&p, 1, 10000) != 1)
			fail(want);
		n = recv(sock, text, sizeof(text) - 1, 0);
		if (n < 0)
			fail(want);
		text[n] = 0;
		if (!strncmp(text, want, strlen(want)))
			return;
	}
}

static void start(const char *program)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify", dir);
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || bind(sock, (struct sockaddr *)&sa, sizeof(sa)))
		fail("notification socket");
	pid = fork();
	if (!pid) {
		dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 50);	/* forgotten by a careless caller */
		setenv("NOTIFY_SOCKET", sa.sun_path, 1);
		setenv("WATCHDOG_USEC", "200000", 1);
		unsetenv("WATCHDOG_PID");
		execl(program, "trapd", "--runtime-dir", dir, "-o", "log-level=warning", NULL);
		_exit(127);
	}
}

static void check_socket(void)
{
	struct control_client c;

	snprintf(path, sizeof(path), "%s/trapd-control.sock", dir);
	if (control_open(&c, path, "test", "1", frame_deadline(5000)))
		fail("ready, but its socket does not answer");
	control_close(&c);
}

static void check_descriptors(void)
{
	char fd[64];

	snprintf(fd, sizeof(fd), "/proc/%d/fd/50", pid);
	if (!access(fd, F_OK))
		fail("an inherited descriptor stays open");
}

int main(void)
{
	const char *build = getenv("top_builddir");
	char program[4096];
	int status;

	snprintf(program, sizeof(program), "%s/trapd/trapd", build ? build : ".");
	strcpy(dir, "/tmp/trapd_notify_XXXXXX");
	if (!mkdtemp(dir))
		fail("mkdtemp");
	start(program);
	await("READY=1");
	check_socket();
	check_descriptors();
	await("WATCHDOG=1");
	await("WATCHDOG=1");
	kill(pid, SIGTERM);
	await("STOPPING=1");
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		fail("exit code after SIGTERM");
	pid = 0;
	if (!access(path, F_OK))
		fail("the control socket is left behind");
	cleanup();
	return 0;
}
