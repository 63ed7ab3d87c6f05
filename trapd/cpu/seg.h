/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading the guest's segment registers. cpu.seg[] is what the guest has loaded; whoever changes it sets v->sregs_dirty and
 * the code that resumes the vCPU loads the real registers from it. Loads that the real CPU carries out itself (null
 * selectors) are picked up at the next trap.
 * Sources: SDM vol. 3A 3.4, 5.5 to 5.7; vol. 2B MOV, POP; vol. 2A LLDT, LTR.
 * Thread: the vCPU's own. Return values: vcpu.h.
 */
#ifndef SHADOWPOOL_TRAPD_SEG_H
#define SHADOWPOOL_TRAPD_SEG_H

#include "trapd/cpu/desc.h"
#include "trapd/cpu/vcpu.h"

/* Does [offset, offset + size) lie within the segment's limit (expand-down data: above it)? SDM vol. 3A 5.3. */
bool segment_contains(const struct segment *s, uint64_t offset, unsigned size);

/*
 * Can the next instruction be fetched at CS:RIP as far as segmentation goes: canonical in 64-bit code, else within the limit?
 * Where not, the guest gets #GP(0) there, and the real CPU must not be sent there.
 */
bool seg_rip_is_valid(const struct vcpu *v);

/* MOV, POP and L?S to ES, SS, DS, FS, GS (not CS). 0, -EFAULT (#GP, #SS, #NP, #PF), -ECANCELED. */
int seg_load(struct vcpu *v, enum sreg sreg, uint16_t selector);
/*
 * Read and check a non-null SS for privilege level cpl: writable data, RPL and DPL equal to cpl. vector: #GP or #TS
 * (selector); not present: #SS(selector). The accessed bit is set. Nothing is loaded.
 */
int seg_read_stack(struct vcpu *v, uint16_t selector, uint8_t cpl, uint8_t vector, struct segment *out);
/* The null SS that 64-bit mode uses below CPL 3. */
struct segment seg_null_stack(uint16_t selector);
/* A null selector in a data segment register; the base stays, as FS and GS keep theirs when an outward return clears them. */
void seg_nullify(struct segment *s, uint16_t selector);
/*
 * The guest reads its real CS and SS natively, with RPL 3. Take such a selector back: at CPL 0, the index of the current CS or
 * SS with RPL 3 and a segment that is not of ring 3 becomes the selector with RPL 0. Anything else is returned unchanged.
 */
uint16_t seg_virtual_rpl(const struct vcpu *v, uint16_t selector);
/* CS is loaded and the CPL changes to cpl; RIP is the caller's. Only 0 and 3 exist, see seg_check_ring(). */
void seg_commit_cs(struct vcpu *v, const struct segment *cs, uint8_t cpl);
/*
 * LGDT: if the new GDT has something else at the index of the current CS, that index may not stay in the real GDT, or a far
 * transfer to it would run natively into the old segment. CS then reads back with an index of ours until it is loaded anew.
 */
void seg_gdt_changed(struct vcpu *v);
/* Rings 1 and 2 have no view of their own: code that enters them stops the VM. 0, -ECANCELED. */
int seg_check_ring(struct vcpu *v, uint8_t cpl);

/* LLDT and LTR without their CPL check. 0, -EFAULT. */
int seg_load_ldt(struct vcpu *v, uint16_t selector);
int seg_load_tr(struct vcpu *v, uint16_t selector);

#endif
