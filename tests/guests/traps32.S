/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exception entries, probes and the way to user mode and back, 32-bit: see traps.h. Runs as the guest's kernel. All
 * symbols get the prefix m32_ after assembling.
 */
	.code32
	.text
	.globl	trap_stubs
	.balign	16
trap_stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
	push	$0
	.endif
	.byte	0x68			/* push imm32 */
	.long	vector
	jmp	trap_common
	.set	vector, vector + 1
	.endr

	.balign	16
trap_common:
	pusha
	push	%ds
	push	%es
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	cld
	push	%esp
	call	trap_dispatch
	add	$4, %esp
	pop	%es
	pop	%ds
	popa
	add	$8, %esp
	iret

/* int probe_read(at, value *, flags); probe_write(at, value, flags); probe_fetch(at, flags).
 * EBX keeps the stack pointer: a faulting CALL has pushed, or not. */
	.macro	probe_begin flags
	push	%ebx
	pushf
	mov	%esp, %ebx
	movl	$probe_failed, trap_recover
	mov	12(%ebx), %ecx
	mov	\flags(%ebx), %edx
	test	%edx, %edx
	jz	1f
	pushf
	or	%edx, (%esp)
	popf
1:
	.endm
	.globl	probe_read
probe_read:
	probe_begin 20
	mov	(%ecx), %eax
	mov	16(%ebx), %ecx
	mov	%eax, (%ecx)
	jmp	probe_done
	.globl	probe_write
probe_write:
	probe_begin 20
	mov	16(%ebx), %eax
	mov	%eax, (%ecx)
	jmp	probe_done
	.globl	probe_fetch
probe_fetch:
	probe_begin 16
	call	*%ecx
probe_done:
	movl	$0, trap_recover
	xor	%eax, %eax
	jmp	1f
probe_failed:
	mov	$-1, %eax
1:	mov	%ebx, %esp
	popf
	pop	%ebx
	ret

/* void user_enter(frame, ax, di) */
	.globl	user_enter
user_enter:
	push	%ebx
	push	%ebp
	push	%esi
	push	%edi
	mov	%esp, user_saved_sp
	mov	20(%esp), %ecx
	mov	24(%esp), %eax
	mov	28(%esp), %edi
	push	16(%ecx)
	push	12(%ecx)
	push	8(%ecx)
	push	4(%ecx)
	push	0(%ecx)
	mov	$0x5b, %edx
	mov	%edx, %ds
	mov	%edx, %es
	iret
	.globl	user_leave
user_leave:
	mov	user_saved_sp, %esp
	movl	$0, user_saved_sp
	pop	%edi
	pop	%esi
	pop	%ebp
	pop	%ebx
	ret

	.bss
	.globl	trap_recover, user_saved_sp
	.balign	8
trap_recover: .skip 4
user_saved_sp: .skip 4
	.section .note.GNU-stack, "", @progbits
