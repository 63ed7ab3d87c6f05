/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two independent multiply-xor lanes, for digests: made to find differences, not attackers. */
#ifndef SHADOWPOOL_POOLD_POOL_MIX_H
#define SHADOWPOOL_POOLD_POOL_MIX_H

#include <stdint.h>

struct digest { uint64_t a, b; };

static inline void mix(struct digest *d, uint64_t v)
{
	d->a = (d->a ^ v) * 0x9fb21c651e98df25ull;
	d->a ^= d->a >> 32;
	d->b = (d->b + v) * 0xd6e8feb86659fd93ull;
	d->b ^= d->b >> 29;
}

#endif
