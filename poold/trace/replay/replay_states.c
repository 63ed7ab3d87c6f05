/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pool as it is after some call of a trace, copied, so that two moments can be laid side by side. Runs in shadowctl and
 * in tests, one thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "poold/trace/replay/replay_priv.h"

static int state_take(const struct replay *r, struct replay_state *s)
{
	uint32_t n = r->result->config.max_pages;

	if (r->options->max_bytes && n * 4096ull > r->options->max_bytes / 4)
		return -ENOMEM;
	s->page = calloc(n, sizeof(*s->page));
	s->entry = calloc(n, sizeof(*s->entry));
	if (!s->page || !s->entry)
		return -ENOMEM;
	s->npages = n;
	s->calls = r->result->ncalls;
	pool_digest(r->pool, s->digest);
	pool_semantic_digest(r->pool, s->translations);
	for (uint32_t i = 1; i < n; i++) {
		if (!pool_page_describe(r->pool, i, &s->page[i]))
			continue;
		s->used++;
		s->entry[i] = calloc(s->page[i].count, sizeof(uint64_t));
		if (!s->entry[i])
			return -ENOMEM;
		for (uint32_t slot = 0; slot < s->page[i].count; slot++)
			s->entry[i][slot] = pool_page_entry(r->pool, i, slot);
	}
	return 0;
}

void replay_state_free(struct replay_state *s)
{
	for (uint32_t i = 0; s->entry && i < s->npages; i++)
		free(s->entry[i]);
	free(s->entry);
	free(s->page);
	*s = (struct replay_state){ .npages = 0 };
}

int replay_states(const uint8_t *data, size_t size, const struct replay_options *options, const uint64_t calls[2],
		  struct replay_state out[2])
{
	struct replay_options plain = { .max_bytes = options->max_bytes };
	struct replay_result *result = calloc(1, sizeof(*result));
	char err[256];
	const struct replay_source src = { data, size, err, sizeof(err) };
	struct replay *r = NULL;
	unsigned taken = 0;
	int rc = result ? replay_open(&r, &src, &plain, result) : -ENOMEM;

	memset(out, 0, 2 * sizeof(*out));
	while (!rc && taken < 2) {
		if (result->ncalls == calls[taken]) {
			rc = state_take(r, &out[taken++]);
			continue;
		}
		rc = replay_step(r);
		rc = rc > 0 ? 0 : rc ? rc : -ENODATA;
	}
	replay_close(r);
	free(result);
	if (rc)
		for (unsigned i = 0; i < 2; i++)
			replay_state_free(&out[i]);
	return rc;
}
