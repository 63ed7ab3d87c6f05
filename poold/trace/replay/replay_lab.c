/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replay with another size or policy than was recorded. Runs in shadowctl and in tests, one thread. The guest does what it
 * did; this pool may answer otherwise, so four things are done that the recorded session did differently: flushes that the
 * pool asks for are made at once and the call is repeated; the recorded repeats are left out; a guest table that only
 * this pool still shadows is reported as changed when the trace shows that it has; and a store that trapd emulated without
 * asking is asked about if in this pool the table is hot, or not told if it is out of step.
 */
#include <errno.h>
#include <string.h>

#include "common/x86.h"
#include "poold/trace/replay/replay_priv.h"

#define MAX_REPEATS 8u			/* of one call; each time a flush has freed what was waiting */
#define NO_GVA (1ull << 46)		/* an event does not say through which address it was made */

static bool wants_repeat(uint32_t status)
{
	return status == POOL_NEED_FLUSH || status == POOL_NEED_SHOOTDOWN;
}

/* All vCPUs have flushed what the last result asked for. */
static void flush_now(struct replay *r, uint32_t epoch)
{
	struct pool_call done = { .op = POOL_CALL_FLUSH_DONE, .flags = POOL_CALLF_ALL, .len = epoch };
	struct pool_call_out out;

	call_run(r->pool, &done, &out);
}

static void run_until_done(struct replay *r, const struct pool_call *call, struct pool_call_out *out)
{
	for (unsigned i = 0; i < MAX_REPEATS; i++) {
		call_run(r->pool, call, out);
		if (!wants_repeat((uint32_t)out->result.status))
			return;
		flush_now(r, out->result.epoch);
	}
}

/* The recorded pool was told, or did not shadow it: this one may. */
static void correct(struct replay *r, uint64_t gpa, uint64_t len)
{
	struct pool_call call = { .op = POOL_CALL_RANGE_CHANGED, .gpa = gpa, .len = len };
	uint64_t told = r->result->stats[POOL_STAT_mon_async];
	struct pool_call_out out = { 0 };

	run_until_done(r, &call, &out);
	r->result->corrections += r->result->stats[POOL_STAT_mon_async] != told;
}

int replay_lab_page(struct replay *r, const struct trace_page *p)
{
	uint8_t *page = trace_image_add(&r->image, p->gfn);

	if (!page)
		return replay_fail(r, -EPROTO, "damaged at offset %zu: a page outside of guest RAM, or too many of them",
				   r->reader.block);
	r->result->npages++;
	/* Read before the trace had it: as zeros. */
	if (memcmp(page, p->bytes, PAGE_SIZE)) {
		memcpy(page, p->bytes, PAGE_SIZE);
		correct(r, p->gfn << PAGE_SHIFT, PAGE_SIZE);
	}
	return 0;
}

/* Accessed and dirty bits are set without an event; a shadow from before has fewer rights, which is right. */
bool replay_lab_matters(const uint8_t *page, const struct trace_delta *d)
{
	return (trace_image_get(page, d->gpa, d->size) ^ d->value) & ~(PTE_A | PTE_D);
}

/* Is the change what the call itself reports? */
static bool is_told(const struct pool_call *c, const struct trace_delta *d)
{
	return (c->op == POOL_CALL_GUEST_WRITE || c->op == POOL_CALL_RANGE_CHANGED) &&
	       d->gpa + d->size > c->gpa && d->gpa < c->gpa + c->len;
}

static void take_deltas(struct replay *r)
{
	for (size_t i = 0; i < r->ndelta; i++) {
		const struct trace_delta *d = &r->delta[i];

		trace_image_put(trace_image_find(&r->image, d->gpa >> PAGE_SHIFT), d->gpa, d->size, d->value);
		if (!is_told(&r->call, d))
			correct(r, d->gpa, d->size);
	}
	r->ndelta = 0;
}

/*
 * What trapd does with a store to a monitored table follows from page_state (trapd/trap/write_fault.c), which is another one
 * here. true: it is carried out by trapd and told, as it was when the trace was made.
 */
static bool write_is_told(struct replay *r)
{
	const struct pool_call *c = &r->call;
	const struct pool_call ask = { .op = POOL_CALL_WRITE_FAULT, .vcpu = c->vcpu, .write_class = c->write_class,
				       .gva = NO_GVA, .gpa = c->gpa, .len = c->len, .rip = c->rip };
	uint8_t state = pool_page_state(r->pool, c->gpa >> PAGE_SHIFT);
	enum write_class class = (enum write_class)c->write_class;

	if (class == WRITE_CLASS_DEVICE || !(state & PAGE_STATE_MONITORED))
		return true;
	if (state & PAGE_STATE_UNSYNC)
		return false;
	if (!(state & PAGE_STATE_HOT) && write_policy(class, state, r->result->config.extensions) == WRITE_DO_EMULATE)
		return true;
	if (r->asked.op && r->asked.vcpu == c->vcpu && r->asked.gpa == c->gpa)
		return true;
	run_until_done(r, &ask, &r->out);
	return r->out.result.status != POOL_UNSHADOW && r->out.result.status != POOL_UNSYNC;
}

int replay_lab_call(struct replay *r, const struct trace_result *want)
{
	struct pool_call_out *out = r->call.op == POOL_CALL_AUDIT ? &r->audit : &r->out;
	struct trace_result got;

	take_deltas(r);
	r->result->ncalls++;
	if (wants_repeat(want->status))
		return 0;
	if (r->call.op == POOL_CALL_FLUSH_DONE) {
		flush_now(r, r->out.result.epoch);
		return 0;
	}
	if (r->call.op == POOL_CALL_GUEST_WRITE) {
		bool told = write_is_told(r);

		r->asked.op = 0;
		if (!told)
			return 0;
	}
	run_until_done(r, &r->call, out);
	if (r->call.op == POOL_CALL_WRITE_FAULT && out->result.status == POOL_EMULATE)
		r->asked = r->call;
	trace_result_pack(&got, &r->call, out, 0);
	if (got.status != want->status)
		r->result->other_answers++;
	return 0;
}
