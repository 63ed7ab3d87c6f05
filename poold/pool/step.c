/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The single step: an instruction whose write cannot be emulated and whose table cannot be let go runs natively while the table
 * is open, that is writable; afterwards the table is protected and read anew. Also tracked pages, which are protected like tables
 * and have no shadow. Part of the pool library: any caller of it, under the VM's lock, all other vCPUs stopped.
 */
#include "poold/pool/op.h"
#include "poold/pool/write.h"

void pool_open(struct pool *p, uint32_t vcpu, uint64_t gfn, struct pool_result *r)
{
	enum pool_status status;

	if (!op_begin(p, vcpu, r))
		return;
	if (ram_index(p, gfn) == RAM_NIL) {
		op_end(p, POOL_E_RANGE, r);
		return;
	}
	status = resync_gfn(p, gfn);
	if (status != POOL_OK) {
		op_end(p, status, r);
		return;
	}
	code_copy_end(p, gfn);
	if (!ram_is_open(p, gfn)) {
		if (p->n_open == POOL_MAX_OPEN) {
			op_end(p, POOL_E_INVAL, r);
			return;
		}
		p->open[p->n_open++] = gfn;
		stat_inc(p, POOL_STAT_step_opened);
	}
	op_end(p, POOL_OK, r);
}

/* All open tables are protected before one is read, because an entry of one may lead to another. */
void pool_close(struct pool *p, uint32_t vcpu, struct pool_result *r)
{
	uint32_t n;

	if (!op_begin(p, vcpu, r))
		return;
	n = p->n_open;
	p->n_open = 0;
	for (uint32_t i = 0; i < n; i++)
		if (ram_state(p, p->open[i]))
			monitor_protect(p, p->open[i]);
	for (uint32_t i = 0; i < n; i++)
		write_guest_page(p, p->open[i] << PAGE_SHIFT, PAGE_SIZE);
	op_end(p, POOL_OK, r);
}

void pool_track(struct pool *p, uint64_t gfn, bool on, struct pool_result *r)
{
	enum pool_status status;
	uint8_t bits;

	if (!op_begin(p, 0, r))
		return;
	if (ram_index(p, gfn) == RAM_NIL) {
		op_end(p, POOL_E_RANGE, r);
		return;
	}
	status = on ? resync_gfn(p, gfn) : POOL_OK;
	if (status != POOL_OK) {
		op_end(p, status, r);
		return;
	}
	if (!on)
		code_copy_end(p, gfn);		/* a page that may be written has none */
	bits = ram_state(p, gfn);
	if (!on) {
		ram_set_state(p, gfn, bits & ~PAGE_STATE_TRACKED);
	} else if (!(bits & PAGE_STATE_TRACKED)) {
		ram_set_state(p, gfn, bits | PAGE_STATE_TRACKED);
		if (!ram_is_open(p, gfn))
			monitor_protect(p, gfn);
	}
	op_end(p, POOL_OK, r);
}
