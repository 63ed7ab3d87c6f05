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
	struct segment seg;	/* its selector is the one that was asked for, with its RPL */
	uint64_t gva;		/* linear address of the descriptor itself */
	uint64_t low, high;	/* the words in memory; high is 0 for a descriptor of 8 bytes */
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

/* Raise a vector whose error code is a selector without its RPL. Returns -EFAULT. */
int desc_raise(struct vcpu *v, uint8_t vector, uint16_t selector);

/* Parse an 8-byte segment descriptor (or the lower half of a 16-byte one). */
void desc_parse(uint64_t low, uint16_t selector, struct segment *out);
/* Parse a gate. wide: it has 16 bytes and high is their upper half. The offset of a 16-bit gate is zero-extended. */
void desc_parse_gate(uint64_t low, uint64_t high, bool wide, struct gate *out);

/*
 * Read the descriptor of 8 bytes that a selector other than null names. If it lies outside its table, or in an LDT that there is
 * not, the vector given is raised with the selector as error code. Returns 0, -EFAULT.
 */
int desc_read(struct vcpu *v, uint16_t selector, uint8_t vector, struct descriptor *out);
/*
 * Long mode: read the upper half of a system descriptor that desc_read() has read, with bits 63 to 32 of base or offset. If it
 * lies beyond the table, or its type field (bits 40 to 44) is not 0, the vector given is raised with the selector as error code.
 * In legacy mode nothing happens. Returns 0, -EFAULT.
 */
int desc_read_upper(struct vcpu *v, uint8_t vector, struct descriptor *d);

/* Set the accessed bit of a code or data descriptor in guest memory, unless it is set already. Returns 0, -EFAULT (#PF). */
int desc_set_accessed(struct vcpu *v, struct descriptor *d);
/* Mark the descriptor of an available TSS as busy in guest memory. Returns 0, -EFAULT (#PF). */
int desc_set_busy(struct vcpu *v, struct descriptor *d);

#endif
