/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linked into every Criterion program of tests/unit: no test runs longer than a minute, or than its own .timeout if that is more.
 * Both are multiplied by SHADOWPOOL_TEST_SCALE. Runs in Criterion's own process, which ends the tests. Its option --timeout
 * shortens limits and never prolongs them.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>

#include "tests/wait.h"

#define LIMIT_S	60.0

ReportHook(PRE_ALL)(struct criterion_test_set *all)
{
	int scale = test_scale();

	FOREACH_SET(struct criterion_suite_set *s, all->suites) {
		double of_suite = s->suite.data ? s->suite.data->timeout : 0;

		FOREACH_SET(struct criterion_test *t, s->tests) {
			double limit = t->data->timeout > 0 ? t->data->timeout : of_suite;

			t->data->timeout = scale * (limit > LIMIT_S ? limit : LIMIT_S);
		}
	}
}
