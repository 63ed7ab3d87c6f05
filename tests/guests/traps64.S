/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exception entries, probes and the way to user mode and back, 64-bit: see traps.h. Runs as the guest's kernel. */
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
	.if	vector < 128
	push	$vector
	.else
	.byte	0x68			/* push imm32, so that every stub fits 16 bytes the same way */
	.long	vector
	.endif
	jmp	trap_common
	.set	vector, vector + 1
	.endr

	.balign	16
trap_common:
	push	%rax
	push	%rbx
	push	%rcx
	push	%rdx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	mov	%rsp, %rbp
	and	$-16, %rsp
	cld
	call	trap_dispatch
	mov	%rbp, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rdx
	pop	%rcx
	pop	%rbx
	pop	%rax
	add	$16, %rsp
	iretq

/* int probe_*(rdi = address, rsi = value or pointer, rdx = flags); probe_fetch(rdi, rsi = flags).
 * RBX keeps the stack pointer: a faulting CALL has pushed, or not. */
	.macro	probe_begin flags
	push	%rbx
	pushf
	mov	%rsp, %rbx
	movq	$probe_failed, trap_recover
	test	\flags, \flags
	jz	1f
	pushf
	or	\flags, (%rsp)
	popf
1:
	.endm
	.globl	probe_read
probe_read:
	probe_begin %rdx
	mov	(%rdi), %rax
	mov	%rax, (%rsi)
	jmp	probe_done
	.globl	probe_write
probe_write:
	probe_begin %rdx
	mov	%rsi, (%rdi)
	jmp	probe_done
	.globl	probe_fetch
probe_fetch:
	probe_begin %rsi
	call	*%rdi
probe_done:
	movq	$0, trap_recover
	xor	%eax, %eax
	jmp	1f
probe_failed:
	mov	$-1, %eax
1:	mov	%rbx, %rsp
	popf
	pop	%rbx
	ret

/* void user_enter(rdi = frame, rsi = ax, rdx = di) */
	.globl	user_enter
user_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, user_saved_sp
	push	32(%rdi)
	push	24(%rdi)
	push	16(%rdi)
	push	8(%rdi)
	push	0(%rdi)
	mov	%rsi, %rax
	mov	%rdx, %rdi
	iretq
	.globl	user_leave
user_leave:
	mov	user_saved_sp, %rsp
	movq	$0, user_saved_sp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.bss
	.globl	trap_recover, user_saved_sp
	.balign	8
trap_recover: .skip 8
user_saved_sp: .skip 8
	.section .note.GNU-stack, "", @progbits
