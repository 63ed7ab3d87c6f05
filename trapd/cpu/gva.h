/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory by guest-virtual (linear) address, as the guest's own accesses: permission checks with the right error code,
 * A and D set, accesses that cross a page walked whole before anything is written, MMIO to the device bus, writes to
 * monitored pages posted. Linear addresses are the caller's (segment base added, truncated).
 */
#ifndef SHADOWPOOL_TRAPD_GVA_H
#define SHADOWPOOL_TRAPD_GVA_H

#include "trapd/cpu/vcpu.h"

#define GVA_SYSTEM	(1u << 0)	/* implicit supervisor access: GDT, LDT, IDT, TSS */
#define GVA_USER	(1u << 1)	/* force a CPL 3 access */
#define GVA_SUPERVISOR	(1u << 2)	/* force CPL 0 (frame pushes after a privilege change) */
#define GVA_FETCH	(1u << 3)

/* size 1 to 64 bytes. 0, -EFAULT (#PF raised), -EOPNOTSUPP (touches something that is not RAM and size > 8). */
int gva_read(struct vcpu *v, uint64_t gva, void *out, unsigned size, unsigned flags);
/*
 * An aligned operand of 1, 2, 4, 8 bytes is stored with one host store. class: enum write_class for the event.
 * 0, -EFAULT.
 */
int gva_write(struct vcpu *v, uint64_t gva, const void *in, unsigned size, unsigned flags, unsigned class);
/*
 * count aligned stores of size bytes (1, 2, 4, 8), ascending inside one page, as the guest's own at its CPL; one event.
 * 0, -EFAULT, -EOPNOTSUPP (not RAM).
 */
int gva_fill(struct vcpu *v, uint64_t gva, unsigned size, unsigned count, uint64_t value, unsigned class);
/*
 * Check that [gva, gva + size) can be written (or read) without doing it: frames are checked whole before the first store.
 * D and A are set as for a real access.
 */
int gva_probe(struct vcpu *v, uint64_t gva, unsigned size, bool write, unsigned flags);
/*
 * Host pointer for an atomic read-modify-write of an aligned operand inside RAM; *gpa gets its address. Walks for a write.
 * 0, -EFAULT, -EOPNOTSUPP (not RAM, or not naturally aligned).
 */
int gva_rmw_ptr(struct vcpu *v, uint64_t gva, unsigned size, unsigned flags, void **ptr, uint64_t *gpa);
/* ev_flags of a store made with these flags: LINK_EVF_* and the class (enum write_class). */
uint16_t gva_event_flags(const struct vcpu *v, unsigned flags, unsigned class);

#endif
