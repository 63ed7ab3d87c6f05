/* SPDX-License-Identifier: GPL-2.0-or-later */
/* irq64.elf: interrupts in 64-bit code. The guest's kernel. */
#include "tests/guests/irq.h"

static uint8_t trap_stack[16384] __attribute__((aligned(16)));

/* Both APICs, by 2 MiB pages in the fourth GiB. */
static void map_apics(void)
{
	uint64_t *pml4 = (uint64_t *)(cr3_read() & PTE_ADDR), *pdpt = (uint64_t *)(pml4[0] & PTE_ADDR), *pd = frame_alloc();

	pd[0xfec00000u >> 21 & 511] = 0xfec00000ul | PTE_P | PTE_W | PTE_PS;
	pd[0xfee00000u >> 21 & 511] = 0xfee00000ul | PTE_P | PTE_W | PTE_PS;
	pdpt[3] = (uint64_t)pd | PTE_P | PTE_W;
}

void guest_main64(void)
{
	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	map_apics();
	irq_run();
	print("irq64: ok\n");
	guest_exit(0);
}
