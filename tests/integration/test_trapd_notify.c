/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What trapd tells its service manager, which here is the test; and that it closes what a careless caller has left open. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/control_client.h"
#include "common/frame.h"
#include "tests/integration/harness/harness.h"

#define WAIT_S		10
#define FORGOTTEN_FD	50	/* a number that trapd does not come to by itself */

sp_suite(trapd_notify);

struct managed {
	struct sp_process *trapd;
	int manager;		/* what trapd says arrives here */
	const char *socket;	/* trapd's control socket */
};

/* trapd in a folder of its own, told where its manager listens and how often that wants to hear of it. */
static struct managed start(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct managed m;
	int forgotten;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", sp_path("notify"));
	m.manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sp_assert(m.manager >= 0 && !bind(m.manager, (struct sockaddr *)&sa, sizeof(sa)), "notification socket: %s", strerror(errno));
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	setenv("WATCHDOG_USEC", "200000", 1);
	unsetenv("WATCHDOG_PID");
	forgotten = dup2(STDIN_FILENO, FORGOTTEN_FD);
	m.trapd = sp_spawn("trapd", "--runtime-dir", sp_path("."), "-o", "log-level=warning");
	close(forgotten);
	m.socket = sp_path("trapd-control.sock");
	return m;
}

/* Wait for a message that begins with this; others may come first. */
static void await(const struct managed *m, const char *want)
{
	struct sp_limit limit = sp_limit(WAIT_S);
	struct pollfd p = { .fd = m->manager, .events = POLLIN };
	char text[512] = "";
	ssize_t n;

	while (strncmp(text, want, strlen(want))) {
		sp_assert(poll(&p, 1, sp_limit_left_ms(&limit)) == 1, "%s does not come", want);
		n = recv(m->manager, text, sizeof(text) - 1, 0);
		sp_assert(n >= 0, "notification: %s", strerror(errno));
		text[n] = 0;
	}
}

static void end(struct managed *m)
{
	sp_signal(m->trapd, SIGTERM);
	await(m, "STOPPING=1");
	sp_expect(sp_reap(m->trapd, WAIT_S) == 0, "exit code %d after SIGTERM", m->trapd->code);
	sp_expect(!sp_exists(m->socket), "the control socket is left behind");
	close(m->manager);
	unlink(sp_path("notify"));
}

sp_test(trapd_notify, ready_means_that_the_socket_answers)
{
	struct managed m = start();
	struct control_client c;

	await(&m, "READY=1");
	sp_assert(!control_open(&c, m.socket, "test", "1", frame_deadline((int)(WAIT_S * 1000 * sp_scale()))), "no answer");
	control_close(&c);
	end(&m);
}

sp_test(trapd_notify, the_watchdog_is_fed)
{
	struct managed m = start();

	await(&m, "READY=1");
	await(&m, "WATCHDOG=1");
	await(&m, "WATCHDOG=1");
	end(&m);
}

sp_test(trapd_notify, inherited_descriptors_are_closed)
{
	struct managed m = start();

	await(&m, "READY=1");
	sp_expect(!sp_exists(sp_text("/proc/%d/fd/%d", (int)m.trapd->pid, FORGOTTEN_FD)), "descriptor %d is still open", FORGOTTEN_FD);
	end(&m);
}
