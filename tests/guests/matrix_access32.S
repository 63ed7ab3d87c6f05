/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * matrix.elf: the accesses, 32-bit; matrix_access64.S is the same for 64-bit code. The loops run as the guest's kernel or at
 * CPL 3. EBX is the number of the access, EBP where a page fault goes on; struct matrix_args is in matrix.h. All symbols get
 * the prefix m32_ after assembling.
 */
	.code32
	.set	args_value, 256 * 4
	.set	args_count, 512 * 4
	.set	args_type, 513 * 4
	.set	args_flags, 514 * 4

	/* edi = args */
	.macro	loops who
	mov	%edi, %esi
	lea	args_value(%edi), %edx
	mov	args_count(%edi), %ecx
	mov	args_type(%edi), %eax
	xor	%ebx, %ebx
	cmp	$1, %eax
	je	\who\()_write
	ja	\who\()_fetch
	mov	$\who\()_read_next, %ebp
\who\()_read_loop:
	mov	(%esi, %ebx, 4), %edi
	mov	(%edi), %eax
	mov	%eax, (%edx, %ebx, 4)
\who\()_read_next:
	inc	%ebx
	cmp	%ecx, %ebx
	jne	\who\()_read_loop
	jmp	\who\()_end
\who\()_write:
	mov	$\who\()_write_next, %ebp
\who\()_write_loop:
	mov	(%esi, %ebx, 4), %edi
	mov	(%edx, %ebx, 4), %eax
	mov	%eax, (%edi)
\who\()_write_next:
	inc	%ebx
	cmp	%ecx, %ebx
	jne	\who\()_write_loop
	jmp	\who\()_end
\who\()_fetch:
	mov	$\who\()_fetch_failed, %ebp
\who\()_fetch_loop:
	mov	(%esi, %ebx, 4), %edi
	call	*%edi
	jmp	\who\()_fetch_next
\who\()_fetch_failed:
	add	$4, %esp			/* what CALL had pushed before its target faulted */
\who\()_fetch_next:
	inc	%ebx
	cmp	%ecx, %ebx
	jne	\who\()_fetch_loop
\who\()_end:
	.endm

	.text
	.globl	matrix_kernel
matrix_kernel:
	push	%ebx
	push	%ebp
	push	%esi
	push	%edi
	mov	20(%esp), %edi
	pushf
	pushf
	mov	args_flags(%edi), %eax
	or	%eax, (%esp)
	popf
	loops	kernel
	popf
	pop	%edi
	pop	%esi
	pop	%ebp
	pop	%ebx
	ret

	.globl	matrix_page_fault
matrix_page_fault:
	cmpb	$0, matrix_active
	je	trap_stubs + 14 * 16
	push	%eax
	mov	4(%esp), %eax
	mov	%eax, matrix_error(, %ebx, 4)
	mov	%cr2, %eax
	mov	%eax, matrix_cr2(, %ebx, 4)
	pop	%eax
	mov	%ebp, 4(%esp)
	add	$4, %esp
	iret

	.section .user.text, "ax"
	.globl	matrix_user
matrix_user:
	loops	user
	int	$0x80

	.section .user.data, "aw"
	.balign	4096
	.globl	matrix_user_args, matrix_user_stack
matrix_user_args: .skip 515 * 4
	.balign	16
	.skip	256
matrix_user_stack:

	.bss
	.globl	matrix_error, matrix_cr2, matrix_active
	.balign	16
matrix_error: .skip 256 * 4
matrix_cr2: .skip 256 * 4
matrix_active: .skip 1
	.section .note.GNU-stack, "", @progbits
