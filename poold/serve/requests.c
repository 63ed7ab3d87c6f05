/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each request of doc/spec/ring.md means for the pool. poold, the session's thread. req is a private copy of hostile
 * words; it is checked here against the VM's configuration before any of it reaches the library.
 */
#include "poold/serve/requests.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/guest_ram.h"
#include "common/pool_stats.h"
#include "common/x86.h"
#include "poold/serve/audit.h"
#include "poold/serve/events.h"

#define RQF_MAX_STORE PAGE_SIZE

/* Requests about a page name a gpa in RAM, because accesses outside RAM are handled by trapd alone. */
static const char *check_gpa(const struct pool_config *config, const struct link_req *req)
{
	return guest_ram_contains(&config->ram, req->rq_gpa, 1) ? NULL : "gpa outside RAM";
}

static const char *check_map(const struct pool_config *config, const struct link_req *req)
{
	if ((req->rq_flags & LINK_RQF_WRITE) && (req->rq_flags & LINK_RQF_FETCH))
		return "MAP is a write and a fetch";
	if (!x86_is_canonical(req->rq_gva))
		return "gva not canonical";
	return check_gpa(config, req);
}

static const char *check_gva(const struct pool_config *config, const struct link_req *req)
{
	return x86_is_canonical(req->rq_gva) ? NULL : "gva not canonical";
}

static const char *check_write(const struct pool_config *config, const struct link_req *req)
{
	if (req->rq_walk[1] > RQF_MAX_STORE)
		return "store larger than a page";
	return check_map(config, req);
}

static const char *check_set_root(const struct pool_config *config, const struct link_req *req)
{
	if ((req->rq_flags & LINK_RQF_CODE) && !config->copies_maddr)
		return "watched code without a window of copies";
	return req->rq_nwalk && req->rq_nwalk != 4 ? "SET_ROOT has neither no nor four PDPTEs" : NULL;
}

static const char *check_switch(const struct pool_config *config, const struct link_req *req)
{
	return req->rq_gva > 1 ? "switch is neither 0 nor 1" : NULL;
}

static const char *check_track(const struct pool_config *config, const struct link_req *req)
{
	const char *bad = check_switch(config, req);

	return bad ? bad : check_gpa(config, req);
}

static const char *check_code(const struct pool_config *config, const struct link_req *req)
{
	if (!config->copies_maddr)
		return "CODE without a window of copies";
	return req->rq_gva >= POOL_CODE_STATE_COUNT ? "unknown sort of code" : check_gpa(config, req);
}

static void fill_map(const struct link_req *req, struct pool_call *call)
{
	call->gva = req->rq_gva;
	call->gpa = req->rq_gpa;
	call->nwalk = req->rq_nwalk;
	memcpy(call->walk, req->rq_walk, req->rq_nwalk * sizeof(call->walk[0]));
}

static void fill_gva(const struct link_req *req, struct pool_call *call)
{
	call->gva = req->rq_gva;
	if (req->rq_flags & LINK_RQF_ALL_ROOTS)
		call->flags |= POOL_CALLF_ALL;
}

/*
 * INVLPG of a non-canonical address does nothing in 64-bit mode (SDM vol. 2A, INVLPG), and such an address is no bad
 * request: the guest may have written the instruction.
 */
static void fill_invlpg(const struct link_req *req, struct pool_call *call)
{
	fill_gva(req, call);
	if (!x86_is_canonical(req->rq_gva))
		call->op = 0;
}

static void fill_write(const struct link_req *req, struct pool_call *call)
{
	call->gva = req->rq_gva;
	call->gpa = req->rq_gpa;
	call->rip = req->rq_walk[0];
	call->len = req->rq_walk[1];
	call->write_class = (req->rq_flags & LINK_CLASS_MASK) >> LINK_CLASS_SHIFT;
}

static void fill_gpa(const struct link_req *req, struct pool_call *call)
{
	call->gpa = req->rq_gpa;
}

/* The VM stands still: tables that were left out of step are brought back, so that the audit sees through them too. */
static void fill_resync(const struct link_req *req, struct pool_call *call)
{
	call->flags |= POOL_CALLF_ALL;
}

