/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of a replay, shared by replay.c (exact) and replay_lab.c (another pool). */
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
	bool exact;			/* the recorded configuration */
	struct trace_reader reader;
	struct trace_record record;
	struct trace_image image;
	struct pool *pool;
	void *arena, *tracking;
	struct pool_call_out out, audit;
	bool peek;			/* reads are an audit's: from the image as it is, and not counted */
	uint64_t sure;			/* number of calls after which the digest was the recorded one */
	uint64_t ntraced;		/* calls of the trace so far */
	struct pool_call asked;		/* another pool: the last WRITE_FAULT, if the answer was EMULATE */
	struct pool_call call;		/* that waits for its result */
	bool have_call;
	/* Of the call in hand. */
	uint64_t states;
	uint32_t nread;
	uint64_t unknown_gpa;
	bool delta_strayed;		/* a change did not meet its read */
	struct trace_delta *delta;	/* changes for it, by read */
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

/* Up to the configuration and an empty pool. *out is set also on error, for replay_close(). 0, or as replay_trace(). */
int replay_open(struct replay **out, const struct replay_source *src, const struct replay_options *options,
		struct replay_result *result);
/* The next record. 1; 0: there is none; or as replay_trace(). */
int replay_step(struct replay *r);
/* NULL is allowed. */
void replay_close(struct replay *r);
/* A full audit between two calls. Number of violations, the first one in *first; counters stay as they are. */
uint32_t replay_audit(struct replay *r, struct pool_violation *first);
/* replay_compare.c: both pools side by side. As replay_trace(). */
int replay_compare(const struct replay_source *src, const struct replay_options *options, struct replay_result *result);

/* Format one line into err and return code. */
int replay_fail(struct replay *r, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* With another pool. A page of guest RAM is as told from now on. */
int replay_lab_page(struct replay *r, const struct trace_page *p);
/* May a shadow made from the word of this page as it still is be wrong after the change? */
bool replay_lab_matters(const uint8_t *page, const struct trace_delta *d);
/* Carry out r->delta, make r->call; want: what the recorded pool answered. */
int replay_lab_call(struct replay *r, const struct trace_result *want);

#endif
