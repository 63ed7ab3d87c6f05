/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replay of a trace, see replay.h. Runs in shadowctl and in tests, one thread. It may not trust any number in the trace;
 * the reader has checked sizes and order of records, nothing else.
 */
#include "poold/trace/replay/replay_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/x86.h"
#include "poold/trace/policy.h"

#define HUGE_BYTES (2ull << 20)

int replay_fail(struct replay *r, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->err, r->err_size, fmt, ap);
	va_end(ap);
	return code;
}

/* struct pool_callbacks.read: from the image, with the changes that the trace has for just this read. */
static uint64_t replay_read(void *ctx, uint64_t gpa, unsigned size)
{
	struct replay *r = ctx;
	uint8_t *page = trace_image_find(&r->image, gpa >> PAGE_SHIFT);

	if (r->peek)
		return page ? trace_image_get(page, gpa, size) : 0;
	r->nread++;
	r->result->nreads++;
	if (!page) {
		r->result->unknown_reads++;
		r->unknown_gpa = gpa;
		return 0;
	}
	while (r->delta_next < r->ndelta && r->delta[r->delta_next].read == r->nread) {
		const struct trace_delta *d = &r->delta[r->delta_next++];

		/* The recorder notes a change where it reads it. */
		if (d->gpa != gpa || d->size != size) {
			r->delta_strayed = true;
			continue;
		}
		trace_image_put(page, gpa, size, d->value);
	}
	return trace_image_get(page, gpa, size);
}

static void replay_entry_changed(void *ctx, uint32_t page, uint32_t slot, uint64_t old, uint64_t new)
{
	struct replay *r = ctx;

	r->states = trace_entry_hash(r->states, page, slot, old, new);
}

static void replay_state_changed(void *ctx, uint64_t gfn, uint8_t bits)
{
	struct replay *r = ctx;

	r->states = trace_state_hash(r->states, gfn, bits);
}

static bool is_exact(const struct replay_options *o)
{
	return !o->pool_bytes && !o->policy;
}

