/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See flush.h. poold, main thread. The library call is made by the session's thread, and recorded as every call is. */
#include "poold/control/flush.h"

#include <inttypes.h>

#include "poold/control/control.h"
#include "poold/control/standing.h"

static void answer(struct control_call *call, const char *name, const struct standing_result *r)
{
	Shadowpool__FlushReply flush;
	Shadowpool__Reply reply;

	shadowpool__flush_reply__init(&flush);
	shadowpool__reply__init(&reply);
	flush.tables = r->tables;
	flush.entries = r->entries;
	reply.result_case = SHADOWPOOL__REPLY__RESULT_FLUSH;
	reply.flush = &flush;
	if (r->status == POOL_OK)
		control_reply(call, &reply);
	else if (r->status == POOL_E_RANGE)
		control_error(call, CONTROL_USAGE, "addresses are guest-physical",
			      "the address is outside the RAM of VM %s", name);
	else if (r->status == POOL_E_NOTFOUND)
		control_error(call, CONTROL_NO_OBJECT, "shadowctl pool shows the roots that are cached",
			      "VM %s has no root of this CR3", name);
	else
		control_error(call, CONTROL_FAILED, "see poold's log", "the pool of VM %s refuses: status %u", name, r->status);
}

void flush_handler(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	static const uint16_t ops[] = { POOL_CALL_FLUSH_ALL, POOL_CALL_CLEAR_ALL, POOL_CALL_FLUSH_ROOT, POOL_CALL_FLUSH_GPA };
	struct standing_want want = { .done = "flushed", .answer = answer };
	const Shadowpool__FlushRequest *r = request->flush;

	if (r->what >= sizeof(ops) / sizeof(ops[0])) {
		control_error(call, CONTROL_USAGE, "shadowctl and poold are of different versions", "unknown sort of flush: %u", r->what);
		return;
	}
	want.call.op = ops[r->what];
	if (want.call.op == POOL_CALL_FLUSH_ROOT)
		want.call.cr3 = r->address;
	else if (want.call.op == POOL_CALL_FLUSH_GPA)
		want.call.gpa = r->address;
	standing_ask(ctx, call, r->name, &want);
}

void flush_cache_handler(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct standing_want want = { .call = { .op = POOL_CALL_CACHE }, .done = "switched", .answer = answer };

	want.call.flags = request->cache->on ? POOL_CALLF_ON : 0;
	standing_ask(ctx, call, request->cache->name, &want);
}
