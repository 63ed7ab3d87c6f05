/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared memory between trapd and poold: one link = one VM. Every object has exactly one writer and is created anew for
 * each attach. Little endian, naturally aligned, no pointers, no bit-fields, reserved fields zero and checked.
 * Whatever is read from the other side is hostile: load once, check, then use.
 */
#ifndef SHADOWPOOL_COMMON_SHM_LAYOUT_H
#define SHADOWPOOL_COMMON_SHM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "poold/pool/base/words.h"

#define LINK_MAX_VCPUS		POOL_MAX_VCPUS
#define LINK_DEFAULT_SLOTS	1024u
#define LINK_T_MAGIC		0x545241506c6e6b31ull
#define LINK_P_MAGIC		0x504f4f4c6c6e6b31ull
#define LINK_VERSION		1u
#define LINK_HEADER_SIZE	64u

struct link_header {
	uint64_t lh_magic;
	uint32_t lh_version;
	uint32_t lh_header_size;
	uint64_t lh_epoch;
	uint64_t lh_vm_id;
	uint32_t lh_nvcpu;
	uint32_t lh_nslots;
	uint32_t lh_start_index;
	uint32_t lh_zero;
	uint64_t lh_pad[2];
};

enum link_event_type { LINK_EV_WRITE = 1, LINK_EV_FILL = 2, LINK_EV_RANGE = 3 };

#define LINK_EVF_USER		(1u << 0)	/* virtual CPL 3 */
#define LINK_EVF_LAST		(1u << 1)	/* last store of the instruction */
#define LINK_CLASS_SHIFT	8		/* enum write_class in bits 8 to 11 of ev_flags and rq_flags */
#define LINK_CLASS_MASK		(15u << LINK_CLASS_SHIFT)

struct link_event {		/* one guest write to a monitored page */
	uint32_t ev_seq;	/* index of this event, free running: integrity check, not the publication */
	uint8_t ev_type;
	uint8_t ev_size;	/* bytes of one store: 1, 2, 4, 8, 16 */
	uint16_t ev_flags;
	uint64_t ev_gpa;	/* first byte; the store does not cross a page */
	uint64_t ev_new[2];
	uint64_t ev_old[2];
	uint64_t ev_rip;
	uint32_t ev_count;	/* FILL: stores, ascending, inside one page; WRITE: 1; RANGE: bytes, may span pages */
	uint32_t ev_zero;
};

enum link_op {
	LINK_OP_MAP = 1, LINK_OP_DIRTY, LINK_OP_WRITE_FAULT, LINK_OP_UNSHADOW, LINK_OP_OPEN, LINK_OP_CLOSE, LINK_OP_INVLPG,
	LINK_OP_SET_ROOT, LINK_OP_NOP, LINK_OP_AUDIT, LINK_OP_TRACK, LINK_OP_CODE,
	LINK_OP_COUNT
};

#define LINK_RQF_WRITE		(1u << 0)
#define LINK_RQF_FETCH		(1u << 1)
#define LINK_RQF_USER_VIEW	(1u << 2)
#define LINK_RQF_AC		(1u << 3)
#define LINK_RQF_LMA		(1u << 4)
#define LINK_RQF_NXE		(1u << 5)
#define LINK_RQF_FLUSHED_ALL	(1u << 6)	/* rq_flushed holds for all vCPUs */
#define LINK_RQF_ALL_ROOTS	(1u << 7)	/* INVLPG: every root */
#define LINK_RQF_CODE		(1u << 12)	/* SET_ROOT: supervisor code is watched (bits 8 to 11 are the class) */
#define LINK_RQF_RESERVED	0xe000u		/* always 0 */

struct link_req {		/* trapd -> poold */
	uint32_t rq_seq;	/* stored last, release: number of this request, previous + 1 */
	uint8_t rq_op;
	uint8_t rq_nwalk;	/* valid entries of rq_walk, 0 to 4 */
	uint16_t rq_flags;
	uint64_t rq_gva;	/* SET_ROOT: CR3; AUDIT: 0 cheap, 1 full; TRACK: 0 off, 1 on; CODE: enum pool_code_state */
	uint64_t rq_gpa;	/* SET_ROOT: CR0 in the low, CR4 in the high half; OPEN, TRACK, CODE: gpa of the page */
	uint64_t rq_walk[4];	/* guest entries, top first; SET_ROOT of a PAE guest: PDPTEs; WRITE_FAULT, UNSHADOW: rip, size */
	uint32_t rq_tail;	/* own ring's tail: consume up to here before the answer */
	uint32_t rq_flushed;	/* flush epoch that this vCPU has completed by a full flush */
};

