/* SPDX-License-Identifier: GPL-2.0-or-later */
/* irq32.elf: interrupts in 32-bit code, unpaged and with 32-bit paging. The guest's kernel. */
#include "tests/guests/irq.h"

static uint8_t trap_stack[16384] __attribute__((aligned(16)));

int guest_main(void)
{
	uint32_t *pd;

	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	irq_run();
	print("irq32: unpaged: ok\n");
	pd = identity_legacy_build();
	pd[0xfec00000u >> 22] = 0xfec00000u | PTE_P | PTE_W | PTE_PS;	/* both APICs lie in these 4 MiB */
	paging_on((unsigned long)pd, CR4_PSE);
	irq_run();
	print("irq32: ok\n");
	return 0;
}
