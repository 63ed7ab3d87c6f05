/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only place with fences. What the orders guarantee:
 *   load acquire   nothing after it in program order is seen to happen before it
 *   store release  everything before it in program order is visible to whoever acquires the value
 *   full fence     also orders a store before it against a load of another location after it, which neither of the
 *                  above does (the store-buffer case; x86 needs it too: SDM vol. 3A 8.2.3.4)
 * Each use names the site it pairs with (labels in doc/ring.md).
 * ThreadSanitizer does not model fences: there a seq_cst read-modify-write of one dummy word stands in.
 */
#ifndef SHADOWPOOL_COMMON_BARRIER_H
#define SHADOWPOOL_COMMON_BARRIER_H

#include <stdint.h>

#define load_relaxed(p)		__atomic_load_n((p), __ATOMIC_RELAXED)
#define load_acquire(p)		__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_relaxed(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define store_release(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)

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
