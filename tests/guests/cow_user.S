/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cow.elf: what a process does. 64-bit code at CPL 3; the kernel's gate 0x80 has DPL 3. */
	.section .user.text, "ax"
	.globl	cow_user_read, cow_user_write
cow_user_read:
	mov	(%rdi), %eax
	int	$0x80
cow_user_write:
	mov	%eax, (%rdi)
	int	$0x80
	.section .note.GNU-stack, "", @progbits
