/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bad neighbours: a guest in a tight loop with interrupts off, one that sets its timers to their fastest for ever and one that
 * throws random values at all devices share the daemons with a guest that counts its timer's ticks. That one keeps the rate that it
 * has alone, and the daemons go on answering. BESIDE_SECONDS (make check-long: 60), VANDAL_SEED.
 */
#include <string.h>

#include "tests/integration/harness/harness.h"

#define NEIGHBOURS 3

sp_suite_kvm(beside);

static const char *rate_alone(void)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "pace", .cmdline = "slices=10" }, 60);
	const char *rate;

	sp_expect_exit(vm, 0, 0);
	rate = sp_match_group(sp_console(vm), "^pace: the fastest ([0-9]*)");
	sp_assert(rate, "pace prints no rate");
	sp_daemons_end(vm->daemons);
	return rate;
}

sp_test(beside, bad_neighbours_do_not_slow_a_guests_timer)
{
	const uint64_t seconds = sp_knob("BESIDE_SECONDS", 3), seed = sp_knob("VANDAL_SEED", 1);
	const struct sp_guest neighbours[NEIGHBOURS] = {
		{ .image = "spin", .name = "loop", .pool = "2M", .pool_pages = "4k" },
		{ .image = "pace", .name = "storm", .pool = "2M", .pool_pages = "4k", .cmdline = "storm=1" },
		{ .image = "vandal", .name = "vandal", .pool = "2M", .pool_pages = "4k",
		  .cmdline = sp_text("accesses=4000000000 seed=%" PRIu64, seed) },
	};
	struct sp_vm *vms[NEIGHBOURS], *pace;
	const char *alone = rate_alone();
	struct sp_daemons *d = sp_daemons_start(NULL);
	unsigned running = 0;

	pace = sp_boot(d, &(struct sp_guest){
		.image = "pace", .name = "pace", .pool = "2M", .pool_pages = "4k",
		.cmdline = sp_text("slices=%" PRIu64 " alone=%s", seconds * 10, alone),
	});
	sp_must(20, sp_counter(pace, "trapd.irqs_delivered") > 0);
	for (unsigned i = 0; i < NEIGHBOURS; i++)
		vms[i] = sp_boot(d, &neighbours[i]);
	/* The neighbours do what they are here for. */
	sp_must(20, sp_counter(vms[1], "trapd.irqs_delivered") > 100);
	sp_must(20, sp_counter(vms[2], "trapd.privileged_emulated") > 1000);
	sp_expect_exit(pace, 0, 60 + 4 * (double)seconds);
	sp_say("alone: the fastest %s\n%s", alone, sp_console(pace));
	for (size_t i = 0; i < sp_list(d)->n_vms; i++)
		running += !strcmp(sp_list(d)->vms[i]->state, "running");
	sp_expect(running == NEIGHBOURS, "%u neighbours run to the end", running);
	/* Whole and in order: they end when they are told to. */
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		sp_vm_stop(vms[i]);
		sp_expect_stop(vms[i], "requested", 0);
	}
	sp_daemons_end(d);
}
