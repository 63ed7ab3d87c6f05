/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The descriptor table of kinds: what guest structure a shadow table derives from, and in which format. Part of the pool
 * library: any caller of it, under the VM's lock. Constant data and its check; no state.
 */
#include <stddef.h>

#include "common/x86.h"
#include "poold/pool/base/kinds.h"
#include "poold/pool/base/role.h"

/*  name, entry_size, count, level, span, source, guest size, guest count, spread, quadrants, align, table, large, group, flags, role */
const struct pool_kind pool_kinds[KIND_COUNT] = {
	[KIND_INVALID] = { .name = "INVALID" },
	[KIND_FREE] = { .name = "FREE" },
	[KIND_32BIT_PT_FOR_PHYS] = { "32BIT_PT_FOR_PHYS", 4, 1024, 1, 12, SOURCE_LINEAR, 0, 0, 1, 1, 22, 0, 0, GROUP_N,
		KF_LEAF | KF_PHYS, 0 },
	[KIND_32BIT_PT_FOR_32BIT_PT] = { "32BIT_PT_FOR_32BIT_PT", 4, 1024, 1, 12, SOURCE_GUEST, 4, 1024, 1, 1, 12, 0, 0, GROUP_L,
		KF_LEAF | KF_MONITORED, 0 },
	[KIND_32BIT_PT_FOR_32BIT_4MB] = { "32BIT_PT_FOR_32BIT_4MB", 4, 1024, 1, 12, SOURCE_LINEAR, 0, 0, 1, 1, 22, 0, 0, GROUP_L,
		KF_LEAF | KF_SPLIT, 0 },
	[KIND_PAE_PT_FOR_PHYS] = { "PAE_PT_FOR_PHYS", 8, 512, 1, 12, SOURCE_LINEAR, 0, 0, 1, 1, 21, 0, 0, GROUP_N,
		KF_LEAF | KF_PHYS, 0 },
	[KIND_PAE_PT_FOR_32BIT_PT] = { "PAE_PT_FOR_32BIT_PT", 8, 512, 1, 12, SOURCE_GUEST, 4, 512, 1, 2, 12, 0, 0, GROUP_L,
		KF_LEAF | KF_MONITORED, 0 },
	[KIND_PAE_PT_FOR_32BIT_4MB] = { "PAE_PT_FOR_32BIT_4MB", 8, 512, 1, 12, SOURCE_LINEAR, 0, 0, 1, 2, 22, 0, 0, GROUP_L,
		KF_LEAF | KF_SPLIT, 0 },
	[KIND_PAE_PT_FOR_PAE_PT] = { "PAE_PT_FOR_PAE_PT", 8, 512, 1, 12, SOURCE_GUEST, 8, 512, 1, 1, 12, 0, 0, GROUP_P,
		KF_LEAF | KF_MONITORED, ROLE_NXE | ROLE_LM },
	[KIND_PAE_PT_FOR_PAE_2MB] = { "PAE_PT_FOR_PAE_2MB", 8, 512, 1, 12, SOURCE_LINEAR, 0, 0, 1, 1, 21, 0, 0, GROUP_P,
		KF_LEAF | KF_SPLIT, 0 },
	[KIND_PAE_PD_FOR_32BIT_PD] = { "PAE_PD_FOR_32BIT_PD", 8, 512, 2, 21, SOURCE_GUEST, 4, 256, 2, 4, 12,
		KIND_PAE_PT_FOR_32BIT_PT, KIND_PAE_PT_FOR_32BIT_4MB, GROUP_L, KF_MONITORED | KF_LARGE, ROLE_PSE },
	[KIND_PAE_PD_FOR_PAE_PD] = { "PAE_PD_FOR_PAE_PD", 8, 512, 2, 21, SOURCE_GUEST, 8, 512, 1, 1, 12,
		KIND_PAE_PT_FOR_PAE_PT, KIND_PAE_PT_FOR_PAE_2MB, GROUP_P, KF_MONITORED | KF_LARGE, ROLE_NXE },
	[KIND_64BIT_PDPT_FOR_64BIT_PDPT] = { "64BIT_PDPT_FOR_64BIT_PDPT", 8, 512, 3, 30, SOURCE_GUEST, 8, 512, 1, 1, 12,
		KIND_64BIT_PD_FOR_64BIT_PD, KIND_64BIT_PD_FOR_64BIT_1GB, GROUP_P, KF_MONITORED, ROLE_NXE | ROLE_LM },
	[KIND_ROOT_32BIT_PD] = { "ROOT_32BIT_PD", 4, 1024, 2, 22, SOURCE_GUEST, 4, 1024, 1, 1, 12,
		KIND_32BIT_PT_FOR_32BIT_PT, KIND_32BIT_PT_FOR_32BIT_4MB, GROUP_L, KF_MONITORED | KF_ROOT, ROLE_PSE },
	[KIND_ROOT_PAE_PD] = { .name = "ROOT_PAE_PD", .flags = KF_RETIRED },
	[KIND_PAE_PDPT_FOR_PAE_PDPT] = { "PAE_PDPT_FOR_PAE_PDPT", 8, 4, 3, 30, SOURCE_REGISTERS, 0, 0, 1, 1, 5,
		KIND_PAE_PD_FOR_PAE_PD, 0, GROUP_P, KF_PDPTE, ROLE_NXE },
	[KIND_64BIT_PML4_FOR_64BIT_PML4] = { "64BIT_PML4_FOR_64BIT_PML4", 8, 512, 4, 39, SOURCE_GUEST, 8, 512, 1, 1, 12,
		KIND_64BIT_PDPT_FOR_64BIT_PDPT, 0, GROUP_P, KF_MONITORED | KF_ROOT | KF_OWNED, ROLE_NXE | ROLE_LM },
	[KIND_64BIT_PD_FOR_64BIT_PD] = { "64BIT_PD_FOR_64BIT_PD", 8, 512, 2, 21, SOURCE_GUEST, 8, 512, 1, 1, 12,
		KIND_PAE_PT_FOR_PAE_PT, KIND_PAE_PT_FOR_PAE_2MB, GROUP_P, KF_MONITORED | KF_LARGE, ROLE_NXE | ROLE_LM },
	[KIND_PAE_PDPT_FOR_32BIT] = { "PAE_PDPT_FOR_32BIT", 8, 4, 3, 30, SOURCE_FIXED, 0, 0, 1, 1, 12,
		KIND_PAE_PD_FOR_32BIT_PD, 0, GROUP_L, 0, ROLE_PSE },
	[KIND_64BIT_PML4_FOR_LEGACY] = { "64BIT_PML4_FOR_LEGACY", 8, 512, 4, 39, SOURCE_FIXED, 0, 0, 1, 1, 5,
		KIND_PAE_PDPT_FOR_32BIT, 0, GROUP_CHILD, KF_ROOT | KF_OWNED | KF_PDPTE, ROLE_NXE | ROLE_PSE | ROLE_PAE },
	[KIND_64BIT_PML4_FOR_PHYS] = { "64BIT_PML4_FOR_PHYS", 8, 512, 4, 39, SOURCE_LINEAR, 0, 0, 1, 1, 48,
		KIND_64BIT_PDPT_FOR_PHYS, 0, GROUP_N, KF_ROOT | KF_OWNED | KF_PHYS, 0 },
	[KIND_64BIT_PDPT_FOR_PHYS] = { "64BIT_PDPT_FOR_PHYS", 8, 512, 3, 30, SOURCE_LINEAR, 0, 0, 1, 1, 39,
		KIND_64BIT_PD_FOR_PHYS, 0, GROUP_N, KF_PHYS, 0 },
	[KIND_64BIT_PD_FOR_PHYS] = { "64BIT_PD_FOR_PHYS", 8, 512, 2, 21, SOURCE_LINEAR, 0, 0, 1, 1, 30,
		KIND_PAE_PT_FOR_PHYS, 0, GROUP_N, KF_PHYS | KF_LARGE, 0 },
	[KIND_64BIT_PD_FOR_64BIT_1GB] = { "64BIT_PD_FOR_64BIT_1GB", 8, 512, 2, 21, SOURCE_LINEAR, 0, 0, 1, 1, 30,
		KIND_PAE_PT_FOR_PAE_2MB, 0, GROUP_P, KF_SPLIT | KF_LARGE, 0 },
	[KIND_32BIT_PD_FOR_PHYS] = { "32BIT_PD_FOR_PHYS", 4, 1024, 2, 22, SOURCE_LINEAR, 0, 0, 1, 1, 32,
		KIND_32BIT_PT_FOR_PHYS, 0, GROUP_N, KF_PHYS | KF_ROOT, 0 },
};

