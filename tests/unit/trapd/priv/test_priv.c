/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control registers, MSRs, descriptor tables, segment loads, flags and debug registers as the guest sees them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fakes/fake_tables.h"
#include "trapd/cpu/desc.h"
#include "trapd/cpu/seg.h"
#include "trapd/kvm/cpuid.h"

static struct fake_vcpu f;
static struct cpu_state *const c = &f.v.cpu;

static void setup(void)
{
	fake_tables_legacy(&f);
}

static void setup64(void)
{
	fake_tables_long(&f);
}

static void teardown(void)
{
	fake_vcpu_fini(&f);
}

TestSuite(priv, .init = setup, .fini = teardown);
TestSuite(priv64, .init = setup64, .fini = teardown);

static void expect_exception(int ret, uint8_t vector, uint32_t error)
{
	cr_expect_eq(ret, -EFAULT, "returned %d", ret);
	cr_expect(f.v.exc.pending && f.v.exc.vector == vector && f.v.exc.error == error, "vector %u error %#x", f.v.exc.vector,
		  f.v.exc.error);
	cr_expect_eq(c->rip, FAKE_RIP, "a fault leaves RIP at the instruction");
}

#define LAPIC_RESET 0xfee00900
#define EXPECT_GP0(text) expect_exception(FAKE_RUN(&f, text), VEC_GP, 0)

static void expect_done(int ret, unsigned length)
{
	cr_expect_eq(ret, 0, "returned %d (vector %u)", ret, f.v.exc.vector);
	cr_expect_eq(c->rip, FAKE_RIP + length);
	c->rip = FAKE_RIP;
}

#define EXPECT_DONE(text) expect_done(FAKE_RUN(&f, text), sizeof(text) - 1)

#define MOV_CR0_EAX "\x0f\x22\xc0"
#define MOV_CR3_EAX "\x0f\x22\xd8"
#define MOV_CR4_EAX "\x0f\x22\xe0"
#define MOV_EAX_CR0 "\x0f\x20\xc0"

Test(priv, user_mode_gets_gp_for_what_is_ring_0_only)
{
	fake_set_ring(&f, 3, FAKE_STACK3);
	EXPECT_GP0(MOV_CR0_EAX);
	EXPECT_GP0("\x0f\x22\xd8");
	EXPECT_GP0("\x0f\x30");		/* wrmsr */
	EXPECT_GP0("\x0f\x32");		/* rdmsr */
	EXPECT_GP0("\x0f\x01\x10");	/* lgdt */
	EXPECT_GP0("\x0f\x01\x18");	/* lidt */
	EXPECT_GP0("\x0f\x00\xd0");	/* lldt */
	EXPECT_GP0("\x0f\x00\xd8");	/* ltr */
	EXPECT_GP0("\x0f\x01\xf0");	/* lmsw */
	EXPECT_GP0("\x0f\x06");		/* clts */
	EXPECT_GP0("\x0f\x01\x38");	/* invlpg */
	EXPECT_GP0("\x0f\x08");		/* invd */
	EXPECT_GP0("\x0f\x09");		/* wbinvd */
	EXPECT_GP0("\xf4");		/* hlt */
	EXPECT_GP0("\x0f\x23\xf8");	/* mov dr7 */
	EXPECT_GP0("\xfa");		/* cli */
	EXPECT_GP0("\xfb");		/* sti */
	cr_expect_eq(f.machine.stop.why.reason, VM_RUNNING);
	cr_expect_eq(f.set_modes_calls, 0);
}

Test(priv, what_is_not_in_the_table_or_locked_is_left_to_the_caller)
{
	cr_expect_eq(FAKE_RUN(&f, "\x89\xc8"), -EOPNOTSUPP);	/* mov eax, ecx */
	cr_expect_eq(FAKE_RUN(&f, "\x0f\x0b"), -EOPNOTSUPP);	/* ud2 */
	cr_expect_eq(FAKE_RUN(&f, "\x58"), -EOPNOTSUPP);	/* pop eax */
	cr_expect_eq(emulate_privileged(&f.v, &(struct insn){ .id = X86_INS_CLTS, .length = 3, .lock = true }), -EOPNOTSUPP);
}

Test(priv, cr0_combinations)
{
	c->gpr[GPR_RAX] = CR0_PG;
	EXPECT_GP0(MOV_CR0_EAX);
	c->gpr[GPR_RAX] = CR0_PE | CR0_NW;
	EXPECT_GP0(MOV_CR0_EAX);
	c->gpr[GPR_RAX] = CR0_PE | CR0_NW | CR0_CD | 0x1ffaffc0;
	EXPECT_DONE(MOV_CR0_EAX);
	cr_expect_eq(c->cr0, CR0_PE | CR0_NW | CR0_CD | CR0_ET, "undefined bits stay 0, ET 1: %#lx", (unsigned long)c->cr0);
	EXPECT_DONE(MOV_EAX_CR0);
	cr_expect_eq(c->gpr[GPR_RAX], c->cr0);
}

Test(priv, turning_paging_on_asks_for_a_root)
{
	c->cr3 = 0x9000;
	c->cr4 = CR4_PSE;
	fake_put32(&f, 0x9000, PTE_P | PTE_W | PTE_PS);
	c->gpr[GPR_RAX] = CR0_PE | CR0_PG | CR0_WP;
	EXPECT_DONE(MOV_CR0_EAX);
	cr_expect_eq(f.set_modes_calls, 1);
	cr_expect_eq(c->cr0, CR0_PE | CR0_PG | CR0_WP | CR0_ET);
	cr_expect_eq(f.v.walk.paging, WALK_32BIT);
	c->gpr[GPR_RAX] |= CR0_TS;
	EXPECT_DONE(MOV_CR0_EAX);
	cr_expect_eq(f.set_modes_calls, 1, "TS alone is no business of poold's");
	cr_expect(f.v.sregs_dirty);
	EXPECT_DONE("\x0f\x06");
	cr_expect_not(c->cr0 & CR0_TS);
	cr_expect_eq(f.set_modes_calls, 1);
}

Test(priv, lost_link_leaves_the_instruction_undone)
{
	f.set_modes_result = -ENOTCONN;
	c->gpr[GPR_RAX] = 0x9000;
	cr_expect_eq(FAKE_RUN(&f, MOV_CR3_EAX), -ENOTCONN);
	cr_expect_eq(c->rip, FAKE_RIP);
	cr_expect_eq(c->cr3, 0);
}

