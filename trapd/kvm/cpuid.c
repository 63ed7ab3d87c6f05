/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID policy as a table of masks: a leaf that has no row is removed. Process trapd, creating thread.
 * Source: SDM vol. 2A CPUID; APM vol. 3 appendix E.
 */
#include "trapd/kvm/cpuid.h"

#include <cpuid.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/x86.h"

#define BIT(n) (1u << (n))
#define ALL 0xffffffffu
#define INTEL_EBX 0x756e6547u	/* "Genu" */

#define LEAF_XSAVE 13u
#define XSAVE_1_ECX (BIT(12) | BIT(26) | BIT(28) | BIT(29))				/* FMA XSAVE AVX F16C */
#define XSAVE_7_EBX (BIT(5) | BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31))	/* AVX2; AVX-512 F, DQ, CD, BW, VL */
#define COMPACT_ALIGNED BIT(1)	/* of ECX of a state's leaf */
#define XSAVE_D1_EAX (BIT(0) | BIT(1) | BIT(2))						/* XSAVEOPT XSAVEC XGETBV(1) */

struct leaf_policy {
	uint32_t function;
	uint32_t keep[4];	/* EAX, EBX, ECX, EDX: bits taken from KVM's answer */
	uint32_t set[4];	/* bits that are virtual and always there */
};

static const struct leaf_policy policies[] = {
	{ 0x00000000, { ALL, ALL, ALL, ALL }, { 0 } },		/* EAX is clipped below */
	{ 0x00000001,
	  /* SSE3 PCLMUL SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES RDRAND, TSC deadline; FPU DE PSE TSC MSR PAE CX8 PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 */
	  { ALL, 0x0000ff00, BIT(0) | BIT(1) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) | BIT(30),
	    BIT(0) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(8) | BIT(13) | BIT(15) | BIT(16) | BIT(17) | BIT(19) |
	    BIT(23) | BIT(24) | BIT(25) | BIT(26) },
	  { 0, 0, BIT(17) | BIT(24), BIT(3) | BIT(6) | BIT(9) | BIT(13) | BIT(17) } },	/* PCID, APIC; PSE, PAE, PGE, PSE-36 by the shadow tables */
	/* ERMS ADX CLFLUSHOPT SHA; UMIP; SMEP, INVPCID and SMAP are virtual, so always there */
	{ 0x00000007, { 0, BIT(9) | BIT(19) | BIT(23) | BIT(29), BIT(2), 0 }, { 0, BIT(7) | BIT(10) | BIT(20), 0, 0 } },
	{ 0x80000000, { ALL, ALL, ALL, ALL }, { 0 } },
	/* LAHF ABM SSE4A MISALIGNSSE PREFETCHW; SYSCALL RDTSCP LM as the host has them; NX and 1 GiB pages are virtual */
	{ 0x80000001, { ALL, 0, BIT(0) | BIT(5) | BIT(6) | BIT(7) | BIT(8), BIT(11) | BIT(27) | BIT(29) },
	  { 0, 0, 0, BIT(11) | BIT(20) | BIT(26) } },
	{ 0x80000002, { ALL, ALL, ALL, ALL }, { 0 } },
	{ 0x80000003, { ALL, ALL, ALL, ALL }, { 0 } },
	{ 0x80000004, { ALL, ALL, ALL, ALL }, { 0 } },
	{ 0x80000008, { 0xffff, 0, 0, 0 }, { 0 } },		/* physical and linear address widths */
};

