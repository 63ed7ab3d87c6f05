/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private daemons: start, readiness, replacement, end; and the connections to private and to running ones. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/frame.h"
#include "config.h"
#include "tests/integration/harness/harness_priv.h"

#define READY_S	30
#define END_S	10
#define NAMES	((const char *const[]){ [SP_TRAPD] = "trapd", [SP_POOLD] = "poold" })

struct listed {
	struct sp_private s;
	struct listed *next;
};
static struct listed *all;

struct sp_private *sp_private_of(struct sp_daemons *d)
{
	return (struct sp_private *)((char *)d - offsetof(struct sp_private, d));
}

static struct sp_private *new_daemons(const char *dir)
{
	struct listed *l = sp_new(sizeof(*l));

	l->s = (struct sp_private){ .d.dir = sp_text("%s", dir), .clients = { { .fd = -1 }, { .fd = -1 } }, .notify = -1, .keys = -1 };
	l->next = all;
	all = l;
	return &l->s;
}

/* The socket of a service manager: both daemons say there when they are ready. */
static int listen_for_notice(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)))
		sp_fail("%s: %s", path, strerror(errno));
	return s;
}

/* Notices are taken as they come; one READY=1 for each of n daemons that were started. */
static void await_ready(struct sp_private *s, unsigned n)
{
	struct sp_limit limit = sp_limit(READY_S);
	struct pollfd fd = { .fd = s->notify, .events = POLLIN };

	while (n) {
		char text[512];
		ssize_t size;

		for (unsigned i = 0; i < 2; i++) {
			struct sp_process *p = i ? s->d.poold : s->d.trapd;

			if (p && sp_ended(p))
				sp_fail("%s ended with code %d before it was ready", p->name, p->code);
		}
		if (!sp_limit_left_ms(&limit))
			sp_fail("the daemons are not ready within %d s", READY_S);
		/* An end is no notice: it is looked for now and then. */
		if (poll(&fd, 1, 20) != 1)
			continue;
		size = recv(s->notify, text, sizeof(text) - 1, 0);
		text[size > 0 ? size : 0] = 0;
		n -= strstr(text, "READY=1") != NULL;
	}
}

static struct sp_process *start_poold(const struct sp_private *s)
{
	const char *argv[24] = { "poold", "--runtime-dir", s->d.dir, "-o", "log-level=info" };
	unsigned n = 5;

	if (s->options.policy) {
		argv[n++] = "-o";
		argv[n++] = sp_text("policy=%s", s->options.policy);
	}
	if (s->options.trace) {
		argv[n++] = "--trace";
		argv[n++] = s->options.trace;
	}
	if (s->options.allow_inject)
		argv[n++] = "--allow-inject";
	for (unsigned i = 0; i < 8 && s->options.poold_options[i]; i++)
		argv[n++] = s->options.poold_options[i];
	return sp_process_start(&(struct sp_start){ .argv = argv, .in_fd = -1, .kept_fd = { -1, -1 }, .notify = s->notify_path,
						    .err_path = sp_text("%s/poold.log", s->d.dir) });
}

static struct sp_process *start_trapd(struct sp_private *s)
{
	int keys[2], out = open(s->console_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	const char *argv[24] = { "trapd", "--runtime-dir", s->d.dir, "-o", "log-level=info" };
	struct sp_process *p;
	unsigned n = 5;

	if (out < 0 || pipe2(keys, O_CLOEXEC))
		sp_fail("console: %s", strerror(errno));
	argv[n++] = sp_text("--console-in=%d", keys[0]);
	argv[n++] = sp_text("--console-out=%d", out);
	if (s->options.allow_inject)
		argv[n++] = "--allow-inject";
	for (unsigned i = 0; i < 8 && s->options.trapd_options[i]; i++)
		argv[n++] = s->options.trapd_options[i];
	p = sp_process_start(&(struct sp_start){ .argv = argv, .in_fd = -1, .kept_fd = { keys[0], out }, .notify = s->notify_path,
						 .err_path = sp_text("%s/trapd.log", s->d.dir) });
	close(out);
	close(keys[0]);
	s->keys = keys[1];
	return p;
}

struct sp_daemons *sp_daemons_start(const struct sp_daemons_options *options)
{
	static unsigned nstarted;
	struct sp_private *s = new_daemons(sp_path(sp_text("d%u", ++nstarted)));

