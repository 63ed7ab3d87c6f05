/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An audit of a running VM. poold, main thread, with the links held and the VM's lock taken for each audit, so that no
 * call changes the pool meanwhile; like every call an audit goes into the trace.
 *
 * The vCPU may run on, and what it has stored to a table may still lie in its ring: for a moment the tables then are not
 * what the guest's say, and that is no violation. A violation counts if several audits, with time to empty the ring in
 * between, find the very same: what is wrong with the pool itself does not heal.
 */
#include "poold/verify.h"

#include <poll.h>
#include <string.h>

#include "common/barrier.h"
#include "poold/daemon.h"

#define VERIFY_AUDITS	36u	/* one second */
#define VERIFY_WAIT_MS	28	/* between two of them; a link thread empties a ring within microseconds */

static bool is_same(const struct pool_violation *a, const struct pool_violation *b)
{
	return a->rule == b->rule && a->page == b->page && a->slot == b->slot && a->expected == b->expected &&
	       a->found == b->found;
}

/* Keep of out's list what this audit found too. */
static void keep_common(struct verification *out, const struct pool_call_out *audit)
{
	uint32_t n = audit->nviolations < POOL_CALL_MAX_VIOLATIONS ? audit->nviolations : POOL_CALL_MAX_VIOLATIONS;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < out->nlisted; i++)
		for (uint32_t j = 0; j < n; j++)
			if (is_same(&out->violation[i], &audit->violation[j])) {
				out->violation[kept++] = out->violation[i];
				break;
			}
	out->nlisted = kept;
}

void verify_vm(struct vm *vm, bool full, struct verification *out)
{
	struct pool_call call = { .op = POOL_CALL_AUDIT, .flags = full ? POOL_CALLF_ALL : 0 };
	uint64_t requests = load_relaxed(&vm->nrequests);
	struct pool_call_out audit;

	memset(out, 0, sizeof(*out));
	do {
		if (out->audits)
			poll(NULL, 0, VERIFY_WAIT_MS);
		vm_call_out(vm, &call, &audit);
		if (!out->audits++) {
			out->nlisted = POOL_CALL_MAX_VIOLATIONS;
			memcpy(out->violation, audit.violation, sizeof(out->violation));
			if (audit.nviolations < out->nlisted)
				out->nlisted = audit.nviolations;
		}
		keep_common(out, &audit);
		/* A request brings all events with it: what an audit finds before two of them and after is there to stay. */
		if (out->audits > 2 && load_relaxed(&vm->nrequests) - requests > 2)
			break;
	} while (out->nlisted && out->audits < VERIFY_AUDITS);
	out->nviolations = out->nlisted ? audit.nviolations : 0;
}

static void reply_verify(struct control_call *call, const struct verification *v)
{
	Shadowpool__Violation violations[POOL_CALL_MAX_VIOLATIONS], *list[POOL_CALL_MAX_VIOLATIONS];
	Shadowpool__VerifyReply verify;
	Shadowpool__Reply reply;

	shadowpool__verify_reply__init(&verify);
	shadowpool__reply__init(&reply);
	for (uint32_t i = 0; i < v->nlisted; i++) {
		shadowpool__violation__init(&violations[i]);
		violations[i].rule = v->violation[i].rule;
		violations[i].page = v->violation[i].page;
		violations[i].slot = v->violation[i].slot;
		violations[i].expected = v->violation[i].expected;
		violations[i].found = v->violation[i].found;
		list[i] = &violations[i];
	}
	verify.audits = v->audits;
	verify.total = v->nviolations;
	verify.n_violations = v->nlisted;
	verify.violations = list;
	reply.result_case = SHADOWPOOL__REPLY__RESULT_VERIFY;
	reply.verify = &verify;
	control_reply(call, &reply);
}

void verify_handler(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	const Shadowpool__VerifyRequest *r = request->verify;
	struct verification v;
	struct poold *d = ctx;
	struct vm *vm;

	links_lock(&d->links);
	vm = links_find(&d->links, r->name);
	if (vm)
		verify_vm(vm, r->full, &v);
	links_unlock(&d->links);
	if (vm)
		reply_verify(call, &v);
	else
		control_error(call, CONTROL_NO_OBJECT, "shadowctl list shows those that are",
			      "VM %s is not attached to poold", r->name);
}
