/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only place with fences. What the orders guarantee:
 *   load acquire   nothing after it in program order is seen to happen before it
 *   store release  everything before it in program order is visible to whoever acquires the value
 *   full fence     also orders a store before it against a load of another location after it, which neither of the
 *                  above does (the store-buffer case; x86 needs it too: SDM vol. 3A 8.2.3.4)
 *   relaxed        the word is whole, nothing else: for counters, hints, and words whose order another access gives
 * Each use names the site it pairs with (labels in doc/ring.md); a relaxed one pairs with nothing. All are expressions or
 * statements on any aligned 1, 2, 4 or 8 bytes.
 * ThreadSanitizer does not model fences: there a seq_cst read-modify-write of one dummy word stands in.
 */
#ifndef SHADOWPOOL_COMMON_BARRIER_H
#define SHADOWPOOL_COMMON_BARRIER_H

#include <stdbool.h>
#include <stdint.h>

#define load_relaxed(p)		__atomic_load_n((p), __ATOMIC_RELAXED)
#define load_acquire(p)		__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_relaxed(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define store_release(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)

/* Read, change and write back as one step; the value is what stood there before. */
/* A number that hands nothing over. */
#define fetch_add_relaxed(p, v)	__atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
/* Hand over with a bit or a count among others: pairs with exchange_acquire or load_acquire of the one who takes it. */
#define fetch_or_release(p, v)	__atomic_fetch_or((p), (v), __ATOMIC_RELEASE)
#define fetch_add_release(p, v)	__atomic_fetch_add((p), (v), __ATOMIC_RELEASE)
/* Take what was handed over and clear the word: pairs with store_release and fetch_or_release of those who hand over. */
#define exchange_acquire(p, v)	__atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
/* Several do it and one must learn that he is the first or the last: pairs with itself on the other threads. */
#define exchange_acq_rel(p, v)	__atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
#define fetch_sub_acq_rel(p, v)	__atomic_fetch_sub((p), (v), __ATOMIC_ACQ_REL)
/*
 * As the CPU's LOCK prefix, for words of the guest: a guest orders its own accesses by them (SDM vol. 3A 8.2.2), and they pair
 * with whatever it does there. locked_cas: *old gets what was found if that differs, and it is false then.
 */
#define locked_or(p, v)		__atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define locked_exchange(p, v)	__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define locked_cas(p, old, v)	__atomic_compare_exchange_n((p), (old), (v), 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)

#if defined(__x86_64__)
/* locked_cas of 16 bytes, 16-byte aligned (CMPXCHG16B). old[] gets what was found. */
static inline bool locked_cas16(void *p, uint64_t old[2], const uint64_t value[2])
{
	bool ok;

	__asm__ __volatile__("lock cmpxchg16b %1"
			     : "=@ccz"(ok), "+m"(*(struct { uint64_t w[2]; } *)p), "+a"(old[0]), "+d"(old[1])
			     : "b"(value[0]), "c"(value[1]) : "memory");
	return ok;
}
#endif

#if defined(__SANITIZE_THREAD__)
#define BARRIER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BARRIER_TSAN 1
#endif
#endif

#ifdef BARRIER_TSAN
extern uint32_t barrier_tsan_word;	/* ring.c */
static inline void fence_full(void)
{
	__atomic_fetch_add(&barrier_tsan_word, 0, __ATOMIC_SEQ_CST);
}
#else
static inline void fence_full(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#endif

/* The compiler may not reload what was copied from shared memory before this point. */
static inline void fence_compiler(void)
{
	__asm__ __volatile__("" ::: "memory");
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	fence_compiler();
#endif
}

#endif
