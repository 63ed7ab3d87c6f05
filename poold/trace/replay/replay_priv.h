/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of a replay, shared by replay.c (exact) and replay_lab.c (with another pool). */
#ifndef SHADOWPOOL_POOLD_REPLAY_PRIV_H
#define SHADOWPOOL_POOLD_REPLAY_PRIV_H

#include "poold/trace/call.h"
#include "poold/trace/replay/replay.h"
#include "poold/trace/trace_image.h"
#include "poold/trace/trace_read.h"

struct replay {
	const struct replay_options *options;
	struct replay_result *result;
	char *err;
	size_t err_size;
	bool exact;			/* the pool has the recorded configuration */
	struct trace_reader reader;
	struct trace_record record;
	struct trace_image image;
	struct pool *pool;
	void *arena, *tracking;
	struct pool_call_out out, audit;
	bool peek;			/* an audit reads: words come from the image as it is, and are not counted */
	uint64_t sure;			/* number of calls after which the digest was last equal to the recorded one */
	uint64_t ntraced;		/* calls of the trace so far */
	struct pool_call asked;		/* with another pool: the last WRITE_FAULT that was answered EMULATE */
	struct pool_call call;		/* the CALL record whose RESULT has not come yet */
	bool have_call;			/* there is one */
	/* About the call that is being made. */
	uint64_t states;
	uint32_t nread;
	uint64_t unknown_gpa;
	bool delta_strayed;		/* a DELTA named a read that was not of its word */
	struct trace_delta *delta;	/* DELTA records for it, by the number of the read */
	size_t ndelta, delta_next, delta_room;
};

/* The file, and where to say what is wrong with it. */
struct replay_source {
	const uint8_t *data;
	size_t size;
	char *err;
	size_t err_size;
};
int replay_say(const struct replay_source *src, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Read the configuration and make an empty pool. *out is set also on error, for replay_close(). Returns 0, or an error of
 * replay_trace().
 */
int replay_open(struct replay **out, const struct replay_source *src, const struct replay_options *options,
		struct replay_result *result);
/* Read one record and do what it says. Returns 1; 0: the trace ends; or an error of replay_trace(). */
int replay_step(struct replay *r);
/* Free everything. r may be NULL. */
void replay_close(struct replay *r);
/*
 * A full audit between two calls. Returns the number of violations; *first is the first one. The pool's counters stay as they
 * are.
 */
uint32_t replay_audit(struct replay *r, struct pool_violation *first);
/* replay_compare.c: run the recorded pool and the other one side by side. Return values of replay_trace(). */
int replay_compare(const struct replay_source *src, const struct replay_options *options, struct replay_result *result);

/* Format one line into err and return code. */
int replay_fail(struct replay *r, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* replay_lab.c: with another pool, a PAGE record: guest RAM has this page from now on. */
int replay_lab_page(struct replay *r, const struct trace_page *p);
/* Can a shadow entry that was made from the present word of this page be wrong after the change d? */
bool replay_lab_matters(const uint8_t *page, const struct trace_delta *d);
/* Carry out the changes in r->delta and make the call r->call. want: what the recorded pool has answered. */
int replay_lab_call(struct replay *r, const struct trace_result *want);

#endif
