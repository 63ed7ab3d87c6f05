/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recorded pool and another one side by side under one trace. Runs in shadowctl and in tests, one thread. Where both
 * have a translation they must have the same one, and neither may say more than the guest's tables: that is the full audit,
 * against guest RAM as the trace has shown it. A shadow may be stale like a TLB while a table is out of step (unsync).
 *
 * First a comparison now and then; when one fails, once more from the start with one after every request since the last
 * that was good. A request ends with MERGE_PENDING: then all events before it are in, and the one vCPU stands.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "poold/trace/replay/replay_priv.h"

#define COMPARE_DENSE	2048u		/* requests, of which one in COMPARE_OFTEN is compared after; then one in COMPARE_EVERY */
#define COMPARE_OFTEN	16u
#define COMPARE_EVERY	256u

struct compare {
	struct replay *side[2];		/* as recorded; the other */
	struct replay_difference *d;
	bool search;			/* after each request from this one on */
	uint64_t from;
	uint64_t requests, good_requests;
	uint64_t good;			/* calls */
	uint64_t ntranslations, ncompared;
	/* of the root in hand */
	uint64_t other;
};

static bool walk_is_unsync(const struct pool *p, const struct pool_walk *w)
{
	return w->nsteps && pool_table_is_unsync(p, w->step[w->nsteps - 1].page);
}

static bool compare_translation(void *ctx, const struct pool_translation *t)
{
	struct compare *c = ctx;
	const struct pool *other = c->side[1]->pool;
	struct pool_walk w;

	if (pool_walk(other, c->other, t->gva, &w))
		return true;
	c->ntranslations++;
	if (w.gpa == t->gpa || t->unsync || walk_is_unsync(other, &w))
		return true;
	c->d->gva = t->gva;
	c->d->gpa[0] = t->gpa;
	c->d->gpa[1] = w.gpa;
	return false;
}

/* A guest that one of the pools could not follow, for want of memory, is in another place there. */
static bool modes_are_equal(const struct pool_modes *a, const struct pool_modes *b)
{
	return a->cr0 == b->cr0 && a->cr3 == b->cr3 && a->cr4 == b->cr4 && a->efer == b->efer && a->ac == b->ac &&
	       !memcmp(a->pdpte, b->pdpte, sizeof(a->pdpte));
}

static int differs(struct compare *c, enum replay_difference_kind kind)
{
	struct replay_difference *d = c->d;
	const struct replay_result *r = c->side[0]->result;

	d->kind = kind;
	d->agree = c->good;
	d->calls = r->ncalls;
	d->call = call_name(c->side[0]->call.op);
	return -EILSEQ;
}

static int compare_translations(struct compare *c)
{
	for (uint32_t v = 0; v < c->side[0]->result->config.nvcpu; v++) {
		uint64_t root[2][2] = { { 0 } };
		struct pool_modes modes[2];

		memset(modes, 0, sizeof(modes));
		for (unsigned i = 0; i < 2; i++)
			pool_vcpu_roots(c->side[i]->pool, v, root[i], &modes[i]);
		if (!modes_are_equal(&modes[0], &modes[1]))
			continue;
		for (unsigned view = 0; view < 2; view++) {
			c->other = root[1][view];
			if (!root[0][view] || !root[1][view] ||
			    pool_translations(c->side[0]->pool, root[0][view], compare_translation, c) != -ECANCELED)
				continue;
			c->d->vcpu = v;
			c->d->view = view;
			for (unsigned i = 0; i < 2; i++)
				pool_walk(c->side[i]->pool, root[i][view], c->d->gva, &c->d->walk[i]);
			return differs(c, REPLAY_TRANSLATION);
		}
	}
	return 0;
}

static int audit_sides(struct compare *c)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!replay_audit(c->side[i], &c->d->violation))
			continue;
		c->d->side = i;
		return differs(c, REPLAY_NOT_GUESTS);
	}
	return 0;
}

