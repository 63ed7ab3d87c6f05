/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shadowctl pool: what is in the pool of a running VM. poold tells a large pool in parts, so what is shown is no single moment: the
 * guest goes on.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd_table.h"
#include "ctl/daemon.h"
#include "poold/pool/audit/audit.h"

#define KINDS 32u

/* The parts of the answer; the first one has the kinds and the totals. */
struct parts {
	Shadowpool__Reply **reply;
	size_t n;
	const Shadowpool__PoolPage **page;	/* all pages, sorted */
	size_t npages;
};

static int by_age(const void *a, const void *b)
{
	const Shadowpool__PoolPage *x = *(Shadowpool__PoolPage *const *)a, *y = *(Shadowpool__PoolPage *const *)b;

	return x->age != y->age ? (x->age > y->age ? 1 : -1) : (x->page > y->page) - (x->page < y->page);
}

static int by_mods(const void *a, const void *b)
{
	const Shadowpool__PoolPage *x = *(Shadowpool__PoolPage *const *)a, *y = *(Shadowpool__PoolPage *const *)b;

	return x->modifications != y->modifications ? (x->modifications < y->modifications ? 1 : -1) :
	       (x->page > y->page) - (x->page < y->page);
}

static int by_users(const void *a, const void *b)
{
	const Shadowpool__PoolPage *x = *(Shadowpool__PoolPage *const *)a, *y = *(Shadowpool__PoolPage *const *)b;

	return x->users != y->users ? (x->users < y->users ? 1 : -1) : (x->page > y->page) - (x->page < y->page);
}

static const struct sort_key {
	const char *name;
	int (*compare)(const void *a, const void *b);
} sort_keys[] = { { "age", by_age }, { "mods", by_mods }, { "users", by_users }, { NULL, NULL } };

/* The number of a kind by its name or number, 0: there is no such kind. */
static uint32_t parse_kind(const char *text)
{
	char *end;
	unsigned long n;

	for (unsigned k = 2; k < KINDS; k++)
		if (!strcmp(pool_kind_name(k), text))
			return k;
	errno = 0;
	n = strtoul(text, &end, 10);
	return errno || end == text || *end || n < 2 || n >= KINDS || !strcmp(pool_kind_name((unsigned)n), "?") ? 0 : (uint32_t)n;
}

static bool part_add(struct parts *parts, Shadowpool__Reply *reply)
{
	const Shadowpool__PoolReply *pool = reply->pool;
	Shadowpool__Reply **replies = realloc(parts->reply, (parts->n + 1) * sizeof(*replies));
	const Shadowpool__PoolPage **pages;

	if (!replies)
		return false;
	parts->reply = replies;
	pages = realloc(parts->page, (parts->npages + pool->n_pages + 1) * sizeof(*pages));
	if (!pages)
		return false;
	parts->page = pages;
	for (size_t i = 0; i < pool->n_pages; i++)
		parts->page[parts->npages++] = pool->pages[i];
	parts->reply[parts->n++] = reply;
	return true;
}

static void parts_free(struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++)
		shadowpool__reply__free_unpacked(parts->reply[i], NULL);
	free(parts->reply);
	free(parts->page);
}

/* Ask until there are no more pages. 0, or the exit code after it has been reported. */
static int parts_fetch(struct cmd *cmd, Shadowpool__PoolRequest *ask, struct parts *parts)
{
	struct control_client client;
	Shadowpool__Request request;
	int rc = daemon_open(cmd, DAEMON_POOLD, &client);

	if (rc)
		return rc;
	shadowpool__request__init(&request);
	request.op_case = SHADOWPOOL__REQUEST__OP_POOL;
	request.pool = ask;
	do {
		Shadowpool__Reply *reply;

		rc = daemon_request(cmd, &client, &request, &reply);
		if (rc)
			break;
		if (reply->result_case != SHADOWPOOL__REPLY__RESULT_POOL || (reply->pool->next && reply->pool->next <= ask->first)) {
			rc = cmd_fail(cmd, CONTROL_FAILED, "shadowctl and poold are of different versions", "poold answers something else");
		} else if (!part_add(parts, reply)) {
			rc = cmd_fail(cmd, CONTROL_FAILED, NULL, "out of memory");
		} else {
			ask->first = reply->pool->next;
			continue;
		}
		shadowpool__reply__free_unpacked(reply, NULL);
		break;
	} while (ask->pages && ask->first);
	control_close(&client);
	return rc;
}

static json_t *page_json(const Shadowpool__PoolPage *p)
{
	return json_pack("{s:I,s:s,s:o,s:o,s:I,s:o,s:I,s:I,s:I,s:I,s:b,s:b,s:b}", "page", (json_int_t)p->page, "kind",
			 pool_kind_name(p->kind), "role", cmd_json_string(p->role_text), "gpa", cmd_json_address(p->gpa), "users",
			 (json_int_t)p->users, "references", p->references == UINT32_MAX ? json_null() : json_integer(p->references),
			 "present", (json_int_t)p->present, "modifications", (json_int_t)p->modifications, "age",
			 (json_int_t)p->age, "pins", (json_int_t)p->pins, "monitored", p->monitored, "hot", p->hot, "unsync",
			 p->unsync);
}

