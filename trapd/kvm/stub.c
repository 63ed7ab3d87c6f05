/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds and edits the stub window. Process trapd; at creation the control thread, later the vCPU's own thread for its own
 * block. Only this file knows where things lie in the window.
 */
#include "trapd/kvm/stub.h"

#include <assert.h>
#include <string.h>

#include "common/x86.h"

extern const uint8_t stub_code_start[], stub_code_tail_iret[], stub_code_tail_cr3[], stub_code_flushed[], stub_code_end[];

#define TOUCH_BYTES	6u			/* popq %rcx; lock orb $0, 1(%rcx) */
#define LARGE_SUPERVISOR (PTE_P | PTE_W | PTE_A | PTE_D | PTE_PS)
#define TABLE_SUPERVISOR (PTE_P | PTE_W | PTE_A)
#define TSS_LIMIT	0x67u			/* SDM vol. 3A 7.7 */
#define IST_DB		1u
#define IST_DF		2u

static uint64_t *stub_words(const struct stub *s, uint64_t offset)
{
	return (uint64_t *)(void *)(s->base + offset);
}

static uint64_t *gdt_of(const struct stub *s, unsigned n)
{
	return stub_words(s, STUB_VCPU(n) + STUB_VCPU_GDT);
}

/* SDM vol. 3A figure 6-8. */
static void build_idt(struct stub *s)
{
	for (unsigned v = 0; v < 256; v++) {
		uint64_t va = s->va + STUB_CODE + 16 * v;
		uint64_t ist = v == VEC_DB ? IST_DB : v == VEC_DF ? IST_DF : 0;
		/* INT3 and INTO go through their gates; every other INT n must fault, so that it can be told from a fault. */
		uint64_t dpl = v == VEC_BP || v == VEC_OF ? 3 : 0;
		uint64_t *gate = stub_words(s, STUB_IDT + 16 * v);

		gate[0] = (va & 0xffff) | ((uint64_t)STUB_SEL_CS << 16) | (ist << 32) | (0x8eull << 40) | (dpl << 45) |
			  (((va >> 16) & 0xffff) << 48);
		gate[1] = va >> 32;
	}
}

void stub_build(struct stub *s, uint8_t *base, uint32_t slot)
{
	uint64_t *pdpt, *pd;

	s->base = base;
	s->slot = slot;
	s->va = ((uint64_t)slot << 39) | 0xffff000000000000ull;
	assert((uint64_t)(stub_code_tail_cr3 - stub_code_start) == STUB_VECTORS_END + STUB_MAX_TOUCH * TOUCH_BYTES);
	assert((uint64_t)(stub_code_end - stub_code_start) <= STUB_CODE_END);
	memcpy(base + STUB_CODE, stub_code_start, (size_t)(stub_code_end - stub_code_start));
	build_idt(s);
	pdpt = stub_words(s, STUB_PDPT);
	pd = stub_words(s, STUB_PD);
	pdpt[0] = STUB_PD | TABLE_SUPERVISOR;
	pd[0] = LARGE_SUPERVISOR;
	pd[1] = (2ull << 20) | LARGE_SUPERVISOR;
}

void stub_map_pool(struct stub *s, uint64_t pool_maddr, uint64_t pool_bytes)
{
	uint64_t *pdpt = stub_words(s, STUB_PDPT);

	for (uint64_t i = 1; i < 512; i++)
		pdpt[i] = 0;
	memset(s->base + STUB_POOL_PD, 0, 63 * PAGE_SIZE);
	for (uint64_t offset = 0; offset < pool_bytes; offset += 2ull << 20) {
		uint64_t maddr = pool_maddr + offset, gib = maddr >> 30, table = STUB_POOL_PD + (offset >> 30) * PAGE_SIZE;

		pdpt[gib] = table | TABLE_SUPERVISOR;
		stub_words(s, table)[(maddr >> 21) & 511] = maddr | LARGE_SUPERVISOR;
	}
}

uint64_t stub_pml4_entry(const struct stub *s)
{
	(void)s;
	return STUB_PDPT | TABLE_SUPERVISOR;	/* the window's machine address is 0 */
}

bool stub_contains(const struct stub *s, uint64_t va)
{
	return va >> 39 == s->va >> 39;
}

/* SDM vol. 3A figures 3-8 and 5-1. */
static uint64_t descriptor(uint64_t base, uint32_t limit, unsigned access, unsigned flags)
{
	return (limit & 0xffff) | ((base & 0xffffff) << 16) | ((uint64_t)access << 40) |
	       ((uint64_t)((limit >> 16) & 15) << 48) | ((uint64_t)flags << 52) | (((base >> 24) & 0xff) << 56);
}

void stub_build_vcpu(struct stub *s, unsigned n)
{
	uint64_t block = STUB_VCPU(n), *gdt = gdt_of(s, n), tss_va = s->va + block + STUB_VCPU_TSS;
	uint8_t *tss = s->base + block + STUB_VCPU_TSS;
	const struct { unsigned offset; uint64_t top; } stacks[] = {
		{ 4, STUB_VCPU_STACK_TOP }, { 36, STUB_VCPU_DB_TOP }, { 44, STUB_VCPU_DF_TOP },
	};
	const uint16_t no_io_bitmap = TSS_LIMIT + 1;	/* or ports below 832 are allowed (doc/spec/host-facts.md) */

	memset(s->base + block, 0, 0x28000);
	gdt[STUB_SEL_CS / 8] = descriptor(0, 0xfffff, 0x9b, 0xa);
	gdt[STUB_SEL_DS / 8] = descriptor(0, 0xfffff, 0x93, 0xc);
	gdt[STUB_SEL_TSS / 8] = descriptor(tss_va, TSS_LIMIT, 0x8b, 0);
	gdt[STUB_SEL_TSS / 8 + 1] = tss_va >> 32;
	for (unsigned i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
		uint64_t top = s->va + block + stacks[i].top;

		memcpy(tss + stacks[i].offset, &top, sizeof(top));
	}
	memcpy(tss + 102, &no_io_bitmap, sizeof(no_io_bitmap));
}

