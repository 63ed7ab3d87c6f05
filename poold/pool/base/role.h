/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Roles: everything besides its gpa that the content of a shadow table depends on, packed into 32 bits. (gpa, role) is the
 * key of a cached table. Pure functions.
 */
#ifndef SHADOWPOOL_POOLD_POOL_ROLE_H
#define SHADOWPOOL_POOLD_POOL_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/walk.h"
#include "poold/pool/base/types.h"

/* Bits of a role; the upper ones are zero. */
#define ROLE_KIND_MASK	31u
#define ROLE_QUAD_SHIFT	5
#define ROLE_QUAD_MASK	(3u << ROLE_QUAD_SHIFT)
#define ROLE_USER	(1u << 7)	/* user view */
#define ROLE_ACC_W	(1u << 8)
#define ROLE_ACC_U	(1u << 9)	/* U is 1 in the guest's entry of every level above */
#define ROLE_ACC_X	(1u << 10)
#define ROLE_ACC	(ROLE_ACC_W | ROLE_ACC_U | ROLE_ACC_X)
#define ROLE_WP		(1u << 11)
#define ROLE_NXE	(1u << 12)
#define ROLE_SMEP	(1u << 13)
#define ROLE_SMAP	(1u << 14)
#define ROLE_LM		(1u << 15)
#define ROLE_PSE	(1u << 16)
#define ROLE_PAE	(1u << 17)	/* kind 19: what hangs below is a PAE guest, else a 32-bit one */
#define ROLE_CODE	(1u << 18)	/* code is watched: only pages that pool_set_code_state() allows are executable */
#define ROLE_VALID	((1u << 19) - 1)

static inline unsigned role_kind(uint32_t role) { return role & ROLE_KIND_MASK; }
static inline unsigned role_quad(uint32_t role) { return (role & ROLE_QUAD_MASK) >> ROLE_QUAD_SHIFT; }
/*
 * Force the bits that the content does not depend on, so that tables of equal content have equal roles. doc/spec/pool.md section
 * 3.
 */
uint32_t role_canon(uint32_t role);
/* Role of a table that hangs below a table of role parent. user: U of the guest's entry between them. */
uint32_t role_child(uint32_t parent, unsigned kind, unsigned quad, bool user);
/* Role of the root of one view. format: that of the pool, which counts for 32-bit and unpaged guests. */
uint32_t role_root(const struct pool_modes *modes, bool user_view, enum pool_format format);
enum walk_paging role_modes_paging(const struct pool_modes *modes);
enum walk_paging role_paging(uint32_t role);

#endif
