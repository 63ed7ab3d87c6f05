/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest walk and shadow walk side by side. poold, main thread, with the links held; reads guest RAM and the arena. */
#include "poold/control/inspect.h"

#include <errno.h>
#include <string.h>

#include "common/x86.h"

static struct inspect_level *level_of(struct inspection *out, uint8_t level)
{
	return level >= 1 && level <= INSPECT_LEVELS ? &out->level[INSPECT_LEVELS - level] : NULL;
}

static void inspect_guest(const struct vm *vm, const struct pool_modes *modes, uint32_t view, struct inspection *out)
{
	const struct walk_level *levels;
	struct walk_mode mode = { 0 };
	struct walk_result result = { 0 };
	unsigned nlevels;
	int rc;

	walk_mode_from_cr(&mode, modes->cr0, modes->cr3, modes->cr4, modes->efer, modes->ac ? RFLAGS_AC : 0,
			  vm->config.maxphyaddr);
	memcpy(mode.pdpte, modes->pdpte, sizeof(mode.pdpte));
	rc = walk_guest(&vm->config.ram, &mode, out->gva, view ? WALK_USER : 0, &result);
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

static void inspect_shadow(const struct vm *vm, uint64_t root, struct inspection *out)
{
	pool_walk(vm->pool, root, out->gva, &out->shadow);
	for (unsigned i = 0; i < out->shadow.nsteps; i++) {
		const struct pool_walk_step *s = &out->shadow.step[i];
		struct inspect_level *l = level_of(out, s->level);

		if (!l)
			continue;
		l->shadow_valid = true;
		l->shadow_maddr = s->maddr;
		l->shadow_entry = s->entry;
		l->shadow_kind = s->kind;
	}
}

int inspect_walk(struct vm *vm, uint32_t vcpu, uint32_t view, uint64_t gva, struct inspection *out)
{
	struct pool_modes modes = { 0 };
	uint64_t root[2] = { 0 };

	memset(out, 0, sizeof(*out));
	if (vcpu >= vm->config.nvcpu || view > 1)
		return -EINVAL;
	out->gva = gva;
	out->nlevels = INSPECT_LEVELS;
	for (unsigned i = 0; i < INSPECT_LEVELS; i++)
		out->level[i].level = (uint8_t)(INSPECT_LEVELS - i);
	pthread_mutex_lock(&vm->lock);
	pool_vcpu_roots(vm->pool, vcpu, root, &modes);
	if (root[view]) {
		inspect_guest(vm, &modes, view, out);
		inspect_shadow(vm, root[view], out);
	}
	pthread_mutex_unlock(&vm->lock);
	return root[view] ? 0 : -ENOENT;
}
