/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wild.elf: jumps to an address where no RAM is, unpaged, as a kernel with a bad pointer does. For tests of how a VM's end
 * is reported. 32-bit code; the guest's kernel.
 */
#include "tests/guests/lib.h"

#define NO_RAM	0xd0000000ul	/* between the RAM and 4 GiB, no device either */

int guest_main(void)
{
	print("wild: jumping to 0x%lx\n", NO_RAM);
	((void (*)(void))NO_RAM)();
	print("FAILED: code without memory ran\n");
	return 1;
}
