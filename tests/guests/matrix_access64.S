/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * matrix.elf: the accesses, 64-bit; matrix_access32.S is the same for 32-bit code. The loops run as the guest's kernel or at
 * CPL 3. RBX is the number of the access, R15 where a page fault goes on; struct matrix_args is in matrix.h.
 */
	.set	args_value, 256 * 8
	.set	args_count, 512 * 8
	.set	args_type, 513 * 8
	.set	args_flags, 514 * 8

	/* rdi = args */
	.macro	loops who
	mov	%rdi, %r8
	lea	args_value(%rdi), %r9
	mov	args_count(%rdi), %rbp
	mov	args_type(%rdi), %rax
	xor	%ebx, %ebx
	cmp	$1, %rax
	je	\who\()_write
	ja	\who\()_fetch
	mov	$\who\()_read_next, %r15
\who\()_read_loop:
	mov	(%r8, %rbx, 8), %rdi
	mov	(%rdi), %rax
	mov	%rax, (%r9, %rbx, 8)
\who\()_read_next:
	inc	%rbx
	cmp	%rbp, %rbx
	jne	\who\()_read_loop
	jmp	\who\()_end
\who\()_write:
	mov	$\who\()_write_next, %r15
\who\()_write_loop:
	mov	(%r8, %rbx, 8), %rdi
	mov	(%r9, %rbx, 8), %rax
	mov	%eax, (%rdi)
\who\()_write_next:
	inc	%rbx
	cmp	%rbp, %rbx
	jne	\who\()_write_loop
	jmp	\who\()_end
\who\()_fetch:
	mov	$\who\()_fetch_failed, %r15
\who\()_fetch_loop:
	mov	(%r8, %rbx, 8), %rdi
	call	*%rdi
	jmp	\who\()_fetch_next
\who\()_fetch_failed:
	add	$8, %rsp			/* what CALL had pushed before its target faulted */
\who\()_fetch_next:
	inc	%rbx
	cmp	%rbp, %rbx
	jne	\who\()_fetch_loop
\who\()_end:
	.endm

	.text
	.globl	matrix_kernel
matrix_kernel:
	push	%rbx
	push	%rbp
	push	%r15
	pushf
	pushf
	mov	args_flags(%rdi), %rax
	or	%rax, (%rsp)
	popf
	loops	kernel
	popf
	pop	%r15
	pop	%rbp
	pop	%rbx
	ret

	.globl	matrix_page_fault
matrix_page_fault:
	cmpb	$0, matrix_active
	je	trap_stubs + 14 * 16
	push	%rax
	mov	8(%rsp), %eax
	mov	%eax, matrix_error(, %rbx, 4)
	mov	%cr2, %rax
	mov	%rax, matrix_cr2(, %rbx, 8)
	pop	%rax
	mov	%r15, 8(%rsp)
	add	$8, %rsp
	iretq

	.section .user.text, "ax"
	.globl	matrix_user
matrix_user:
	loops	user
	int	$0x80

	.section .user.data, "aw"
	.balign	4096
	.globl	matrix_user_args, matrix_user_stack
matrix_user_args: .skip 515 * 8
	.balign	16
	.skip	256
matrix_user_stack:

	.bss
	.globl	matrix_error, matrix_cr2, matrix_active
	.balign	16
matrix_error: .skip 256 * 4
matrix_cr2: .skip 256 * 8
matrix_active: .skip 1
	.section .note.GNU-stack, "", @progbits
