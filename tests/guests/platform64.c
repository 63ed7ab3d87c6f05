/* SPDX-License-Identifier: GPL-2.0-or-later */
/* platform.elf, the 64-bit half: the disks again, in long mode. The guest's kernel. */
#include "tests/guests/platform.h"

void guest_main64(void)
{
	disk_check("4-level paging");
	print("platform: ok\n");
	guest_exit(0);
}
