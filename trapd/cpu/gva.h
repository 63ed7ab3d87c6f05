/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses to guest memory by guest-virtual address, as the guest's own instructions would make them: rights are checked and #PF
 * is raised with the right error code, A and D are set, an access across two pages is walked for both before anything is written,
 * devices get what is no RAM, stores to monitored pages are posted. gva is a linear address: the caller has added the segment's
 * base and cut the sum to the width of the mode. Thread: the vCPU's own. Return values: vcpu.h.
 */
#ifndef SHADOWPOOL_TRAPD_GVA_H
#define SHADOWPOOL_TRAPD_GVA_H

#include "trapd/cpu/vcpu.h"

/* Whose access it is. Without one of the first three: that of the virtual CPL. */
#define GVA_SYSTEM	(1u << 0)	/* implicit supervisor access: to GDT, LDT, IDT or TSS */
#define GVA_USER	(1u << 1)	/* CPL 3 */
#define GVA_SUPERVISOR	(1u << 2)	/* CPL 0: a frame is pushed to the stack of an inner ring */
#define GVA_FETCH	(1u << 3)	/* a read that fetches an instruction */

/* Read size (1 to 64) bytes. Returns 0, -EFAULT (#PF raised), -EOPNOTSUPP (size is above 8 and a part is no RAM). */
int gva_read(struct vcpu *v, uint64_t gva, void *out, unsigned size, unsigned flags);
/*
 * Look at size bytes of guest RAM as far as the guest's tables lead to them, whatever they permit: no A bit is set, no exception raised,
 * no device read. Returns how many bytes from the first one on could be read. For trapd's own needs, never for the guest's.
 */
unsigned gva_peek(const struct vcpu *v, uint64_t gva, void *out, unsigned size);
/*
 * Write size bytes, an aligned operand of 1, 2, 4 or 8 bytes with one host store. class: enum write_class, for the write event.
 * Returns 0, -EFAULT, -ECANCELED.
 */
int gva_write(struct vcpu *v, uint64_t gva, const void *in, unsigned size, unsigned flags, unsigned class);
/*
 * Make count aligned stores of the same value of size bytes (1, 2, 4, 8) at ascending addresses inside one page, at the virtual
 * CPL: one walk, one write event. Returns 0, -EFAULT, -EOPNOTSUPP (no RAM).
 */
int gva_fill(struct vcpu *v, uint64_t gva, unsigned size, unsigned count, uint64_t value, unsigned class);
/*
 * Check that size bytes can be written (or read) without doing it, as for a frame that must be possible as a whole before its
 * first store. A and D are set as by the access itself. Returns 0, -EFAULT.
 */
int gva_probe(struct vcpu *v, uint64_t gva, unsigned size, bool write, unsigned flags);
/*
 * Walk for a write, and give the host's pointer for an atomic read-modify-write of an aligned operand in RAM; *gpa gets its
 * guest-physical address. Returns 0, -EFAULT, -EOPNOTSUPP (no RAM, or not naturally aligned).
 */
int gva_rmw_ptr(struct vcpu *v, uint64_t gva, unsigned size, unsigned flags, void **ptr, uint64_t *gpa);
/* ev_flags (LINK_EVF_* and the class) of the write event of a store that is made with these GVA_* flags. */
uint16_t gva_event_flags(const struct vcpu *v, unsigned flags, unsigned class);

#endif