static const struct leaf_policy *policy_of(const struct kvm_cpuid_entry2 *e)
{
	if (e->function == 7 && e->index != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (policies[i].function == e->function)
			return &policies[i];
	return NULL;
}

static void apply(struct kvm_cpuid_entry2 *e, const struct leaf_policy *p)
{
	e->eax = (e->eax & p->keep[0]) | p->set[0];
	e->ebx = (e->ebx & p->keep[1]) | p->set[1];
	e->ecx = (e->ecx & p->keep[2]) | p->set[2];
	e->edx = (e->edx & p->keep[3]) | p->set[3];
	if (e->function == 0 && e->eax > 7)
		e->eax = 7;
	if (e->function == 0x80000000 && e->eax > 0x80000008)
		e->eax = 0x80000008;
	if (e->function == 7)
		e->eax = 0;
}

static struct kvm_cpuid_entry2 *find(struct cpuid_table *t, uint32_t leaf, uint32_t subleaf)
{
	for (uint32_t i = 0; i < t->head.nent; i++) {
		struct kvm_cpuid_entry2 *e = &t->entry[i];

		if (e->function == leaf && (e->index == subleaf || !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return e;
	}
	return NULL;
}

void cpuid_set_apic_id(struct cpuid_table *t, uint8_t id)
{
	struct kvm_cpuid_entry2 *one = find(t, 1, 0);

	if (one)
		one->ebx = (one->ebx & 0x00ffffff) | (uint32_t)id << 24;
}

/* The highest leaf of the range that leaf belongs to; 0: there is no such range. */
static uint32_t highest(struct cpuid_table *t, uint32_t leaf)
{
	const struct kvm_cpuid_entry2 *first = find(t, leaf & 0x80000000u, 0);

	return first ? first->eax : 0;
}

void cpuid_look_up(struct cpuid_table *t, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	const struct kvm_cpuid_entry2 *e = find(t, leaf, subleaf), *zero = find(t, 0, 0);

	if (!e && zero && zero->ebx == INTEL_EBX && leaf > highest(t, leaf))
		e = find(t, zero->eax, subleaf);
	out[0] = e ? e->eax : 0;
	out[1] = e ? e->ebx : 0;
	out[2] = e ? e->ecx : 0;
	out[3] = e ? e->edx : 0;
}

int cpuid_build(int kvm_fd, struct cpuid_table *out, uint8_t *maxphyaddr)
{
	uint32_t kept = 0;

	memset(out, 0, sizeof(*out));
	out->head.nent = CPUID_MAX_ENTRIES;
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, out))
		return -errno;
	if (out->head.nent > CPUID_MAX_ENTRIES)
		return -E2BIG;
	*maxphyaddr = 36;		/* SDM vol. 3A 4.1.4: without leaf 0x80000008 */
	for (uint32_t i = 0; i < out->head.nent; i++) {
		const struct leaf_policy *p = policy_of(&out->entry[i]);

		if (!p)
			continue;
		out->entry[kept] = out->entry[i];
		apply(&out->entry[kept], p);
		if (out->entry[kept].function == 0x80000008)
			*maxphyaddr = out->entry[kept].eax & 0xff;
		kept++;
	}
	memset(&out->entry[kept], 0, (CPUID_MAX_ENTRIES - kept) * sizeof(out->entry[0]));
	out->head.nent = kept;
	return 0;
}

/* The next entry, with this processor's answer; NULL: the table is full. */
static struct kvm_cpuid_entry2 *add_native(struct cpuid_table *t, uint32_t leaf, uint32_t subleaf)
{
	struct kvm_cpuid_entry2 *e = &t->entry[t->head.nent];

	if (t->head.nent == CPUID_MAX_ENTRIES)
		return NULL;
	t->head.nent++;
	*e = (struct kvm_cpuid_entry2){ .function = leaf, .index = subleaf, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX };
	__cpuid_count(leaf, subleaf, e->eax, e->ebx, e->ecx, e->edx);
	return e;
}

void cpuid_add_xsave(struct cpuid_table *t, uint64_t xcr0)
{
	struct kvm_cpuid_entry2 *zero = find(t, 0, 0), *one = find(t, 1, 0), *seven = find(t, 7, 0), *compact, *state;
	uint32_t eax, ebx, ecx, edx, bytes = 576;	/* x87, SSE and the header; vol. 1 13.4 */

	if (!zero || !one || !seven)
		return;
	zero->eax = LEAF_XSAVE;
	__cpuid(1, eax, ebx, ecx, edx);
	one->ecx |= ecx & XSAVE_1_ECX;
	__cpuid_count(7, 0, eax, ebx, ecx, edx);
	seven->ebx |= ebx & XSAVE_7_EBX;
	add_native(t, LEAF_XSAVE, 0);
	compact = add_native(t, LEAF_XSAVE, 1);
	for (uint32_t i = 2; i < 63; i++) {
		state = xcr0 >> i & 1 ? add_native(t, LEAF_XSAVE, i) : NULL;
		if (state)
			bytes = (state->ecx & COMPACT_ALIGNED ? (bytes + 63) & ~63u : bytes) + state->eax;
	}
	/* Of the compact format, without the states that only XSAVES has. */
	if (compact) {
		compact->eax &= XSAVE_D1_EAX;
		compact->ebx = bytes;
		compact->ecx = compact->edx = 0;
	}
}
