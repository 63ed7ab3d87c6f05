/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port of a vCPU as unit tests have it, see fake_vcpu.h. Linked into test programs only. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/kvm/cpuid.h"

static struct fake_vcpu *fake_of(struct vcpu *v)
{
	return (struct fake_vcpu *)(void *)v;
}

int vcpu_set_modes(struct vcpu *v, const struct modes *modes)
{
	struct fake_vcpu *f = fake_of(v);

	f->set_modes_calls++;
	if (f->set_modes_result)
		return f->set_modes_result;
	modes_store(&v->cpu, modes);
	fake_vcpu_sync(f);
	return 0;
}

int vcpu_invlpg(struct vcpu *v, uint64_t gva)
{
	struct fake_vcpu *f = fake_of(v);

	f->invlpg_calls++;
	f->invlpg_gva = gva;
	return 0;
}

void vcpu_write_begin(struct vcpu *v)
{
	(void)v;
}

void vcpu_write_end(struct vcpu *v)
{
	(void)v;
}

int vcpu_before_write(struct vcpu *v, uint64_t gva, uint64_t gpa, unsigned size, unsigned class)
{
	struct fake_vcpu *f = fake_of(v);

	f->asked[f->nasked++ % 16] = (struct fake_ask){ .gva = gva, .gpa = gpa, .size = size, .class = class, .nposts = f->nposts };
	return f->before_write_result;
}

void vcpu_run_begin(struct vcpu *v)
{
	struct fake_vcpu *f = fake_of(v);

	cr_assert(!f->run_open, "runs are not nested");
	f->run_open = true;
	f->runs++;
}

void vcpu_run_end(struct vcpu *v)
{
	cr_assert(fake_of(v)->run_open);
	fake_of(v)->run_open = false;
}

void vcpu_post_write(struct vcpu *v, uint64_t gpa, unsigned size, const void *new_bytes, const void *old_bytes,
		     uint16_t ev_flags)
{
	struct fake_vcpu *f = fake_of(v);
	struct fake_post *p = &f->post[f->nposts++ % 16];

	*p = (struct fake_post){ .gpa = gpa, .size = size, .flags = ev_flags, .in_run = f->run_open };
	if (size <= sizeof(p->new_bytes)) {
		memcpy(p->new_bytes, new_bytes, size);
		memcpy(p->old_bytes, old_bytes, size);
	}
}

void vcpu_post_fill(struct vcpu *v, uint64_t gpa, unsigned size, unsigned count, uint64_t value, uint16_t ev_flags)
{
	struct fake_vcpu *f = fake_of(v);
	struct fake_post *p = &f->post[f->nposts++ % 16];

	*p = (struct fake_post){ .gpa = gpa, .size = size, .count = count, .flags = ev_flags };
	memcpy(p->new_bytes, &value, sizeof(value));
}

uint8_t vcpu_moved_opcode(struct vcpu *v, uint64_t gva)
{
	return 0;
}

void vcpu_debug_changed(struct vcpu *v)
{
	fake_of(v)->debug_changes++;
}

uint8_t vcpu_read_cr8(struct vcpu *v)
{
	return fake_of(v)->cr8;
}

void vcpu_write_cr8(struct vcpu *v, uint8_t cr8)
{
	fake_of(v)->cr8 = cr8;
}

uint64_t vcpu_read_tsc_deadline(struct vcpu *v)
{
	return fake_of(v)->tsc_deadline;
}

void vcpu_write_tsc_deadline(struct vcpu *v, uint64_t deadline)
{
	fake_of(v)->tsc_deadline = deadline;
}

void vcpu_apic_base_changed(struct vcpu *v)
{
	fake_of(v)->apic_base_changes++;
}

uint64_t vcpu_read_tsc(struct vcpu *v)
{
	return fake_of(v)->tsc;
}

int vcpu_read_x87(struct vcpu *v, struct x87_image *out)
{
	*out = fake_of(v)->x87;
	return 0;
}

int vcpu_write_x87(struct vcpu *v, const struct x87_image *in)
{
	fake_of(v)->x87 = *in;
	return 0;
}

static struct segment flat_segment(uint16_t selector, uint8_t type)
{
	return (struct segment){ .selector = selector, .usable = true, .type = type, .code_or_data = true, .present = true,
				 .db = true, .g = true, .limit = 0xffffffff };
}

