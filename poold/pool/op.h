/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame of every operation. What is changed between begin and end adds up in the pool: the flush that it costs, the
 * tables to touch, the pages that are pinned. Only the files of poold/pool/ itself begin and end operations; core/ is called
 * within one.
 */
#ifndef SHADOWPOOL_POOLD_POOL_OP_H
#define SHADOWPOOL_POOLD_POOL_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "poold/pool/core/pool_priv.h"
#include "poold/pool/pool.h"

/* Begin an operation. false: the pool is corrupt, or there is no such vCPU; *r says so and the operation is over. */
bool op_begin(struct pool *p, uint32_t vcpu, struct pool_result *r);
/*
 * End an operation: unpin its pages, and fill *r with the flush that it owes and with its status, which is E_CORRUPT if a check
 * of the pool's state has failed meanwhile.
 */
void op_end(struct pool *p, enum pool_status status, struct pool_result *r);
/*
 * What the operation has changed so far is owed to every vCPU with its next reply: whoever has asked for it is none of them, or does
 * not wait.
 */
void op_post(struct pool *p);
/* Pin a page until the operation ends: eviction does not take it. */
void op_pin(struct pool *p, uint32_t page);

#endif