Test(priv, real_mode_is_refused)
{
	c->gpr[GPR_RAX] = 0;
	cr_expect_eq(FAKE_RUN(&f, MOV_CR0_EAX), -ECANCELED);
	cr_expect(strstr(f.machine.stop.why.message, "real mode"));
}

Test(priv, lmsw_sets_but_never_clears_pe)
{
	c->gpr[GPR_RAX] = 0xfff0 | CR0_MP;
	EXPECT_DONE("\x0f\x01\xf0");
	cr_expect_eq(c->cr0, CR0_PE | CR0_MP | CR0_ET);
}

Test(priv, cr4_reserved_and_hidden_bits_are_gp)
{
	static const uint64_t bad[] = { CR4_VME, CR4_PVI, CR4_LA57, CR4_FSGSBASE, CR4_OSXSAVE, CR4_PKE, 1u << 13,
					1u << 15, 1u << 23, 1u << 31 };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c->gpr[GPR_RAX] = bad[i];
		EXPECT_GP0(MOV_CR4_EAX);
	}
	c->gpr[GPR_RAX] = CR4_OSFXSR | CR4_TSD;
	EXPECT_DONE(MOV_CR4_EAX);
	cr_expect_eq(f.set_modes_calls, 0);
	c->gpr[GPR_RAX] |= CR4_PSE | CR4_SMEP;
	EXPECT_DONE(MOV_CR4_EAX);
	cr_expect_eq(f.set_modes_calls, 1);
}

static void put_pdptes(uint64_t gpa, uint64_t first)
{
	fake_put64(&f, gpa, first);
	for (unsigned i = 1; i < 4; i++)
		fake_put64(&f, gpa + 8 * i, 0);
}

Test(priv, pae_pdptes_are_loaded_and_checked)
{
	put_pdptes(0x9020, 0xa001);
	c->cr3 = 0x9020;
	c->cr4 = CR4_PAE;
	c->gpr[GPR_RAX] = CR0_PE | CR0_PG;
	EXPECT_DONE(MOV_CR0_EAX);
	cr_expect_eq(c->pdpte[0], 0xa001);
	cr_expect_eq(f.v.walk.paging, WALK_PAE);
	/* a change in memory counts from the next load on */
	put_pdptes(0x9020, 0xb001);
	cr_expect_eq(c->pdpte[0], 0xa001);
	c->gpr[GPR_RAX] = 0x9020;
	EXPECT_DONE(MOV_CR3_EAX);
	cr_expect_eq(c->pdpte[0], 0xb001);
	/* R/W is reserved in a PDPTE */
	put_pdptes(0x9040, 0xc003);
	c->gpr[GPR_RAX] = 0x9040;
	EXPECT_GP0(MOV_CR3_EAX);
	cr_expect_eq(c->cr3, 0x9020);
	cr_expect_eq(c->pdpte[0], 0xb001);
	/* CR4.PGE toggles read them anew, WP does not */
	put_pdptes(0x9020, 0xd001);
	c->gpr[GPR_RAX] = CR0_PE | CR0_PG | CR0_WP;
	EXPECT_DONE(MOV_CR0_EAX);
	cr_expect_eq(c->pdpte[0], 0xb001);
	c->gpr[GPR_RAX] = CR4_PAE | CR4_PGE;
	EXPECT_DONE(MOV_CR4_EAX);
	cr_expect_eq(c->pdpte[0], 0xd001);
}

static void wrmsr(uint32_t number, uint64_t value)
{
	c->gpr[GPR_RCX] = number;
	c->gpr[GPR_RAX] = (uint32_t)value;
	c->gpr[GPR_RDX] = value >> 32;
}

static uint64_t rdmsr(uint32_t number)
{
	c->gpr[GPR_RCX] = number;
	EXPECT_DONE("\x0f\x32");
	return c->gpr[GPR_RAX] | c->gpr[GPR_RDX] << 32;
}

Test(priv, entering_long_mode)
{
	wrmsr(MSR_EFER, EFER_LME | EFER_SCE);
	EXPECT_DONE("\x0f\x30");
	cr_expect_eq(c->efer, EFER_LME | EFER_SCE);
	fake_put64(&f, 0x9000, 0xa003);
	fake_put64(&f, 0xa000, PTE_P | PTE_W | PTE_PS);
	c->cr3 = 0x9000;
	c->gpr[GPR_RAX] = CR0_PE | CR0_PG;
	EXPECT_GP0(MOV_CR0_EAX);
	c->cr4 = CR4_PAE;
	EXPECT_DONE(MOV_CR0_EAX);
	cr_expect(cpu_long_mode(c));
	cr_expect_not(cpu_code64(c));
	cr_expect_eq(f.v.walk.paging, WALK_4LEVEL);
	wrmsr(MSR_EFER, EFER_SCE);
	EXPECT_GP0("\x0f\x30");
	c->gpr[GPR_RAX] = CR4_PSE;
	EXPECT_GP0(MOV_CR4_EAX);
	/* and out again, from compatibility mode */
	c->gpr[GPR_RAX] = CR0_PE;
	EXPECT_DONE(MOV_CR0_EAX);
	cr_expect_eq(c->efer, EFER_LME | EFER_SCE);
}

Test(priv, long_mode_with_a_16_bit_tss_is_gp)
{
	c->efer = EFER_LME;
	c->cr4 = CR4_PAE;
	c->tr.type = DESC_TSS16_BUSY;
	c->gpr[GPR_RAX] = CR0_PE | CR0_PG;
	EXPECT_GP0(MOV_CR0_EAX);
}

Test(priv, unknown_msr_is_gp)
{
	wrmsr(0x12345, 0);
	EXPECT_GP0("\x0f\x30");
	EXPECT_GP0("\x0f\x32");
}

