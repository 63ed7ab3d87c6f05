/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.elf: the kernel's system call entry, and the user programs that call it (64-bit code; the latter at CPL 3). GS points
 * at percpu of user_syscall.c in the kernel, at user_page in user mode.
 */
	.text
	.globl	syscall_entry
syscall_entry:
	swapgs
	mov	%rsp, %gs:8
	mov	%gs:0, %rsp
	pushf
	pop	%gs:16
	mov	%rcx, %gs:24
	mov	%r11, %gs:32
	incq	%gs:40
	lea	1(%rax, %rax, 2), %rax
	mov	%gs:8, %rsp
	swapgs
	sysretq

	.section .user.text, "ax"
	.globl	user_syscall_loop, user_syscall_flags, user_syscall_once, user_swapgs, user_sysret
/* DI times SYSCALL: RCX, R11, GS, RSP, SSE and all other registers must be as the manual says. */
user_syscall_loop:
	mov	$0x1badf00d2badf00d, %rbx
	movq	%rbx, %xmm7
	mov	%rsp, %r12
1:	syscall
2:	lea	2b(%rip), %rdx
	cmp	%rdx, %rcx
	jne	9f
	mov	$0x5ca1ab1e0ddba11, %rdx
	cmp	%gs:0, %rdx
	jne	9f
	dec	%rdi
	jnz	1b
	movq	%xmm7, %rdx
	cmp	%rbx, %rdx
	jne	9f
	cmp	%rsp, %r12
	jne	9f
	mov	$0x1badf00d2badf00d, %rdx
	cmp	%rbx, %rdx
	jne	9f
	int	$0x81
9:	int	$0x83

user_syscall_flags:
	stc
	std
	syscall
	pushf
	pop	%rsi
	cld
	int	$0x81
user_syscall_once:
	syscall
	int	$0x81
user_swapgs:
	swapgs
	int	$0x81
user_sysret:
	sysretq
	int	$0x81
	.section .note.GNU-stack, "", @progbits