static struct stub_frame *frame_below(const struct stub *s, unsigned n, uint64_t top)
{
	return (struct stub_frame *)(void *)(s->base + STUB_VCPU(n) + top - sizeof(struct stub_frame));
}

struct stub_frame *stub_frame_of(const struct stub *s, unsigned n)
{
	return frame_below(s, n, STUB_VCPU_STACK_TOP);
}

struct stub_frame *stub_db_frame_of(const struct stub *s, unsigned n)
{
	return frame_below(s, n, STUB_VCPU_DB_TOP);
}

/* Where can the guest's selector stand? Null, LDT selectors and the indexes of ours cannot: they get an own descriptor. */
static uint16_t real_selector(uint16_t wanted, uint16_t own)
{
	return wanted < 8 || (wanted & 4) || (wanted & ~7u) >= STUB_SEL_FIRST_OWN ? own : (uint16_t)(wanted | 3);
}

static uint32_t raw_limit(const struct segment *seg)
{
	return seg->g ? seg->limit >> 12 : seg->limit;
}

void stub_set_code_and_stack(struct stub *s, unsigned n, const struct segment *cs, const struct segment *ss, uint16_t *cs_real,
			     uint16_t *ss_real)
{
	static const struct segment flat_stack = { .usable = true, .type = 3, .db = true, .g = true, .limit = 0xffffffff };
	uint64_t *gdt = gdt_of(s, n);
	/* present, DPL 3, S; accessed is set so that the CPU never writes the table */
	const unsigned code = 0x80 | 0x60 | 0x18 | 1, data = 0x80 | 0x60 | 0x10 | 3;

	gdt[*cs_real / 8] = 0;
	gdt[*ss_real / 8] = 0;
	if (!ss->usable)	/* null: legal at CPL 0 of 64-bit code, where base and limit do not matter */
		ss = &flat_stack;
	*cs_real = real_selector(cs->selector, STUB_SEL_GUEST_CS);
	*ss_real = real_selector(ss->selector, STUB_SEL_GUEST_SS);
	if ((*cs_real & ~7u) == (*ss_real & ~7u))
		*ss_real = STUB_SEL_GUEST_SS;
	gdt[*cs_real / 8] = descriptor(cs->base, raw_limit(cs), code | (cs->type & 2),
				       (cs->g ? 8u : 0) | (cs->db ? 4u : 0) | (cs->l ? 2u : 0));
	gdt[*ss_real / 8] = descriptor(ss->base, raw_limit(ss), data | (ss->type & 4), (ss->g ? 8u : 0) | (ss->db ? 4u : 0));
}

struct segment stub_segment(const struct stub *s, unsigned n, uint16_t selector)
{
	uint64_t d = gdt_of(s, n)[selector / 8];
	uint32_t limit = (uint32_t)((d & 0xffff) | (d >> 32 & 0xf0000));
	bool g = d >> 55 & 1;

	return (struct segment){
		.selector = selector, .usable = true, .type = d >> 40 & 15, .code_or_data = d >> 44 & 1, .dpl = d >> 45 & 3,
		.present = d >> 47 & 1, .avl = d >> 52 & 1, .l = d >> 53 & 1, .db = d >> 54 & 1, .g = g,
		.base = (d >> 16 & 0xffffff) | (d >> 56) << 24, .limit = g ? limit << 12 | 0xfff : limit,
	};
}

static uint64_t flushed_rip(const struct stub *s)
{
	return s->va + STUB_CODE + (uint64_t)(stub_code_flushed - stub_code_start);
}

struct stub_frame stub_flushed_frame(const struct stub *s, unsigned n)
{
	return (struct stub_frame){ .rip = flushed_rip(s), .cs = STUB_SEL_CS, .rflags = RFLAGS_FIXED,
				    .rsp = s->va + STUB_VCPU(n) + STUB_VCPU_STACK_TOP, .ss = STUB_SEL_DS };
}

bool stub_is_flushed(const struct stub *s, uint64_t rip)
{
	return rip >= flushed_rip(s) && rip < s->va + STUB_CODE_END;
}

struct stub_start stub_prepare_return(struct stub *s, unsigned n, const struct stub_return *r)
{
	struct stub_frame *out = stub_frame_of(s, n);
	uint64_t *stack = &out->rip, top = s->va + STUB_VCPU(n) + STUB_VCPU_STACK_TOP;
	uint64_t tail = s->va + STUB_CODE;

	*out = r->frame;
	if (!r->cr3)
		return (struct stub_start){ .rip = tail + (uint64_t)(stub_code_tail_iret - stub_code_start), .rsp = top - 5 * 8,
					    .rax = r->rax };
	*--stack = r->rax;
	*--stack = r->rcx;
	for (unsigned i = r->ntouch; i > 0; i--)
		*--stack = s->va + r->touch[i - 1];
	return (struct stub_start){
		.rip = tail + (uint64_t)(stub_code_tail_cr3 - stub_code_start) - (uint64_t)TOUCH_BYTES * r->ntouch,
		.rsp = top - (7 + r->ntouch) * 8,
		.rax = r->cr3,
	};
}
