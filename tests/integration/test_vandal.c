/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that throws random values at ports, MSRs and devices: it ends by itself, its daemons take no harm, and another VM of
 * the same daemons works on meanwhile. VANDAL_ACCESSES: how many (make check-long: more), VANDAL_SEED.
 */
#include "tests/integration/harness/harness.h"

sp_suite_kvm(vandal);

sp_test(vandal, harms_neither_the_daemons_nor_its_neighbour)
{
	const uint64_t accesses = sp_knob("VANDAL_ACCESSES", 20000), seed = sp_knob("VANDAL_SEED", 1);
	const double seconds = 60 + (double)accesses / 500;
	struct sp_guest user = { .image = "user", .name = "user", .cmdline = "loops=1000", .pool = "4M", .pool_pages = "4k" };
	struct sp_daemons *d = sp_daemons_start(NULL);
	struct sp_vm *vandal, *neighbour;

	sp_say("vandal: %" PRIu64 " accesses, seed %" PRIu64, accesses, seed);
	vandal = sp_boot(d, &(struct sp_guest){
		.image = "vandal", .name = "vandal", .pool = "2M", .pool_pages = "4k",
		.cmdline = sp_text("accesses=%" PRIu64 " seed=%" PRIu64, accesses, seed),
	});
	neighbour = sp_boot(d, &user);
	sp_expect_exit(vandal, 0, seconds);
	sp_expect_exit(neighbour, 0, seconds);
	/* Both daemons are still there and whole: another VM runs. */
	user.name = "again";
	sp_expect_exit(sp_boot(d, &user), 0, seconds);
	sp_daemons_end(d);
}
