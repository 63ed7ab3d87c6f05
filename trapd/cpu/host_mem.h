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

/* size 1, 2, 4 or 8; misaligned is allowed (x86 hosts) and then not atomic. */
static inline uint64_t host_load(const void *p, unsigned size)
{
	uint64_t value = 0;

	if ((uintptr_t)p & (size - 1)) {
		memcpy(&value, p, size);
		return value;
	}
	switch (size) {
	case 1: return __atomic_load_n((const uint8_t *)p, __ATOMIC_RELAXED);
	case 2: return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
	case 4: return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
	default: return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
	}
}

static inline void host_store(void *p, uint64_t value, unsigned size)
{
	if ((uintptr_t)p & (size - 1)) {
		memcpy(p, &value, size);
		return;
	}
	switch (size) {
	case 1: __atomic_store_n((uint8_t *)p, (uint8_t)value, __ATOMIC_RELAXED); break;
	case 2: __atomic_store_n((uint16_t *)p, (uint16_t)value, __ATOMIC_RELAXED); break;
	case 4: __atomic_store_n((uint32_t *)p, (uint32_t)value, __ATOMIC_RELAXED); break;
	default: __atomic_store_n((uint64_t *)p, value, __ATOMIC_RELAXED); break;
	}
}

/* Compare and swap of an aligned operand; *old gets the value found if that differs. */
static inline bool host_cas(void *p, uint64_t *old, uint64_t value, unsigned size)
{
	uint8_t o1 = (uint8_t)*old;
	uint16_t o2 = (uint16_t)*old;
	uint32_t o4 = (uint32_t)*old;
	bool ok;

	switch (size) {
	case 1:
		ok = __atomic_compare_exchange_n((uint8_t *)p, &o1, (uint8_t)value, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
		*old = o1;
		break;
	case 2:
		ok = __atomic_compare_exchange_n((uint16_t *)p, &o2, (uint16_t)value, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
		*old = o2;
		break;
	case 4:
		ok = __atomic_compare_exchange_n((uint32_t *)p, &o4, (uint32_t)value, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
		*old = o4;
		break;
	default:
		ok = __atomic_compare_exchange_n((uint64_t *)p, old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
		break;
	}
	return ok;
}

/* The same for 16 bytes, 16-byte aligned (CMPXCHG16B). old[] gets the value found. */
static inline bool host_cas16(void *p, uint64_t old[2], const uint64_t value[2])
{
	bool ok;

	__asm__ __volatile__("lock cmpxchg16b %1"
			     : "=@ccz"(ok), "+m"(*(struct { uint64_t w[2]; } *)p), "+a"(old[0]), "+d"(old[1])
			     : "b"(value[0]), "c"(value[1]) : "memory");
	return ok;
}

#endif
