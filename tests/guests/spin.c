/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spin.elf: loops for ever with interrupts off, for tests of time limits and of stopping. 64-bit code; the guest's kernel.
 * Its name stands on the VGA screen, in the third row. */
#include "tests/guests/lib.h"

#define SCREEN	0xb8000ul
#define COLUMNS	80u

void guest_main64(void)
{
	static const char text[] = "spin: on the screen";
	volatile uint16_t *to = (volatile uint16_t *)SCREEN + 2 * COLUMNS;
	unsigned i;

	for (i = 0; text[i]; i++)
		to[i] = (uint16_t)(0x0700 | (uint8_t)text[i]);
	print("spin: looping for ever\n");
	for (;;)
		__asm__ volatile("pause");
}