Test(priv, msr_values_are_checked)
{
	static const struct { uint32_t number; uint64_t value; bool good; } row[] = {
		{ MSR_EFER, 1u << 14, false }, { MSR_EFER, EFER_NXE, true }, { MSR_EFER, EFER_LMA, true },
		{ MSR_PAT, 0x0007040600070406, true }, { MSR_PAT, 0x0007040600070402, false },
		{ MSR_PAT, 0x0007040600070403, false }, { MSR_PAT, 0x0907040600070406, false },
		{ MSR_LSTAR, 0x800000000000, false }, { MSR_LSTAR, 0xffffffff81000000, true },
		{ MSR_CSTAR, 0x800000000000, false }, { MSR_KERNEL_GS_BASE, 0x800000000000, false },
		{ MSR_FS_BASE, 0x7fffffffffff, true }, { MSR_GS_BASE, 0x1000000000000, false },
		{ MSR_SFMASK, 0x100000000, false }, { MSR_SFMASK, 0x47700, true }, { MSR_STAR, ~0ull, true },
		{ MSR_APIC_BASE, LAPIC_RESET, true }, { MSR_APIC_BASE, 0xfed00900, false }, { MSR_APIC_BASE, 0xfee00d00, false }, { MSR_APIC_BASE, 1ull << 40, false },
		{ MSR_TSC, 12345, true }, { MSR_TSC_AUX, 7, true }, { MSR_TSC_AUX, 1ull << 32, false },
		{ MSR_SYSENTER_EIP, 0xc0100000, true },
	};

	c->apic_base = LAPIC_RESET;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		wrmsr(row[i].number, row[i].value);
		if (row[i].good)
			EXPECT_DONE("\x0f\x30");
		else
			EXPECT_GP0("\x0f\x30");
	}
	cr_expect_eq(c->efer, 0, "LMA is not writable");
	f.tsc = 0x123456789a;
	cr_expect_eq(rdmsr(MSR_TSC), 0x123456789a);
	cr_expect_eq(rdmsr(MSR_FS_BASE), 0x7fffffffffff);
	cr_expect_eq(c->seg[SREG_FS].base, 0x7fffffffffff);
	cr_expect_eq(rdmsr(MSR_STAR), ~0ull);
	cr_expect_eq(rdmsr(MSR_LSTAR), 0xffffffff81000000);
	cr_expect_eq(rdmsr(MSR_APIC_BASE), 0xfee00900);
}

/* A far jump to the index of the current CS must not run natively once another segment stands there. */
Test(priv, lgdt_with_another_code_segment_detaches_cs)
{
	const uint64_t same = fake_descriptor(0, 0xfffff, 0x9a, 0xc), long_mode = fake_descriptor(0, 0, 0x9a, 0x2);
	unsigned index = c->seg[SREG_CS].selector & ~7u;

	c->gpr[GPR_RAX] = 0x9000;
	fake_put64(&f, 0x9000, 0xa000ull << 16 | 0x7f);
	fake_put64(&f, 0xa000 + index, same);
	EXPECT_DONE("\x0f\x01\x10");
	cr_expect_not(f.v.cs_detached, "accessed or not is no difference");
	fake_put64(&f, 0xa000 + index, long_mode);
	f.v.sregs_dirty = false;
	EXPECT_DONE("\x0f\x01\x10");
	cr_expect(f.v.cs_detached);
	cr_expect(f.v.sregs_dirty, "the real GDT must follow");
	fake_put64(&f, 0xa000 + index, same);
	EXPECT_DONE("\x0f\x01\x10");
	cr_expect_not(f.v.cs_detached);
	fake_put64(&f, 0x9000, 0xa000ull << 16 | (index + 6));
	EXPECT_DONE("\x0f\x01\x10");
	cr_expect(f.v.cs_detached, "beyond the limit there is no segment");
}

Test(priv, fwait_is_carried_out_and_obeys_mp_and_ts)
{
	EXPECT_DONE("\x9b");
	c->cr0 |= CR0_TS;
	EXPECT_DONE("\x9b");
	c->cr0 |= CR0_MP;
	expect_exception(FAKE_RUN(&f, "\x9b"), VEC_NM, 0);
	c->cr0 &= ~CR0_TS;
	EXPECT_DONE("\x9b");
}

Test(priv, lgdt_lidt_and_their_stores)
{
	c->gpr[GPR_RAX] = 0x9000;
	fake_put64(&f, 0x9000, 0x87654321017full);
	EXPECT_DONE("\x0f\x01\x10");
	cr_expect_eq(c->gdtr.limit, 0x17f);
	cr_expect_eq(c->gdtr.base, 0x87654321);
	EXPECT_DONE("\x66\x0f\x01\x18");
	cr_expect_eq(c->idtr.base, 0x654321, "16-bit operand size: 24 bits of base");
	c->gpr[GPR_RAX] = 0x9100;
	EXPECT_DONE("\x0f\x01\x00");
	cr_expect_eq(fake_get64(&f, 0x9100), 0x87654321017full);
	EXPECT_DONE("\x0f\x01\x08");
	cr_expect_eq(fake_get64(&f, 0x9100), 0x00654321017full);
}

Test(priv, stores_of_tables_follow_the_virtual_umip)
{
	fake_set_ring(&f, 3, FAKE_STACK3);
	c->gpr[GPR_RAX] = 0x9100;
	EXPECT_DONE("\x0f\x01\x00");
	EXPECT_DONE("\x0f\x01\xe0");
	cr_expect_eq(c->gpr[GPR_RAX], c->cr0);
	EXPECT_DONE("\x0f\x00\xc8");
	cr_expect_eq(c->gpr[GPR_RAX], FAKE_TSSSEL);
	c->cr4 = CR4_UMIP;
	EXPECT_GP0("\x0f\x01\x00");
	EXPECT_GP0("\x0f\x01\xe0");
	EXPECT_GP0("\x0f\x00\xc8");
	EXPECT_GP0("\x0f\x00\xc0");
}

Test(priv, ltr_marks_the_tss_busy)
{
	c->gpr[GPR_RAX] = FAKE_TSSSEL;
	EXPECT_DONE("\x0f\x00\xd8");
	cr_expect_eq(c->tr.base, FAKE_TSS);
	cr_expect_eq(c->tr.type, DESC_TSS32_BUSY);
	cr_expect_eq(fake_get64(&f, FAKE_GDT + FAKE_TSSSEL) >> 40 & 15, DESC_TSS32_BUSY);
	expect_exception(FAKE_RUN(&f, "\x0f\x00\xd8"), VEC_GP, FAKE_TSSSEL);
	c->gpr[GPR_RAX] = 0;
	EXPECT_GP0("\x0f\x00\xd8");
	c->gpr[GPR_RAX] = FAKE_KDATA;
	expect_exception(FAKE_RUN(&f, "\x0f\x00\xd8"), VEC_GP, FAKE_KDATA);
	c->gpr[GPR_RAX] = 0xc;
	expect_exception(FAKE_RUN(&f, "\x0f\x00\xd8"), VEC_GP, 0xc);
}

