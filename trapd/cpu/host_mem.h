/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single accesses to guest RAM through its host mapping. Other vCPUs, walkers that set A and D, and poold look at the same
 * words at the same time, so an aligned operand is always one host access of its own size.
 * Thread: any. The caller has checked that [p, p + size) lies in the mapping.
 */
#ifndef SHADOWPOOL_TRAPD_HOST_MEM_H
#define SHADOWPOOL_TRAPD_HOST_MEM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/barrier.h"

/* size 1, 2, 4 or 8; misaligned is allowed (x86 hosts) and then not atomic. */
static inline uint64_t host_load(const void *p, unsigned size)
{
	uint64_t value = 0;

	if ((uintptr_t)p & (size - 1)) {
		memcpy(&value, p, size);
		return value;
	}
	switch (size) {
	case 1: return load_relaxed((const uint8_t *)p);
	case 2: return load_relaxed((const uint16_t *)p);
	case 4: return load_relaxed((const uint32_t *)p);
	default: return load_relaxed((const uint64_t *)p);
	}
}

static inline void host_store(void *p, uint64_t value, unsigned size)
{
	if ((uintptr_t)p & (size - 1)) {
		memcpy(p, &value, size);
		return;
	}
	switch (size) {
	case 1: store_relaxed((uint8_t *)p, (uint8_t)value); break;
	case 2: store_relaxed((uint16_t *)p, (uint16_t)value); break;
	case 4: store_relaxed((uint32_t *)p, (uint32_t)value); break;
	default: store_relaxed((uint64_t *)p, value); break;
	}
}

/* Compare and swap of an aligned operand of size bytes. False: the operand is not *old; *old gets the value that was found. */
static inline bool host_cas(void *p, uint64_t *old, uint64_t value, unsigned size)
{
	uint8_t o1 = (uint8_t)*old;
	uint16_t o2 = (uint16_t)*old;
	uint32_t o4 = (uint32_t)*old;
	bool ok;

	switch (size) {
	case 1:
		ok = locked_cas((uint8_t *)p, &o1, (uint8_t)value);
		*old = o1;
		break;
	case 2:
		ok = locked_cas((uint16_t *)p, &o2, (uint16_t)value);
		*old = o2;
		break;
	case 4:
		ok = locked_cas((uint32_t *)p, &o4, (uint32_t)value);
		*old = o4;
		break;
	default:
		ok = locked_cas((uint64_t *)p, old, value);
		break;
	}
	return ok;
}

#endif
