/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An audit of a running VM. poold, main thread.
 *
 * What the lists of the pool say about each other (the cheap audit) holds whenever nobody changes them: the VM's lock is
 * enough. Whether the shadow says what the guest's tables say can only be asked when the guest stands and has told of all
 * its stores (standing.c).
 */
#include "poold/control/verify.h"

#include "poold/control/control.h"
#include "poold/serve/connections.h"

static void reply_verify(struct control_call *call, uint32_t n, const struct pool_violation *list)
{
	Shadowpool__Violation violations[POOL_CALL_MAX_VIOLATIONS], *listed[POOL_CALL_MAX_VIOLATIONS];
	Shadowpool__VerifyReply verify;
	Shadowpool__Reply reply;

	shadowpool__verify_reply__init(&verify);
	shadowpool__reply__init(&reply);
	for (uint32_t i = 0; i < n && i < POOL_CALL_MAX_VIOLATIONS; i++) {
		shadowpool__violation__init(&violations[i]);
		violations[i].rule = list[i].rule;
		violations[i].page = list[i].page;
		violations[i].slot = list[i].slot;
		violations[i].expected = list[i].expected;
		violations[i].found = list[i].found;
		listed[verify.n_violations++] = &violations[i];
	}
	verify.audits = 1;
	verify.total = n;
	verify.violations = listed;
	reply.result_case = SHADOWPOOL__REPLY__RESULT_VERIFY;
	reply.verify = &verify;
	control_reply(call, &reply);
}

static void answer_full(struct control_call *call, const char *name, const struct standing_result *r)
{
	reply_verify(call, r->nviolations, r->violation);
}

static void verify_cheap(struct control_call *call, const char *name, struct connections *all)
{
	struct pool_call audit = { .op = POOL_CALL_AUDIT };
	struct pool_call_out out;
	struct session *s;

	connections_lock(all);
	s = connections_find(all, name);
	if (s)
		session_call_out(s, &audit, &out);
	connections_unlock(all);
	if (s)
		reply_verify(call, out.nviolations, out.violation);
	else
		control_no_such_vm(call, name);
}

void verify_handler(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	static const struct standing_want full = { .full = true, .done = "verified", .answer = answer_full };
	const Shadowpool__VerifyRequest *r = request->verify;
	struct poold_control *control = ctx;

	if (r->full)
		standing_ask(control, call, r->name, &full);
	else
		verify_cheap(call, r->name, control->connections);
}
