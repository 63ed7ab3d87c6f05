/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.elf: the programs that are single-stepped or hold breakpoints (64-bit code, at CPL 3 but for the kernel_steps), with
 * lists of the addresses at which a #DB must find them, as offsets, ended by ffff.
 */
	.section .user.text, "ax"
	.globl	user_steps, user_steps_popf, user_store, user_store_next, user_mov_ss, user_mov_ss_int3, user_mov_ss_int80, user_mov_ss_int80_at
/* Started with TF set. DI is the address of an absent page. */
user_steps:
	nop
u1:	mov	$3, %ecx
u2:	dec	%ecx
u3:	jnz	u2
u4:	push	%rax
u5:	pop	%rax
u6:	mov	(%rdi), %rax		/* #PF first */
u7:	lea	8(%rdi), %rdi
u8:	mov	%rdi, %rsi
u9:	mov	$4, %ecx
ua:	rep movsb			/* a step for each byte */
ub:	int	$0x81			/* clears TF: no step */

user_steps_popf:
	pushf
	orl	$0x100, (%rsp)
	popf				/* TF counts from the next instruction on */
p0:	nop
p1:	nop
p2:	int	$0x80			/* enters the kernel with TF clear and comes back with it set */
p3:	nop
p4:	int	$0x81

user_store:
	mov	%ax, (%rdi)
user_store_next:
	nop
	int	$0x81
user_mov_ss:
	mov	(%rdi), %ss
user_mov_ss_int3:
	int3
	int	$0x81
user_mov_ss_int80:
	mov	(%rdi), %ss
user_mov_ss_int80_at:
	int	$0x80
	int	$0x81

	.text
	.globl	kernel_steps_run, kernel_steps
/* TF in the kernel, over instructions that hypervisors emulate. */
kernel_steps_run:
	push	%rbx
	pushf
	orl	$0x100, (%rsp)
	popf
kernel_steps:
	nop
k1:	mov	%cr3, %rax
k2:	mov	%cr0, %rax
k3:	invlpg	(%rsp)
k4:	mov	%rbx, %rax
k5:	pushf
k6:	andl	$~0x100, (%rsp)
k7:	popf
k8:	nop
	pop	%rbx
	ret

	.section .rodata
	.globl	user_steps_offsets, user_steps_popf_offsets, kernel_steps_offsets
	.macro	offsets base, labels:vararg
	.irp	label, \labels
	.word	\label - \base
	.endr
	.word	0xffff
	.endm
	.balign	2
user_steps_offsets:
	offsets	user_steps, u1, u2, u3, u2, u3, u2, u3, u4, u5, u6, u7, u8, u9, ua, ua, ua, ua, ub
user_steps_popf_offsets:
	offsets	user_steps_popf, p1, p2, p4
kernel_steps_offsets:
	offsets	kernel_steps, k1, k2, k3, k4, k5, k6, k7, k8
	.section .note.GNU-stack, "", @progbits