Test(priv, lldt_and_loads_through_the_ldt)
{
	c->gpr[GPR_RAX] = 0xc;
	expect_exception(FAKE_RUN(&f, "\x8e\xd8"), VEC_GP, 0xc);
	fake_put64(&f, FAKE_LDT + 8, fake_descriptor(0x1234, 0xffff, 0x92, 0x4));
	c->gpr[GPR_RAX] = FAKE_LDTSEL;
	EXPECT_DONE("\x0f\x00\xd0");
	c->gpr[GPR_RAX] = 0xc;
	EXPECT_DONE("\x8e\xd8");
	cr_expect_eq(c->seg[SREG_DS].base, 0x1234);
	c->gpr[GPR_RAX] = 0x14;
	expect_exception(FAKE_RUN(&f, "\x8e\xd8"), VEC_GP, 0x14);
	c->gpr[GPR_RAX] = 3;
	EXPECT_DONE("\x0f\x00\xd0");
	cr_expect_not(c->ldtr.usable);
}

Test(priv, data_segment_checks)
{
	static const struct { unsigned cpl; uint16_t selector; uint8_t vector; uint16_t error; } row[] = {
		{ 0, FAKE_KDATA, 0, 0 }, { 0, FAKE_UDATA, 0, 0 }, { 0, 0, 0, 0 }, { 0, 3, 0, 0 }, { 0, FAKE_RODATA, 0, 0 },
		{ 0, FAKE_KCODE, 0, 0 }, { 0, FAKE_RODATA | 3, VEC_GP, FAKE_RODATA }, { 0, FAKE_TSSSEL, VEC_GP, FAKE_TSSSEL },
		{ 0, 0x88, VEC_GP, 0x88 }, { 3, FAKE_KDATA, VEC_GP, FAKE_KDATA }, { 3, FAKE_UDATA, 0, 0 },
		{ 3, FAKE_CONFORMING, 0, 0 }, { 3, FAKE_UCODE, 0, 0 }, { 0, FAKE_ABSENT, VEC_NP, FAKE_ABSENT },
		{ 3, FAKE_KDATA | 3, VEC_GP, FAKE_KDATA },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int ret;

		fake_set_ring(&f, row[i].cpl, FAKE_STACK3);
		c->rip = FAKE_RIP;
		c->gpr[GPR_RAX] = row[i].selector;
		ret = FAKE_RUN(&f, "\x8e\xd8");
		if (row[i].vector) {
			cr_expect(ret == -EFAULT && f.v.exc.vector == row[i].vector && f.v.exc.error == row[i].error, "row %u", i);
		} else {
			cr_expect_eq(ret, 0, "row %u", i);
			cr_expect_eq(c->seg[SREG_DS].selector, row[i].selector);
			cr_expect_eq(c->seg[SREG_DS].usable, row[i].selector > 3);
		}
	}
}

Test(priv, execute_only_code_is_no_data_segment)
{
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, fake_descriptor(0, 0xfffff, 0x98, 0xc));
	c->gpr[GPR_RAX] = FAKE_SPARE;
	expect_exception(FAKE_RUN(&f, "\x8e\xd8"), VEC_GP, FAKE_SPARE);
}

Test(priv, stack_segment_checks)
{
	static const struct { unsigned cpl; uint16_t selector; uint8_t vector; uint16_t error; } row[] = {
		{ 0, FAKE_KDATA, 0, 0 }, { 0, 0, VEC_GP, 0 }, { 0, FAKE_RODATA, VEC_GP, FAKE_RODATA },
		{ 0, FAKE_UDATA, VEC_GP, FAKE_UDATA & ~3 }, { 0, FAKE_KCODE, VEC_GP, FAKE_KCODE },
		{ 3, FAKE_UDATA, 0, 0 }, { 3, FAKE_UDATA & ~3, VEC_GP, FAKE_UDATA & ~3 }, { 0, FAKE_SPARE, VEC_SS, FAKE_SPARE },
		{ 0, FAKE_KDATA | 3, 0, 0 },	/* as the guest reads its own SS */
	};

	fake_put64(&f, FAKE_GDT + FAKE_SPARE, fake_descriptor(0, 0xfffff, 0x12, 0xc));
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int ret;

		fake_set_ring(&f, row[i].cpl, FAKE_STACK3);
		c->rip = FAKE_RIP;
		c->gpr[GPR_RAX] = row[i].selector;
		ret = FAKE_RUN(&f, "\x8e\xd0");
		if (row[i].vector) {
			cr_expect(ret == -EFAULT && f.v.exc.vector == row[i].vector && f.v.exc.error == row[i].error, "row %u", i);
		} else {
			cr_expect_eq(ret, 0, "row %u", i);
			cr_expect_eq(c->seg[SREG_SS].selector & 3, row[i].cpl, "row %u", i);
			cr_expect(c->inhibit);
		}
	}
}

Test(priv, mov_ss_holds_the_single_step_trap_back)
{
	c->rflags |= RFLAGS_TF;
	c->gpr[GPR_RAX] = FAKE_KDATA;
	EXPECT_DONE("\x8e\xd0");
	cr_expect_not(f.v.exc.pending);
	cr_expect(c->rflags & RFLAGS_TF);
	cr_assert_eq(FAKE_RUN(&f, "\x8e\xd8"), -EFAULT);
	cr_expect_eq(f.v.exc.vector, VEC_DB);
	cr_expect_not(c->inhibit);
}

