/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stores.elf: one instruction with chosen registers and flags. 64-bit code, the guest's kernel, interrupts are off.
 * No PUSHF and no POPF: those are carried out by the hypervisor, which then goes on with what follows them, and on data pages
 * the instruction would not be the CPU's any more. The flags come and go by ADD, SAHF, STD and LAHF, SETO, LODSB instead.
 * No stack is used in between, RSP is the test's.
 *
 * void stores_run(struct native_state *state, const void *code);	the code ends with a jump to stores_return
 */
#include "tests/unit/trapd/emulate/native_registers.inc"

	.text
	.globl	stores_run, stores_return
stores_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rdi, run_state
	mov	%rsi, run_code
	mov	%rsp, run_stack
	mov	128(%rdi), %edx
	test	$0x400, %edx		/* DF */
	jz	1f
	std
1:	mov	%edx, %eax
	shr	$11, %eax		/* OF: 1 + 0x7f overflows, 0 + 0x7f does not */
	and	$1, %eax
	add	$0x7f, %al
	mov	%dl, %ah
	sahf				/* SF, ZF, AF, PF, CF */
	native_load_registers
	jmp	*run_code
stores_return:
	mov	%rax, run_rax
	mov	run_state, %rax
	mov	%rsp, 32(%rax)
	mov	run_stack, %rsp
	native_store_registers
	mov	%rax, %rdi
	lahf
	seto	%al
	movzbl	%ah, %ecx
	movzbl	%al, %edx
	shl	$11, %edx
	or	%edx, %ecx
	mov	$run_rax, %rsi
	lodsb				/* DF: RSI goes down */
	cmp	$run_rax, %rsi
	jae	1f
	or	$0x400, %ecx
1:	cld
	mov	%rcx, 128(%rdi)
	mov	run_rax, %rax
	mov	%rax, 0(%rdi)
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.local	run_state, run_code, run_stack, run_rax
	.comm	run_state, 8, 8
	.comm	run_code, 8, 8
	.comm	run_stack, 8, 8
	.comm	run_rax, 8, 8
	.section .note.GNU-stack, "", @progbits
