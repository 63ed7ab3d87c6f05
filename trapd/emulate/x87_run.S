/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every x87 instruction once, each followed by a return, and the frame around one of them. Process trapd, a vCPU's thread; x87.c
 * says which of them may be run. Nothing here depends on guest memory: a memory operand is always at RSI.
 *
 * void x87_run(struct x87_run *run, const void *code);
 *	offsets of struct x87_run: guest 0, host 512, memory 1024, rax 1152, rflags 1160
 */
	.text
	.globl	x87_run, x87_code
	.type	x87_run, @function
x87_run:
	push	%rbx
	mov	%rdi, %rbx
	mov	%rsi, %rdx
	fxsave64 512(%rbx)
	fxrstor64 (%rbx)
	lea	1024(%rbx), %rsi
	mov	1152(%rbx), %rax
	pushq	1160(%rbx)
	popfq
	call	*%rdx
	mov	%rax, 1152(%rbx)
	pushfq
	popq	1160(%rbx)
	fxsave64 (%rbx)
	fxrstor64 512(%rbx)
	pop	%rbx
	ret
	.size	x87_run, .-x87_run

/* const uint8_t x87_code[8][72][4]: D8 to DF; the eight forms with memory at RSI, then ModRM C0 to FF. */
	.balign	16
x87_code:
	.set	opcode, 0xd8
	.rept	8
	.set	reg, 0
	.rept	8
	.byte	opcode, reg * 8 + 6
	ret
	nop
	.set	reg, reg + 1
	.endr
	.set	modrm, 0xc0
	.rept	64
	.byte	opcode, modrm
	ret
	nop
	.set	modrm, modrm + 1
	.endr
	.set	opcode, opcode + 1
	.endr
	.size	x87_code, .-x87_code
	.section .note.GNU-stack,"",@progbits
