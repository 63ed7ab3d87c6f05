/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One gva through the guest's tables and through the shadow tables, level by level: what the walk verb shows. */
#ifndef SHADOWPOOL_POOLD_INSPECT_H
#define SHADOWPOOL_POOLD_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/walk.h"
#include "poold/serve/session.h"

#define INSPECT_LEVELS 4u

struct inspect_level {
	uint8_t level;			/* 4: PML4, down to 1: PT */
	bool guest_valid, shadow_valid;	/* the walk of the guest's tables, and of the shadow tables, has come to this level */
	uint64_t guest_gpa;		/* address of the guest's entry; all ones: it is a PDPTE register */
	uint64_t guest_entry;
	uint64_t shadow_maddr, shadow_entry;
	uint8_t shadow_kind;
};

struct inspection {
	uint64_t gva;
	enum walk_paging paging;
	bool guest_ok;
	uint64_t guest_gpa;
	uint32_t guest_error_code;	/* if not guest_ok: error code of the #PF that a read in this view would raise */
	struct pool_walk shadow;
	unsigned nlevels;
	struct inspect_level level[INSPECT_LEVELS];	/* the highest level first */
};

/*
 * Walk both tables for one gva. view: 0 supervisor, 1 user. Changes nothing, not even A and D bits. The guest may run meanwhile:
 * each entry is what it was when it was read. Returns 0; -EINVAL: no such vCPU or view; -ENOENT: the vCPU has no root yet. Takes
 * the session's lock. Thread: main.
 */
int inspect_walk(struct session *s, uint32_t vcpu, uint32_t view, uint64_t gva, struct inspection *out);

#endif
