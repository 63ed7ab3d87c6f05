/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one instruction on the real CPU with chosen registers, for tests that compare the emulator with it. User mode, one
 * thread at a time. The code ends with a jump to native_return; no stack may be used in between, RSP is the test's.
 *
 * void native_run(struct native_state *s, const void *code);
 * void native_run32(struct native_state *s, const void *code);	code below 4 GiB, runs as 32-bit code with flat segments
 */
#include "tests/unit/trapd/emulate/native_registers.inc"

	.text
	.globl	native_run, native_run32, native_return
	.type	native_run, @function
	.type	native_run32, @function
	.type	native_return, @function
native_run32:
	/* __USER32_CS and __USER_DS of Linux: the ABI of every x86-64 kernel (arch/x86 segment layout). */
	mov	%esi, far32(%rip)
	movw	$0x23, 4+far32(%rip)
	mov	$0x2b, %eax
	mov	%eax, %ds
	mov	%eax, %es
	lea	enter32(%rip), %rsi
native_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rdi, state(%rip)
	mov	%rsi, code(%rip)
	mov	%rsp, host_rsp(%rip)
	pushq	128(%rdi)
	popfq
	native_load_registers
	jmp	*code(%rip)
enter32:
	ljmp	*far32(%rip)
native_return:
	mov	%rax, test_rax(%rip)
	mov	state(%rip), %rax
	mov	%rsp, 32(%rax)
	mov	host_rsp(%rip), %rsp
	pushfq
	popq	128(%rax)
	native_store_registers
	mov	test_rax(%rip), %rcx
	mov	%rcx, 0(%rax)
	pushq	$2
	popfq
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.size	native_run, . - native_run

	.local	state, code, host_rsp, test_rax, far32
	.comm	far32, 8, 8
	.comm	state, 8, 8
	.comm	code, 8, 8
	.comm	host_rsp, 8, 8
	.comm	test_rax, 8, 8
	.section .note.GNU-stack, "", @progbits
