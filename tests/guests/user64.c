/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.elf, second half: user mode in long mode, of 64 and of 32 bits, system calls, debug exceptions. 64-bit code, the
 * guest's kernel.
 */
#include "tests/guests/user.h"

#define DEMAND_VA	0x80000000ul	/* PDPT entry 2 of the low slot; one PD entry per machine */

extern char user_text_start[], user_text_end[], user_data_start[], user_data_end[];

static uint8_t trap_stack[16384] __attribute__((aligned(16)));

static unsigned long *demand_table(unsigned long va)
{
	uint64_t *pml4 = (uint64_t *)(cr3_read() & PTE_ADDR), *pdpt = (uint64_t *)(pml4[0] & PTE_ADDR), *table = frame_alloc();
	uint64_t *pd;

	if (!(pdpt[va >> 30] & PTE_P))
		pdpt[va >> 30] = (uint64_t)frame_alloc() | PTE_P | PTE_W | PTE_U;
	pd = (uint64_t *)(pdpt[va >> 30] & PTE_ADDR);
	pd[va >> 21 & 511] = (uint64_t)table | PTE_P | PTE_W | PTE_U;
	return table;
}

void guest_main64(void)
{
	unsigned loops = (unsigned)cmdline_number("loops", 3000);
	struct user_machine m = {
		.name = "64-bit", .code_selector = SEL_USER_CODE64, .demand_va = DEMAND_VA, .demand_pages = 256, .int_loops = loops,
		.trips = loops, .trap_stack_top = trap_stack + sizeof(trap_stack),
	};
	struct user_machine compatible = {
		.name = "32-bit user of a 64-bit kernel", .code_selector = SEL_USER_CODE32, .demand_va = DEMAND_VA + 0x200000,
		.demand_pages = 16, .int_loops = 100, .trips = 100, .trap_stack_top = trap_stack + sizeof(trap_stack),
	};

	struct user_machine linux_selectors = {
		.name = "64-bit, selectors 0x33 and 0x2b", .code_selector = SEL_USER_CODE64_LINUX, .demand_va = DEMAND_VA + 0x400000,
		.demand_pages = 16, .int_loops = 100, .trips = 100, .trap_stack_top = trap_stack + sizeof(trap_stack),
	};

	EXPECT_EQ(loops != 0, 1, "loops is at least 1");
	cr0_write((cr0_read() & ~(CR0_EM | CR0_TS)) | CR0_MP);
	cr4_write(cr4_read() | CR4_OSFXSR);
	traps_init();
	traps_stack_set(m.trap_stack_top);
	identity_open_user(user_text_start, user_text_end);
	identity_open_user(user_data_start, user_data_end);
	m.demand_table = demand_table(m.demand_va);
	compatible.demand_table = demand_table(compatible.demand_va);
	linux_selectors.demand_table = demand_table(linux_selectors.demand_va);
	user_common(&compatible);
	user_common(&linux_selectors);
	user_common(&m);
	user_syscall(loops);
	user_debug(&m);
	print("user: ok\n");
	guest_exit(0);
}