static json_t *pool_json(const struct cmd *cmd, const struct parts *parts, bool pages)
{
	const Shadowpool__PoolReply *pool = parts->reply[0]->pool;
	json_t *kinds = json_array(), *doc, *list;

	for (size_t i = 0; i < pool->n_kinds; i++)
		json_array_append_new(kinds, json_pack("{s:I,s:o,s:I}", "kind", (json_int_t)pool->kinds[i]->kind, "name",
						       cmd_json_string(pool->kinds[i]->name), "tables",
						       (json_int_t)pool->kinds[i]->tables));
	doc = json_pack("{s:o,s:b,s:I,s:I,s:I,s:I,s:I,s:o}", "name", cmd_json_string(cmd->args[0]), "cache", pool->cache,
			"pages_max", (json_int_t)pool->pages_max, "pages_used", (json_int_t)pool->pages_used, "pages_free",
			(json_int_t)pool->pages_free, "pages_limbo", (json_int_t)pool->pages_limbo, "present_entries",
			(json_int_t)pool->present_entries, "kinds", kinds);
	if (!pages)
		return doc;
	list = json_array();
	for (size_t i = 0; i < parts->npages; i++)
		json_array_append_new(list, page_json(parts->page[i]));
	json_object_set_new(doc, "pages", list);
	return doc;
}

static void print_kinds(const Shadowpool__PoolReply *pool)
{
	printf("%" PRIu64 " of %" PRIu64 " pages in use, %" PRIu64 " in limbo; %" PRIu64 " entries present; cache %s\n",
	       pool->pages_used, pool->pages_max, pool->pages_limbo, pool->present_entries, pool->cache ? "on" : "off");
	printf("KIND %-28s %8s\n", "NAME", "TABLES");
	for (size_t i = 0; i < pool->n_kinds; i++) {
		printf("%4u ", pool->kinds[i]->kind);
		printf("%-28s %8u\n", pool_kind_name(pool->kinds[i]->kind), pool->kinds[i]->tables);
	}
}

static void print_pages(const struct parts *parts)
{
	printf("%8s %-28s %14s %6s %6s %7s %5s %8s %4s %-3s %s\n", "PAGE", "KIND", "GPA", "USERS", "REFS", "PRESENT", "MODS", "AGE",
	       "PINS", "MHU", "ROLE");
	for (size_t i = 0; i < parts->npages; i++) {
		const Shadowpool__PoolPage *p = parts->page[i];
		char references[16] = "many";

		if (p->references != UINT32_MAX)
			snprintf(references, sizeof(references), "%u", p->references);
		printf("%8u %-28s %#14" PRIx64 " %6u %6s %7u %5u %8" PRIu64 " %4u %c%c%c ", p->page, pool_kind_name(p->kind), p->gpa,
		       p->users, references, p->present, p->modifications, p->age, p->pins, p->monitored ? 'm' : '-',
		       p->hot ? 'h' : '-', p->unsync ? 'u' : '-');
		cmd_print(stdout, p->role_text);
		printf("\n");
	}
}

static int show(struct cmd *cmd, struct parts *parts, const struct sort_key *sort, bool pages)
{
	if (sort && parts->npages)
		qsort(parts->page, parts->npages, sizeof(*parts->page), sort->compare);
	if (cmd->json)
		return cmd_json(pool_json(cmd, parts, pages));
	if (pages)
		print_pages(parts);
	else
		print_kinds(parts->reply[0]->pool);
	return 0;
}

static int run(struct cmd *cmd)
{
	const char *kind = cmd_value(cmd, "kind"), *key = cmd_value(cmd, "sort");
	const struct sort_key *sort = sort_keys;
	Shadowpool__PoolRequest ask;
	struct parts parts = { NULL, 0, NULL, 0 };
	int rc;

	shadowpool__pool_request__init(&ask);
	ask.name = cmd->args[0];
	ask.pages = cmd_value(cmd, "pages") || kind || key;
	if (kind && !(ask.kind = parse_kind(kind)))
		return cmd_fail(cmd, CONTROL_USAGE, "shadowctl pool NAME lists those that are there", "there is no kind of table %s", kind);
	while (key && sort->name && strcmp(sort->name, key))
		sort++;
	if (key && !sort->name)
		return cmd_fail(cmd, CONTROL_USAGE, "give age, mods or users", "pages cannot be sorted by %s", key);
	rc = parts_fetch(cmd, &ask, &parts);
	if (!rc)
		rc = show(cmd, &parts, key ? sort : NULL, ask.pages);
	parts_free(&parts);
	return rc;
}

static const struct cmd_option options[] = {
	{ "pages", NULL, "each table, not their number by kind" },
	{ "kind", "KIND", "the tables of this kind, by name or number" },
	{ "sort", "KEY", "the tables by age (newest first), mods or users (most first)" },
	{ NULL }
};

const struct cmd_entry cmd_pool = {
	.name = "pool", .args = "NAME", .summary = "what is in the pool of a running VM",
	.options = options, .min_args = 1, .max_args = 1, .timeout_ms = 20000, .run = run,
};
