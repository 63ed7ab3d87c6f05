/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hello.elf: prints one line and exits 0. 32-bit code, unpaged; the guest's kernel. */
#include "tests/guests/lib.h"

int guest_main(void)
{
	print("hello: ok, running unpaged\n");
	return 0;
}
