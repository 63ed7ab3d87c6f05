/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two states of a pool side by side, see replay_diff.h. shadowctl only. */
#include "ctl/replay_diff.h"

#include <inttypes.h>
#include <stdio.h>

#include "ctl/cmd.h"

#define MAX_LINES 64u

static bool is_there(const struct replay_state *s, uint32_t page)
{
	return page < s->npages && s->page[page].count;
}

static bool infos_are_equal(const struct pool_page_info *a, const struct pool_page_info *b)
{
	return a->gpa == b->gpa && a->role == b->role && a->lock == b->lock && a->n_present == b->n_present &&
	       a->flags == b->flags && a->count == b->count;
}

static uint64_t entry_of(const struct replay_state *s, uint32_t page, uint32_t slot)
{
	return is_there(s, page) && slot < s->page[page].count ? s->entry[page][slot] : 0;
}

static uint32_t slots_of(const struct replay_state *a, const struct replay_state *b, uint32_t page)
{
	uint32_t na = is_there(a, page) ? a->page[page].count : 0, nb = is_there(b, page) ? b->page[page].count : 0;

	return na > nb ? na : nb;
}

static void print_state(const char *when, const struct replay_state *s)
{
	printf("%s: after %" PRIu64 " calls, %u pages in use, digest %016" PRIx64 "%016" PRIx64 ", translations %016" PRIx64
	       "%016" PRIx64 "\n", when, s->calls, s->used, s->digest[0], s->digest[1], s->translations[0],
	       s->translations[1]);
}

static void print_page(const char *when, const struct replay_state *s, uint32_t page)
{
	const struct pool_page_info *i = &s->page[page];

	if (is_there(s, page))
		printf("  %s page %u: %s, gpa %#" PRIx64 ", role %#x, %u present, %u pins, flags %#x\n", when, page,
		       pool_kind_name(i->kind), i->gpa, i->role, i->n_present, i->lock, i->flags);
	else
		printf("  %s page %u: not in use\n", when, page);
}

static unsigned print_entries(const struct replay_state *a, const struct replay_state *b, uint32_t page, unsigned room)
{
	unsigned n = 0;

	for (uint32_t s = 0; s < slots_of(a, b, page) && n < room; s++) {
		uint64_t was = entry_of(a, page, s), is = entry_of(b, page, s);

		if (was == is)
			continue;
		printf("    slot %u: %#" PRIx64 " -> %#" PRIx64 "\n", s, was, is);
		n++;
	}
	return n;
}

static bool page_differs(const struct replay_state *a, const struct replay_state *b, uint32_t page)
{
	if (is_there(a, page) != is_there(b, page))
		return true;
	if (!is_there(a, page))
		return false;
	if (!infos_are_equal(&a->page[page], &b->page[page]))
		return true;
	for (uint32_t s = 0; s < slots_of(a, b, page); s++)
		if (entry_of(a, page, s) != entry_of(b, page, s))
			return true;
	return false;
}

void replay_diff_print(const struct replay_state *before, const struct replay_state *after)
{
	unsigned lines = 0;

	print_state("before", before);
	print_state("after", after);
	for (uint32_t page = 1; page < before->npages && lines < MAX_LINES; page++) {
		if (!page_differs(before, after, page))
			continue;
		print_page("before:", before, page);
		print_page("after: ", after, page);
		lines += 1 + print_entries(before, after, page, MAX_LINES - lines);
	}
	if (lines >= MAX_LINES)
		printf("  and more\n");
}

static json_t *digest_json(const uint64_t d[2])
{
	return json_sprintf("0x%016" PRIx64 "%016" PRIx64, d[0], d[1]);
}

static json_t *state_json(const struct replay_state *s)
{
	return json_pack("{s:I,s:I,s:o,s:o}", "calls", (json_int_t)s->calls, "pages_used", (json_int_t)s->used, "digest",
			 digest_json(s->digest), "translations", digest_json(s->translations));
}

static json_t *page_json(const struct replay_state *s, uint32_t page)
{
	const struct pool_page_info *i = &s->page[page];

	if (!is_there(s, page))
		return json_null();
	return json_pack("{s:s,s:o,s:o,s:i,s:i,s:i}", "kind", pool_kind_name(i->kind), "gpa", cmd_json_address(i->gpa),
			 "role", cmd_json_address(i->role), "present", (int)i->n_present, "pins", (int)i->lock, "flags",
			 (int)i->flags);
}

static json_t *changed_json(const struct replay_state *a, const struct replay_state *b, uint32_t page, unsigned *lines)
{
	json_t *entries = json_array();

	for (uint32_t s = 0; s < slots_of(a, b, page) && *lines < MAX_LINES; s++) {
		uint64_t was = entry_of(a, page, s), is = entry_of(b, page, s);

		if (was == is)
			continue;
		json_array_append_new(entries, json_pack("{s:I,s:o,s:o}", "slot", (json_int_t)s, "before",
							 cmd_json_address(was), "after", cmd_json_address(is)));
		++*lines;
	}
	return json_pack("{s:I,s:o,s:o,s:o}", "page", (json_int_t)page, "before", page_json(a, page), "after",
			 page_json(b, page), "entries", entries);
}

json_t *replay_diff_json(const struct replay_state *before, const struct replay_state *after)
{
	json_t *changed = json_array();
	unsigned lines = 0;

	for (uint32_t page = 1; page < before->npages && lines < MAX_LINES; page++) {
		if (!page_differs(before, after, page))
			continue;
		lines++;
		json_array_append_new(changed, changed_json(before, after, page, &lines));
	}
	return json_pack("{s:o,s:o,s:o,s:b}", "before", state_json(before), "after", state_json(after), "changed", changed,
			 "clipped", lines >= MAX_LINES);
}

static const char *const side_name[2] = { "recorded", "other" };

void replay_walks_print(const struct replay_difference *d)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct pool_walk *w = &d->walk[i];

		printf("%s pool, gva %#" PRIx64 ":\n", side_name[i], d->gva);
		for (unsigned s = 0; s < w->nsteps; s++)
			printf("  level %u page %u slot %u %s: %#" PRIx64 "\n", w->step[s].level, w->step[s].page,
			       w->step[s].slot, pool_kind_name(w->step[s].kind), w->step[s].entry);
	}
}

json_t *replay_walks_json(const struct replay_difference *d)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < 2; i++) {
		const struct pool_walk *w = &d->walk[i];
		json_t *steps = json_array();

		for (unsigned s = 0; s < w->nsteps; s++)
			json_array_append_new(steps, json_pack("{s:i,s:I,s:i,s:s,s:o}", "level", (int)w->step[s].level,
							       "page", (json_int_t)w->step[s].page, "slot",
							       (int)w->step[s].slot, "kind",
							       pool_kind_name(w->step[s].kind), "entry",
							       cmd_json_address(w->step[s].entry)));
		json_object_set_new(all, side_name[i], json_pack("{s:o,s:o}", "gpa", cmd_json_address(d->gpa[i]), "walk",
								 steps));
	}
	json_object_set_new(all, "gva", cmd_json_address(d->gva));
	json_object_set_new(all, "vcpu", json_integer(d->vcpu));
	json_object_set_new(all, "view", json_string(d->view ? "user" : "supervisor"));
	return all;
}
