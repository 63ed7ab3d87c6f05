/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faults.elf: the accesses that user code makes. As bytes, because they mean the same in 32- and in 64-bit code, for which
 * this file is assembled once each. Runs at CPL 3 on pages with U=1; the kernel's gate 0x80 has DPL 3.
 */
	.section .user.text, "ax"
	.globl	user_read, user_write
user_read:
	.byte	0x8b, 0x07, 0xcd, 0x80		/* mov (di), %eax; int $0x80 */
user_write:
	.byte	0x89, 0x07, 0xcd, 0x80		/* mov %eax, (di); int $0x80 */
	.section .note.GNU-stack, "", @progbits
