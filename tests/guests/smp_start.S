/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smp.elf: where a processor begins after its start-up message, and its way into long mode on the tables of the first one.
 * Copied to a page below 640 KiB. Runs as the guest's kernel. SDM vol. 3A 8.4.4.
 */
#define AT(label)	(SMP_START + label - smp_start_begin)
#define SMP_START	0x8000

	.section .rodata
	.globl	smp_start_begin, smp_start_end
	.code16
smp_start_begin:
	cli
	mov	%cs, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	movw	$(smp_stack16_end - smp_start_begin), %sp
	movl	$0x600d, smp_word - smp_start_begin
	push	smp_word - smp_start_begin
	pop	%bx
	cmp	$0x600d, %bx
	jne	.
	xor	%ax, %ax			/* a null selector is as good as any in real mode */
	mov	%ax, %ds
	cmpl	$0x600d, AT(smp_word)
	jne	.
	lgdtl	AT(smp_gdt_ptr)
	mov	%cr0, %eax
	or	$1, %eax
	and	$0x9fffffff, %eax		/* CD, NW */
	mov	%eax, %cr0
	ljmpl	$0x08, $AT(1f)
	.code32
1:	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%cr4, %eax
	or	$0x20, %eax			/* PAE */
	mov	%eax, %cr4
	mov	AT(smp_cr3), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx		/* EFER */
	xor	%edx, %edx
	mov	$0x100, %eax			/* LME */
	wrmsr
	mov	%cr0, %eax
	or	$0x80010000, %eax		/* PG, WP */
	mov	%eax, %cr0
	ljmp	$0x10, $AT(1f)
	.code64
1:	mov	$1, %edi
	lock xaddl %edi, smp_started
	mov	%rdi, %rax
	shl	$14, %rax
	lea	smp_stacks(%rax), %rsp
	xor	%ebp, %ebp
	mov	$smp_main, %eax
	call	*%rax
	.balign	4
	.globl	smp_cr3
smp_cr3:	.long 0				/* set in the copy */
smp_word:	.long 0
	.word	0
smp_gdt_ptr:	.word 13 * 8 - 1
	.long	gdt
	.skip	64
smp_stack16_end:
smp_start_end:

	.data
	.globl	smp_started
	.balign	4
smp_started: .long 1				/* the first processor is number 0 */

	.bss
	.balign	4096
smp_stacks:					/* the one of processor n ends at smp_stacks + n * 16 KiB */
	.skip	16384 * 16
	.section .note.GNU-stack, "", @progbits
