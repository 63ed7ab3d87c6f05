/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See write_policy.h. Pure but for the history in the caller's hands: any process, any thread. */
#include "common/write_policy.h"

#include "common/x86.h"

static uint32_t store_offset(const struct write_store *s)
{
	return (uint32_t)(s->gpa & (s->entry_size - 1));
}

static bool is_whole_entries(const struct write_store *s)
{
	return !store_offset(s) && !(s->len & (s->entry_size - 1));
}

bool write_is_cross_entry(const struct write_store *s)
{
	return store_offset(s) + s->len > s->entry_size;
}

uint32_t write_weight(const struct write_store *s)
{
	return is_whole_entries(s) || (s->len == 1 && !store_offset(s)) ? 1 : 4;
}

enum write_half write_half(struct write_history *h, struct write_store *s)
{
	uint32_t word = (uint32_t)(s->gpa & ~PAGE_MASK) / 4, before = h->half;

	h->half = 0;
	if (s->entry_size != 8 || s->len != 4 || (s->gpa & 3))
		return WRITE_HALF_NONE;
	if (before == (word ^ 1) + 1) {
		s->gpa &= ~7ull;
		s->len = 8;
		return WRITE_HALF_SECOND;
	}
	h->half = (uint16_t)(word + 1);
	return WRITE_HALF_FIRST;
}

uint32_t write_count(struct write_history *h, struct write_store *s, enum write_half *half)
{
	enum write_half is = write_half(h, s);

	if (half)
		*half = is;
	return is == WRITE_HALF_NONE ? write_weight(s) : is == WRITE_HALF_FIRST;
}

uint32_t write_limit(const struct write_limits *l, bool all_leaf, bool may_unsync)
{
	uint32_t special = !all_leaf ? l->upper : may_unsync ? l->leaf : 0;

	return special ? special : l->all;
}

bool write_zeros(struct write_history *h, const struct write_store *s)
{
	uint32_t n = h->zeros;

	if (!s->zero || !is_whole_entries(s)) {
		h->zeros = 0;
		return false;
	}
	n += s->len / s->entry_size;
	h->zeros = (uint8_t)(n < WRITE_ZEROS_LIMIT ? n : WRITE_ZEROS_LIMIT);
	return h->zeros >= WRITE_ZEROS_LIMIT;
}

static void run_note(struct write_history *h, const struct write_store *s)
{
	h->gpa = s->gpa;
	h->rip = s->rip;
	h->size = (uint16_t)s->len;
}

bool write_reinit(struct write_history *h, const struct write_store *s, uint32_t *mods)
{
	uint64_t far = s->rip > h->rip ? s->rip - h->rip : h->rip - s->rip;
	bool goes_on = h->size && s->gpa == h->gpa + h->size && far <= WRITE_REINIT_NEAR;

	if (!(s->gpa & (PAGE_SIZE - 1))) {
		if (*mods > WRITE_REINIT_RESTART)
			*mods = 2;
		run_note(h, s);
		return false;
	}
	if (!goes_on) {
		h->size = 0;
		return false;
	}
	run_note(h, s);
	*mods = *mods > WRITE_MODS_MAX / 2 ? WRITE_MODS_MAX : *mods * 2;
	return true;
}

bool write_flood(struct write_history *h)
{
	if (h->flood < WRITE_FLOOD_LIMIT)
		h->flood++;
	return h->flood >= WRITE_FLOOD_LIMIT;
}

void write_used(struct write_history *h)
{
	*h = (struct write_history){ 0 };
}
