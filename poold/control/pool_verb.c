/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See pool_verb.h. poold, main thread, with the connections held. It holds the VM's lock while it copies a bounded number of pages, as
 * long as a short call of the library takes, and waits for no guest: a large pool is told in parts, each as it is at its time.
 */
#include "poold/control/pool_verb.h"

#include <stdlib.h>

#include "common/barrier.h"
#include "common/pool_stats.h"
#include "poold/control/control.h"
#include "poold/serve/connections.h"

#define PART_PAGES	1024u		/* pages in one reply: some 100 KiB */
#define ROLE_TEXT	64u
#define KINDS		32u		/* a role has 5 bits for the kind */

struct part {
	struct pool_page_report report[PART_PAGES];
	uint32_t n, next;
	uint32_t tables[KINDS];
	bool cache;
	Shadowpool__PoolPage page[PART_PAGES], *page_list[PART_PAGES];
	Shadowpool__PoolKind kind[KINDS], *kind_list[KINDS];
	char role[PART_PAGES][ROLE_TEXT];
};

static void part_take(struct part *part, struct session *s, const Shadowpool__PoolRequest *r)
{
	pthread_mutex_lock(&s->lock);
	part->cache = pool_cache_is_on(s->pool);
	for (unsigned k = 0; k < KINDS; k++)
		part->tables[k] = pool_pages_of_kind(s->pool, k);
	if (r->pages)
		part->n = pool_pages_report(s->pool, r->first, r->kind, part->report, PART_PAGES, &part->next);
	pthread_mutex_unlock(&s->lock);
}

static void fill_page(Shadowpool__PoolPage *out, const struct pool_page_report *in, char *role)
{
	shadowpool__pool_page__init(out);
	pool_role_text(in->role, role, ROLE_TEXT);
	out->page = in->page;
	out->kind = in->kind;
	out->role = in->role;
	out->role_text = role;
	out->gpa = in->gpa;
	out->users = in->users;
	out->references = in->references;
	out->present = in->n_present;
	out->modifications = in->mods;
	out->age = in->age;
	out->pins = in->pins;
	out->monitored = in->monitored;
	out->hot = in->hot;
	out->unsync = in->unsync;
}

static void part_reply(struct part *part, struct control_call *call, const struct session *s)
{
	Shadowpool__PoolReply pool;
	Shadowpool__Reply reply;

	shadowpool__pool_reply__init(&pool);
	shadowpool__reply__init(&reply);
	pool.cache = part->cache;
	pool.pages_max = load_relaxed(&s->stats[POOL_STAT_pages_max]);
	pool.pages_used = load_relaxed(&s->stats[POOL_STAT_pages_used]);
	pool.pages_free = load_relaxed(&s->stats[POOL_STAT_pages_free]);
	pool.pages_limbo = load_relaxed(&s->stats[POOL_STAT_pages_limbo]);
	pool.present_entries = load_relaxed(&s->stats[POOL_STAT_present_entries]);
	for (unsigned k = 0; k < KINDS; k++) {
		Shadowpool__PoolKind *kind = &part->kind[pool.n_kinds];

		if (!part->tables[k])
			continue;
		shadowpool__pool_kind__init(kind);
		kind->kind = k;
		kind->name = (char *)(uintptr_t)pool_kind_name(k);
		kind->tables = part->tables[k];
		part->kind_list[pool.n_kinds++] = kind;
	}
	for (uint32_t i = 0; i < part->n; i++) {
		fill_page(&part->page[i], &part->report[i], part->role[i]);
		part->page_list[i] = &part->page[i];
	}
	pool.kinds = part->kind_list;
	pool.n_pages = part->n;
	pool.pages = part->page_list;
	pool.next = part->next;
	reply.result_case = SHADOWPOOL__REPLY__RESULT_POOL;
	reply.pool = &pool;
	control_reply(call, &reply);
}

void pool_verb_handler(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	const Shadowpool__PoolRequest *r = request->pool;
	struct poold_control *control = ctx;
	struct part *part = calloc(1, sizeof(*part));
	struct session *s;

	if (!part) {
		control_error(call, CONTROL_FAILED, NULL, "poold is out of memory");
		return;
	}
	connections_lock(control->connections);
	s = connections_find(control->connections, r->name);
	if (s) {
		part_take(part, s, r);
		part_reply(part, call, s);
	} else {
		control_no_such_vm(call, r->name);
	}
	connections_unlock(control->connections);
	free(part);
}
