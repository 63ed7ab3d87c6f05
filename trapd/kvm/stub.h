/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stub window: the machine pages that hold the ring-0 stub, its IDT, the tables that map stub and pool, and one block
 * per vCPU (GDT, TSS, stacks). Written by trapd only, mapped supervisor-only in one PML4 slot of every shadow root, at
 * slot address + machine address. doc/fault-path.md.
 */
#ifndef SHADOWPOOL_TRAPD_STUB_H
#define SHADOWPOOL_TRAPD_STUB_H

#include <stdbool.h>
#include <stdint.h>

#include "trapd/kvm/registers.h"

#define STUB_BYTES		(4ull << 20)
#define STUB_CODE		0x00000ull
#define STUB_VECTORS_END	0x01000ull	/* the entries of the 256 vectors end here, the tails follow */
#define STUB_CODE_END		0x02000ull
#define STUB_IDT		0x02000ull
#define STUB_PDPT		0x03000ull
#define STUB_PD			0x04000ull	/* maps the window itself */
#define STUB_POOL_PD		0x10000ull	/* one page per GiB of pool, up to 63 */
#define STUB_SYSCALL_PAGE	0x0f000ull	/* LSTAR points here: a fetch fault at it is a SYSCALL on some hosts */
#define STUB_VCPU(n)		(0x100000ull + 0x28000ull * (n))
#define STUB_VCPU_GDT		0x00000ull	/* 64 KiB; there is room for a second one */
#define STUB_VCPU_TSS		0x20000ull
#define STUB_VCPU_STACK_TOP	0x22000ull	/* RSP0: stack of all traps but #DB and #DF */
#define STUB_VCPU_DB_TOP	0x23000ull	/* IST 1: stack of #DB */
#define STUB_VCPU_DF_TOP	0x24000ull	/* IST 2: stack of #DF */
#define STUB_MAX_TOUCH		8u

/* trapd's own descriptors, at the top end of every real GDT. */
#define STUB_SEL_TSS		0xffe0u		/* two entries */
#define STUB_SEL_CS		0xffd8u
#define STUB_SEL_DS		0xffd0u
#define STUB_SEL_GUEST_CS	0xffcbu		/* RPL 3: for a CS or SS that cannot stand at the guest's own index */
#define STUB_SEL_GUEST_SS	0xffc3u
#define STUB_SEL_FIRST_OWN	0xffc0u

/*
 * A frame on a stack of the stub: what the CPU has pushed, SDM vol. 3A 6.14.2. error: for vectors without an error code the
 * stub's zero.
 */
struct stub_frame { uint64_t error, rip, cs, rflags, rsp, ss; };

struct stub {
	uint8_t *base;		/* trapd's mapping of the window */
	uint32_t slot;		/* PML4 index at which every shadow root maps stub and pool */
	uint64_t va;		/* virtual address of the window in the VM */
};

/* Lay out code, IDT and tables in a zeroed window of STUB_BYTES. slot: PML4 index 256 to 511. */
void stub_build(struct stub *s, uint8_t *base, uint32_t slot);
/* Fill the block of vCPU n: GDT with trapd's own descriptors, TSS, stacks. */
void stub_build_vcpu(struct stub *s, unsigned n);
/* Map pool_bytes at machine address pool_maddr (both 2 MiB and 1 GiB aligned, up to 63 GiB) by 2 MiB supervisor entries. */
void stub_map_pool(struct stub *s, uint64_t pool_maddr, uint64_t pool_bytes);
/* The PML4 entry that every shadow root must hold at index s->slot. */
uint64_t stub_pml4_entry(const struct stub *s);
/* Is va an address of the PML4 slot that maps stub and pool? */
bool stub_contains(const struct stub *s, uint64_t va);

/* The frame that the last trap of vCPU n has left: on the RSP0 stack, or for #DB on the stack of IST 1. */
struct stub_frame *stub_frame_of(const struct stub *s, unsigned n);
struct stub_frame *stub_db_frame_of(const struct stub *s, unsigned n);

/*
 * Put the guest's code and stack segment into the real GDT of vCPU n, DPL 3, at the guest's own indexes where that is
 * possible (else at trapd's own), and remove the ones that stood there before. *cs_real, *ss_real: in, the previous real
 * selectors (0: none); out, the new ones.
 */
void stub_set_code_and_stack(struct stub *s, unsigned n, const struct segment *cs, const struct segment *ss, uint16_t *cs_real,
			     uint16_t *ss_real);

/* The segment that a selector names in the real GDT of vCPU n. */
struct segment stub_segment(const struct stub *s, unsigned n, uint16_t selector);
/* A frame that ends the return program at a port instead of in guest code; and was this exit that port? */
struct stub_frame stub_flushed_frame(const struct stub *s, unsigned n);
bool stub_is_flushed(const struct stub *s, uint64_t rip);

/* The way back into the guest: a frame for IRETQ, and what the return program does before it. */
struct stub_return {
	struct stub_frame frame;
	uint64_t cr3;			/* the return program loads it; 0: no program */
	unsigned ntouch;		/* tables that the program touches, at most STUB_MAX_TOUCH; only with cr3 */
	const uint64_t *touch;		/* their machine addresses */
	uint64_t rax, rcx;		/* the guest's values, which the program pops at its end */
};

/* Registers with which the stub starts on the way back. */
struct stub_start { uint64_t rip, rsp, rax; };

/* Write the frame to the RSP0 stack of vCPU n, and the operands of the return program below it. Returns where to start. */
struct stub_start stub_prepare_return(struct stub *s, unsigned n, const struct stub_return *r);

#endif
