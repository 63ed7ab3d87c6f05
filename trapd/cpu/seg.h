/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading the guest's segment registers. cpu.seg[] is what the guest has loaded; code that changes it sets v->sregs_dirty, and
 * before the next entry the real registers are loaded from it. A null selector the real CPU loads by itself; that is seen at the
 * next trap. Sources: SDM vol. 3A 3.4, 5.5 to 5.7; vol. 2B MOV, POP; vol. 2A LLDT, LTR. Thread: the vCPU's own. Return values:
 * vcpu.h.
 */
#ifndef SHADOWPOOL_TRAPD_SEG_H
#define SHADOWPOOL_TRAPD_SEG_H

#include "trapd/cpu/desc.h"
#include "trapd/cpu/vcpu.h"

/* Does [offset, offset + size) lie within the segment's limit (expand-down data: above it)? SDM vol. 3A 5.3. */
bool seg_contains(const struct segment *s, uint64_t offset, unsigned size);

/*
 * Is RIP canonical (64-bit code), or within the limit of CS? If not, the guest must get #GP(0) there; the real CPU may not be
 * sent there, because the stub's IRETQ would fault.
 */
bool seg_rip_is_valid(const struct vcpu *v);

/* Load ES, SS, DS, FS or GS as MOV, POP and L?S do; never CS. Returns 0, -EFAULT (#GP, #SS, #NP, #PF), -ECANCELED. */
int seg_load(struct vcpu *v, enum sreg sreg, uint16_t selector);
/*
 * Read and check a stack segment for privilege level cpl: not null, writable data, RPL and DPL equal to cpl. Failed checks raise
 * vector (#GP or #TS), a segment that is not present raises #SS, each with the selector as error code. The accessed bit is set;
 * nothing is loaded. Returns 0, -EFAULT.
 */
int seg_read_stack(struct vcpu *v, uint16_t selector, uint8_t cpl, uint8_t vector, struct segment *out);
/* A null stack segment, as 64-bit code of an inner ring may have it. */
struct segment seg_null_stack(uint16_t selector);
/* Make a data segment register null. The base stays, as FS and GS keep theirs when a return to an outer ring clears them. */
void seg_nullify(struct segment *s, uint16_t selector);
/*
 * Guest code that reads CS or SS gets the real selector, natively, with RPL 3. When it loads that selector again it means the one
 * with its true RPL: at CPL 0, the index of the current CS or SS with RPL 3 is returned with RPL 0, unless its segment is one of
 * ring 3. Any other selector is returned unchanged.
 */
uint16_t seg_virtual_rpl(const struct vcpu *v, uint16_t selector);
/* Load CS and change the CPL to cpl, 0 or 3. The caller sets RIP. */
void seg_commit_cs(struct vcpu *v, const struct segment *cs, uint8_t cpl);
/*
 * The guest has executed LGDT. If the new GDT has another descriptor at the index of the current CS, that index must not stay in
 * the real GDT: a far transfer to it would run natively, into the old segment. CS then reads back with an index of trapd's until
 * it is loaded anew.
 */
void seg_gdt_changed(struct vcpu *v);
/* Stop the VM if cpl is 1 or 2: there is no view for code of these rings. Returns 0, -ECANCELED. */
int seg_check_ring(struct vcpu *v, uint8_t cpl);

/* Load LDTR and TR as LLDT and LTR do, but for the check of the CPL. Return 0, -EFAULT. */
int seg_load_ldt(struct vcpu *v, uint16_t selector);
int seg_load_tr(struct vcpu *v, uint16_t selector);

#endif
