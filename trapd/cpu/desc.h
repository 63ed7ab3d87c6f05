/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's descriptors: parsing, and reading them from its GDT, LDT and IDT as the CPU does (implicit supervisor
 * accesses). Sources: SDM vol. 3A 3.4.5 (segment descriptors), 3.5 (system descriptors), 5.8.3 (call gates), 6.11, 6.14.1.
 * Thread: the vCPU's own. Return values: vcpu.h.
 */
#ifndef SHADOWPOOL_TRAPD_DESC_H
#define SHADOWPOOL_TRAPD_DESC_H

#include "trapd/cpu/vcpu.h"

/* Selector fields, SDM vol. 3A 3.4.2. */
#define SELECTOR_RPL	3u
#define SELECTOR_TI	4u

/* Type field of system descriptors, SDM vol. 3A table 3-2. In long mode 1 to 7 but 2 are reserved. */
enum system_type {
	DESC_TSS16 = 1, DESC_LDT = 2, DESC_TSS16_BUSY = 3, DESC_CALL16 = 4, DESC_TASK_GATE = 5, DESC_INT16 = 6,
	DESC_TRAP16 = 7, DESC_TSS32 = 9, DESC_TSS32_BUSY = 11, DESC_CALL32 = 12, DESC_INT32 = 14, DESC_TRAP32 = 15,
};

/* Bits of the type field of code and data descriptors, SDM vol. 3A table 3-1. */
#define DESC_ACCESSED	1u
#define DESC_WRITABLE	2u	/* data */
#define DESC_READABLE	2u	/* code */
#define DESC_EXPAND_DOWN 4u	/* data */
#define DESC_CONFORMING	4u	/* code */
#define DESC_CODE	8u

struct descriptor {
	struct segment seg;	/* selector as given, RPL included */
	uint64_t gva;		/* linear address of the descriptor itself */
	uint64_t low, high;	/* as read; high is 0 for 8-byte descriptors */
};

struct gate {
	uint16_t selector;
	uint64_t offset;
	uint8_t type, dpl;
	bool present;
	uint8_t ist;		/* 64-bit interrupt and trap gates */
	uint8_t nparams;	/* 16- and 32-bit call gates */
};

static inline bool selector_is_null(uint16_t selector)
{
	return !(selector & ~SELECTOR_RPL);
}

static inline bool segment_is_code(const struct segment *s)
{
	return s->code_or_data && (s->type & DESC_CODE);
}

static inline bool segment_is_conforming(const struct segment *s)
{
	return segment_is_code(s) && (s->type & DESC_CONFORMING);
}

static inline bool segment_is_writable_data(const struct segment *s)
{
	return s->code_or_data && (s->type & (DESC_CODE | DESC_WRITABLE)) == DESC_WRITABLE;
}

/* vcpu_raise() with a selector error code: RPL bits cleared. Returns -EFAULT. */
int desc_raise(struct vcpu *v, uint8_t vector, uint16_t selector);

/* Parse an 8-byte segment descriptor (or the lower half of a 16-byte one). */
void desc_parse(uint64_t low, uint16_t selector, struct segment *out);
/* Parse a gate. high: the upper half of a 16-byte gate; wide says that there is one. 16-bit offsets are zero-extended. */
void desc_parse_gate(uint64_t low, uint64_t high, bool wide, struct gate *out);

/*
 * Read the 8-byte descriptor that a non-null selector names. Outside its table, or an LDT selector without LDT:
 * vector(selector) is raised. 0, -EFAULT.
 */
int desc_read(struct vcpu *v, uint16_t selector, uint8_t vector, struct descriptor *out);
/*
 * Fetch the upper half of a system descriptor read by desc_read, in long mode: base or offset bits 63 to 32. Beyond the table,
 * or its type field (bits 40 to 44) not 0: vector(selector). A no-op in legacy mode. 0, -EFAULT.
 */
int desc_read_upper(struct vcpu *v, uint8_t vector, struct descriptor *d);

/* Set the accessed bit of a code or data descriptor in guest memory, if it is clear. 0, -EFAULT (#PF). */
int desc_set_accessed(struct vcpu *v, struct descriptor *d);
/* Mark an available TSS descriptor busy. 0, -EFAULT (#PF). */
int desc_set_busy(struct vcpu *v, struct descriptor *d);

#endif
