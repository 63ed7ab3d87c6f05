/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock that only runs forward (CLOCK_MONOTONIC): deadlines and durations of every process. Any thread; no lock. */
#ifndef SHADOWPOOL_COMMON_CLOCK_H
#define SHADOWPOOL_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_MS	1000000ll
#define CLOCK_NS_PER_S	1000000000ll

/* Since an arbitrary start, the same for all processes of this boot. Signed, so that a difference may be negative. */
int64_t clock_ns(void);
int64_t clock_ms(void);

/* ns, not negative, as ppoll(2), pthread_cond_timedwait(3) and clock_nanosleep(2) want it: a duration or a time of clock_ns(). */
struct timespec clock_timespec(int64_t ns);

#endif
