/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace of a VM that runs: poold writes it into a file that the client hands over, and answers in parts. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/frame.h"
#include "tests/integration/harness/harness_priv.h"

#define BEGIN_S	20	/* the VM attaches anew */
#define END_S	20

enum { PHASE_SEND = 1, PHASE_RECORDING, PHASE_ENDED };	/* TraceReply.phase */

struct sp_trace {
	struct sp_vm *vm;
	struct control_client client;
	const Shadowpool__TraceReply *end;
};

static void release(void *trace)
{
	struct sp_trace *t = trace;

	control_close(&t->client);
	free(t);
}

static void free_reply(void *reply)
{
	shadowpool__reply__free_unpacked(reply, NULL);
}

/* The next part of the answer. */
static const Shadowpool__TraceReply *part(const struct sp_trace *t, int rc, Shadowpool__Reply *reply)
{
	if (rc)
		sp_fail("%s: trace: poold does not answer: %s", t->vm->what, strerror(-rc));
	sp_keep_with(reply, free_reply);
	if (reply->result_case == SHADOWPOOL__REPLY__RESULT_ERROR)
		sp_fail("%s: poold does not trace it: %s", t->vm->what, reply->error->message);
	if (reply->result_case != SHADOWPOOL__REPLY__RESULT_TRACE)
		sp_fail("%s: trace: poold answers with %d", t->vm->what, (int)reply->result_case);
	return reply->trace;
}

struct sp_trace *sp_trace_begin(struct sp_vm *vm, const char *path, uint64_t count)
{
	struct sp_trace *t = sp_keep_with(calloc(1, sizeof(*t)), release);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc;
	const Shadowpool__TraceReply *phase;
	Shadowpool__TraceRequest trace;
	Shadowpool__Request request;
	Shadowpool__Reply *reply = NULL;

	t->vm = vm;
	t->client.fd = -1;
	if (fd < 0)
		sp_fail("%s: %s", path, strerror(errno));
	shadowpool__trace_request__init(&trace);
	shadowpool__request__init(&request);
	trace.name = (char *)(uintptr_t)vm->name;
	trace.count = count;
	request.op_case = SHADOWPOOL__REQUEST__OP_TRACE;
	request.trace = &trace;
	sp_connect(vm->daemons, SP_POOLD, &t->client);
	rc = control_call(&t->client, &request, sp_request_deadline(), &reply);
	phase = part(t, rc, reply);
	if (phase->phase != PHASE_SEND)
		sp_fail("%s: trace: phase %u", vm->what, phase->phase);
	rc = control_send_fd(&t->client, fd);
	close(fd);
	if (!rc)
		rc = control_next(&t->client, sp_limit(BEGIN_S).end_ns, &reply);
	phase = part(t, rc, reply);
	if (phase->phase == PHASE_ENDED)
		t->end = phase;
	return t;
}

/* On another connection: the first one is that on which the end is told. */
static void ask_for_end(const struct sp_trace *t)
{
	Shadowpool__NameRequest name;
	Shadowpool__Request request;

	shadowpool__name_request__init(&name);
	shadowpool__request__init(&request);
	name.name = (char *)(uintptr_t)t->vm->name;
	request.op_case = SHADOWPOOL__REQUEST__OP_TRACE_STOP;
	request.trace_stop = &name;
	/* Refused: it has ended by itself just now. */
	sp_ask(t->vm->daemons, SP_POOLD, &request);
}

const Shadowpool__TraceReply *sp_trace_wait(struct sp_trace *t, double seconds)
{
	Shadowpool__Reply *reply = NULL;
	int rc;

	if (t->end)
		return t->end;
	rc = control_next(&t->client, sp_limit(seconds).end_ns, &reply);
	t->end = part(t, rc, reply);
	control_close(&t->client);
	return t->end;
}

const Shadowpool__TraceReply *sp_trace_end(struct sp_trace *t)
{
	struct pollfd fd = { .fd = t->client.fd, .events = POLLIN };

	if (!t->end && poll(&fd, 1, 0) != 1)
		ask_for_end(t);
	return sp_trace_wait(t, END_S);
}