static void fill_track(const struct link_req *req, struct pool_call *call)
{
	call->gpa = req->rq_gpa;
	if (req->rq_gva)
		call->flags |= POOL_CALLF_ON;
}

static void fill_code(const struct link_req *req, struct pool_call *call)
{
	call->gpa = req->rq_gpa;
	call->len = req->rq_gva;
}

static void fill_set_root(const struct link_req *req, struct pool_call *call)
{
	call->cr3 = req->rq_gva;
	call->cr0 = req->rq_gpa & 0xffffffff;
	call->cr4 = req->rq_gpa >> 32;
	if (req->rq_flags & LINK_RQF_LMA)
		call->efer |= EFER_LMA | EFER_LME;
	if (req->rq_flags & LINK_RQF_NXE)
		call->efer |= EFER_NXE;
	if (req->rq_flags & LINK_RQF_CODE)
		call->flags |= POOL_CALLF_CODE;
	/* PDPTEs only in PAE mode: equal states of a vCPU must make equal calls. */
	if ((call->cr0 & CR0_PG) && (call->cr4 & CR4_PAE) && !(call->efer & EFER_LMA))
		memcpy(call->walk, req->rq_walk, sizeof(call->walk));
}

/* Flags by which a vCPU describes itself: allowed in every request. */
#define COMMON (LINK_RQF_USER_VIEW | LINK_RQF_AC | LINK_RQF_LMA | LINK_RQF_NXE | LINK_RQF_FLUSHED_ALL)
#define ACCESS (LINK_RQF_WRITE | LINK_RQF_FETCH)

static const struct request_op {
	uint16_t flags;			/* allowed in rq_flags besides COMMON */
	uint16_t call;			/* enum pool_call_op, 0: none */
	const char *(*check)(const struct pool_config *config, const struct link_req *req);
	void (*fill)(const struct link_req *req, struct pool_call *call);
} request_ops[LINK_OP_COUNT] = {
	[LINK_OP_MAP]		= { ACCESS, POOL_CALL_MAP, check_map, fill_map },
	[LINK_OP_DIRTY]		= { ACCESS, POOL_CALL_DIRTY, check_gva, fill_gva },
	[LINK_OP_WRITE_FAULT]	= { ACCESS | LINK_CLASS_MASK, POOL_CALL_WRITE_FAULT, check_write, fill_write },
	[LINK_OP_UNSHADOW]	= { ACCESS | LINK_CLASS_MASK, POOL_CALL_UNSHADOW, check_write, fill_write },
	[LINK_OP_OPEN]		= { 0, POOL_CALL_OPEN, check_gpa, fill_gpa },
	[LINK_OP_CLOSE]		= { 0, POOL_CALL_CLOSE, NULL, NULL },
	[LINK_OP_INVLPG]	= { LINK_RQF_ALL_ROOTS, POOL_CALL_INVLPG, NULL, fill_invlpg },
	[LINK_OP_SET_ROOT]	= { LINK_RQF_CODE, POOL_CALL_SET_ROOT, check_set_root, fill_set_root },
	[LINK_OP_NOP]		= { 0, 0, NULL, NULL },
	[LINK_OP_AUDIT]		= { 0, POOL_CALL_RESYNC, check_switch, fill_resync },
	[LINK_OP_TRACK]		= { 0, POOL_CALL_TRACK, check_track, fill_track },
	[LINK_OP_CODE]		= { 0, POOL_CALL_CODE, check_code, fill_code },
};

