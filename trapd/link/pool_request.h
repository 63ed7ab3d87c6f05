/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of a vCPU to poold. Each function sends one and returns when it is answered; what the reply obliges the vCPU to flush
 * is noted for its way back into the guest. doc/spec/ring.md, "Requests and answers"; doc/fault-path.md shows when each is sent.
 * vcpu_invlpg() of the port (cpu/vcpu.h) is defined in pool_request.c as well. All return 0; -ENOTCONN: the link is lost;
 * -ECANCELED: the VM is stopped. *status gets poold's answer, if there are several: below POOL_E_RANGE, or POOL_E_NOTFOUND; POOL_OK
 * with a return value other than 0. Thread: the vCPU's own.
 */
#ifndef SHADOWPOOL_TRAPD_POOL_REQUEST_H
#define SHADOWPOOL_TRAPD_POOL_REQUEST_H

#include "common/shm_layout.h"
#include "common/walk.h"
#include "common/write_class.h"
#include "trapd/cpu/vcpu.h"

/*
 * MAP: make the shadow of what the guest's tables say about gva. walk: the successful walk of the guest's tables. POOL_RETRY: they
 * have changed meanwhile, walk again.
 */
int pool_request_map(struct vcpu *v, uint64_t gva, const struct walk_result *walk, bool write, bool fetch,
		     enum pool_status *status);
/*
 * DIRTY: the guest's D bit for gva has just been set, make the shadow entry writable. POOL_E_NOTFOUND: that is not enough, send
 * MAP.
 */
int pool_request_dirty(struct vcpu *v, uint64_t gva, enum pool_status *status);
/*
 * WRITE_FAULT: the guest wants to write size bytes to a monitored page. *status is what poold decides: POOL_EMULATE,
 * UNSYNC, UNSHADOW, STEP.
 */
int pool_request_write_fault(struct vcpu *v, uint64_t gva, uint64_t gpa, enum write_class class, unsigned size,
			     enum pool_status *status);
/*
 * UNSHADOW: the guest wants to write to a monitored page with an instruction that cannot be emulated. POOL_OK: run it; POOL_STEP:
 * step it.
 */
int pool_request_unshadow(struct vcpu *v, uint64_t gva, uint64_t gpa, enum pool_status *status);
/*
 * OPEN: from now on MAP may make the table at gpa writable; up to four tables may be open. CLOSE: the one instruction is done,
 * all open tables are protected and read again. doc/spec/pool.md section 6, Step.
 */
int pool_request_open(struct vcpu *v, uint64_t gpa);
int pool_request_close(struct vcpu *v);
/* CODE: what the page at gpa is to watched code from now on (doc/pool.md, Watched code). */
int pool_request_code(struct vcpu *v, uint64_t gpa, enum pool_code_state state);
/*
 * SET_ROOT: tell poold the modes that are to hold; v itself does not change. flags: LINK_RQF_AC and LINK_RQF_CODE, where they
 * apply. root[] gets the machine addresses of the roots of supervisor and user view; 0: the root stays as it is.
 */
int pool_request_set_root(struct vcpu *v, const struct modes *modes, uint16_t flags, uint64_t root[2]);
/*
 * AUDIT: have poold audit the pool while this vCPU stands. full: as a full audit, which poold also makes if a client waits for
 * one. *violations: since the attach.
 */
int pool_request_audit(struct vcpu *v, bool full, uint64_t *violations);

#endif
