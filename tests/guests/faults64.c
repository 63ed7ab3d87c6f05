/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faults.elf, second half: every permission fault of 4-level paging. 64-bit code, the guest's kernel. */
#include "tests/guests/faults.h"

#define TEST_VA		(5ul << 39 | 3ul << 30 | 7ul << 21 | 9ul << 12)

extern char user_text_start[], user_text_end[];

static uint8_t trap_stack[16384] __attribute__((aligned(16)));

void guest_main64(void)
{
	uint64_t random = cmdline_number("seed", 1) * 0xd1342543de82ef95ull | 1;
	unsigned one_in = (unsigned)cmdline_number("one_in", 1);
	struct fault_mode mode = {
		.name = "4-level paging", .entry_size = 8, .levels = 4, .shift = { 39, 30, 21, 12 },
		.table = { (void *)(cr3_read() & PTE_ADDR), frame_alloc(), frame_alloc(), frame_alloc() },
		.first_large = cpu_has_1g() ? 1 : 2, .long_mode = true, .va = TEST_VA, .one_in = one_in, .random_cases = one_in ? 2400 / one_in : 0,
	};

	EXPECT_EQ(one_in != 0, 1, "one_in is at least 1");
	if (!cpu_has_1g())
		print("faults: 1 GiB pages skipped, the CPU has none\n");
	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	identity_open_user(user_text_start, user_text_end);
	faults_run(&mode, &random);
	print("faults: ok\n");
	guest_exit(0);
}
