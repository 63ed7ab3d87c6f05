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
	uint8_t level;			/* 4 PML4 ... 1 PT */
	bool guest_valid, shadow_valid;	/* that side has an entry at this level (present or not) */
	uint64_t guest_gpa;		/* where it lies; ~0: a PDPTE register */
	uint64_t guest_entry;
	uint64_t shadow_maddr, shadow_entry;
	uint8_t shadow_kind;
};

struct inspection {
	uint64_t gva;
	enum walk_paging paging;
	bool guest_ok;
	uint64_t guest_gpa;
	uint32_t guest_error_code;	/* of a read in this view, if not guest_ok */
	struct pool_walk shadow;
	unsigned nlevels;
	struct inspect_level level[INSPECT_LEVELS];	/* top first */
};

/*
 * view: 0 supervisor, 1 user. 0; -EINVAL: no such vCPU or view; -ENOENT: the vCPU has no root yet. Takes the VM's lock.
 * Sets no A or D bit, changes nothing. The guest may run meanwhile: each entry is what it was when it was read.
 */
int inspect_walk(struct session *s, uint32_t vcpu, uint32_t view, uint64_t gva, struct inspection *out);

#endif
