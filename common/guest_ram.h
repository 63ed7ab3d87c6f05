/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM as both daemons see it: one mapping indexed by gpa, with a hole below 4 GiB when RAM is larger than 3 GiB.
 * In poold the mapping is read-only. Guest RAM is hostile: it changes at any time, so each word is loaded once.
 */
#ifndef SHADOWPOOL_COMMON_GUEST_RAM_H
#define SHADOWPOOL_COMMON_GUEST_RAM_H

#include <stdbool.h>
#include <stdint.h>

#define GUEST_RAM_LOW_MAX	(3ull << 30)	/* architecture: 0 to min(size, 3 GiB) */
#define GUEST_RAM_HIGH_BASE	(4ull << 30)	/* the rest from 4 GiB up */

struct guest_ram {
	uint8_t *base;		/* address of gpa 0 in this process; NULL in a replayer */
	uint64_t low_end;	/* RAM is [0, low_end) ... */
	uint64_t high_end;	/* ... and [4 GiB, high_end) if high_end > 4 GiB, else 0 */
};

/* Fill the ranges from a size in bytes (a multiple of 4 KiB). base is left alone. */
static inline void guest_ram_layout(struct guest_ram *ram, uint64_t bytes)
{
	ram->low_end = bytes < GUEST_RAM_LOW_MAX ? bytes : GUEST_RAM_LOW_MAX;
	ram->high_end = bytes > GUEST_RAM_LOW_MAX ? GUEST_RAM_HIGH_BASE + (bytes - GUEST_RAM_LOW_MAX) : 0;
}

/* Bytes that the mapping and the memfd span: the end of RAM, the hole included. */
static inline uint64_t guest_ram_span(const struct guest_ram *ram)
{
	return ram->high_end ? ram->high_end : ram->low_end;
}

/* Of two windows of addresses: have they an address in common? Neither may wrap. */
static inline bool ranges_overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

/* Does [gpa, gpa + size) lie in one range of RAM? size 0 is never inside. */
static inline bool guest_ram_contains(const struct guest_ram *ram, uint64_t gpa, uint64_t size)
{
	if (!size || gpa + size < gpa)
		return false;
	if (gpa + size <= ram->low_end)
		return true;
	return gpa >= GUEST_RAM_HIGH_BASE && gpa + size <= ram->high_end;
}

/* Host address of gpa; the caller has checked guest_ram_contains() for what it touches. */
static inline void *guest_ram_ptr(const struct guest_ram *ram, uint64_t gpa)
{
	return ram->base + gpa;
}

#endif
