/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest has written to one of its tables: its shadows follow. For the operations of the pool library. */
#ifndef SHADOWPOOL_POOLD_POOL_WRITE_H
#define SHADOWPOOL_POOLD_POOL_WRITE_H

#include <stdint.h>

struct pool;

/*
 * [gpa, gpa + len), inside one guest page, is not what it was: each shadow entry that was made from it and no longer says what
 * RAM says now goes. Nothing happens to a page that is no guest table. Within an operation.
 */
void write_guest_page(struct pool *p, uint64_t gpa, uint32_t len);

#endif
