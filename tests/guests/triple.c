/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * triple.elf: loads an empty IDT and faults, so that the CPU shuts down (SDM vol. 3A 6.15, interrupt 8). For tests of how a
 * VM's end is reported. 32-bit code, unpaged; the guest's kernel.
 */
#include "tests/guests/lib.h"

int guest_main(void)
{
	struct { uint16_t limit; uint32_t base; } __attribute__((packed)) idtr = { 0, 0 };

	print("triple: loading an empty IDT and faulting\n");
	__asm__ volatile("lidt %0; ud2" : : "m"(idtr));
	print("FAILED: the CPU went on after a triple fault\n");
	return 1;
}