Test(priv, pop_sreg_moves_the_stack_only_if_it_loads)
{
	c->gpr[GPR_RSP] = FAKE_STACK0 - 4;
	fake_put32(&f, FAKE_STACK0 - 4, 0xffff0000 | FAKE_UDATA);
	EXPECT_DONE("\x1f");
	cr_expect_eq(c->seg[SREG_DS].selector, FAKE_UDATA);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK0);
	c->gpr[GPR_RSP] = FAKE_STACK0 - 4;
	fake_put32(&f, FAKE_STACK0 - 4, FAKE_ABSENT);
	expect_exception(FAKE_RUN(&f, "\x0f\xa1"), VEC_NP, FAKE_ABSENT);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK0 - 4);
}

Test(priv, lds_loads_both_or_nothing)
{
	c->gpr[GPR_RBX] = 0x9000;
	fake_put64(&f, 0x9000, 0x002312345678ull);
	EXPECT_DONE("\xc5\x03");
	cr_expect_eq(c->gpr[GPR_RAX], 0x12345678);
	cr_expect_eq(c->seg[SREG_DS].selector, FAKE_UDATA);
	fake_put64(&f, 0x9000, 0x002887654321ull);
	expect_exception(FAKE_RUN(&f, "\x0f\xb4\x03"), VEC_NP, FAKE_ABSENT);
	cr_expect_eq(c->gpr[GPR_RAX], 0x12345678);
}

Test(priv, accessed_bit_of_a_monitored_gdt_is_posted)
{
	c->gpr[GPR_RAX] = FAKE_RODATA;
	EXPECT_DONE("\x8e\xd8");
	cr_assert_eq(f.nposts, 1);
	cr_expect_eq(f.post[0].gpa, FAKE_GDT + FAKE_RODATA + 5);
	cr_expect_eq(f.post[0].old_bytes[0], 0x90);
	cr_expect_eq(f.post[0].new_bytes[0], 0x91);
	EXPECT_DONE("\x8e\xd8");
	cr_expect_eq(f.nposts, 1, "set once");
}

Test(priv, sti_begins_a_shadow_and_cli_ends_it)
{
	c->rflags &= ~RFLAGS_IF;
	EXPECT_DONE("\xfb");
	cr_expect(c->rflags & RFLAGS_IF);
	cr_expect(c->inhibit);
	EXPECT_DONE("\xfb");
	cr_expect_not(c->inhibit, "IF was set already");
	EXPECT_DONE("\xfa");
	cr_expect_not(c->rflags & RFLAGS_IF);
	fake_set_ring(&f, 3, FAKE_STACK3);
	c->rflags |= RFLAGS_IOPL;
	EXPECT_DONE("\xfb");
	cr_expect(c->rflags & RFLAGS_IF);
}

Test(priv, popf_changes_if_and_iopl_by_privilege)
{
	c->gpr[GPR_RSP] = FAKE_STACK0 - 4;
	fake_put32(&f, FAKE_STACK0 - 4, RFLAGS_IOPL | RFLAGS_ZF | RFLAGS_VM | RFLAGS_RF | RFLAGS_AC);
	EXPECT_DONE("\x9d");
	cr_expect_eq(c->rflags, RFLAGS_IOPL | RFLAGS_ZF | RFLAGS_AC | RFLAGS_FIXED);
	fake_set_ring(&f, 3, FAKE_STACK3 - 4);
	c->rflags = RFLAGS_FIXED | RFLAGS_IF;
	fake_put32(&f, FAKE_STACK3 - 4, RFLAGS_IOPL);
	EXPECT_DONE("\x9d");
	cr_expect_eq(c->rflags, RFLAGS_FIXED | RFLAGS_IF);
	EXPECT_DONE("\x9c");
	cr_expect_eq(fake_get32(&f, FAKE_STACK3 - 4), RFLAGS_FIXED | RFLAGS_IF);
}

Test(priv, stac_and_clac)
{
	f.v.ac_is_native = true;
	EXPECT_DONE("\x0f\x01\xcb");
	cr_expect(c->rflags & RFLAGS_AC);
	cr_expect_not(f.v.ac_is_native, "it takes a trap to clear it");
	EXPECT_DONE("\x0f\x01\xca");
	cr_expect_not(c->rflags & RFLAGS_AC);
	fake_set_ring(&f, 3, FAKE_STACK3);
	expect_exception(FAKE_RUN(&f, "\x0f\x01\xcb"), VEC_UD, 0);
}

static void expect_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	c->gpr[GPR_RAX] = 0x100000000 | leaf;
	c->gpr[GPR_RCX] = 0x200000000 | subleaf;
	c->gpr[GPR_RBX] = c->gpr[GPR_RDX] = ~0ull;
	EXPECT_DONE("\x0f\xa2");
	cr_expect(c->gpr[GPR_RAX] == eax && c->gpr[GPR_RBX] == ebx && c->gpr[GPR_RCX] == ecx && c->gpr[GPR_RDX] == edx,
		  "leaf 0x%x.%u: %llx %llx %llx %llx", leaf, subleaf, (unsigned long long)c->gpr[GPR_RAX],
		  (unsigned long long)c->gpr[GPR_RBX], (unsigned long long)c->gpr[GPR_RCX], (unsigned long long)c->gpr[GPR_RDX]);
}

/* The table is fake_vcpu.c's. */
Test(priv, cpuid)
{
	f.v.index = 3;
	expect_cpuid(0, 77, 4, 0x756e6547, 0x6c65746e, 0x49656e69);
	expect_cpuid(1, 0, 0x6fb, 0x03000800, 0x2201, 0x078bfbff);	/* the APIC ID is the vCPU's own */
	expect_cpuid(4, 1, 0x122, 0, 0, 0);
	expect_cpuid(4, 0, 0, 0, 0, 0);
	expect_cpuid(3, 0, 0, 0, 0, 0);		/* a gap is no leaf beyond the last */
	expect_cpuid(5, 1, 0x122, 0, 0, 0);	/* Intel's answer to what is beyond: the highest basic leaf */
	expect_cpuid(0x40000000, 1, 0x122, 0, 0, 0);
	expect_cpuid(0x80000008, 1, 0x122, 0, 0, 0);
	f.machine.cpuid->entry[0].ebx = 0x68747541;	/* AMD's: zeros */
	expect_cpuid(5, 1, 0, 0, 0, 0);
	expect_cpuid(0x80000008, 1, 0, 0, 0, 0);
	cr_expect_eq(f.stat[TRAP_STAT_cpuid_emulated], 10);
	fake_set_ring(&f, 3, FAKE_STACK3);
	expect_cpuid(0, 0, 4, 0x68747541, 0x6c65746e, 0x49656e69);
}

