/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.elf: user programs that mean the same in 32- and in 64-bit code. Assembled as 64-bit code that needs no REX prefix,
 * once for each half. Runs at CPL 3; AX and DI are set by the kernel (user_run). INT 80 asks the kernel to compute, 81 ends
 * the program, 82 has a gate with DPL 0, 83 ends it because something was wrong. Addresses are below 4 GiB.
 */
	.code64
	.section .user.text, "ax"
	.globl	user_read, user_write, user_int_loop, user_int_kernel_gate, user_int3, user_touch, user_sum, user_end, user_jump
user_read:
	mov	(%rdi), %eax
user_end:
	int	$0x81
user_write:
	mov	%eax, (%rdi)
	int	$0x81
user_jump:
	jmp	*%rdi
user_int_kernel_gate:
	int	$0x82
	int	$0x81
user_int3:
	int3
	int	$0x81

/* DI times INT 80; every other register must survive. */
user_int_loop:
	mov	$0x1badf00d, %ebx
	mov	$0x2badf00d, %ecx
	mov	$0x3badf00d, %edx
	mov	$0x4badf00d, %esi
	mov	$0x5badf00d, %ebp
1:	int	$0x80
	decl	%edi
	jnz	1b
	cmp	$0x1badf00d, %ebx
	jne	2f
	cmp	$0x2badf00d, %ecx
	jne	2f
	cmp	$0x3badf00d, %edx
	jne	2f
	cmp	$0x4badf00d, %esi
	jne	2f
	cmp	$0x5badf00d, %ebp
	jne	2f
	int	$0x81
2:	int	$0x83

/* Write AX, AX - 1, ... 1 to the first words of as many pages from DI on. */
user_touch:
	mov	%eax, (%rdi)
	add	$0x1000, %edi
	decl	%eax
	jnz	user_touch
	int	$0x81
/* Add up the first words of AX pages from DI on. */
user_sum:
	xor	%ecx, %ecx
1:	add	(%rdi), %ecx
	add	$0x1000, %edi
	decl	%eax
	jnz	1b
	mov	%ecx, %eax
	int	$0x81

/* What user code may not do, 16 bytes apart; user_common.c has the names. The operand at DI is six readable bytes. */
	.globl	user_privileged
	.macro	privileged text:vararg
	.balign	16
	\text
	int	$0x81
	.endm
	.balign	16
user_privileged:
	privileged cli
	privileged sti
	privileged hlt
	privileged clts
	privileged mov %cr0, %rax
	privileged mov %rax, %cr0
	privileged mov %cr3, %rax
	privileged mov %rax, %cr3
	privileged mov %dr7, %rax
	privileged mov %rax, %dr7
	privileged invlpg (%rdi)
	privileged lgdt (%rdi)
	privileged lidt (%rdi)
	privileged lldt %ax
	privileged ltr %ax
	privileged lmsw %ax
	privileged rdmsr
	privileged wrmsr
	privileged wbinvd
	privileged invd
	privileged in $0xf4, %al
	privileged out %al, $0xf4
	privileged out %eax, %dx
	.section .note.GNU-stack, "", @progbits
