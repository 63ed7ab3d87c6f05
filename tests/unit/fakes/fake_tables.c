/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables for a fake vCPU, see fake_tables.h. Linked into test programs only. */
#include <criterion/criterion.h>

#include "tests/unit/fakes/fake_tables.h"
#include "tests/unit/fakes/insn_said.h"
#include "trapd/cpu/desc.h"

void fake_put_gate(struct fake_vcpu *f, unsigned vector, uint16_t selector, uint64_t offset, uint8_t type_dpl_p, uint8_t ist)
{
	bool wide = f->v.cpu.efer & EFER_LMA;
	uint64_t gate = (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)ist << 32 | (uint64_t)type_dpl_p << 40 |
			(offset & 0xffff0000) << 32;

	fake_put64(f, FAKE_IDT + vector * (wide ? 16 : 8), gate);
	if (wide)
		fake_put64(f, FAKE_IDT + vector * 16 + 8, offset >> 32);
}

struct segment fake_load(struct fake_vcpu *f, uint16_t selector)
{
	struct segment s;

	desc_parse(fake_get64(f, FAKE_GDT + (selector & ~7u)), selector, &s);
	return s;
}

void fake_set_ring(struct fake_vcpu *f, unsigned cpl, uint64_t rsp)
{
	f->v.cpu.cpl = cpl;
	f->v.cpu.seg[SREG_CS] = fake_load(f, cpl ? FAKE_UCODE : FAKE_KCODE);
	f->v.cpu.seg[SREG_SS] = fake_load(f, cpl ? FAKE_UDATA : FAKE_KDATA);
	f->v.cpu.gpr[GPR_RSP] = rsp;
}

static void fill_gdt(struct fake_vcpu *f)
{
	static const struct { uint16_t selector; uint32_t base, limit; uint8_t type, flags; } row[] = {
		{ FAKE_KCODE, 0, 0xfffff, 0x9a, 0xc }, { FAKE_KDATA, 0, 0xfffff, 0x92, 0xc },
		{ FAKE_UCODE, 0, 0xfffff, 0xfa, 0xc }, { FAKE_UDATA, 0, 0xfffff, 0xf2, 0xc },
		{ FAKE_ABSENT, 0, 0xfffff, 0x1a, 0xc }, { FAKE_KCODE64, 0, 0xfffff, 0x9a, 0xa },
		{ FAKE_TSSSEL, FAKE_TSS, 0x67, 0x89, 0 }, { FAKE_CODE1, 0, 0xfffff, 0xba, 0xc },
		{ FAKE_UCODE64, 0, 0xfffff, 0xfa, 0xa }, { FAKE_LDTSEL, FAKE_LDT, 0xf, 0x82, 0 },
		{ FAKE_CONFORMING, 0, 0xfffff, 0x9e, 0xc }, { FAKE_RODATA, 0, 0xfffff, 0x90, 0xc },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		fake_put64(f, FAKE_GDT + (row[i].selector & ~7u),
			   fake_descriptor(row[i].base, row[i].limit, row[i].type, row[i].flags));
}

void fake_tables_legacy(struct fake_vcpu *f)
{
	struct cpu_state *c = &f->v.cpu;

	fake_vcpu_init(f, FAKE_RAM);
	fill_gdt(f);
	c->gdtr = (struct desc_table){ FAKE_GDT, 0x87 };
	c->idtr = (struct desc_table){ FAKE_IDT, 0xfff };
	c->tr = (struct segment){ .selector = FAKE_TSSSEL, .usable = true, .type = DESC_TSS32_BUSY, .present = true,
				  .base = FAKE_TSS, .limit = 0x67 };
	fake_put32(f, FAKE_TSS + 4, FAKE_STACK0);
	fake_put32(f, FAKE_TSS + 8, FAKE_KDATA);
	c->rip = FAKE_RIP;
	c->rflags = RFLAGS_FIXED | RFLAGS_IF | RFLAGS_CF;
	fake_set_ring(f, 0, FAKE_STACK0);
}

void fake_tables_long(struct fake_vcpu *f)
{
	fake_tables_legacy(f);
	fake_vcpu_long_mode(f, FAKE_TABLES, true);
	f->v.cpu.seg[SREG_CS] = fake_load(f, FAKE_KCODE64);
	fake_put64(f, FAKE_TSS + 4, FAKE_STACK0);
}

int fake_run(struct fake_vcpu *f, const void *bytes, unsigned n)
{
	const struct cpu_state *c = &f->v.cpu;
	unsigned bits = cpu_code64(c) ? 64 : c->seg[SREG_CS].db ? 32 : 16;
	struct insn in;

	cr_assert_eq(insn_decode(bytes, n, bits, c->rip, &in), 0);
	cr_assert_eq(in.length, n, "the test's bytes are one instruction: %s", insn_said(&in, bits));
	return emulate_privileged(&f->v, &in);
}
