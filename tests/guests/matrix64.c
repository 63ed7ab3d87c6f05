/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matrix.elf, second half: 4-level paging, and the end. 64-bit code, the guest's kernel. */
#include "tests/guests/matrix.h"

#define FRAME_AT	0x135000ul	/* in the run: all index bits of levels 2 and 3 differ from 0 */

extern char user_text_start[], user_text_end[], user_data_start[], user_data_end[];

static uint8_t trap_stack[16384] __attribute__((aligned(16)));

void guest_main64(void)
{
	struct matrix_mode mode = {
		.name = "4-level paging", .entry_size = 8, .levels = 4, .shift = { 39, 30, 21, 12 },
		.first_large = cpu_has_1g() ? 1 : 2, .long_mode = true, .first_index = 1,
	};
	struct matrix_run run;
	unsigned long base;
	unsigned k, level;

	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	identity_open_user(user_text_start, user_text_end);
	identity_open_user(user_data_start, user_data_end);
	mode.home = cr3_read();
	for (level = 0; level < mode.levels; level++) {
		mode.table[level] = frame_alloc();
		for (k = 0; k < MATRIX_FRAMES; k++)
			mode.chain[k][level] = frame_alloc();
	}
	mode.test = (unsigned long)mode.table[0];
	((volatile uint64_t *)mode.test)[0] = ((volatile uint64_t *)(mode.home & PTE_ADDR))[0];
	base = (unsigned long)frame_alloc_run(MATRIX_FRAMES * FRAME_DISTANCE, FRAME_DISTANCE);
	for (k = 0; k < MATRIX_FRAMES; k++)
		mode.frame[k] = base + k * FRAME_DISTANCE + FRAME_AT;
	matrix_run_init(&run);
	if (cmdline_number("modes", 7) & 4)
		matrix_run(&run, &mode);
	matrix_report(&run, "64-bit code", "digest64");
	print("matrix: ok\n");
	guest_exit(0);
}
