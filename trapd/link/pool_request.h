/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of a vCPU to poold, each answered before the function returns; what the reply obliges the vCPU to flush is noted for its
 * way back into the guest. doc/ring.md names every request; doc/fault-path.md shows when each is sent. vcpu_invlpg() of the port
 * (cpu/vcpu.h) is defined here as well.
 * Return a status below POOL_E_RANGE, or POOL_E_NOTFOUND; -ENOTCONN; -ECANCELED. Thread: the vCPU's own.
 */
#ifndef SHADOWPOOL_TRAPD_POOL_REQUEST_H
#define SHADOWPOOL_TRAPD_POOL_REQUEST_H

#include "common/walk.h"
#include "common/write_class.h"
#include "trapd/cpu/vcpu.h"

/* gva is not mapped as the guest's tables have it: map it. walk: how they do. */
int pool_link_map(struct vcpu *v, uint64_t gva, const struct walk_result *walk, bool write, bool fetch);
/* The guest's D bit for gva has been set just now: POOL_E_NOTFOUND: map it. */
int pool_link_dirty(struct vcpu *v, uint64_t gva);
/* A write of this class and size to a monitored page: what is to be done with it? */
int pool_link_write_fault(struct vcpu *v, uint64_t gva, uint64_t gpa, enum write_class class, unsigned size);
/* A write to a monitored page that cannot be emulated: let the table go. */
int pool_link_unshadow(struct vcpu *v, uint64_t gva, uint64_t gpa);
/* One instruction may write to the table at gpa; several may be open. CLOSE: it is done, read them again (doc/pool.md, Step). */
int pool_link_open(struct vcpu *v, uint64_t gpa);
int pool_link_close(struct vcpu *v);
/* What the page is to watched code from now on. */
int pool_link_code(struct vcpu *v, uint64_t gpa, enum pool_code_state state);
/*
 * These modes are to hold, nothing is stored in v. flags: LINK_RQF_AC and LINK_RQF_CODE, where they apply. root: of the supervisor's
 * and the user's view, 0: the old one.
 */
int pool_link_set_root(struct vcpu *v, const struct modes *modes, uint16_t flags, uint64_t root[2]);
/*
 * An audit, made while this vCPU stands; poold makes it a full one if somebody waits for that. Number of violations since the
 * attach, -ENOTCONN or -ECANCELED.
 */
int64_t pool_link_audit(struct vcpu *v, bool full);

#endif