/* On hosts whose guest code has XSAVE: what may be set, which has no effect. */
Test(priv, xsetbv)
{
	static const struct { uint32_t value, high; bool ok; } cases[] = {
		{ 1, 0, true }, { 3, 0, true }, { 7, 0, true }, { 0xe7, 0, true },
		{ 0, 0, false }, { 2, 0, false }, { 5, 0, false }, { 0x67, 0, false }, { 0xe3, 0, false }, { 0xf, 0, false }, { 7, 1, false },
	};

	c->gpr[GPR_RAX] = CR4_OSXSAVE;
	expect_exception(FAKE_RUN(&f, "\x0f\x22\xe0"), VEC_GP, 0);	/* mov cr4, eax: there is no XSAVE */
	f.machine.facts.xcr0 = 0xe7;
	c->gpr[GPR_RCX] = 0;
	c->gpr[GPR_RAX] = 7;
	expect_exception(FAKE_RUN(&f, "\x0f\x01\xd1"), VEC_UD, 0);
	c->gpr[GPR_RAX] = CR4_OSXSAVE;
	EXPECT_DONE("\x0f\x22\xe0");
	cr_expect_eq(c->cr4, CR4_OSXSAVE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c->gpr[GPR_RAX] = 0xffffffff00000000 | cases[i].value;
		c->gpr[GPR_RDX] = cases[i].high;
		c->gpr[GPR_RCX] = 0xffffffff00000000;
		if (cases[i].ok)
			EXPECT_DONE("\x0f\x01\xd1");
		else
			expect_exception(FAKE_RUN(&f, "\x0f\x01\xd1"), VEC_GP, 0);
	}
	c->gpr[GPR_RAX] = 7;
	c->gpr[GPR_RDX] = 0;
	c->gpr[GPR_RCX] = 1;
	expect_exception(FAKE_RUN(&f, "\x0f\x01\xd1"), VEC_GP, 0);
	c->gpr[GPR_RAX] = 1;
	EXPECT_DONE("\x0f\xa2");
	cr_expect_eq(c->gpr[GPR_RCX], 0x2201 | 1u << 27, "CPUID tells CR4.OSXSAVE");
	fake_set_ring(&f, 3, FAKE_STACK3);
	c->gpr[GPR_RCX] = c->gpr[GPR_RDX] = 0;
	c->gpr[GPR_RAX] = 7;
	expect_exception(FAKE_RUN(&f, "\x0f\x01\xd1"), VEC_GP, 0);
}

Test(priv, debug_registers)
{
	c->gpr[GPR_RAX] = 0xffffffff;
	EXPECT_DONE("\x0f\x23\xf8");	/* mov dr7, eax: sets GD */
	cr_expect_eq(c->dr7, 0xffff27ff);
	cr_expect_eq(f.debug_changes, 1);
	cr_expect_eq(FAKE_RUN(&f, "\x0f\x21\xf0"), -EFAULT);
	cr_expect_eq(f.v.exc.vector, VEC_DB);
	cr_expect_eq(f.v.exc.dr6, DR6_BD);
	c->dr7 = DR7_FIXED;
	EXPECT_DONE("\x0f\x23\xf0");
	cr_expect_eq(c->dr6, 0xffffefff);
	c->gpr[GPR_RAX] = 0x1234;
	EXPECT_DONE("\x0f\x23\xd0");
	cr_expect_eq(c->dr[2], 0x1234);
	EXPECT_DONE("\x0f\x21\xe3");	/* mov ebx, dr4: dr6 without CR4.DE */
	cr_expect_eq(c->gpr[GPR_RBX], 0xffffefff);
	c->cr4 |= CR4_DE;
	expect_exception(FAKE_RUN(&f, "\x0f\x21\xe3"), VEC_UD, 0);
}

Test(priv, hlt_that_nothing_can_end_stops_the_vm)
{
	c->rflags &= ~RFLAGS_IF;
	cr_expect_eq(FAKE_RUN(&f, "\xf4"), -ECANCELED);
	cr_expect_eq(f.machine.stop.why.reason, VM_STOP_FAULT);
	cr_expect(strstr(f.machine.stop.why.message, "halted"));
}

Test(priv, hlt_with_interrupts_on_sleeps_behind_the_instruction)
{
	c->rflags |= RFLAGS_IF;
	EXPECT_DONE("\xf4");
	cr_expect(c->halted);
	cr_expect_eq(f.machine.stop.why.reason, VM_RUNNING);
}

Test(priv, invlpg_takes_the_linear_address)
{
	c->seg[SREG_DS].base = 0x1000;
	c->seg[SREG_DS].limit = 0;
	c->gpr[GPR_RAX] = 0xfffff800;
	EXPECT_DONE("\x0f\x01\x38");
	cr_expect_eq(f.invlpg_calls, 1);
	cr_expect_eq(f.invlpg_gva, 0x800);
}

Test(priv, what_cpuid_hides_is_undefined)
{
	expect_exception(FAKE_RUN(&f, "\x0f\x01\xc8"), VEC_UD, 0);	/* monitor */
	expect_exception(FAKE_RUN(&f, "\x0f\x01\xc9"), VEC_UD, 0);	/* mwait */
	expect_exception(FAKE_RUN(&f, "\x0f\x01\xd1"), VEC_UD, 0);	/* xsetbv */
	expect_exception(FAKE_RUN(&f, "\x0f\x01\xf8"), VEC_UD, 0);	/* swapgs in 32-bit code */
	expect_exception(FAKE_RUN(&f, "\x0f\x33"), VEC_GP, 0);		/* rdpmc */
}

Test(priv, rdtsc_follows_tsd)
{
	f.tsc = 0x100000002;
	fake_set_ring(&f, 3, FAKE_STACK3);
	EXPECT_DONE("\x0f\x31");
	cr_expect_eq(c->gpr[GPR_RAX], 2);
	cr_expect_eq(c->gpr[GPR_RDX], 1);
	c->cr4 = CR4_TSD;
	EXPECT_GP0("\x0f\x31");
}

