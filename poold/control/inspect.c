/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest walk and shadow walk side by side. poold, main thread, with the connections held; reads guest RAM and the arena. */
#include "poold/control/inspect.h"

#include <errno.h>
#include <string.h>

#include "common/x86.h"

static struct inspect_level *level_of(struct inspection *out, uint8_t level)
{
	return level >= 1 && level <= INSPECT_LEVELS ? &out->level[INSPECT_LEVELS - level] : NULL;
}

static void inspect_guest(const struct session *s, const struct pool_modes *modes, uint32_t view, struct inspection *out)
{
	const struct walk_level *levels;
	struct walk_mode mode = { 0 };
	struct walk_result result = { 0 };
	unsigned nlevels;
	int rc;

	walk_mode_from_cr(&mode, modes->cr0, modes->cr3, modes->cr4, modes->efer, modes->ac ? RFLAGS_AC : 0,
			  s->config.maxphyaddr);
	memcpy(mode.pdpte, modes->pdpte, sizeof(mode.pdpte));
	rc = walk_guest(&s->config.ram, &mode, out->gva, view ? WALK_USER : 0, &result);
	out->paging = mode.paging;
	out->guest_ok = !rc;
	out->guest_gpa = rc ? 0 : result.gpa;
	out->guest_error_code = rc ? result.error_code : 0;
	levels = walk_levels(mode.paging, &nlevels);
	for (unsigned i = 0; i < result.nentries && i < nlevels && i < INSPECT_LEVELS; i++) {
		struct inspect_level *l = level_of(out, levels[i].level);

		if (!l)
			continue;
		l->guest_valid = true;
		l->guest_gpa = result.entry_gpa[i];
		l->guest_entry = result.entry[i];
	}
}

static void inspect_shadow(const struct session *s, uint64_t root, struct inspection *out)
{
	pool_walk(s->pool, root, out->gva, &out->shadow);
	for (unsigned i = 0; i < out->shadow.nsteps; i++) {
		const struct pool_walk_step *step = &out->shadow.step[i];
		struct inspect_level *l = level_of(out, step->level);

		if (!l)
			continue;
		l->shadow_valid = true;
		l->shadow_maddr = step->maddr;
		l->shadow_entry = step->entry;
		l->shadow_kind = step->kind;
	}
}

int inspect_walk(struct session *s, uint32_t vcpu, uint32_t view, uint64_t gva, struct inspection *out)
{
	struct pool_modes modes = { 0 };
	uint64_t root[2] = { 0 };

	memset(out, 0, sizeof(*out));
	if (vcpu >= s->config.nvcpu || view > 1)
		return -EINVAL;
	out->gva = gva;
	out->nlevels = INSPECT_LEVELS;
	for (unsigned i = 0; i < INSPECT_LEVELS; i++)
		out->level[i].level = (uint8_t)(INSPECT_LEVELS - i);
	pthread_mutex_lock(&s->lock);
	pool_vcpu_roots(s->pool, vcpu, root, &modes);
	if (root[view]) {
		inspect_guest(s, &modes, view, out);
		inspect_shadow(s, root[view], out);
	}
	pthread_mutex_unlock(&s->lock);
	return root[view] ? 0 : -ENOENT;
}
