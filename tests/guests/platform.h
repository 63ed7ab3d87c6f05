/* SPDX-License-Identifier: GPL-2.0-or-later */
/* platform.elf: the parts that its two halves share. Compiled twice, like lib.h. The guest's kernel, polling. */
#ifndef GUEST_PLATFORM_H
#define GUEST_PLATFORM_H

#include "tests/guests/lib.h"

/* Read and write both disks; read a sector into a page table in use. Prints one line that ends with what: the mode. */
void disk_check(const char *what);

#endif