Test(priv64, cr3_reserved_bits)
{
	c->gpr[GPR_RAX] = 1ull << 40;
	EXPECT_GP0(MOV_CR3_EAX);
	c->gpr[GPR_RAX] = 1ull << 63 | FAKE_TABLES;
	EXPECT_GP0(MOV_CR3_EAX);
	c->gpr[GPR_RAX] = FAKE_TABLES | 0xfff;
	EXPECT_DONE(MOV_CR3_EAX);
	cr_expect_eq(c->cr3, FAKE_TABLES | 0xfff);
	cr_expect_eq(f.set_modes_calls, 1);
	EXPECT_DONE(MOV_CR3_EAX);
	cr_expect_eq(f.set_modes_calls, 2, "the same value flushes as well");
}

Test(priv64, control_registers_in_64_bit_mode)
{
	c->gpr[GPR_RAX] = c->cr0 | 1ull << 32;
	EXPECT_GP0(MOV_CR0_EAX);
	c->gpr[GPR_RAX] = CR0_PE;
	EXPECT_GP0(MOV_CR0_EAX);
	c->gpr[GPR_RAX] = 0;
	EXPECT_GP0(MOV_CR4_EAX);
	c->gpr[GPR_RAX] = 0xf;
	EXPECT_DONE("\x44\x0f\x22\xc0");
	cr_expect_eq(f.cr8, 0xf);
	c->gpr[GPR_RAX] = 0x10;
	EXPECT_GP0("\x44\x0f\x22\xc0");
	EXPECT_DONE("\x44\x0f\x20\xc3");
	cr_expect_eq(c->gpr[GPR_RBX], 0xf);
	expect_exception(FAKE_RUN(&f, "\x0f\x22\xc8"), VEC_UD, 0);
}

Test(priv64, swapgs)
{
	c->seg[SREG_GS].base = 1;
	c->kernel_gs_base = 2;
	EXPECT_DONE("\x0f\x01\xf8");
	cr_expect_eq(c->seg[SREG_GS].base, 2);
	cr_expect_eq(c->kernel_gs_base, 1);
	cr_expect(f.v.sregs_dirty);
	c->cpl = 3;
	EXPECT_GP0("\x0f\x01\xf8");
}

Test(priv64, system_descriptors_are_16_bytes)
{
	fake_put64(&f, FAKE_GDT + FAKE_TSSSEL + 8, 0xffffffff);
	c->gpr[GPR_RAX] = FAKE_TSSSEL;
	EXPECT_DONE("\x0f\x00\xd8");
	cr_expect_eq(c->tr.base, 0xffffffff00000000 | FAKE_TSS);
	fake_put64(&f, FAKE_GDT + FAKE_LDTSEL + 8, 0x8000);
	c->gpr[GPR_RAX] = FAKE_LDTSEL;
	expect_exception(FAKE_RUN(&f, "\x0f\x00\xd0"), VEC_GP, FAKE_LDTSEL);
	fake_put64(&f, FAKE_GDT + FAKE_LDTSEL + 8, 0x0000010000000000);
	expect_exception(FAKE_RUN(&f, "\x0f\x00\xd0"), VEC_GP, FAKE_LDTSEL);
	c->gdtr.limit = FAKE_LDTSEL + 14;
	fake_put64(&f, FAKE_GDT + FAKE_LDTSEL + 8, 0);
	expect_exception(FAKE_RUN(&f, "\x0f\x00\xd0"), VEC_GP, FAKE_LDTSEL);
	c->gdtr.limit++;
	EXPECT_DONE("\x0f\x00\xd0");
}

Test(priv64, lgdt_takes_64_bits_of_canonical_base)
{
	c->gpr[GPR_RAX] = 0x9000;
	fake_put64(&f, 0x9000, 0xffff81234567017full);
	fake_put64(&f, 0x9008, 0xffff);
	EXPECT_DONE("\x0f\x01\x10");
	cr_expect_eq(c->gdtr.base, 0xffffffff81234567);
	fake_put64(&f, 0x9008, 0x1234);
	EXPECT_GP0("\x0f\x01\x10");
}

Test(priv64, null_ss_is_for_ring_0_only)
{
	c->gpr[GPR_RAX] = 0;
	EXPECT_DONE("\x8e\xd0");
	cr_expect_not(c->seg[SREG_SS].usable);
	c->gpr[GPR_RAX] = 3;
	EXPECT_GP0("\x8e\xd0");
	c->cpl = 3;
	EXPECT_GP0("\x8e\xd0");
}

Test(priv64, invlpg_of_a_non_canonical_address_does_nothing)
{
	c->gpr[GPR_RAX] = 0x800000000000;
	EXPECT_DONE("\x0f\x01\x38");
	cr_expect_eq(f.invlpg_calls, 0);
	c->gpr[GPR_RAX] = 0xffff800000001000;
	EXPECT_DONE("\x0f\x01\x38");
	cr_expect_eq(f.invlpg_gva, 0xffff800000001000);
}

Test(priv64, cli_of_user_code_is_gp)
{
	c->cpl = 3;
	EXPECT_GP0("\xfa");
	EXPECT_GP0("\xfb");
}

Test(priv64, an_instruction_that_ends_at_the_canonical_boundary_leaves_an_invalid_rip)
{
	c->rip = 0x7ffffffffffe;
	cr_expect_eq(FAKE_RUN(&f, "\x0f\x06"), 0);
	cr_expect_eq(c->rip, 0x800000000000);
	cr_expect_not(seg_rip_is_valid(&f.v));
	c->rip = 0xffff800000000000;
	cr_expect(seg_rip_is_valid(&f.v));
	c->seg[SREG_CS] = fake_load(&f, FAKE_KCODE);
	c->seg[SREG_CS].limit = 0xfff;
	c->rip = 0x1000;
	cr_expect_not(seg_rip_is_valid(&f.v));
	c->rip = 0xfff;
	cr_expect(seg_rip_is_valid(&f.v));
}

Test(priv, cr3_has_no_reserved_bits_in_legacy_mode)
{
	f.machine.facts.maxphyaddr = 30;
	c->gpr[GPR_RAX] = 0x80000018;
	EXPECT_DONE(MOV_CR3_EAX);
	cr_expect_eq(c->cr3, 0x80000018);
}

