/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 32-bit half of guests that are 64-bit code only: straight into long mode, with NX when the CPU has it. Unpaged. */
#include "tests/guests/lib.h"

int guest_main(void)
{
	long_enter_identity(cpu_has_nx() ? EFER_NXE : 0, guest_main64);
}