	if (mkdir(s->d.dir, 0700))
		sp_fail("%s: %s", s->d.dir, strerror(errno));
	if (options)
		s->options = *options;
	s->notify_path = sp_text("%s/notify", s->d.dir);
	s->notify = listen_for_notice(s->notify_path);
	s->console_path = sp_text("%s/console", s->d.dir);
	s->d.poold = start_poold(s);
	s->d.trapd = start_trapd(s);
	await_ready(s, 2);
	return &s->d;
}

struct sp_daemons *sp_daemons_at(const char *dir)
{
	return &new_daemons(dir)->d;
}

static void hang_up(struct sp_private *s)
{
	control_close(&s->clients[SP_TRAPD]);
	control_close(&s->clients[SP_POOLD]);
}

static void end_one(struct sp_process *p)
{
	if (!p || !p->pid)
		return;
	sp_signal(p, SIGTERM);
	if (!sp_await(END_S, sp_ended(p))) {
		sp_signal(p, SIGKILL);
		sp_expect(false, "%s did not end within %d s", p->name, END_S);
		return;
	}
	sp_expect(!p->code, "%s ended with code %d", p->name, p->code);
}

/* trapd first: a poold that goes before would be waited for by its VMs. */
void sp_daemons_end(struct sp_daemons *d)
{
	struct sp_private *s = sp_private_of(d);

	hang_up(s);
	end_one(d->trapd);
	end_one(d->poold);
	if (s->notify >= 0)
		close(s->notify);
	if (s->keys >= 0)
		close(s->keys);
	s->notify = s->keys = -1;
	if (!s->notify_path)
		return;
	unlink(s->notify_path);
	/* What poold may not do itself, see poold/sandbox.c. */
	unlink(sp_text("%s/poold-attach.sock", d->dir));
	unlink(sp_text("%s/poold-control.sock", d->dir));
}

void sp_daemons_end_all(void)
{
	for (struct listed *l = all; l; l = l->next)
		sp_daemons_end(&l->s.d);
	all = NULL;
}

void sp_poold_replace(struct sp_daemons *d, int sig)
{
	struct sp_private *s = sp_private_of(d);

	sp_signal(d->poold, sig);
	sp_reap(d->poold, END_S);
	control_close(&s->clients[SP_POOLD]);
	d->poold = start_poold(s);
	await_ready(s, 1);
}

const char *sp_log(const struct sp_daemons *d, enum sp_daemon which)
{
	const struct sp_process *p = which == SP_TRAPD ? d->trapd : d->poold;

	return p ? sp_err(p) : "";
}

/* As shadowctl finds it: a runtime directory of services, or of an embedded run. */
static const char *socket_of(const struct sp_daemons *d, enum sp_daemon which)
{
	const char *path = sp_text("%s/%s-control.sock", d->dir, NAMES[which]);

	return sp_exists(path) ? path : sp_text("%s/%s/control.sock", d->dir, NAMES[which]);
}

void sp_connect(struct sp_daemons *d, enum sp_daemon which, struct control_client *client)
{
	int rc = control_open(client, socket_of(d, which), "harness", PACKAGE_VERSION, sp_request_deadline());

	if (rc)
		sp_fail("%s at %s: cannot connect: %s", NAMES[which], d->dir, strerror(-rc));
}

/* One connection is kept for all requests; the daemon at its other end may have been replaced meanwhile. */
static Shadowpool__Reply *ask(struct sp_daemons *d, enum sp_daemon which, const Shadowpool__Request *request)
{
	struct control_client *client = &sp_private_of(d)->clients[which];
	Shadowpool__Reply *reply;
	bool used = client->fd >= 0;
	int rc;

	for (;;) {
		if (client->fd < 0)
			sp_connect(d, which, client);
		rc = control_call(client, request, sp_request_deadline(), &reply);
		if (!rc)
			return reply;
		if (rc != -ENOTCONN || !used)
			sp_fail("%s does not answer: %s", NAMES[which], strerror(-rc));
		used = false;
	}
}

static void free_reply(void *reply)
{
	shadowpool__reply__free_unpacked(reply, NULL);
}

const Shadowpool__Reply *sp_ask(struct sp_daemons *d, enum sp_daemon which, const Shadowpool__Request *request)
{
	return sp_keep_with(ask(d, which, request), free_reply);
}

Shadowpool__Reply *sp_want_once(struct sp_daemons *d, enum sp_daemon which, const Shadowpool__Request *request,
				Shadowpool__Reply__ResultCase kind)
{
	Shadowpool__Reply *reply = ask(d, which, request);

	if (reply->result_case == kind)
		return reply;
	sp_keep_with(reply, free_reply);
	if (reply->result_case == SHADOWPOOL__REPLY__RESULT_ERROR)
		sp_fail("%s refuses request %d: %s", NAMES[which], (int)request->op_case, reply->error->message);
	sp_fail("%s answers request %d with %d", NAMES[which], (int)request->op_case, (int)reply->result_case);
}

const Shadowpool__Reply *sp_want(struct sp_daemons *d, enum sp_daemon which, const Shadowpool__Request *request,
				 Shadowpool__Reply__ResultCase kind)
{
	return sp_keep_with(sp_want_once(d, which, request, kind), free_reply);
}
