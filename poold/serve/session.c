/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Life of a session and the callbacks through which the pool library reaches shared memory. poold, the session's thread.
 * Nothing here talks to the peer.
 */
#include "poold/serve/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/barrier.h"
#include "common/log.h"

/* Site S2, pairs with S1: either trapd sees the bit after its store to RAM, or the library reads the new value. */
static void session_state_changed(void *ctx, uint64_t gfn, uint8_t bits)
{
	struct session *s = ctx;

	store_relaxed((uint8_t *)s->objects.page_state.base + gfn, bits);
	fence_full();
	if (s->trace.recorder)
		recorder_state(s->trace.recorder, gfn, bits);
}

static void session_entry_changed(void *ctx, uint32_t page, uint32_t slot, uint64_t old, uint64_t new)
{
	struct session *s = ctx;

	if (s->trace.recorder)
		recorder_entry(s->trace.recorder, page, slot, old, new);
}

/* Load a word of guest RAM and record it. If the trace has ended before the session, only load it. */
static uint64_t session_read_traced(void *ctx, uint64_t gpa, unsigned size)
{
	struct session *s = ctx;
	const void *at = guest_ram_ptr(&s->config.ram, gpa);

	if (s->trace.recorder)
		return recorder_read(s->trace.recorder, gpa, size);
	return size == 8 ? load_relaxed((const uint64_t *)at) : load_relaxed((const uint32_t *)at);
}

static void session_trace_begin(struct session *s, const struct session_trace *trace)
{
	int rc;

	if (!trace->recorder)
		return;
	rc = recorder_begin(trace->recorder, &s->config);
	if (!rc) {
		s->trace = *trace;
		return;
	}
	log_warning("VM %s is not traced: %s", s->name, rc == -EBUSY ? "another VM is" : strerror(-rc));
	if (trace->ended)
		trace->ended(trace->ctx, rc);
}

void session_trace_end(struct session *s)
{
	struct session_trace trace = s->trace;
	int rc;

	if (!trace.recorder)
		return;
	rc = recorder_end(trace.recorder, s->pool, s->objects.pool.base, s->config.max_pages);
	if (rc)
		log_error("VM %s: the trace is not complete: %s", s->name, strerror(-rc));
	s->trace = (struct session_trace){ .recorder = NULL };
	if (trace.ended)
		trace.ended(trace.ctx, rc);
}

static void session_trace_count(struct session *s)
{
	struct trace_totals totals;

	recorder_totals(s->trace.recorder, &totals);
	store_relaxed(&s->stats[POOL_STAT_trace_records], totals.records);
	store_relaxed(&s->stats[POOL_STAT_trace_dropped], totals.dropped);
}

/* The histograms of stats-p. */
static struct duration *session_durations(const struct session *s)
{
	return (struct duration *)(void *)((uint8_t *)s->objects.stats_p.base + STATS_P_DURATIONS_AT);
}

int session_create(struct session **out, const struct attach_hello *hello, const struct pool_config *config,
		   struct session_objects *objects, uint64_t epoch, const struct session_trace *trace, char *err,
		   size_t err_size)
{
	struct pool_callbacks callbacks = { .state_changed = session_state_changed };
	struct session *s;
	int rc;

	if (config->legacy_format != POOL_F64) {
		snprintf(err, err_size, "tables with 4-byte entries are for replay and tests: no CPU in long mode walks them");
		return -EINVAL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	snprintf(s->name, sizeof(s->name), "%s", hello->vm_name);
	s->epoch = epoch;
	STAILQ_INIT(&s->wishes);
	s->audit = hello->audit;
	s->config = *config;
	s->config.ram.base = objects->ram.base;
	s->objects = *objects;
	s->stats = objects->stats_p.base;
	session_trace_begin(s, trace);
	callbacks.ctx = s;
	if (s->trace.recorder) {
		callbacks.read = session_read_traced;
		callbacks.entry_changed = session_entry_changed;
	}
	rc = pool_create(&s->pool, &s->config, &callbacks, objects->pool.base, objects->tracking, s->stats, err,
			 err_size);
	if (rc) {
		session_trace_end(s);
		free(s);
		return rc;
	}
	if (!hello->untimed)
		pool_set_durations(s->pool, session_durations(s));
	pthread_mutex_init(&s->lock, NULL);
	if (hello->poison) {
		struct pool_call poison = { .op = POOL_CALL_POISON, .len = hello->poison };

		session_call(s, &poison);
	}
	objects_init(objects);
	*out = s;
	return 0;
}

void session_destroy(struct session *s)
{
	if (!s)
		return;
	session_trace_end(s);
	wishes_done(s, NULL);
	objects_destroy(&s->objects);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void session_call_out(struct session *s, const struct pool_call *call, struct pool_call_out *out)
{
	pthread_mutex_lock(&s->lock);
	if (s->trace.recorder)
		recorder_before(s->trace.recorder, call);
	call_run(s->pool, call, out);
	if (s->trace.recorder) {
		recorder_after(s->trace.recorder, s->pool, call, out);
		session_trace_count(s);
		/*
		 * If a client waits for the end of the trace, tell it at once that the trace is full or that a write has failed.
		 */
		if (s->trace.ended && (recorder_error(s->trace.recorder) || recorder_is_full(s->trace.recorder)))
			session_trace_end(s);
	}
	pthread_mutex_unlock(&s->lock);
}

void session_call(struct session *s, const struct pool_call *call)
{
	session_call_out(s, call, &s->out);
}
