/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two ends of a link share: futex and eventfd calls, the budget for spinning, and test hooks. Private to
 * common/link_*.c and ring.c.
 */
#ifndef SHADOWPOOL_COMMON_LINK_PRIV_H
#define SHADOWPOOL_COMMON_LINK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "common/barrier.h"
#include "common/link.h"

/*
 * Bounds of the spin budget, our own: a peer's hints can cost at most this much per wait. Waking a sleeper on another
 * CPU costs about 15 us, so less than that is not worth the sleep; a peer slower than the upper bound is not worth
 * spinning for.
 */
#define WAIT_SPIN_MIN_NS	10000u
#ifndef WAIT_SPIN_MAX_NS	/* 0 in the test of the wake handshake: always sleep */
#define WAIT_SPIN_MAX_NS	100000u
#endif
#define WAIT_SPIN_FIRST_NS	20000u
#define WAIT_FAST_LOOPS		64u	/* looks before the clock is read for the first time */

/* How long to spin at an average response time; 0: sleep at once. */
uint64_t link_wait_budget_ns(uint64_t average_ns);
uint64_t link_wait_average_ns(uint64_t average_ns, uint64_t sample_ns);
uint32_t link_wait_this_cpu(void);

/*
 * Tell the peer whether this thread runs or waits, and on which CPU: hints for its spinning. last is the CPU told last, cpu and state
 * are the words in shared memory. Each is stored only when it changes, so that the peer's cache line stays where it is.
 */
static inline void link_tell_state(uint32_t *last, uint32_t *cpu, uint32_t *state, uint32_t is)
{
	uint32_t now = link_wait_this_cpu();

	if (now != *last) {
		*last = now;
		store_relaxed(cpu, now);
	}
	if (load_relaxed(state) != is)
		store_relaxed(state, is);
}

/* Shared futex on a word that may be mapped read-only. wait: 0, -EAGAIN (changed), -EINTR, -ETIMEDOUT. */
int link_futex_wait(const uint32_t *word, uint32_t expected, uint32_t timeout_ms);
void link_futex_wake(const uint32_t *word, int max_threads);

/*
 * Injected delays between the steps of the wake handshake, and a longer sleep that turns a lost wake from a delay
 * into a failure. Only the test that compiles these files itself has them.
 */
enum link_delay_site { DELAY_IDLE, DELAY_PUBLISHED, DELAY_WAITING, DELAY_REPLIED, DELAY_ARMED };
#ifdef LINK_TEST_HOOKS
void link_test_delay(enum link_delay_site site);
extern uint32_t link_test_sleep_ms, link_test_stuck_ms;
#define link_delay(site)	link_test_delay(site)
#define WAIT_SLEEP_MS		link_test_sleep_ms
#define WAIT_STUCK_MS		link_test_stuck_ms
#else
#define link_delay(site)	do { } while (0)
#define WAIT_SLEEP_MS		LINK_SLEEP_MS
#define WAIT_STUCK_MS		LINK_STUCK_MS
#endif

#endif
