/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Start of every guest: Multiboot header, 32-bit entry, GDT, the way into long mode. Runs as the guest's kernel.
 * Symbols of 32-bit code carry the prefix m32_ (see guests.make); this file defines both kinds. It may use no stack of
 * the loader's and relies on no register but EAX and EBX (Multiboot specification 3.2).
 */
	.section .multiboot, "a"
	.align 4
	.long 0x1badb002, 3, -(0x1badb002 + 3)	/* page-aligned modules, memory information */

	.text
	.code32
	.globl _start
_start:
	cli
	cld
	mov	$stack32_top, %esp
	lgdt	gdt_ptr
	ljmp	$0x08, $1f
1:	mov	$0x18, %ecx
	mov	%ecx, %ds
	mov	%ecx, %es
	mov	%ecx, %fs
	mov	%ecx, %gs
	mov	%ecx, %ss
	push	%ebx
	push	%eax
	call	m32_boot_read
	call	m32_guest_main
	push	%eax
	call	m32_guest_exit

/* void long_enter(uint32_t cr3, uint32_t efer, void (*main64)(void)): from unpaged code; efer is or-ed to LME. */
	.globl m32_long_enter
m32_long_enter:
	mov	%cr4, %eax
	or	$0x20, %eax			/* PAE */
	mov	%eax, %cr4
	mov	4(%esp), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx		/* EFER */
	xor	%edx, %edx
	mov	8(%esp), %eax
	or	$0x100, %eax			/* LME */
	wrmsr
	mov	12(%esp), %ebx
	mov	%cr0, %eax
	or	$0x80010000, %eax		/* PG, WP */
	mov	%eax, %cr0
	ljmp	$0x10, $1f
	.code64
1:	mov	$stack64_top, %esp
	mov	%ebx, %ebx
	xor	%ebp, %ebp
	call	*%rbx
	xor	%edi, %edi
	call	guest_exit

/* 32-bit code names the 64-bit half through its own prefix. */
	.weak	guest_main64, guest_exit	/* absent from images without a 64-bit half */
	.globl	m32_guest_main64
m32_guest_main64:
	jmp	guest_main64

/* Selectors: 08 kernel code32, 10 kernel code64, 18 data, 38 TSS64, 48 TSS32, 50 user code32, 58 user data, 60 user code64.
 * The order of the last three is the one that SYSRET wants with STAR = 0x0050'0010 (SDM vol. 3A 5.8.8). They are not Linux's
 * own (20, 28, 30): a host without hardware virtualisation cannot keep IRET to those from working natively. Writable: TSS
 * descriptors are filled in later, and the CPU sets their busy bits. */
	.data
	.align 16
	.globl gdt, m32_gdt
m32_gdt:
gdt:	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0
	.quad 0x00cff3000000ffff
	.quad 0x00affb000000ffff
	.quad 0, 0
	.quad 0
	.quad 0x00cffb000000ffff
	.quad 0x00cff3000000ffff
	.quad 0x00affb000000ffff
gdt_end:
	.align 4
	.word 0
gdt_ptr: .word gdt_end - gdt - 1
	.long gdt

	.bss
	.globl boot_info, m32_boot_info
	.align 16
m32_boot_info:
boot_info: .skip 1024			/* struct boot_info */
	.align 4096
	.skip 16384
	.globl stack32_top, m32_stack32_top
m32_stack32_top:
stack32_top:
	.skip 32768
	.globl stack64_top
stack64_top:
	.section .note.GNU-stack, "", @progbits
