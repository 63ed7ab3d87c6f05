/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_WAIT_H
#define TESTS_WAIT_H
/*
 * How tests wait: for conditions. A limit is there for the case that the condition never comes, and is therefore far longer than
 * the wait is on a busy machine. One knob multiplies every limit, for slower machines: SHADOWPOOL_TEST_SCALE, a whole number, 1 if
 * not set. tests/run-limited limits whole programs by the same.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_WAIT_MS	30000	/* for anything that must happen */

static inline int test_scale(void)
{
	const char *text = getenv("SHADOWPOOL_TEST_SCALE");
	int scale = text ? atoi(text) : 1;

	return scale > 1 ? scale : 1;
}

/* The limit of one wait, in milliseconds. */
static inline int test_wait_ms(void)
{
	return TEST_WAIT_MS * test_scale();
}

/* Has this process or thread (by its thread ID) nothing to do but to wait? proc(5): the state follows the name in parentheses. */
static inline bool test_task_sleeps(int tid)
{
	char path[64], line[256] = "", *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	f = fopen(path, "re");
	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	state = strrchr(line, ')');
	return state && state[1] && state[2] == 'S';
}
#endif
