/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quirks.elf: a stack that is not there, and the handler of the double fault that follows. 64-bit code, the guest's kernel. */
	.text
	/* int quirks_lose_stack(rdi = stack): 1, by way of the handler */
	.globl	quirks_lose_stack
quirks_lose_stack:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, saved_sp
	mov	%rdi, %rsp
	push	%rax
	mov	saved_sp, %rsp		/* it was there after all */
	xor	%eax, %eax
	jmp	back

	.globl	quirks_double_fault
quirks_double_fault:
	pop	quirks_double_error
	mov	8(%rsp), %rax
	mov	%rax, quirks_double_cs
	mov	24(%rsp), %rax
	mov	%rax, quirks_double_sp
	mov	saved_sp, %rsp
	mov	$1, %eax
back:
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.bss
	.globl	quirks_double_error, quirks_double_sp, quirks_double_cs, quirks_double_stack
	.balign	16
saved_sp: .skip 8
quirks_double_error: .skip 8
quirks_double_sp: .skip 8
quirks_double_cs: .skip 8
	.balign	16
	.skip	4096
quirks_double_stack:
	.section .note.GNU-stack, "", @progbits
