/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only ring-0 code inside a VM. Copied to the start of the stub window at VM creation (stub.c); runs on a vCPU, never in
 * trapd itself. It keeps no state: a trap leaves through a port, and trapd resumes at one of the tails with RIP, RSP and all
 * GPRs set (doc/fault-path.md). Position independent; offsets are asserted in stub.c.
 *
 * Source: SDM vol. 3A 6.12, 6.14 (64-bit interrupt frames), APM vol. 2 8.9.
 */
	.section .rodata
	.balign	4096
	.globl	stub_code_start, stub_code_tail_iret, stub_code_tail_cr3, stub_code_flushed, stub_code_end
	.code64

/* 256 entries of 16 bytes. The CPU pushes an error code for 8, 10 to 14, 17, 21, 29 and 30; the others push a zero. */
stub_code_start:
	.set	vector, 0
	.rept	256
	.balign	16
	.if	(vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
	.else
	pushq	$0
	.endif
	outb	%al, $vector
	hlt				/* never reached: trapd always sets RIP */
	.set	vector, vector + 1
	.endr
	.balign	4096

/*
 * Return program. Enter 6 * n bytes before stub_code_tail_cr3 to touch n tables, whose addresses lie on the stack; then CR3
 * is loaded from RAX, and RCX and RAX get the guest's values. A touch is one atomic store that changes nothing, at offset 1:
 * not aligned to an entry, so that KVM drops its own shadow of the whole table.
 */
	.rept	8
	popq	%rcx
	lock orb $0, 1(%rcx)
	.endr
stub_code_tail_cr3:
	movq	%rax, %cr3
	popq	%rcx
	popq	%rax
stub_code_tail_iret:
	iretq
/* Where the IRETQ leads, still at CPL 0, when trapd only wants the return program and enters guest code itself. */
stub_code_flushed:
	outb	%al, $0
	hlt
stub_code_end:
	.section .note.GNU-stack,"",@progbits