Test(priv64, debug_registers_6_and_7_have_32_bits)
{
	c->gpr[GPR_RAX] = 1ull << 32;
	EXPECT_GP0("\x0f\x23\xf8");
	EXPECT_GP0("\x0f\x23\xf0");
	EXPECT_DONE("\x0f\x23\xc0");
	cr_expect_eq(c->dr[0], 1ull << 32);
}

Test(priv, lost_link_leaves_cr4_and_the_shadow_as_they_were)
{
	f.set_modes_result = -ENOTCONN;
	c->inhibit = true;
	c->gpr[GPR_RAX] = CR4_PSE;
	cr_expect_eq(FAKE_RUN(&f, MOV_CR4_EAX), -ENOTCONN);
	cr_expect_eq(c->cr4, 0);
	cr_expect(c->inhibit, "the instruction has not been executed");
	f.set_modes_result = 0;
	EXPECT_DONE(MOV_CR4_EAX);
	cr_expect_eq(c->cr4, CR4_PSE);
	cr_expect_not(c->inhibit);
}

Test(priv64, write_protection_is_told_to_poold)
{
	c->gpr[GPR_RAX] = c->cr0 ^ CR0_WP;
	EXPECT_DONE(MOV_CR0_EAX);
	cr_expect_eq(f.set_modes_calls, 1);
	c->gpr[GPR_RAX] = c->cr0 ^ CR0_AM;
	EXPECT_DONE(MOV_CR0_EAX);
	cr_expect_eq(f.set_modes_calls, 1, "alignment checks are not poold's business");
}

#define WRMSR "\x0f\x30"
#define RDMSR "\x0f\x32"

Test(priv64, efer_keeps_lma_and_tells_poold_of_nxe)
{
	c->gpr[GPR_RCX] = MSR_EFER;
	c->gpr[GPR_RDX] = 0;
	c->gpr[GPR_RAX] = (c->efer & ~EFER_LMA) | EFER_NXE;
	EXPECT_DONE(WRMSR);
	cr_expect_eq(c->efer & (EFER_LMA | EFER_NXE), EFER_LMA | EFER_NXE);
	cr_expect_eq(f.set_modes_calls, 1);
	c->gpr[GPR_RAX] = c->efer | EFER_SCE;
	EXPECT_DONE(WRMSR);
	cr_expect_eq(f.set_modes_calls, 1, "SYSCALL is not poold's business");
	c->gpr[GPR_RAX] = c->efer & ~EFER_LME;
	EXPECT_GP0(WRMSR);
}

Test(priv64, msrs_move_through_the_low_halves_of_registers)
{
	c->gpr[GPR_RCX] = 0x1234567800000000 | MSR_LSTAR;
	c->gpr[GPR_RDX] = 0x7777777700007fff;
	c->gpr[GPR_RAX] = 0xffffffff00001000;
	EXPECT_DONE(WRMSR);
	cr_expect_eq(c->lstar, 0x7fff00001000);
	c->gpr[GPR_RAX] = c->gpr[GPR_RDX] = ~0ull;
	EXPECT_DONE(RDMSR);
	cr_expect_eq(c->gpr[GPR_RAX], 0x1000);
	cr_expect_eq(c->gpr[GPR_RDX], 0x7fff);
	c->gpr[GPR_RDX] = 0x8000;
	EXPECT_GP0(WRMSR);
	cr_expect_eq(c->lstar, 0x7fff00001000);
}

Test(priv64, rdtscp_reads_tsc_aux)
{
	f.tsc = 0x300000004;
	c->tsc_aux = 0x56;
	c->gpr[GPR_RCX] = ~0ull;
	EXPECT_DONE("\x0f\x01\xf9");
	cr_expect_eq(c->gpr[GPR_RAX], 4);
	cr_expect_eq(c->gpr[GPR_RDX], 3);
	cr_expect_eq(c->gpr[GPR_RCX], 0x56);
}

/* Pages of 4 KiB instead of the one of 1 GiB, and one of them is absent. */
static void unmap_page(uint64_t gva)
{
	const uint64_t rights = PTE_P | PTE_W | PTE_U, pd = 0x12000, pt = 0x13000;

	for (uint64_t i = 0; i < 512; i++)
		fake_put64(&f, pt + 8 * i, i << PAGE_SHIFT | (i == gva >> PAGE_SHIFT ? 0 : rights));
	fake_put64(&f, pd, pt | rights);
	fake_put64(&f, FAKE_TABLES + PAGE_SIZE, pd | rights);
}

Test(priv64, stores_of_system_registers_write_all_or_nothing)
{
	unmap_page(0x9000);
	fake_put64(&f, 0x8ff8, 0x5555555555555555);
	c->gpr[GPR_RAX] = 0x8ffc;
	expect_exception(FAKE_RUN(&f, "\x0f\x01\x00"), VEC_PF, PF_W);	/* sgdt: the limit would fit */
	cr_expect_eq(fake_get64(&f, 0x8ff8), 0x5555555555555555);
	c->gpr[GPR_RAX] = 0x8ffa;
	c->ldtr.selector = 0x1234;
	EXPECT_DONE("\x0f\x00\x00");	/* sldt: two bytes of memory, whatever the operand size */
	cr_expect_eq(fake_get64(&f, 0x8ff8), 0x5555555512345555);
}

Test(priv, pushf_shows_neither_rf_nor_vm)
{
	c->rflags = RFLAGS_FIXED | RFLAGS_RF | RFLAGS_VM | RFLAGS_ZF;
	EXPECT_DONE("\x9c");
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 4), RFLAGS_FIXED | RFLAGS_ZF);
}

Test(priv, popf_traps_by_the_tf_of_before)
{
	c->gpr[GPR_RSP] = FAKE_STACK0 - 8;
	fake_put32(&f, FAKE_STACK0 - 8, RFLAGS_TF);
	fake_put32(&f, FAKE_STACK0 - 4, 0);
	EXPECT_DONE("\x9d");
	cr_expect(c->rflags & RFLAGS_TF);
	cr_expect_eq(FAKE_RUN(&f, "\x9d"), -EFAULT);
	cr_expect_eq(f.v.exc.vector, VEC_DB);
	cr_expect_eq(f.v.exc.dr6, DR6_BS);
	cr_expect_eq(c->rflags, RFLAGS_FIXED);
}