static bool is_due(const struct compare *c)
{
	if (c->search)
		return c->requests >= c->from;
	return c->requests % (c->requests < COMPARE_DENSE ? COMPARE_OFTEN : COMPARE_EVERY) == 0;
}

static int compare_now(struct compare *c)
{
	int rc = compare_translations(c);

	if (!rc)
		rc = audit_sides(c);
	if (!rc) {
		c->good = c->side[0]->result->ncalls;
		c->good_requests = c->requests;
		c->ncompared++;
	}
	return rc;
}

/* After a call. With several vCPUs a request of one says nothing of what the others have told. */
static int compare_after(struct compare *c)
{
	if (c->side[0]->call.op != POOL_CALL_MERGE_PENDING || c->side[0]->result->config.nvcpu > 1)
		return 0;
	c->requests++;
	return is_due(c) ? compare_now(c) : 0;
}

/* Both sides read the same records; one that refuses or ends does so for both. */
static int compare_step(struct compare *c)
{
	uint64_t calls = c->side[0]->result->ncalls;
	int rc = 0;

	for (unsigned i = 0; i < 2; i++) {
		rc = replay_step(c->side[i]);
		if (rc <= 0)
			return rc;
	}
	if (c->side[0]->result->ncalls != calls)
		rc = compare_after(c);
	return rc < 0 ? rc : 1;
}

static int compare_run(struct compare *c, const struct replay_source *src, const struct replay_options *options,
		       struct replay_result *result)
{
	struct replay_options recorded = { .max_bytes = options->max_bytes };
	struct replay_result *was = calloc(1, sizeof(*was));
	int rc = was ? 0 : -ENOMEM;

	for (unsigned i = 0; !rc && i < 2; i++)
		rc = replay_open(&c->side[i], src, i ? options : &recorded, i ? result : was);
	while (!rc) {
		rc = compare_step(c);
		if (rc <= 0)
			break;
		rc = 0;
	}
	/* The end, if the last request is whole. */
	if (!rc && c->requests > c->good_requests && c->side[0]->call.op == POOL_CALL_MERGE_PENDING)
		rc = compare_now(c);
	for (unsigned i = 0; i < 2; i++)
		replay_close(c->side[i]);
	free(was);
	return rc;
}

static int describe(const struct replay_difference *d, const struct replay_source *src)
{
	static const char *const side[] = { "recorded pool", "other pool" };

	if (d->kind == REPLAY_TRANSLATION)
		return replay_say(src, -EILSEQ, "call %llu (%s): vCPU %u, %s view: gva 0x%llx is gpa 0x%llx in the recorded pool "
				  "and 0x%llx in the other", (unsigned long long)d->calls - 1, d->call, d->vcpu,
				  d->view ? "user" : "supervisor", (unsigned long long)d->gva,
				  (unsigned long long)d->gpa[0], (unsigned long long)d->gpa[1]);
	return replay_say(src, -EILSEQ, "call %llu (%s): the %s breaks rule A%u: page %u slot %u, expected 0x%llx, found 0x%llx",
			  (unsigned long long)d->calls - 1, d->call, side[d->side], d->violation.rule, d->violation.page,
			  d->violation.slot, (unsigned long long)d->violation.expected,
			  (unsigned long long)d->violation.found);
}

int replay_compare(const struct replay_source *src, const struct replay_options *options, struct replay_result *result)
{
	struct compare c = { .d = &result->difference };
	int rc = compare_run(&c, src, options, result);

	if (rc == -EILSEQ) {
		c = (struct compare){ .d = &result->difference, .search = true, .from = c.good_requests + 1 };
		rc = compare_run(&c, src, options, result);
		if (rc == -EILSEQ)
			rc = describe(&result->difference, src);
	}
	result->ntranslations = c.ntranslations;
	result->ncompared = c.ncompared;
	return rc;
}
