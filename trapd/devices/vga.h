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
/* Of vga_text(): rows that end with a newline, up to 3 bytes of UTF-8 for a character, a 0. */
#define VGA_TEXT_MAX	(VGA_ROWS * (VGA_COLUMNS * 3 + 1) + 1)

struct bus;
struct timers;
struct vga;

/* Ports 0x3c0 to 0x3cf, 0x3d4, 0x3d5 and 0x3da. The bus owns it. 0, -EEXIST, -ENOMEM. Control thread. */
int vga_add(struct vga **out, struct bus *b, struct timers *timers);
/*
 * The screen as text, blanks at the ends of rows cut; code page 437. RAM is read once, byte by byte, while the guest runs. Bus
 * lock held, any thread.
 */
void vga_text(const struct vga *v, const struct guest_ram *ram, char text[VGA_TEXT_MAX]);

#endif
