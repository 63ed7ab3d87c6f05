/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits, the pause between two looks at a condition, and the watchdog over the test's own process. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/integration/harness/harness_priv.h"

#define PAUSE_MS	5
#define REQUEST_S	20	/* for a daemon to answer */
/* From the end of the last limit to the end of a test that hangs: no test works so long without waiting for something. */
#define WATCHDOG_S	120

double sp_scale(void)
{
	const char *text = getenv("SHADOWPOOL_TEST_SCALE");
	double scale = text ? strtod(text, NULL) : 1;

	return scale > 1 ? scale : 1;
}

static void on_alarm(int sig)
{
	static const char text[] = "harness: the test's time is over, long after its last limit\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	signal(sig, SIG_DFL);
	raise(sig);
}

struct sp_limit sp_limit(double seconds)
{
	static int64_t watched_ns;
	const double scale = sp_scale();
	struct sp_limit limit = { .end_ns = clock_ns() + (int64_t)(seconds * scale * 1e9) };
	const int64_t alarm_ns = limit.end_ns + (int64_t)(WATCHDOG_S * scale * 1e9);

	if (alarm_ns > watched_ns) {
		watched_ns = alarm_ns;
		signal(SIGALRM, on_alarm);
		alarm((unsigned)((alarm_ns - clock_ns()) / 1000000000) + 1);
	}
	return limit;
}

void sp_watchdog_stop(void)
{
	alarm(0);
}

int sp_limit_left_ms(const struct sp_limit *limit)
{
	int64_t left = (limit->end_ns - clock_ns() + 999999) / 1000000;

	return left < 0 ? 0 : left > 1 << 30 ? 1 << 30 : (int)left;
}

bool sp_pause(const struct sp_limit *limit)
{
	if (!sp_limit_left_ms(limit))
		return false;
	poll(NULL, 0, PAUSE_MS);
	return true;
}

int64_t sp_request_deadline(void)
{
	return sp_limit(REQUEST_S).end_ns;
}
