/* SPDX-License-Identifier: GPL-2.0-or-later */
/* user.elf, first half: 32-bit user mode under 32-bit paging, then on to long mode (user64.c). The guest's kernel. */
#include "tests/guests/user.h"

#define DEMAND_VA	0x80000000u

static uint8_t trap_stack[8192] __attribute__((aligned(16)));

int guest_main(void)
{
	uint32_t *directory = identity_legacy_build();
	unsigned long *table = frame_alloc();
	const struct user_machine machine = {
		.name = "32-bit paging", .code_selector = SEL_USER_CODE32, .demand_table = table, .demand_va = DEMAND_VA,
		.demand_pages = 16, .int_loops = 200, .trips = 200, .trap_stack_top = trap_stack + sizeof(trap_stack),
	};

	traps_init();
	traps_stack_set(machine.trap_stack_top);
	directory[DEMAND_VA >> 22] = (uint32_t)table | PTE_P | PTE_W | PTE_U;
	paging_on((uint32_t)directory, CR4_PSE);
	user_common(&machine);
	paging_off();
	long_enter_identity(cpu_has_nx() ? EFER_NXE : 0, guest_main64);
}