/* The recorded configuration with what the options change. */
static int replay_config(struct replay *r, const struct trace_config *packed, struct pool_config *config)
{
	char why[128];
	uint64_t end;
	int rc;

	if (packed->library != trace_library())
		return replay_fail(r, -EPROTO,
				   "recorded by version %.24s, whose pool has other kinds, calls or counters",
				   packed->program);
	memcpy(r->result->program, packed->program, sizeof(packed->program));
	rc = trace_config_unpack(config, packed, (r->record.size - TRACE_CONFIG_SIZE(0)) / sizeof(struct trace_value),
				 why, sizeof(why));
	if (rc)
		return replay_fail(r, rc, "damaged at offset %zu: %s", r->reader.block, why);
	if (r->options->pool_bytes % HUGE_BYTES || r->options->pool_bytes / PAGE_SIZE > UINT32_MAX)
		return replay_fail(r, -EINVAL, "the pool's size must be a multiple of 2 MiB");
	if (r->options->policy)
		rc = policy_apply(config, r->options->policy, r->err, r->err_size);
	if (rc || !r->options->pool_bytes)
		return rc;
	config->max_pages = (uint32_t)(r->options->pool_bytes / PAGE_SIZE);
	/* It may not grow into the window of RAM: then it goes behind that. */
	end = (config->copies_maddr > config->ram_maddr ? config->copies_maddr : config->ram_maddr) + guest_ram_span(&config->ram);
	if (config->pool_maddr < end && config->pool_maddr + r->options->pool_bytes > config->ram_maddr)
		config->pool_maddr = (end + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	return 0;
}

static int replay_allocate(struct replay *r, const struct pool_config *config)
{
	uint64_t need = pool_memory_needed(config), arena = config->max_pages * PAGE_SIZE;

	if (!need && is_exact(r->options))
		return replay_fail(r, -EPROTO, "damaged at offset %zu: the library refuses the configuration",
				   r->reader.block);
	if (!need)
		return replay_fail(r, -EINVAL, "no such pool: %s", pool_config_error(config));
	if (r->options->max_bytes && need + arena > r->options->max_bytes)
		return replay_fail(r, -ENOMEM, "a pool of %u pages does not fit in memory", config->max_pages);
	r->arena = calloc(1, arena);
	r->tracking = aligned_alloc(PAGE_SIZE, (need + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1));
	if (!r->arena || !r->tracking)
		return replay_fail(r, -ENOMEM, "not enough memory for a pool of %u pages", config->max_pages);
	memset(r->tracking, 0, need);
	return 0;
}

static int replay_begin(struct replay *r)
{
	struct pool_callbacks callbacks = { .ctx = r, .state_changed = replay_state_changed,
					    .entry_changed = replay_entry_changed, .read = replay_read };
	struct pool_config *config = &r->result->config;
	int rc = trace_next(&r->reader, &r->record);

	if (rc < 0)
		return rc;
	if (!rc || r->record.type != TRACE_CONFIG)
		return replay_fail(r, -EPROTO, "damaged at offset %zu: the first record is not the configuration",
				   sizeof(struct trace_header));
	rc = replay_config(r, &r->record.config, config);
	if (!rc)
		rc = replay_allocate(r, config);
	if (!rc && trace_image_init(&r->image, &config->ram, r->options->max_bytes / PAGE_SIZE))
		rc = replay_fail(r, -ENOMEM, "not enough memory for an image of guest RAM");
	if (rc)
		return rc;
	rc = pool_create(&r->pool, config, &callbacks, r->arena, r->tracking, r->result->stats, r->err, r->err_size);
	return rc && is_exact(r->options) ? -EPROTO : rc;
}

/* What poold has checked before it made such a call. */
static bool call_is_sane(const struct replay *r, const struct pool_call *c)
{
	const struct guest_ram *ram = &r->result->config.ram;

	if (!call_name(c->op) || c->flags & ~POOL_CALLF_KNOWN || c->vcpu >= r->result->config.nvcpu ||
	    c->nwalk > 4 || c->write_class >= WRITE_CLASS_COUNT)
		return false;
	switch (c->op) {
	case POOL_CALL_MAP:
	case POOL_CALL_WRITE_FAULT:
	case POOL_CALL_UNSHADOW:
		return x86_is_canonical(c->gva) && guest_ram_contains(ram, c->gpa, 1) && c->len <= PAGE_SIZE;
	case POOL_CALL_DIRTY:
	case POOL_CALL_INVLPG:
		return x86_is_canonical(c->gva);
	case POOL_CALL_OPEN:
	case POOL_CALL_TRACK:
	case POOL_CALL_CODE:
		return guest_ram_contains(ram, c->gpa, 1);
	case POOL_CALL_RESYNC:
		return c->flags & POOL_CALLF_ALL || guest_ram_contains(ram, c->gpa, 1);
	case POOL_CALL_GUEST_WRITE:
	case POOL_CALL_RANGE_CHANGED:
		return guest_ram_contains(ram, c->gpa, c->len);
	default:
		return true;
	}
}

static int take_page(struct replay *r, const struct trace_page *p)
{
	uint8_t *page = trace_image_add(&r->image, p->gfn);

	if (!page)
		return replay_fail(r, -EPROTO, "damaged at offset %zu: a page outside of RAM, or too many of them",
				   r->reader.block);
	memcpy(page, p->bytes, PAGE_SIZE);
	r->result->npages++;
	return 0;
}

static int take_delta(struct replay *r, const struct trace_delta *d)
{
	uint8_t *page = trace_image_find(&r->image, d->gpa >> PAGE_SHIFT);
	struct trace_delta *grown;

	if ((d->size != 4 && d->size != 8) || d->gpa % d->size || !page)
		return replay_fail(r, -EPROTO, "damaged at offset %zu: a changed word of a page that is not there",
				   r->reader.block);
	r->result->ndeltas++;
	if (r->exact ? !d->read : !replay_lab_matters(page, d)) {
		trace_image_put(page, d->gpa, d->size, d->value);
		return 0;
	}
	if (r->ndelta == r->delta_room) {
		r->delta_room = r->delta_room ? 2 * r->delta_room : 64;
		grown = realloc(r->delta, r->delta_room * sizeof(*r->delta));
		if (!grown)
			return replay_fail(r, -ENOMEM, "not enough memory for the changes before one call");
		r->delta = grown;
	}
	r->delta[r->ndelta++] = *d;
	return 0;
}

static int take_call(struct replay *r, const struct pool_call *c)
{
	if (!call_is_sane(r, c))
		return replay_fail(r, -EPROTO, "damaged at offset %zu: call %llu has no valid number or arguments",
				   r->reader.block, (unsigned long long)r->result->ncalls);
	r->call = *c;
	r->have_call = true;
	return 0;
}

static void note_difference(struct replay *r, enum replay_difference_kind kind, uint64_t agree, uint64_t calls)
{
	struct replay_difference *d = &r->result->difference;

	d->kind = kind;
	d->agree = agree;
	d->calls = calls;
	d->call = call_name(r->call.op);
}

static int differs(struct replay *r, const char *how, uint64_t got, uint64_t want)
{
	note_difference(r, REPLAY_ANSWER, r->result->ncalls, r->result->ncalls + 1);
	return replay_fail(r, -EILSEQ, "call %llu (%s) %s: replayed 0x%llx, recorded 0x%llx",
			   (unsigned long long)r->result->ncalls, call_name(r->call.op), how,
			   (unsigned long long)got, (unsigned long long)want);
}

static int compare_result(struct replay *r, const struct trace_result *got, const struct trace_result *want,
			  uint64_t unknown)
{
	bool strayed = r->delta_strayed || r->delta_next != r->ndelta || r->result->unknown_reads != unknown;

	if (strayed || memcmp(got, want, sizeof(*got)))
		r->result->other_answers++;
	if (!r->options->check)
		return 0;
	if (r->result->unknown_reads != unknown)
		return differs(r, "reads a page that the trace does not have", r->unknown_gpa, 0);
	if (strayed)
		return differs(r, "reads other words", r->nread,
			       r->delta_next < r->ndelta ? r->delta[r->delta_next].read : 0);
	if (got->status != want->status)
		return differs(r, "answers otherwise", got->status, want->status);
	if (got->flush != want->flush)
		return differs(r, "asks for another flush", got->flush, want->flush);
	if (got->hash != want->hash)
		return differs(r, "changes other tables or pages", got->hash, want->hash);
	return 0;
}

/* The answer that the recorder saw comes after the call: now the call is made. */
static int take_result(struct replay *r, const struct trace_result *want)
{
	uint64_t unknown = r->result->unknown_reads;
	struct pool_call_out *out = r->call.op == POOL_CALL_AUDIT ? &r->audit : &r->out;
	struct trace_result got;
	int rc;

	if (!r->have_call)
		return replay_fail(r, -EPROTO, "damaged at offset %zu: a result without its call", r->reader.block);
	r->have_call = false;
	if (!r->exact)
		return replay_lab_call(r, want);
	r->nread = 0;
	r->delta_next = 0;
	r->states = 0;
	r->delta_strayed = false;
	call_run(r->pool, &r->call, out);
	trace_result_pack(&got, &r->call, out, r->states);
	rc = compare_result(r, &got, want, unknown);
	r->ndelta = 0;
	if (!rc)
		r->result->ncalls++;
	return rc;
}

static int take_digest(struct replay *r, const struct trace_digest *want)
{
	uint64_t got[2], arena;

	r->result->ndigests++;
	if (!r->options->check)
		return 0;
	pool_digest(r->pool, got);
	arena = want->arena ? trace_arena_hash(r->arena, r->result->config.max_pages) : 0;
	if (got[0] == want->digest[0] && got[1] == want->digest[1] && arena == want->arena) {
		r->sure = r->result->ncalls;
		return 0;
	}
	note_difference(r, REPLAY_DIGEST, r->sure, r->result->ncalls);
	if (arena != want->arena)
		return replay_fail(r, -EILSEQ, "the tables that were left behind are not what the calls make");
	return replay_fail(r, -EILSEQ,
			   "after call %llu the pool is another one: digest 0x%llx, recorded 0x%llx; it was the same after %llu",
			   (unsigned long long)r->result->ncalls, (unsigned long long)got[0],
			   (unsigned long long)want->digest[0], (unsigned long long)r->sure);
}

static int take_end(struct replay *r, const struct trace_end *end)
{
	if (end->nrecords != r->reader.seq - 1 || end->ncalls != r->ntraced || !trace_at_end(&r->reader))
		return replay_fail(r, -EPROTO, "damaged at offset %zu: the end mark does not fit what precedes it",
				   r->reader.block);
	r->result->complete = true;
	return 0;
}

static int replay_record(struct replay *r, const struct trace_record *rec)
{
	/* Nothing comes between a call and its result. */
	if (r->have_call && rec->type != TRACE_RESULT)
		return replay_fail(r, -EPROTO, "damaged at offset %zu: a call without its result", r->reader.block);
	switch (rec->type) {
	case TRACE_PAGE:
		return r->exact ? take_page(r, &rec->page) : replay_lab_page(r, &rec->page);
	case TRACE_DELTA:
		return take_delta(r, &rec->delta);
	case TRACE_CALL:
		r->ntraced++;
		return take_call(r, &rec->call);
	case TRACE_RESULT:
		return take_result(r, &rec->result);
	case TRACE_DIGEST:
		return take_digest(r, &rec->digest);
	case TRACE_END:
		return take_end(r, &rec->end);
	default:
		return replay_fail(r, -EPROTO, "damaged at offset %zu: a second configuration", r->reader.block);
	}
}

int replay_say(const struct replay_source *src, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(src->err, src->err_size, fmt, ap);
	va_end(ap);
	return code;
}

int replay_open(struct replay **out, const struct replay_source *src, const struct replay_options *options,
		struct replay_result *result)
{
	struct replay *r = *out = calloc(1, sizeof(*r));
	int rc;

	memset(result, 0, sizeof(*result));
	if (!r)
		return -ENOMEM;
	*r = (struct replay){ .options = options, .result = result, .err = src->err, .err_size = src->err_size };
	r->exact = is_exact(options);
	rc = trace_open(&r->reader, src->data, src->size, src->err, src->err_size);
	return rc ? rc : replay_begin(r);
}

int replay_step(struct replay *r)
{
	int rc = trace_next(&r->reader, &r->record);

	if (rc <= 0)
		return rc;
	rc = replay_record(r, &r->record);
	r->result->nrecords = r->reader.seq;
	return rc ? rc : 1;
}

uint32_t replay_audit(struct replay *r, struct pool_violation *first)
{
	uint64_t *runs = &r->result->stats[POOL_STAT_audit_runs], had_runs = *runs;
	uint64_t *violations = &r->result->stats[POOL_STAT_audit_violations], had_violations = *violations;
	uint32_t n;

	r->peek = true;
	n = pool_audit(r->pool, POOL_AUDIT_FULL, first, 1);
	r->peek = false;
	*runs = had_runs;
	*violations = had_violations;
	return n;
}

void replay_close(struct replay *r)
{
	if (!r)
		return;
	if (r->pool) {
		pool_digest(r->pool, r->result->digest);
		pool_semantic_digest(r->pool, r->result->translations);
	}
	trace_image_fini(&r->image);
	free(r->delta);
	free(r->arena);
	free(r->tracking);
	free(r);
}

int replay_trace(const uint8_t *data, size_t size, const struct replay_options *options, struct replay_result *result,
		 char *err, size_t err_size)
{
	const struct replay_source src = { data, size, err, err_size };
	struct replay *r;
	int rc;

	if (err_size)
		err[0] = 0;
	if (options->compare && !is_exact(options))
		return replay_compare(&src, options, result);
	rc = replay_open(&r, &src, options, result);
	while (!rc && (rc = replay_step(r)) > 0)
		rc = 0;
	replay_close(r);
	return rc;
}
