/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the shadow tables mean: the translations that the loaded roots lead to, whatever tables of whatever format carry
 * them. Two pools of other sizes, policies or formats under the same guest can be compared by it. Part of the pool library:
 * any caller of it, under the VM's lock. Changes nothing, neither LRU nor counters.
 */
#include <errno.h>

#include "poold/pool/audit/audit.h"
#include "poold/pool/audit/mix.h"
#include "poold/pool/core/pool_priv.h"

/*
 * Tables that are visited for one root. A guest may hang one table into many places, so that there are more ways through a
 * few tables than anybody could go.
 */
#define MAX_VISITS(p) (4ull * (p)->cfg.max_pages)

struct visit {
	const struct pool *p;
	pool_translation_fn *each;
	void *ctx;
	uint64_t left;
};

/* Bit 47 decides the bits above it (SDM vol. 1, 3.3.7.1). */
static uint64_t canonical(uint64_t gva)
{
	return gva & 1ull << 47 ? gva | ~0ull << 48 : gva;
}

/* Page by page, so that it is the same as the table that might be there instead. */
static int visit_large(struct visit *v, const struct pool_translation *large, uint64_t entry, unsigned shift)
{
	uint64_t gpa = large_gpa(v->p, entry);

	for (uint64_t at = 0; gpa != GPA_NIL && at < 1ull << shift; at += PAGE_SIZE) {
		struct pool_translation t = *large;

		t.gva = canonical(t.gva | at);
		t.gpa = gpa + at;
		if (!v->each(v->ctx, &t))
			return -ECANCELED;
	}
	return 0;
}

static int visit_table(struct visit *v, uint32_t page, const struct pool_translation *above)
{
	const struct pool_kind *k = page_kind(v->p, page);
	bool unsync = pool_table_is_unsync(v->p, page);
	int rc = 0;

	if (!v->left--)
		return -E2BIG;
	for (uint32_t slot = 0; !rc && slot < k->count; slot++) {
		uint64_t e = entry_get(v->p, page, slot);
		struct pool_translation t = *above;
		uint32_t child;

		if (!(e & PTE_P) || (e & ENTRY_OWNED))
			continue;
		t.gva |= (uint64_t)slot << k->span_shift;
		t.writable &= !!(e & PTE_W);
		t.nx |= !!(e & PTE_NX);
		t.unsync |= unsync;
		if (k->flags & KF_LEAF) {
			t.gva = canonical(t.gva);
			t.gpa = entry_gpa(v->p, e);
			if (t.gpa != GPA_NIL && !v->each(v->ctx, &t))
				rc = -ECANCELED;
			continue;
		}
		if (entry_maps_large(k, e)) {
			rc = visit_large(v, &t, e, k->span_shift);
			continue;
		}
		child = entry_child(v->p, e);
		/* Levels only go down, which bounds the depth, also in a pool that is not sound. */
		if (child && page_in_use(v->p, child) && page_kind(v->p, child)->level < k->level)
			rc = visit_table(v, child, &t);
	}
	return rc;
}

int pool_translations(const struct pool *p, uint64_t root, pool_translation_fn *each, void *ctx)
{
	struct visit v = { .p = p, .each = each, .ctx = ctx, .left = MAX_VISITS(p) };
	struct pool_translation top = { .writable = true };
	uint32_t page = entry_child(p, root);

	if (!page || root & (PAGE_SIZE - 1) || !page_in_use(p, page) || !(page_kind(p, page)->flags & KF_ROOT))
		return -EINVAL;
	return visit_table(&v, page, &top);
}

static bool mix_translation(void *ctx, const struct pool_translation *t)
{
	struct digest *d = ctx;

	mix(d, t->gva);
	mix(d, t->gpa | (uint64_t)t->nx << 1 | t->writable);
	return true;
}

void pool_semantic_digest(const struct pool *p, uint64_t out[2])
{
	struct digest d = { 0x7472616e736cull, 0x6174696f6e73ull };

	for (uint32_t vcpu = 0; vcpu < p->cfg.nvcpu; vcpu++) {
		uint64_t root[2] = { 0 };
		struct pool_modes modes;

		if (pool_vcpu_roots(p, vcpu, root, &modes))
			continue;
		for (unsigned view = 0; view < 2; view++) {
			mix(&d, ~0ull);
			if (root[view])
				pool_translations(p, root[view], mix_translation, &d);
		}
	}
	out[0] = d.a;
	out[1] = d.b;
}