int request_decode(const struct pool_config *config, uint32_t v, const struct link_req *req, struct pool_call *call,
		   const char **reject)
{
	const struct request_op *op;

	*reject = NULL;
	memset(call, 0, sizeof(*call));
	if (!req->rq_op || req->rq_op >= LINK_OP_COUNT || v >= config->nvcpu) {
		*reject = "unknown operation or vCPU";
		return -EPROTO;
	}
	op = &request_ops[req->rq_op];
	if (req->rq_flags & ~(op->flags | COMMON))
		*reject = "flags that the operation does not have";
	else if ((req->rq_flags & LINK_CLASS_MASK) >> LINK_CLASS_SHIFT >= WRITE_CLASS_COUNT)
		*reject = "unknown class of write";
	else if (req->rq_nwalk > 4)
		*reject = "more than four guest entries";
	else if (op->check)
		*reject = op->check(config, req);
	if (*reject)
		return -EPROTO;

	call->op = op->call;
	call->vcpu = v;
	if (req->rq_flags & LINK_RQF_WRITE)
		call->flags |= POOL_CALLF_WRITE;
	if (req->rq_flags & LINK_RQF_FETCH)
		call->flags |= POOL_CALLF_FETCH;
	if (req->rq_flags & LINK_RQF_USER_VIEW)
		call->flags |= POOL_CALLF_USER;
	if (req->rq_flags & LINK_RQF_AC)
		call->flags |= POOL_CALLF_AC;
	if (op->fill)
		op->fill(req, call);
	return 0;
}

/* Take over that a vCPU has flushed. An epoch that was never given out is refused: tables would leave limbo too early. */
static int acknowledge_flush(struct session *s, uint32_t v, const struct link_req *req)
{
	bool all = req->rq_flags & LINK_RQF_FLUSHED_ALL;
	struct pool_call call = {
		.op = POOL_CALL_FLUSH_DONE, .vcpu = v, .flags = all ? POOL_CALLF_ALL : 0, .len = req->rq_flushed,
	};

	if (!req->rq_flushed || (!all && req->rq_flushed == s->flushed[v]))
		return 0;
	if ((int32_t)(req->rq_flushed - s->epoch_given) > 0) {
		s->reject = "acknowledges a flush epoch that was not given out";
		return -EPROTO;
	}
	s->flushed[v] = req->rq_flushed;
	session_call(s, &call);
	return 0;
}

/* Add to this vCPU's reply what posted events have changed. fresh: the request made no call, so begin with an empty result. */
static void merge_pending(struct session *s, uint32_t v, bool fresh)
{
	struct pool_call call = {
		.op = POOL_CALL_MERGE_PENDING, .vcpu = v, .flags = fresh ? POOL_CALLF_FRESH : 0,
	};

	session_call(s, &call);
}

static void request_reply(struct session *s, uint32_t v, const struct link_req *req, const struct pool_result *r)
{
	struct link_rep rep = {
		.rp_op = req->rq_op, .rp_status = (uint8_t)r->status, .rp_flush = (uint8_t)r->flush,
		.rp_ntouch = r->ntouch, .rp_root = { r->root[0], r->root[1] }, .rp_gva = r->flush_gva,
		.rp_entry = r->entry, .rp_gen = r->gen, .rp_epoch = r->epoch, .rp_prefetched = r->prefetched,
	};

	if ((int32_t)(r->epoch - s->epoch_given) > 0)
		s->epoch_given = r->epoch;
	link_server_reply(&s->link, v, &rep, r->touch);
}

int requests_serve(struct session *s, uint32_t v, const struct link_req *req)
{
	struct pool_result result;
	struct pool_call call;
	int rc = request_decode(&s->config, v, req, &call, &s->reject);

	if (!rc)
		rc = acknowledge_flush(s, v, req);
	if (!rc)
		rc = events_catch_up(s, v, req);
	if (rc)
		return rc;
	s->nrequests++;
	if (req->rq_op == LINK_OP_AUDIT)
		wishes_call(s);		/* the VM stands and its events are consumed */
	if (call.op)
		session_call(s, &call);
	merge_pending(s, v, !call.op);
	result = s->out.result;
	if (req->rq_op == LINK_OP_AUDIT && result.status == POOL_OK) {
		audit_run(s, req->rq_gva || wishes_full(s));
		wishes_done(s, &s->out);
		/* Violations of all audits since the attach, because one may have gone away again. */
		result.entry = s->stats[POOL_STAT_audit_violations];
	} else if (audit_after_request(s)) {
		/* The VM must end, because its tables cannot be trusted any more. */
		result = (struct pool_result){ .status = POOL_E_CORRUPT };
		result.entry = s->stats[POOL_STAT_audit_violations];
	}
	request_reply(s, v, req, &result);
	return result.status == POOL_E_CORRUPT ? -EIO : 0;
}
