/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shadowctl trace: record what the pool of a running VM consumes, until a signal, --duration, --count or the VM's end. poold
 * cannot open files: it gets the descriptor of ours and writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "ctl/cmd_table.h"
#include "ctl/daemon.h"

enum phase { PHASE_SEND = 1, PHASE_RECORDING, PHASE_ENDED };

struct tracing {
	struct cmd *cmd;
	const char *path;
	int fd, signals;
	bool created;			/* the file was not there before */
	bool begun;
	int64_t duration_ms;		/* -1: none */
	uint64_t count;			/* of records; 0: no limit */
	const char *why;		/* it ended; NULL: poold says */
	struct control_client client;
};

static int open_file(struct tracing *t)
{
	t->fd = open(t->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	t->created = t->fd >= 0;
	/* What is in it stays until the trace begins. */
	if (t->fd < 0 && errno == EEXIST)
		t->fd = open(t->path, O_WRONLY | O_CLOEXEC);
	if (t->fd >= 0)
		return 0;
	return cmd_fail(t->cmd, CONTROL_FAILED, "name a file that can be written", "cannot write %s: %s", t->path,
			strerror(errno));
}

/* From here on a signal is a wish to end the trace well. */
static int take_signals(struct tracing *t)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	t->signals = sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_CLOEXEC);
	return t->signals < 0 ? cmd_fail(t->cmd, CONTROL_FAILED, NULL, "no signalfd: %s", strerror(errno)) : 0;
}

static int take_duration(struct tracing *t)
{
	const char *text = cmd_value(t->cmd, "duration");
	double seconds;
	char *end;

	t->duration_ms = -1;
	if (!text)
		return 0;
	errno = 0;
	seconds = strtod(text, &end);
	if (errno || end == text || *end || !(seconds > 0) || seconds > 2000000)
		return cmd_fail(t->cmd, CONTROL_USAGE, "see shadowctl trace --help",
				"--duration takes seconds above 0, not: %s", text);
	t->duration_ms = (int64_t)(seconds * 1000);
	return 0;
}

static int take_count(struct tracing *t)
{
	const char *text = cmd_value(t->cmd, "count");
	char *end;

	if (!text)
		return 0;
	errno = 0;
	t->count = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || !t->count)
		return cmd_fail(t->cmd, CONTROL_USAGE, "see shadowctl trace --help",
				"--count takes a number of records above 0, not: %s", text);
	return 0;
}

/* The part of the answer that is wanted next, or the end. */
static int expect(struct tracing *t, int rc, Shadowpool__Reply *reply, enum phase phase, bool *ended)
{
	uint32_t got;

	if (rc)
		return rc;
	got = reply->result_case == SHADOWPOOL__REPLY__RESULT_TRACE ? reply->trace->phase : 0;
	*ended = got == PHASE_ENDED;
	if (got == phase || (phase == PHASE_RECORDING && *ended))
		return 0;
	shadowpool__reply__free_unpacked(reply, NULL);
	return cmd_fail(t->cmd, CONTROL_VERSION, "install matching versions", "poold gave an answer of another kind");
}

/* 0: recorded from now on; *reply is the end if there is one already. */
static int begin(struct tracing *t, Shadowpool__Reply **reply)
{
	Shadowpool__TraceRequest trace;
	Shadowpool__Request request;
	bool ended;
	int rc;

	shadowpool__trace_request__init(&trace);
	shadowpool__request__init(&request);
	trace.name = t->cmd->args[0];
	trace.count = t->count;
	request.op_case = SHADOWPOOL__REQUEST__OP_TRACE;
	request.trace = &trace;
	rc = daemon_request(t->cmd, &t->client, &request, reply);
	rc = expect(t, rc, *reply, PHASE_SEND, &ended);
	if (rc)
		return rc;
	shadowpool__reply__free_unpacked(*reply, NULL);
	*reply = NULL;
	rc = control_send_fd(&t->client, t->fd);
	if (rc)
		return daemon_fail(t->cmd, "its socket", &t->client, "poold", rc);
	rc = daemon_next(t->cmd, &t->client, reply);
	rc = expect(t, rc, *reply, PHASE_RECORDING, &ended);
	if (rc || ended)
		return rc;
	shadowpool__reply__free_unpacked(*reply, NULL);
	*reply = NULL;
	return 0;
}

/* Until poold has something to say, or it is enough. */
static void record(struct tracing *t)
{
	struct pollfd p[2] = { { .fd = t->client.fd, .events = POLLIN }, { .fd = t->signals, .events = POLLIN } };
	int64_t until = t->duration_ms < 0 ? FRAME_NO_DEADLINE : clock_ns() + t->duration_ms * CLOCK_NS_PER_MS;

	if (!t->cmd->json) {
		fprintf(stderr, "shadowctl: recording VM %s\n", t->cmd->args[0]);
		fflush(stderr);
	}
	for (;;) {
		int64_t left = (until - clock_ns() + 999999) / 1000000;
		int n = poll(p, 2, until == FRAME_NO_DEADLINE ? -1 : left < 0 ? 0 : left > 60000 ? 60000 : (int)left);

		if (n > 0 && p[0].revents)
			return;
		if (n > 0 && p[1].revents)
			t->why = "signal";
		else if (until != FRAME_NO_DEADLINE && clock_ns() >= until)
			t->why = "duration";
		else
			continue;
		return;
	}
}

