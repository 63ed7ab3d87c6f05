/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spin.elf: loops for ever with interrupts off, for tests of time limits and of stopping. 64-bit code; the guest's kernel. */
#include "tests/guests/lib.h"

void guest_main64(void)
{
	print("spin: looping for ever\n");
	for (;;)
		__asm__ volatile("pause");
}