static bool child_fits(const struct pool_kind *k, unsigned child)
{
	const struct pool_kind *c;

	if (!child)
		return true;
	if (child >= KIND_COUNT)
		return false;
	c = &pool_kinds[child];
	return c->level + 1 == k->level && c->entry_size == k->entry_size && c->span_shift < k->span_shift;
}

static bool kind_fits(const struct pool_kind *k)
{
	bool guest = k->source == SOURCE_GUEST;

	if (!k->name || !k->count)
		return k->name != NULL;
	if (k->count & (k->count - 1u) || k->count * k->entry_size > PAGE_SIZE || k->level < 1 || k->level > 4)
		return false;
	if (guest != (k->guest_size != 0) || guest != !!(k->flags & KF_MONITORED))
		return false;
	if (guest && (k->quadrants * k->guest_count * k->guest_size != PAGE_SIZE || k->guest_count * k->spread != k->count))
		return false;
	if (!!(k->flags & KF_LEAF) != (k->level == 1) || !!(k->flags & KF_LEAF) != !k->child_table)
		return false;
	if (k->flags & KF_LARGE && (k->entry_size != 8 || k->span_shift != 21))
		return false;
	return child_fits(k, k->child_table) && child_fits(k, k->child_large);
}

unsigned pool_kinds_check(void)
{
	for (unsigned i = 0; i < KIND_COUNT; i++)
		if (!kind_fits(&pool_kinds[i]))
			return i ? i : KIND_COUNT;
	return 0;
}
