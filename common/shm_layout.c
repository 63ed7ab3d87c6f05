// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One number for the whole shared-memory layout: two daemons built from different headers refuse each other at attach.
 * Pure; runs in either daemon.
 */
#include "common/shm_layout.h"
#include "common/write_class.h"

#define FIELD(type, member)	offsetof(struct type, member), sizeof(((struct type *)0)->member)

static const uint32_t layout[] = {
	LINK_VERSION, LINK_MAX_VCPUS, POOL_MAX_TOUCH,
	LINK_T_VCPU(0), LINK_T_VCPU(1), LINK_T_SLOTS(2, 0), LINK_T_SLOTS(2, 1),
	LINK_P_LOOP, LINK_P_VCPU(0), LINK_P_VCPU(1), LINK_P_SIZE,

	sizeof(struct link_header), FIELD(link_header, lh_magic), FIELD(link_header, lh_version),
	FIELD(link_header, lh_header_size), FIELD(link_header, lh_epoch), FIELD(link_header, lh_vm_id),
	FIELD(link_header, lh_nvcpu), FIELD(link_header, lh_nslots), FIELD(link_header, lh_start_index),

	sizeof(struct link_event), FIELD(link_event, ev_seq), FIELD(link_event, ev_type), FIELD(link_event, ev_size),
	FIELD(link_event, ev_flags), FIELD(link_event, ev_gpa), FIELD(link_event, ev_new), FIELD(link_event, ev_old),
	FIELD(link_event, ev_rip), FIELD(link_event, ev_count), FIELD(link_event, ev_zero),
	LINK_EV_WRITE, LINK_EV_FILL, LINK_EV_RANGE, LINK_EVF_USER, LINK_EVF_LAST, LINK_CLASS_MASK, WRITE_CLASS_COUNT,

	sizeof(struct link_req), FIELD(link_req, rq_seq), FIELD(link_req, rq_op), FIELD(link_req, rq_nwalk),
	FIELD(link_req, rq_flags), FIELD(link_req, rq_gva), FIELD(link_req, rq_gpa), FIELD(link_req, rq_walk),
	FIELD(link_req, rq_tail), FIELD(link_req, rq_flushed),
	LINK_OP_MAP, LINK_OP_DIRTY, LINK_OP_WRITE_FAULT, LINK_OP_UNSHADOW, LINK_OP_OPEN, LINK_OP_CLOSE, LINK_OP_INVLPG,
	LINK_OP_SET_ROOT, LINK_OP_NOP, LINK_OP_AUDIT, LINK_OP_TRACK, LINK_OP_CODE, LINK_OP_COUNT,
	LINK_RQF_WRITE, LINK_RQF_FETCH, LINK_RQF_USER_VIEW, LINK_RQF_AC, LINK_RQF_LMA, LINK_RQF_NXE,
	LINK_RQF_FLUSHED_ALL, LINK_RQF_ALL_ROOTS, LINK_RQF_CODE,
	POOL_CODE_STATE_UNKNOWN, POOL_CODE_STATE_RAM, POOL_CODE_STATE_COPY, POOL_CODE_STATE_LOOSE, POOL_CODE_STATE_COUNT,

	sizeof(struct link_rep), FIELD(link_rep, rp_seq), FIELD(link_rep, rp_op), FIELD(link_rep, rp_status),
	FIELD(link_rep, rp_flush), FIELD(link_rep, rp_ntouch), FIELD(link_rep, rp_root), FIELD(link_rep, rp_gva),
	FIELD(link_rep, rp_entry), FIELD(link_rep, rp_gen), FIELD(link_rep, rp_epoch), FIELD(link_rep, rp_prefetched),
	FIELD(link_rep, rp_zero),
	POOL_OK, POOL_CACHED, POOL_RETRY, POOL_EMULATE, POOL_UNSYNC, POOL_UNSHADOW, POOL_STEP, POOL_NEED_SHOOTDOWN,
	POOL_NEED_FLUSH, POOL_E_RANGE, POOL_E_INVAL, POOL_E_NOMEM, POOL_E_NOTFOUND, POOL_E_CORRUPT,
	POOL_FLUSH_NONE, POOL_FLUSH_GVA, POOL_FLUSH_ROOT, POOL_FLUSH_ALL, POOL_TOUCH_TOO_MANY,

	sizeof(struct link_t_vcpu), FIELD(link_t_vcpu, lt_tail), FIELD(link_t_vcpu, lt_waiting),
	FIELD(link_t_vcpu, lt_state), FIELD(link_t_vcpu, lt_cpu), FIELD(link_t_vcpu, lt_req), FIELD(link_t_vcpu, lt_tails),
	LINK_WAIT_NONE, LINK_WAIT_REPLY, LINK_WAIT_ROOM, LINK_STATE_RUNNING, LINK_STATE_SLEEPING,

	sizeof(struct link_p_loop), FIELD(link_p_loop, ll_armed), FIELD(link_p_loop, ll_state),
	FIELD(link_p_loop, ll_cpu),
	sizeof(struct link_p_vcpu), FIELD(link_p_vcpu, lp_head), FIELD(link_p_vcpu, lp_wake_at),
	FIELD(link_p_vcpu, lp_rep), FIELD(link_p_vcpu, lp_touch),

	PAGE_STATE_MONITORED, PAGE_STATE_HOT, PAGE_STATE_ROOT, PAGE_STATE_TRACKED,
	PAGE_STATE_UNSYNC, PAGE_STATE_EXEC, PAGE_STATE_COPY,
};

uint64_t shm_layout_hash(void)
{
	/* FNV-1a, 64 bit (Fowler, Noll, Vo), over 32-bit words. */
	uint64_t hash = 0xcbf29ce484222325ull;
	size_t i;

	for (i = 0; i < sizeof(layout) / sizeof(layout[0]); i++)
		hash = (hash ^ layout[i]) * 0x100000001b3ull;
	return hash;
}