/* A processor of 2007: what tests of CPUID expect of it. */
static struct cpuid_table cpuid = {
	.head.nent = 4,
	.entry = {
		{ .function = 0, .eax = 4, .ebx = 0x756e6547, .ecx = 0x6c65746e, .edx = 0x49656e69 },
		{ .function = 1, .eax = 0x6fb, .ebx = 0x00000800, .ecx = 0x2201, .edx = 0x078bfbff },
		{ .function = 4, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX, .eax = 0x122 },
		{ .function = 0x80000000, .eax = 0x80000000 },
	},
};

/* There is no other vCPU, and this one looks by itself. */
static void no_kick(void *ctx)
{
}

void fake_vcpu_init(struct fake_vcpu *f, uint64_t ram_bytes)
{
	struct cpu_state *c = &f->v.cpu;

	*f = (struct fake_vcpu){ 0 };
	f->v.machine = &f->machine;
	stop_init(&f->machine.stop, no_kick, NULL);
	guest_ram_layout(&f->machine.ram, ram_bytes);
	f->machine.ram.base = calloc(1, ram_bytes);
	f->page_state = calloc(1, ram_bytes >> PAGE_SHIFT);
	cr_assert(f->machine.ram.base && f->page_state);
	f->machine.page_state = f->page_state;
	f->machine.facts.maxphyaddr = 40;
	f->machine.vcpu = &f->v;
	f->machine.cpuid = &cpuid;
	f->v.stat = f->stat;
	f->x87 = (struct x87_image){ .control = 0x37f };	/* FNINIT */
	c->cr0 = CR0_PE | CR0_ET;
	c->rflags = RFLAGS_FIXED;
	for (unsigned i = 0; i < SREG_COUNT; i++)
		c->seg[i] = flat_segment(0x10, 3);
	c->seg[SREG_CS] = flat_segment(0x08, 11);
	fake_vcpu_sync(f);
}

void fake_vcpu_fini(struct fake_vcpu *f)
{
	stop_destroy(&f->machine.stop);
	free(f->machine.ram.base);
	free(f->page_state);
	*f = (struct fake_vcpu){ 0 };
}

void fake_vcpu_sync(struct fake_vcpu *f)
{
	struct cpu_state *c = &f->v.cpu;

	walk_mode_from_cr(&f->v.walk, c->cr0, c->cr3, c->cr4, c->efer, c->rflags, f->machine.facts.maxphyaddr);
	memcpy(f->v.walk.pdpte, c->pdpte, sizeof(c->pdpte));
}

void *fake_ram(struct fake_vcpu *f, uint64_t gpa, uint64_t size)
{
	cr_assert(guest_ram_contains(&f->machine.ram, gpa, size), "test uses gpa %#lx outside its RAM", (unsigned long)gpa);
	return guest_ram_ptr(&f->machine.ram, gpa);
}

void fake_put32(struct fake_vcpu *f, uint64_t gpa, uint32_t value)
{
	memcpy(fake_ram(f, gpa, 4), &value, 4);
}

void fake_put64(struct fake_vcpu *f, uint64_t gpa, uint64_t value)
{
	memcpy(fake_ram(f, gpa, 8), &value, 8);
}

uint32_t fake_get32(struct fake_vcpu *f, uint64_t gpa)
{
	uint32_t value;

	memcpy(&value, fake_ram(f, gpa, 4), 4);
	return value;
}

uint64_t fake_get64(struct fake_vcpu *f, uint64_t gpa)
{
	uint64_t value;

	memcpy(&value, fake_ram(f, gpa, 8), 8);
	return value;
}

void fake_vcpu_long_mode(struct fake_vcpu *f, uint64_t tables_gpa, bool user)
{
	struct cpu_state *c = &f->v.cpu;
	uint64_t u = user ? PTE_U : 0;

	fake_put64(f, tables_gpa, (tables_gpa + PAGE_SIZE) | PTE_P | PTE_W | u);
	fake_put64(f, tables_gpa + PAGE_SIZE, PTE_P | PTE_W | PTE_PS | u);
	c->cr0 |= CR0_PE | CR0_PG;
	c->cr3 = tables_gpa;
	c->cr4 |= CR4_PAE;
	c->efer |= EFER_LME | EFER_LMA;
	c->seg[SREG_CS].l = true;
	c->seg[SREG_CS].db = false;
	fake_vcpu_sync(f);
}

uint64_t fake_descriptor(uint32_t base, uint32_t limit, uint8_t type_s_dpl_p, uint8_t flags)
{
	uint64_t low = (limit & 0xffff) | (uint64_t)(base & 0xffff) << 16;
	uint64_t high = (base >> 16 & 0xff) | (uint32_t)type_s_dpl_p << 8 | (limit & 0xf0000) | (uint32_t)(flags & 15) << 20 |
			(base & 0xff000000);

	return low | high << 32;
}
