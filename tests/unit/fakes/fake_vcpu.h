/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vCPU without KVM and without poold: guest RAM from malloc(), and the second implementation of the port that trapd/cpu/vcpu.h
 * describes, whose functions record what they were asked. Under it cpu/, insn/, emulate/ and priv/ run alone; what
 * rooms above them keep of a vCPU (v.pool, v.link, v.world, v.priv, v.threads) is NULL.
 *
 * A test of a room above may have it too, but then no member of an archive that defines a function of the port: what it needs of
 * such a member it brings itself.
 */
#ifndef SHADOWPOOL_TESTS_FAKE_VCPU_H
#define SHADOWPOOL_TESTS_FAKE_VCPU_H

#include "trapd/cpu/machine.h"
#include "trapd/cpu/vcpu.h"
#include "trapd/emulate/x87.h"

/* count: 0 for a store, the number of stores of a fill. */
struct fake_post { uint64_t gpa; unsigned size, count; uint8_t new_bytes[64], old_bytes[64]; uint16_t flags; bool in_run; };
/* What vcpu_before_write() was asked. nposts: stores before it. */
struct fake_ask { uint64_t gva, gpa; unsigned size, class, nposts; };

struct fake_vcpu {
	struct vcpu v;			/* first: the stand-ins get from v to the rest */
	struct machine machine;
	uint64_t stat[TRAP_STAT_COUNT];
	uint8_t *page_state;
	unsigned set_modes_calls;
	int set_modes_result;		/* answered instead of 0 if not 0 */
	unsigned invlpg_calls;
	uint64_t invlpg_gva;
	unsigned debug_changes;
	uint64_t tsc, tsc_deadline;
	uint8_t cr8;
	struct x87_image x87;
	unsigned apic_base_changes;
	unsigned nposts;		/* all of them; the last 16 are kept */
	struct fake_post post[16];
	unsigned nasked;		/* all of them; the last 16 are kept */
	struct fake_ask asked[16];
	int before_write_result;
	unsigned runs;			/* vcpu_run_begin() */
	bool run_open;
};

/* ram_bytes: a multiple of 4 KiB, at most 3 GiB. The CPU is as a Multiboot loader leaves it: protected mode, unpaged, flat. */
void fake_vcpu_init(struct fake_vcpu *f, uint64_t ram_bytes);
void fake_vcpu_fini(struct fake_vcpu *f);
/* Take over registers that the test wrote into v.cpu: refreshes v.walk. */
void fake_vcpu_sync(struct fake_vcpu *f);
/* Host address of guest RAM; the test fails if it is outside. */
void *fake_ram(struct fake_vcpu *f, uint64_t gpa, uint64_t size);
void fake_put32(struct fake_vcpu *f, uint64_t gpa, uint32_t value);
void fake_put64(struct fake_vcpu *f, uint64_t gpa, uint64_t value);
uint32_t fake_get32(struct fake_vcpu *f, uint64_t gpa);
uint64_t fake_get64(struct fake_vcpu *f, uint64_t gpa);
/* 64-bit mode, CPL 0, with the first GiB identity mapped by a 1 GiB page; tables at gpa (two pages). user: U=1. */
void fake_vcpu_long_mode(struct fake_vcpu *f, uint64_t tables_gpa, bool user);
/* 8-byte segment descriptor. type_s_dpl_p: bits 8 to 15 of the high word, flags: G, D/B, L, AVL as bits 3 to 0. */
uint64_t fake_descriptor(uint32_t base, uint32_t limit, uint8_t type_s_dpl_p, uint8_t flags);

#endif
