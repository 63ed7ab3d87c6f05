/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reference walker of the tests: see ref_walk.h. Slow and obvious on purpose; single-threaded. */
#include "tests/unit/common/ref_walk.h"

#include <string.h>

struct state {
	struct ref_machine *m;
	const struct ref_access *a;
	struct ref_result *r;
	bool all_w, all_u, any_xd;
	uint64_t where[4];
	int bytes;
	bool absent, reserved;
};

static bool bit(uint64_t value, int n)
{
	return value >> n & 1;
}

/* Bits high..low of value, moved down. */
static uint64_t field(uint64_t value, int high, int low)
{
	uint64_t out = 0;

	for (int i = high; i >= low; i--)
		out = out * 2 + bit(value, i);
	return out;
}

static uint8_t *memory(struct ref_machine *m, uint64_t pa)
{
	if (pa < m->low_size)
		return m->low + pa;
	if (pa >= 0x100000000 && pa - 0x100000000 < m->high_size)
		return m->high + (pa - 0x100000000);
	return NULL;
}

static uint64_t read_entry(struct state *s, uint64_t pa)
{
	uint64_t value = 0;

	for (int i = s->bytes - 1; i >= 0; i--) {
		uint8_t *byte = memory(s->m, pa + (uint64_t)i);

		value = value * 256 + (byte ? *byte : 0xff);
	}
	return value;
}

static uint64_t step(struct state *s, uint64_t pa)
{
	uint64_t e = read_entry(s, pa);

	s->where[s->r->count] = pa;
	s->r->entry[s->r->count++] = e;
	if (!bit(e, 0)) {
		s->absent = true;
		return e;
	}
	s->all_w = s->all_w && bit(e, 1);
	s->all_u = s->all_u && bit(e, 2);
	if (s->bytes == 8)
		s->any_xd = s->any_xd || bit(e, 63);
	return e;
}

static bool zero(uint64_t e, int high, int low)
{
	return high < low || field(e, high, low) == 0;
}

static void walk_32bit(struct state *s, uint64_t va)
{
	uint64_t e;
	int m = s->m->maxphyaddr < 40 ? s->m->maxphyaddr : 40;

	s->bytes = 4;
	e = step(s, field(s->m->cr3, 31, 12) * 4096 + field(va, 31, 22) * 4);
	if (s->absent)
		return;
	if (s->m->pse && bit(e, 7)) {
		/* Table 4-4: bits 21:(M-19) must be 0 */
		if (!zero(e, 21, m - 19))
			s->reserved = true;
		s->r->page_bits = 22;
		s->r->gpa = field(e, 20, 13) * 0x100000000 + field(e, 31, 22) * 0x400000 + field(va, 21, 0);
		return;
	}
	e = step(s, field(e, 31, 12) * 4096 + field(va, 21, 12) * 4);
	s->r->page_bits = 12;
	s->r->gpa = field(e, 31, 12) * 4096 + field(va, 11, 0);
}

static void walk_pae(struct state *s, uint64_t va)
{
	uint64_t e = s->m->pdpte[field(va, 31, 30)];
	int m = s->m->maxphyaddr;

	s->bytes = 8;
	s->r->entry[s->r->count++] = e;
	if (!bit(e, 0)) {
		s->absent = true;
		return;
	}
	e = step(s, field(e, 51, 12) * 4096 + field(va, 29, 21) * 8);
	if (s->absent)
		return;
	/* Tables 4-9 and 4-10 */
	if (!zero(e, 62, m) || (bit(e, 63) && !s->m->nxe))
		s->reserved = true;
	if (bit(e, 7)) {
		if (!zero(e, 20, 13))
			s->reserved = true;
		s->r->page_bits = 21;
		s->r->gpa = field(e, 51, 21) * 0x200000 + field(va, 20, 0);
		return;
	}
	if (s->reserved)
		return;
	e = step(s, field(e, 51, 12) * 4096 + field(va, 20, 12) * 8);
	if (s->absent)
		return;
	/* Table 4-11 */
	if (!zero(e, 62, m) || (bit(e, 63) && !s->m->nxe))
		s->reserved = true;
	s->r->page_bits = 12;
	s->r->gpa = field(e, 51, 12) * 4096 + field(va, 11, 0);
}

