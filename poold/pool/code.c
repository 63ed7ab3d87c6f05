/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a page is to watched code from now on, as trapd says after it has looked at it; what leaves follow from that is
 * core/code.c. Part of the pool library: any caller of it, under the VM's lock.
 */
#include "poold/pool/op.h"

void pool_set_code_state(struct pool *p, uint64_t gfn, enum pool_code_state code, struct pool_result *r)
{
	static const uint8_t asked[POOL_CODE_STATE_COUNT] = {
		[POOL_CODE_STATE_RAM] = PAGE_STATE_TRACKED | PAGE_STATE_EXEC,
		[POOL_CODE_STATE_COPY] = PAGE_STATE_TRACKED | PAGE_STATE_EXEC | PAGE_STATE_COPY,
		[POOL_CODE_STATE_LOOSE] = PAGE_STATE_EXEC,
	};
	enum pool_status status = POOL_OK;
	uint8_t was, is;

	if (!op_begin(p, 0, r))
		return;
	if ((unsigned)code >= POOL_CODE_STATE_COUNT || !p->cfg.copies_maddr)
		status = POOL_E_INVAL;
	else if (ram_index(p, gfn) == RAM_NIL)
		status = POOL_E_RANGE;
	else if (asked[code] & PAGE_STATE_TRACKED)
		status = resync_gfn(p, gfn);
	if (status != POOL_OK) {
		op_end(p, status, r);
		return;
	}
	was = ram_state(p, gfn);
	is = (was & ~PAGE_STATE_ASKED) | asked[code];
	if (is & PAGE_STATE_MONITORED || ram_is_open(p, gfn))
		is &= ~PAGE_STATE_COPY;
	if (is != was) {
		/*
		 * page_state says that writes are watched before write permission goes, and that they are not after the leaves
		 * have gone.
		 */
		if (is & PAGE_STATE_TRACKED)
			ram_set_state(p, gfn, is);
		rmap_flush(p, gfn);
		if (is & PAGE_STATE_TRACKED && !ram_is_open(p, gfn))
			monitor_protect(p, gfn);
		ram_set_state(p, gfn, is);
	}
	op_end(p, POOL_OK, r);
}
