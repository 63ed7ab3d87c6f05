/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fake vCPU with a GDT, an IDT, a TSS and stacks, for tests of delivery and of privileged instructions. */
#ifndef SHADOWPOOL_TESTS_FAKE_TABLES_H
#define SHADOWPOOL_TESTS_FAKE_TABLES_H

#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/insn/insn.h"
#include "trapd/priv/emulate_privileged.h"

#define FAKE_RAM	(4u << 20)
#define FAKE_GDT	0x1000u
#define FAKE_IDT	0x2000u
#define FAKE_TSS	0x3000u
#define FAKE_LDT	0x8000u
#define FAKE_TABLES	0x10000u
#define FAKE_STACK0	0x20000u	/* top of the ring 0 stack: SS0:ESP0 and RSP0 */
#define FAKE_STACK3	0x30000u
#define FAKE_IST1	0x28000u
#define FAKE_RIP	0x4000u

/* Selectors of its GDT; user ones have RPL 3. */
enum {
	FAKE_KCODE = 0x08, FAKE_KDATA = 0x10, FAKE_UCODE = 0x1b, FAKE_UDATA = 0x23, FAKE_ABSENT = 0x28, FAKE_KCODE64 = 0x30,
	FAKE_TSSSEL = 0x38,	/* and 0x40: its upper half in long mode */
	FAKE_CODE1 = 0x48, FAKE_UCODE64 = 0x53, FAKE_LDTSEL = 0x58, /* and 0x60 */ FAKE_CONFORMING = 0x68,
	FAKE_RODATA = 0x70, FAKE_SPARE = 0x78, /* and 0x80: for the test */
};

/* Ring 0, protected mode, unpaged, interrupts on, CF set. */
void fake_tables_legacy(struct fake_vcpu *f);
/* Ring 0, 64-bit mode, everything mapped U=1. */
void fake_tables_long(struct fake_vcpu *f);
void fake_put_gate(struct fake_vcpu *f, unsigned vector, uint16_t selector, uint64_t offset, uint8_t type_dpl_p, uint8_t ist);
/* What the GDT holds for a selector, as loaded. */
struct segment fake_load(struct fake_vcpu *f, uint16_t selector);
/* CPL, CS, SS (32-bit ones) and rSP. */
void fake_set_ring(struct fake_vcpu *f, unsigned cpl, uint64_t rsp);
/* Decode the bytes in the mode of CS and hand them to emulate_privileged(). */
int fake_run(struct fake_vcpu *f, const void *bytes, unsigned n);
#define FAKE_RUN(f, text) fake_run(f, text, sizeof(text) - 1)

#endif
