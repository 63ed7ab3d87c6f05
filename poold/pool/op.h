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

/* false: the pool is corrupt or has no such vCPU, *r says so, and the operation is over. */
bool op_begin(struct pool *p, uint32_t vcpu, struct pool_result *r);
/* Unpins, fills *r with the debt of the operation and, unless the pool turned out to be corrupt, with its status. */
void op_end(struct pool *p, enum pool_status status, struct pool_result *r);
/* Pin a page until the operation ends: what lets pages go to make room passes it by. */
void op_pin(struct pool *p, uint32_t page);

#endif
