/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may have tables with entries of 4 bytes: a replay, and no virtual machine. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "poold/serve/session.h"
#include "poold/trace/policy.h"
#include "poold/trace/replay/replay.h"

/* Replay and tests only: a CPU in long mode would read two entries as one. */
Test(format_choice, no_virtual_machine_gets_it)
{
	struct attach_hello hello = { .vm_name = "x" };
	struct session_objects objects = { .tracking = NULL };
	struct session *s = (void *)1;
	struct pool_config config = { .legacy_format = POOL_F32, .max_pages = POOL_MIN_PAGES, .nvcpu = 1 };
	char err[160] = "";

	cr_assert_eq(session_create(&s, &hello, &config, &objects, 1, NULL, err, sizeof(err)), -EINVAL);
	cr_assert(strstr(err, "4-byte"), "%s", err);
}

Test(format_choice, replay_may_choose_it)
{
	struct pool_config c = { .legacy_format = POOL_F64 };
	char err[160] = "";

	cr_assert_eq(policy_apply(&c, "format=f32,prefetch=4", err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(c.legacy_format, POOL_F32);
	cr_assert_eq(c.prefetch, 4);
	cr_assert_eq(policy_apply(&c, "format=f64", err, sizeof(err)), 0);
	cr_assert_eq(c.legacy_format, POOL_F64);
	cr_assert_eq(policy_apply(&c, "format=f16", err, sizeof(err)), -EINVAL);
	cr_assert(strstr(err, "format") && strstr(err, "f32"), "%s", err);
}
