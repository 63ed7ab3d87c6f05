// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * System calls and arithmetic of the wait policy: shared futex, clock, CPU number, spin budget. Runs on trapd's vCPU
 * threads, on poold's link thread and, for wakes, on whoever ends a link. Never waits without a timeout.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/link_priv.h"

uint64_t link_wait_budget_ns(uint64_t average_ns)
{
	uint64_t budget = 2 * average_ns;

	if (budget > WAIT_SPIN_MAX_NS)
		return 0;
	return budget < WAIT_SPIN_MIN_NS ? WAIT_SPIN_MIN_NS : budget;
}

uint64_t link_wait_average_ns(uint64_t average_ns, uint64_t sample_ns)
{
	/* One long pause of the machine must not stop the spinning for many requests. */
	if (sample_ns > 2 * WAIT_SPIN_MAX_NS)
		sample_ns = 2 * WAIT_SPIN_MAX_NS;
	return average_ns - average_ns / 8 + sample_ns / 8;
}

uint32_t link_wait_this_cpu(void)
{
	int cpu = sched_getcpu();

	return cpu < 0 ? UINT32_MAX : (uint32_t)cpu;
}

int link_futex_wait(const uint32_t *word, uint32_t expected, uint32_t timeout_ms)
{
	struct timespec t = clock_timespec(timeout_ms * CLOCK_NS_PER_MS);

	/* Not FUTEX_PRIVATE: the waker is another process. The kernel needs no write access to the word. */
	return syscall(SYS_futex, word, FUTEX_WAIT, expected, &t, NULL, 0) < 0 ? -errno : 0;
}

void link_futex_wake(const uint32_t *word, int max_threads)
{
	syscall(SYS_futex, word, FUTEX_WAKE, max_threads, NULL, NULL, 0);
}

int link_server_drain(int eventfd)
{
	uint64_t kicks;
	struct iovec iov = { .iov_base = &kicks, .iov_len = sizeof(kicks) };
	ssize_t n;

	/*
	 * Not read(2) with O_NONBLOCK: that flag belongs to the open file, which trapd has as well, and a read that blocks
	 * would keep this thread, its pool and its hugepages for good. RWF_NOWAIT is this call's own (readv(2); eventfds
	 * know it since Linux 5.8).
	 */
	do
		n = preadv2(eventfd, &iov, 1, -1, RWF_NOWAIT);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(kicks) || (n < 0 && errno == EAGAIN) ? 0 : -EPROTO;
}
