/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Roles: everything besides its gpa that the content of a shadow table depends on, packed into 32 bits. Part of the pool
 * library: any caller of it, under the VM's lock. Pure functions.
 */
#include "common/x86.h"
#include "poold/pool/base/kinds.h"
#include "poold/pool/base/role.h"

/*
 * W and X of the levels above are in the non-leaf shadow entries, where the CPU ANDs them, so the key has them as 1. U is
 * not, because every shadow entry has U=1; it matters only where absence or NX of a leaf depends on it.
 */
uint32_t role_canon(uint32_t role)
{
	unsigned kind = role_kind(role);
	const struct pool_kind *k = &pool_kinds[kind < KIND_COUNT ? kind : KIND_INVALID];
	uint32_t r = kind | ROLE_ACC;

	if (k->flags & KF_PHYS)		/* of both views, so that what the supervisor may not execute the user may not either */
		return r | ROLE_WP | (role & ROLE_CODE);
	if (k->quadrants > 1)
		r |= role & ROLE_QUAD_MASK;
	if (role & ROLE_USER)
		r |= ROLE_USER | ROLE_WP;
	else
		r |= role & (ROLE_WP | ROLE_SMEP | ROLE_SMAP | ROLE_CODE);
	if (r & (ROLE_SMEP | ROLE_SMAP))
		r &= (role & ROLE_ACC_U) | ~ROLE_ACC_U;
	r |= role & k->role_mask;
	if (r & ROLE_PAE)
		r &= ~ROLE_PSE;
	else if (k->role_mask & ROLE_PAE)
		r &= ~ROLE_NXE;
	if (k->flags & KF_SPLIT)
		r |= ROLE_WP;
	return r;
}

uint32_t role_child(uint32_t parent, unsigned kind, unsigned quad, bool user)
{
	uint32_t r = parent & ~(ROLE_KIND_MASK | ROLE_QUAD_MASK);

	if (!user)
		r &= ~ROLE_ACC_U;
	return role_canon(r | kind | (quad << ROLE_QUAD_SHIFT));
}

enum walk_paging role_modes_paging(const struct pool_modes *m)
{
	if (!(m->cr0 & CR0_PG))
		return WALK_UNPAGED;
	if (!(m->cr4 & CR4_PAE))
		return WALK_32BIT;
	return m->efer & EFER_LMA ? WALK_4LEVEL : WALK_PAE;
}

uint32_t role_root(const struct pool_modes *m, bool user_view, enum pool_format format)
{
	static const uint32_t by_paging[][2] = {
		[WALK_UNPAGED] = { KIND_64BIT_PML4_FOR_PHYS, KIND_32BIT_PD_FOR_PHYS },
		[WALK_32BIT] = { KIND_64BIT_PML4_FOR_LEGACY, KIND_ROOT_32BIT_PD },
		[WALK_PAE] = { KIND_64BIT_PML4_FOR_LEGACY | ROLE_PAE, KIND_64BIT_PML4_FOR_LEGACY | ROLE_PAE },
		[WALK_4LEVEL] = { KIND_64BIT_PML4_FOR_64BIT_PML4 | ROLE_LM, KIND_64BIT_PML4_FOR_64BIT_PML4 | ROLE_LM },
	};
	uint32_t r = by_paging[role_modes_paging(m)][format == POOL_F32] | ROLE_ACC;

	if (user_view)
		r |= ROLE_USER;
	if (m->cr0 & CR0_WP)
		r |= ROLE_WP;
	if (m->cr4 & CR4_SMEP)
		r |= ROLE_SMEP;
	if ((m->cr4 & CR4_SMAP) && !m->ac)
		r |= ROLE_SMAP;
	if (m->cr4 & CR4_PSE)
		r |= ROLE_PSE;
	if (m->efer & EFER_NXE)
		r |= ROLE_NXE;
	if (m->watch_code)
		r |= ROLE_CODE;
	return role_canon(r);
}

/* Which guest format the entries of a table have. PAE and 4-level tables share the kind of their PTs. */
enum walk_paging role_paging(uint32_t role)
{
	const struct pool_kind *k = &pool_kinds[role_kind(role)];

	if (k->guest_size == 4)
		return WALK_32BIT;
	return role & ROLE_LM ? WALK_4LEVEL : WALK_PAE;
}