struct link_rep {		/* poold -> trapd */
	uint32_t rp_seq;	/* stored last, release; equals rq_seq; this word is the futex */
	uint8_t rp_op;
	uint8_t rp_status;	/* enum pool_status */
	uint8_t rp_flush;	/* enum pool_flush */
	uint8_t rp_ntouch;	/* 0 to 8 tables in touch[]; POOL_TOUCH_TOO_MANY: cycle the dummy memslot */
	uint64_t rp_root[2];	/* supervisor, user root as maddr; 0: unchanged */
	uint64_t rp_gva;	/* flush: the gva, or the root's maddr */
	uint64_t rp_entry;	/* leaf installed; AUDIT: violations since the attach */
	uint64_t rp_gen;	/* generation of the VM's shadow state */
	uint32_t rp_epoch;	/* flush epoch to acknowledge in rq_flushed */
	uint32_t rp_prefetched;
	uint64_t rp_zero;
};

struct link_t_vcpu {		/* trapd's control block of one vCPU, at LINK_T_VCPU(v) */
	uint32_t lt_tail;
	uint8_t lt_pad0[0x7c];
	uint32_t lt_waiting, lt_state, lt_cpu;
	uint8_t lt_pad1[0x74];
	struct link_req lt_req;
	uint32_t lt_tails[LINK_MAX_VCPUS];
	uint8_t lt_pad2[0x80];
};

struct link_p_loop {		/* poold's loop line, at 0x1000 of link-p */
	uint32_t ll_armed, ll_state, ll_cpu, ll_zero;
};

struct link_p_vcpu {		/* poold's control block of one vCPU, at LINK_P_VCPU(v) */
	uint32_t lp_head;
	uint8_t lp_pad0[0x7c];
	uint32_t lp_wake_at;
	uint8_t lp_pad1[0x7c];
	struct link_rep lp_rep;
	uint64_t lp_touch[POOL_MAX_TOUCH];
	uint8_t lp_pad2[0x80];
};

#define LINK_STATE_RUNNING	0u
#define LINK_STATE_SLEEPING	1u

/* lt_waiting: what trapd's vCPU thread sleeps on, so that poold wakes nobody in vain. */
#define LINK_WAIT_NONE		0u
#define LINK_WAIT_REPLY		1u	/* rp_seq */
#define LINK_WAIT_ROOM		2u	/* lp_head */

#define LINK_T_VCPU(v)		(0x1000u + 0x200u * (v))
#define LINK_T_SLOTS(n, v)	(0x4000u + 64u * (uint64_t)(n) * (v))
#define LINK_T_SIZE(n, nv)	((0x4000u + 64u * (uint64_t)(n) * (nv) + 4095u) & ~4095ull)
#define LINK_P_LOOP		0x1000u
#define LINK_P_VCPU(v)		(0x2000u + 0x200u * (v))
#define LINK_P_SIZE		0x4000u

_Static_assert(sizeof(struct link_header) == LINK_HEADER_SIZE, "header");
_Static_assert(sizeof(struct link_event) == 64 && offsetof(struct link_event, ev_gpa) == 8 &&
	       offsetof(struct link_event, ev_new) == 16 && offsetof(struct link_event, ev_old) == 32 &&
	       offsetof(struct link_event, ev_rip) == 48 && offsetof(struct link_event, ev_count) == 56, "event");
_Static_assert(sizeof(struct link_req) == 64 && offsetof(struct link_req, rq_gva) == 8 &&
	       offsetof(struct link_req, rq_gpa) == 16 && offsetof(struct link_req, rq_walk) == 24 &&
	       offsetof(struct link_req, rq_tail) == 56 && offsetof(struct link_req, rq_flushed) == 60, "request");
_Static_assert(sizeof(struct link_rep) == 64 && offsetof(struct link_rep, rp_root) == 8 &&
	       offsetof(struct link_rep, rp_gva) == 24 && offsetof(struct link_rep, rp_entry) == 32 &&
	       offsetof(struct link_rep, rp_gen) == 40 && offsetof(struct link_rep, rp_epoch) == 48, "reply");
_Static_assert(sizeof(struct link_t_vcpu) == 0x200 && offsetof(struct link_t_vcpu, lt_waiting) == 0x80 &&
	       offsetof(struct link_t_vcpu, lt_req) == 0x100 && offsetof(struct link_t_vcpu, lt_tails) == 0x140, "link-t");
_Static_assert(sizeof(struct link_p_vcpu) == 0x200 && offsetof(struct link_p_vcpu, lp_wake_at) == 0x80 &&
	       offsetof(struct link_p_vcpu, lp_rep) == 0x100 && offsetof(struct link_p_vcpu, lp_touch) == 0x140, "link-p");
_Static_assert(LINK_T_VCPU(LINK_MAX_VCPUS) <= 0x4000u && LINK_P_VCPU(LINK_MAX_VCPUS) <= LINK_P_SIZE, "blocks fit");
_Static_assert(__GCC_ATOMIC_INT_LOCK_FREE == 2, "32-bit atomics are lock free");

/* A hash over sizes, offsets, op and status numbers: both daemons compare it in the attach handshake. */
uint64_t shm_layout_hash(void);

#endif
