/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text screen: 80 by 25 characters in plain RAM at 0xb8000, and the CRT controller that says which part is shown. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_VGA_H
#define SHADOWPOOL_TRAPD_DEVICES_VGA_H

#include <stddef.h>
#include <stdint.h>

#include "common/guest_ram.h"

#define VGA_TEXT_GPA	0xb8000ull
#define VGA_TEXT_SIZE	0x8000u
#define VGA_COLUMNS	80u
#define VGA_ROWS	25u
/* Bytes that vga_text() may write: each row ends with a newline, a character has up to 3 bytes of UTF-8, a 0 ends the text. */
#define VGA_TEXT_MAX	(VGA_ROWS * (VGA_COLUMNS * 3 + 1) + 1)

struct bus;
struct timers;
struct vga;

/* Add it to the bus, which owns it: ports 0x3c0 to 0x3cf, 0x3d4, 0x3d5, 0x3da. Returns 0, -EEXIST, -ENOMEM. Thread: control. */
int vga_add(struct vga **out, struct bus *b, struct timers *timers);
/*
 * The screen as UTF-8 text; blanks at the ends of rows are left out, characters are those of code page 437. RAM is read once,
 * byte by byte, while the guest may be writing it. Called with the bus lock held. Thread: any.
 */
void vga_text(const struct vga *v, const struct guest_ram *ram, char text[VGA_TEXT_MAX]);

#endif