static void walk_4level(struct state *s, uint64_t va)
{
	uint64_t e, table = field(s->m->cr3, 51, 12) * 4096;
	int m = s->m->maxphyaddr;

	s->bytes = 8;
	for (int level = 4; level >= 1; level--) {
		int low = 12 + 9 * (level - 1);

		e = step(s, table + field(va, low + 8, low) * 8);
		if (s->absent)
			return;
		if (!zero(e, 51, m) || (bit(e, 63) && !s->m->nxe))
			s->reserved = true;
		if (level == 4 && bit(e, 7))
			s->reserved = true;
		if (level == 3 && bit(e, 7) && !zero(e, 29, 13))
			s->reserved = true;
		if (level == 2 && bit(e, 7) && !zero(e, 20, 13))
			s->reserved = true;
		if (s->reserved)
			return;
		if (level == 1 || (level < 4 && bit(e, 7))) {
			s->r->page_bits = low;
			s->r->gpa = (field(e, 51, low) << low) + field(va, low - 1, 0);
			return;
		}
		table = field(e, 51, 12) * 4096;
	}
}

/* SDM 4.6.1, sentence by sentence. */
static bool allowed(const struct state *s)
{
	const struct ref_machine *m = s->m;
	const struct ref_access *a = s->a;
	bool supervisor = !a->user || a->implicit;
	bool user_address = s->all_u;
	bool xd = m->nxe && s->any_xd;

	if (supervisor && a->fetch) {
		if (user_address && m->smep)
			return false;
		return !xd;
	}
	if (supervisor && !user_address)
		return !a->write || !m->wp || s->all_w;
	if (supervisor) {
		if (m->smap && (a->implicit || !m->ac))
			return false;
		return !a->write || !m->wp || s->all_w;
	}
	if (!user_address)
		return false;
	if (a->fetch)
		return !xd;
	return !a->write || s->all_w;
}

static void set_bits(struct state *s)
{
	int first = s->m->mode == 2 ? 1 : 0;

	for (int i = first; i < s->r->count; i++) {
		uint8_t *p = memory(s->m, s->where[i]);
		uint8_t want = 0x20;

		if (i == s->r->count - 1 && s->a->write)
			want = 0x60;
		if (!p || (*p & want) == want)
			continue;
		*p |= want;
		s->r->changed = true;
	}
	/* One entry may serve at several levels: report all as they are now. */
	for (int i = first; i < s->r->count; i++)
		s->r->entry[i] = read_entry(s, s->where[i]);
}

void ref_walk(struct ref_machine *m, uint64_t va, const struct ref_access *a, struct ref_result *r)
{
	struct state s = { .m = m, .a = a, .r = r, .all_w = true, .all_u = true };

	memset(r, 0, sizeof(*r));
	switch (m->mode) {
	case 0:
		r->page_bits = 12;
		r->gpa = field(va, 31, 0);
		r->w = r->u = true;
		return;
	case 1:
		walk_32bit(&s, va);
		break;
	case 2:
		walk_pae(&s, va);
		break;
	default:
		walk_4level(&s, va);
	}
	r->w = s.all_w;
	r->u = s.all_u;
	r->xd = s.any_xd;
	if (s.absent || s.reserved || !allowed(&s)) {
		r->fault = true;
		/* SDM 4.7 */
		r->error_code = (s.absent ? 0 : 1) + (a->write ? 2 : 0) + (a->user && !a->implicit ? 4 : 0) +
				(s.reserved ? 8 : 0) + (a->fetch && (m->smep || (m->mode >= 2 && m->nxe)) ? 16 : 0);
		return;
	}
	if (a->set_ad)
		set_bits(&s);
}
