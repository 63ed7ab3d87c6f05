/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an operation owes a vCPU: the flush that its changes cost, and the tables of which entries were changed while they
 * were present. Adding never loses anything: what does not fit becomes "everything".
 */
#ifndef SHADOWPOOL_POOLD_POOL_DEBT_H
#define SHADOWPOOL_POOLD_POOL_DEBT_H

#include <stdint.h>

#include "poold/pool/base/words.h"

struct pool_debt {
	uint64_t touch[POOL_MAX_TOUCH];	/* machine addresses of the tables */
	uint64_t flush_gva;		/* POOL_FLUSH_GVA: the gva; POOL_FLUSH_ROOT: the root's machine address */
	enum pool_flush flush;
	uint8_t ntouch;			/* how many are in touch[], or POOL_TOUCH_TOO_MANY */
};

/* Owe one more flush. Two different addresses, or two roots, are together a flush of everything. */
void debt_flush(struct pool_debt *d, enum pool_flush flush, uint64_t gva);
/* Owe the table at this machine address, once however often it is named. */
void debt_touch(struct pool_debt *d, uint64_t maddr);
/* Owe all that *from owes. */
void debt_add(struct pool_debt *d, const struct pool_debt *from);

#endif
