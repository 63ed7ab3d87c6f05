/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See wishes.h. poold: the main thread adds and takes back, the session's thread carries out. A wish belongs to its list, under
 * the session's lock, until done() is called or it is taken back.
 */
#include "poold/serve/wishes.h"

#include <string.h>

#include "common/barrier.h"
#include "poold/serve/session.h"

void wishes_add(struct session *s, struct session_wish *w)
{
	w->taken = false;
	pthread_mutex_lock(&s->lock);
	STAILQ_INSERT_TAIL(&s->wishes, w, entry);
	pthread_mutex_unlock(&s->lock);
}

bool wishes_remove(struct session *s, struct session_wish *w)
{
	struct session_wish *found;
	bool mine;

	pthread_mutex_lock(&s->lock);
	STAILQ_FOREACH(found, &s->wishes, entry)
		if (found == w)
			break;
	mine = found && !found->taken;
	if (mine)
		STAILQ_REMOVE(&s->wishes, w, session_wish, entry);
	pthread_mutex_unlock(&s->lock);
	return mine;
}

/* Take the next wish that is not taken yet: it stays in the list, and nobody takes it back any more. NULL: there is none. */
static struct session_wish *wish_take(struct session *s)
{
	struct session_wish *w;

	pthread_mutex_lock(&s->lock);
	STAILQ_FOREACH(w, &s->wishes, entry)
		if (!w->taken)
			break;
	if (w)
		w->taken = true;
	pthread_mutex_unlock(&s->lock);
	return w;
}

static uint64_t fallen(uint64_t before, uint64_t now)
{
	return before > now ? before - now : 0;
}

void wishes_call(struct session *s)
{
	struct session_wish *w;

	while ((w = wish_take(s))) {
		uint64_t tables = load_relaxed(&s->stats[POOL_STAT_pages_used]);
		uint64_t entries = load_relaxed(&s->stats[POOL_STAT_present_entries]);

		if (!w->call.op)
			continue;
		session_call(s, &w->call);
		w->status = s->out.result.status;
		w->tables = fallen(tables, load_relaxed(&s->stats[POOL_STAT_pages_used]));
		w->entries = fallen(entries, load_relaxed(&s->stats[POOL_STAT_present_entries]));
	}
}

bool wishes_full(struct session *s)
{
	const struct session_wish *w;
	bool full = false;

	pthread_mutex_lock(&s->lock);
	STAILQ_FOREACH(w, &s->wishes, entry)
		full |= w->taken && w->full;
	pthread_mutex_unlock(&s->lock);
	return full;
}

void wishes_done(struct session *s, const struct pool_call_out *audit)
{
	struct session_wishes ready = STAILQ_HEAD_INITIALIZER(ready), rest = STAILQ_HEAD_INITIALIZER(rest);
	struct session_wish *w;

	pthread_mutex_lock(&s->lock);
	while ((w = STAILQ_FIRST(&s->wishes))) {
		STAILQ_REMOVE_HEAD(&s->wishes, entry);
		if (!audit || w->taken)
			STAILQ_INSERT_TAIL(&ready, w, entry);
		else
			STAILQ_INSERT_TAIL(&rest, w, entry);
	}
	STAILQ_CONCAT(&s->wishes, &rest);
	pthread_mutex_unlock(&s->lock);
	while ((w = STAILQ_FIRST(&ready))) {
		STAILQ_REMOVE_HEAD(&ready, entry);
		w->done(w, audit);	/* w is the callee's from here on */
	}
}