/* On a connection of its own: the first one waits for the end. */
static int stop(struct tracing *t)
{
	Shadowpool__NameRequest name;
	Shadowpool__Request request;
	struct control_client client;
	Shadowpool__Reply *reply;
	int rc;

	shadowpool__name_request__init(&name);
	shadowpool__request__init(&request);
	name.name = t->cmd->args[0];
	request.op_case = SHADOWPOOL__REQUEST__OP_TRACE_STOP;
	request.trace_stop = &name;
	rc = daemon_open(t->cmd, DAEMON_POOLD, &client);
	if (rc)
		return rc;
	rc = control_call(&client, &request, t->cmd->deadline, &reply);
	if (rc)
		return daemon_fail(t->cmd, "its socket", &client, "poold", rc);
	/* Refused: it has ended by itself just now. */
	shadowpool__reply__free_unpacked(reply, NULL);
	control_close(&client);
	return 0;
}

static int end(struct tracing *t, Shadowpool__Reply **reply)
{
	bool ended;
	int rc;

	t->cmd->deadline = frame_deadline(t->cmd->timeout_ms);
	if (t->why) {
		rc = stop(t);
		if (rc)
			return rc;
	}
	rc = control_next(&t->client, t->cmd->deadline, reply);
	if (rc == -ENOTCONN)
		return cmd_fail(t->cmd, CONTROL_UNREACHABLE, "the file holds what was recorded before, without an end mark",
				"poold ended while it traced VM %s", t->cmd->args[0]);
	if (rc)
		return daemon_fail(t->cmd, "its socket", &t->client, "poold", rc);
	if ((*reply)->result_case == SHADOWPOOL__REPLY__RESULT_ERROR) {
		rc = cmd_fail(t->cmd, CONTROL_FAILED, (*reply)->error->hint, "%s", (*reply)->error->message);
		shadowpool__reply__free_unpacked(*reply, NULL);
		return rc;
	}
	return expect(t, 0, *reply, PHASE_ENDED, &ended);
}

static int report(const struct tracing *t, const Shadowpool__TraceReply *r)
{
	const char *why = t->why && !strcmp(r->reason, "requested") ? t->why : r->reason;

	if (t->cmd->json)
		return cmd_json(json_pack("{s:o,s:o,s:I,s:I,s:I,s:o}", "name", cmd_json_string(t->cmd->args[0]), "file",
					  cmd_json_string(t->path), "records", (json_int_t)r->records, "calls",
					  (json_int_t)r->calls, "bytes", (json_int_t)r->bytes, "ended_by",
					  cmd_json_string(why)));
	printf("%" PRIu64 " calls, %" PRIu64 " records, %" PRIu64 " bytes; ended by: ", r->calls, r->records, r->bytes);
	cmd_print(stdout, why);
	putchar('\n');
	return CONTROL_DONE;
}

static int trace(struct tracing *t)
{
	Shadowpool__Reply *reply = NULL;
	int rc = daemon_open(t->cmd, DAEMON_POOLD, &t->client);

	if (rc)
		return rc;
	rc = begin(t, &reply);
	t->begun = !rc;
	if (!rc && !reply) {
		record(t);
		rc = end(t, &reply);
	}
	if (!rc) {
		rc = report(t, reply->trace);
		shadowpool__reply__free_unpacked(reply, NULL);
	}
	control_close(&t->client);
	return rc;
}

static int run(struct cmd *cmd)
{
	struct tracing t = { .cmd = cmd, .path = cmd_value(cmd, "out"), .fd = -1, .signals = -1 };
	int rc;

	if (!t.path)
		return cmd_fail(cmd, CONTROL_USAGE, "see shadowctl trace --help", "--out FILE is missing");
	rc = take_duration(&t);
	if (!rc)
		rc = take_count(&t);
	if (!rc)
		rc = open_file(&t);
	if (rc)
		return rc;
	rc = take_signals(&t);
	if (!rc)
		rc = trace(&t);
	if (t.created && !t.begun)
		unlink(t.path);
	if (t.signals >= 0)
		close(t.signals);
	close(t.fd);
	return rc;
}

static const struct cmd_option options[] = {
	{ "out", "FILE", "where to; what is there is replaced" },
	{ "duration", "SECONDS", "end by itself; else at SIGINT, SIGTERM or the VM's end" },
	{ "count", "N", "end after the pool's call that makes the N-th record" },
	{ NULL }
};

const struct cmd_entry cmd_trace = {
	.name = "trace", .args = "NAME", .summary = "record what the pool of a running VM consumes, for replay",
	.options = options, .min_args = 1, .max_args = 1, .timeout_ms = 20000, .run = run,
};
