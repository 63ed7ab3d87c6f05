/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delivery of exceptions into the guest: frames, stack switches, gate checks, nested faults. SDM vol. 3A 6. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/shm_layout.h"
#include "common/write_class.h"
#include "tests/unit/fakes/fake_tables.h"
#include "trapd/cpu/desc.h"
#include "trapd/priv/deliver.h"

#define HANDLER	0x123456u

static struct fake_vcpu f;

static void put_gate(unsigned vector, uint16_t selector, uint64_t offset, uint8_t type_dpl_p, uint8_t ist)
{
	fake_put_gate(&f, vector, selector, offset, type_dpl_p, ist);
}

static void put_gdt(unsigned selector, uint64_t d)
{
	fake_put64(&f, FAKE_GDT + (selector & ~7u), d);
}

static void set_ring(unsigned cpl, uint64_t rsp)
{
	fake_set_ring(&f, cpl, rsp);
}

static void setup(void)
{
	fake_tables_legacy(&f);
}

static void setup64(void)
{
	fake_tables_long(&f);
	fake_put64(&f, FAKE_TSS + 36, FAKE_IST1 + 5);
}

static void teardown(void)
{
	fake_vcpu_fini(&f);
}

static void check_frame32(uint32_t sp, const uint32_t *want, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		cr_expect_eq(fake_get32(&f, sp + 4 * i), want[i], "word %u at %#x: %#x, not %#x", i, sp + 4 * i,
			     fake_get32(&f, sp + 4 * i), want[i]);
}

static void check_frame64(uint64_t sp, const uint64_t *want, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		cr_expect_eq(fake_get64(&f, sp + 8 * i), want[i], "word %u at %#lx: %#lx, not %#lx", i, sp + 8 * i,
			     fake_get64(&f, sp + 8 * i), want[i]);
}

TestSuite(deliver, .init = setup, .fini = teardown);
TestSuite(deliver64, .init = setup64, .fini = teardown);

Test(deliver, same_privilege_fault_pushes_error_and_rf_and_no_stack_pointer)
{
	put_gate(VEC_GP, FAKE_KCODE, HANDLER, 0x8e, 0);
	vcpu_raise(&f.v, VEC_GP, 0x18);
	cr_assert_eq(deliver_exception(&f.v), 0);
	check_frame32(FAKE_STACK0 - 16, (uint32_t[]){ 0x18, 0x4000, FAKE_KCODE, 0x10203 }, 4);
	cr_expect_eq(f.v.cpu.gpr[GPR_RSP], FAKE_STACK0 - 16);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	cr_expect_eq(f.v.cpu.rflags, RFLAGS_FIXED | RFLAGS_CF, "an interrupt gate clears IF");
	cr_expect_not(f.v.exc.pending);
	cr_expect(f.v.sregs_dirty);
	cr_expect_eq(fake_get64(&f, FAKE_GDT + FAKE_KCODE) >> 40 & 1, 1, "accessed bit of the code segment");
}

/* Each word of a frame says what it is before it is stored, so that a guest table in its place can be let go. */
Test(deliver, frame_asks_for_the_page_as_reuse)
{
	unsigned frame;

	put_gate(VEC_GP, FAKE_KCODE, HANDLER, 0x8e, 0);
	vcpu_raise(&f.v, VEC_GP, 0x18);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_assert_eq(f.nasked, 4);
	frame = f.nposts - 4;		/* before it, the accessed bit of the code segment */
	for (unsigned i = 0; i < 4; i++)
		cr_expect(f.asked[i].class == WRITE_CLASS_FRAME && f.asked[i].gpa == f.post[frame + i].gpa && f.asked[i].nposts == frame + i);
}

Test(deliver, trap_gate_keeps_if_and_clears_tf_nt)
{
	put_gate(VEC_DE, FAKE_KCODE, HANDLER, 0x8f, 0);
	f.v.cpu.rflags |= RFLAGS_TF | RFLAGS_NT | RFLAGS_AC;
	vcpu_raise(&f.v, VEC_DE, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rflags, RFLAGS_FIXED | RFLAGS_CF | RFLAGS_IF | RFLAGS_AC);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 4), 0x3u | RFLAGS_IF | RFLAGS_TF | RFLAGS_NT | RFLAGS_AC | RFLAGS_RF);
}

Test(deliver, user_fault_switches_to_the_tss_stack)
{
	put_gate(VEC_PF, FAKE_KCODE, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	f.v.cpu.rflags |= 3ull << RFLAGS_IOPL_SHIFT;
	vcpu_raise_pf(&f.v, 0xdeadb000, 7);
	cr_assert_eq(deliver_exception(&f.v), 0);
	check_frame32(FAKE_STACK0 - 24, (uint32_t[]){ 7, 0x4000, FAKE_UCODE, 0x13203, FAKE_STACK3, FAKE_UDATA }, 6);
	cr_expect_eq(f.v.cpu.cr2, 0xdeadb000);
	cr_expect_eq(f.v.cpu.cpl, 0);
	cr_expect_eq(f.v.cpu.seg[SREG_CS].selector, FAKE_KCODE);
	cr_expect_eq(f.v.cpu.seg[SREG_SS].selector, FAKE_KDATA);
	cr_expect_eq(f.v.cpu.gpr[GPR_RSP], FAKE_STACK0 - 24);
}

Test(deliver, software_interrupt_pushes_the_next_instruction)
{
	put_gate(0x80, FAKE_KCODE, HANDLER, 0xef, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, 0x80, 0);
	f.v.exc.software = true;
	f.v.exc.insn_length = 2;
	cr_assert_eq(deliver_exception(&f.v), 0);
	check_frame32(FAKE_STACK0 - 20, (uint32_t[]){ 0x4002, FAKE_UCODE, 0x203, FAKE_STACK3, FAKE_UDATA }, 5);
	cr_expect(f.v.cpu.rflags & RFLAGS_IF);
}

Test(deliver, software_interrupt_through_a_kernel_gate_is_gp_at_the_instruction_without_ext)
{
	put_gate(0x80, FAKE_KCODE, 0x1111, 0x8f, 0);
	put_gate(VEC_GP, FAKE_KCODE, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, 0x80, 0);
	f.v.exc.software = true;
	f.v.exc.insn_length = 2;
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	check_frame32(FAKE_STACK0 - 24, (uint32_t[]){ 0x80 * 8 + 2, 0x4000 }, 2);
}

Test(deliver, hardware_exception_ignores_gate_dpl)
{
	put_gate(VEC_UD, FAKE_KCODE, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
}

Test(deliver, fault_on_the_way_carries_ext)
{
	put_gate(VEC_UD, FAKE_ABSENT, 0x1111, 0x8e, 0);
	put_gate(VEC_NP, FAKE_KCODE, HANDLER, 0x8e, 0);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 16), FAKE_ABSENT | 1);
}

Test(deliver, gate_that_is_not_present_is_np_with_idt_bit)
{
	put_gate(VEC_UD, FAKE_KCODE, 0x1111, 0x0e, 0);
	put_gate(VEC_NP, FAKE_KCODE, HANDLER, 0x8e, 0);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 16), VEC_UD * 8 + 2 + 1);
}

Test(deliver, contributory_after_contributory_is_a_double_fault)
{
	put_gate(VEC_GP, FAKE_ABSENT, 0x1111, 0x8e, 0);
	put_gate(VEC_DF, FAKE_KCODE, HANDLER, 0x8e, 0);
	vcpu_raise(&f.v, VEC_GP, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 16), 0, "the error code of #DF is 0");
}

Test(deliver, triple_fault_stops_the_vm_and_names_the_first_fault)
{
	put_gate(VEC_DF, FAKE_ABSENT, HANDLER, 0x8e, 0);
	put_gate(VEC_PF, FAKE_ABSENT, HANDLER, 0x8e, 0);
	vcpu_raise_pf(&f.v, 0xc0de, 2);
	cr_assert_eq(deliver_exception(&f.v), -ECANCELED);
	cr_expect_eq(f.machine.stop.why.reason, VM_STOP_FAULT);
	cr_expect(strstr(f.machine.stop.why.message, "triple fault") && strstr(f.machine.stop.why.message, "#PF") &&
		  strstr(f.machine.stop.why.message, "0xc0de"), "%s", f.machine.stop.why.message);
}

Test(deliver, empty_idt_is_a_triple_fault)
{
	f.v.cpu.idtr.limit = 0;
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), -ECANCELED);
	cr_expect(strstr(f.machine.stop.why.message, "#UD"));
}

Test(deliver, task_gate_is_refused)
{
	put_gate(VEC_UD, FAKE_TSSSEL, 0, 0x85, 0);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), -ECANCELED);
	cr_expect(strstr(f.machine.stop.why.message, "task gate"));
}

Test(deliver, ring_1_handler_is_refused)
{
	put_gate(VEC_UD, FAKE_CODE1, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), -ECANCELED);
	cr_expect(strstr(f.machine.stop.why.message, "ring 1"));
}

Test(deliver, sixteen_bit_gate_pushes_words)
{
	put_gate(VEC_GP, FAKE_KCODE, 0x99991234, 0x86, 0);
	vcpu_raise(&f.v, VEC_GP, 0x18);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.gpr[GPR_RSP], FAKE_STACK0 - 8);
	cr_expect_eq(fake_get64(&f, FAKE_STACK0 - 8), 0x0203000840000018ull, "%#lx", fake_get64(&f, FAKE_STACK0 - 8));
	cr_expect_eq(f.v.cpu.rip, 0x1234);
}

Test(deliver, frame_on_a_16_bit_stack_wraps)
{
	put_gdt(FAKE_KDATA, fake_descriptor(0x40000, 0xffff, 0x92, 0x0));
	put_gate(VEC_GP, FAKE_KCODE, HANDLER, 0x8e, 0);
	set_ring(0, 0xabcd0006);
	vcpu_raise(&f.v, VEC_GP, 0);
	f.v.cpu.gpr[GPR_RSP] = 0xabcd0008;
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.gpr[GPR_RSP], 0xabcdfff8);
	cr_expect_eq(fake_get32(&f, 0x40004), 0x10203);
	cr_expect_eq(fake_get32(&f, 0x40000), FAKE_KCODE);
	cr_expect_eq(fake_get32(&f, 0x4fffc), 0x4000);
}

Test(deliver, stack_beyond_its_limit_is_ss_and_then_a_double_fault_with_nothing_written)
{
	put_gdt(FAKE_KDATA, fake_descriptor(0, 0xff, 0x92, 0x4));
	put_gate(VEC_UD, FAKE_KCODE, 0x1111, 0x8e, 0);
	set_ring(0, 0x8);
	memset(fake_ram(&f, 0, 16), 0x55, 16);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), -ECANCELED, "no gate for #SS, #DF: triple fault");
	for (unsigned i = 0; i < 16; i++)
		cr_assert_eq(*(uint8_t *)fake_ram(&f, i, 1), 0x55);
}

Test(deliver, bad_tss_stack_is_ts)
{
	fake_put32(&f, FAKE_TSS + 8, FAKE_UDATA);
	put_gate(VEC_UD, FAKE_KCODE, 0x1111, 0x8e, 0);
	put_gate(VEC_TS, FAKE_UCODE & ~3, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(fake_get32(&f, FAKE_STACK3 - 16), (FAKE_UDATA & ~3u) | 1, "handled on the ring 3 stack");
	cr_expect_eq(f.v.cpu.cpl, 3);
}

Test(deliver, short_tss_is_ts_with_its_selector)
{
	f.v.cpu.tr.limit = 6;
	put_gate(VEC_UD, FAKE_KCODE, 0x1111, 0x8e, 0);
	put_gate(VEC_TS, FAKE_UCODE & ~3, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(fake_get32(&f, FAKE_STACK3 - 16), FAKE_TSSSEL | 1);
}

Test(deliver, debug_exception_merges_dr6_and_clears_gd)
{
	put_gate(VEC_DB, FAKE_KCODE, HANDLER, 0x8e, 0);
	f.v.cpu.dr6 = DR6_FIXED | 1 | DR6_BD;
	f.v.cpu.dr7 = DR7_FIXED | DR7_GD;
	vcpu_raise(&f.v, VEC_DB, 0);
	f.v.exc.dr6 = DR6_BS;
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.dr6, DR6_FIXED | DR6_BD | DR6_BS);
	cr_expect_eq(f.v.cpu.dr7, DR7_FIXED);
	cr_expect_eq(f.debug_changes, 1);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 4) & RFLAGS_RF, 0);
}

Test(deliver64, same_privilege_frame_is_aligned_and_has_the_old_stack)
{
	put_gate(VEC_PF, FAKE_KCODE64, 0xffffffff81000000, 0x8e, 0);
	f.v.cpu.rip = 0xffffffff80001234;
	f.v.cpu.gpr[GPR_RSP] = FAKE_STACK0 - 3;
	vcpu_raise_pf(&f.v, 0xffff800000000000, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	check_frame64(FAKE_STACK0 - 16 - 48, (uint64_t[]){ 0, 0xffffffff80001234, FAKE_KCODE64, 0x10203, FAKE_STACK0 - 3, FAKE_KDATA }, 6);
	cr_expect_eq(f.v.cpu.rip, 0xffffffff81000000);
	cr_expect_eq(f.v.cpu.seg[SREG_SS].selector, FAKE_KDATA, "SS stays without a privilege change");
}

Test(deliver64, from_user_takes_rsp0_and_a_null_ss)
{
	put_gate(VEC_DE, FAKE_KCODE64, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, VEC_DE, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	check_frame64(FAKE_STACK0 - 40, (uint64_t[]){ 0x4000, FAKE_UCODE, 0x10203, FAKE_STACK3, FAKE_UDATA }, 5);
	cr_expect_eq(f.v.cpu.seg[SREG_SS].selector, 0);
	cr_expect_not(f.v.cpu.seg[SREG_SS].usable);
	cr_expect_eq(f.v.cpu.cpl, 0);
}

Test(deliver64, ist_is_used_without_privilege_change_and_aligned)
{
	put_gate(VEC_DE, FAKE_KCODE64, HANDLER, 0x8e, 1);
	vcpu_raise(&f.v, VEC_DE, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.gpr[GPR_RSP], FAKE_IST1 - 40);
	check_frame64(FAKE_IST1 - 40, (uint64_t[]){ 0x4000, FAKE_KCODE64, 0x10203, FAKE_STACK0, FAKE_KDATA }, 5);
}

Test(deliver64, sixteen_bit_gate_type_is_gp)
{
	put_gate(VEC_DE, FAKE_KCODE64, HANDLER, 0x86, 0);
	put_gate(VEC_DF, FAKE_KCODE64, HANDLER, 0x8e, 0);
	vcpu_raise(&f.v, VEC_DE, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER, "#DE then #GP is #DF");
}

Test(deliver64, handler_must_be_64_bit_code)
{
	put_gate(VEC_UD, FAKE_KCODE, 0x1111, 0x8e, 0);
	put_gate(VEC_GP, FAKE_KCODE64, HANDLER, 0x8e, 0);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	cr_expect_eq(fake_get64(&f, FAKE_STACK0 - 48), FAKE_KCODE | 1);
}

Test(deliver64, non_canonical_rsp0_is_ss)
{
	fake_put64(&f, FAKE_TSS + 4, 0x800000000000);
	put_gate(VEC_UD, FAKE_KCODE64, 0x1111, 0x8e, 0);
	put_gate(VEC_SS, FAKE_KCODE64, HANDLER, 0x8e, 1);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	cr_expect_eq(fake_get64(&f, FAKE_IST1 - 48), 1, "#SS(EXT)");
}

Test(deliver64, page_fault_while_pushing_after_a_page_fault_is_df_on_its_ist)
{
	put_gate(VEC_PF, FAKE_KCODE64, 0x1111, 0x8e, 0);
	put_gate(VEC_DF, FAKE_KCODE64, HANDLER, 0x8e, 1);
	f.v.cpu.gpr[GPR_RSP] = 0x8000001000;
	vcpu_raise_pf(&f.v, 0x1234, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	cr_expect_eq(f.v.cpu.gpr[GPR_RSP], FAKE_IST1 - 48);
	cr_expect_eq(f.v.cpu.cr2 >> 12, 0x8000000, "CR2 is the second fault's: %#lx", f.v.cpu.cr2);
}

Test(deliver64, page_fault_during_a_benign_exception_is_delivered_itself)
{
	put_gate(VEC_UD, FAKE_KCODE64, 0x1111, 0x8e, 0);
	put_gate(VEC_PF, FAKE_KCODE64, HANDLER, 0x8e, 1);
	f.v.cpu.gpr[GPR_RSP] = 0x8000001000;
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	cr_expect_eq(fake_get64(&f, FAKE_IST1 - 48), PF_W, "a supervisor write to a page that is not present");
}

Test(deliver64, push_on_a_supervisor_stack_is_a_supervisor_access)
{
	fake_put64(&f, FAKE_TABLES, fake_get64(&f, FAKE_TABLES) & ~PTE_U);
	put_gate(VEC_UD, FAKE_KCODE64, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
}

Test(deliver64, from_compatibility_mode_the_kernel_stack_address_is_not_cut)
{
	fake_put64(&f, FAKE_TABLES + 8 * 256, fake_get64(&f, FAKE_TABLES));
	fake_put64(&f, FAKE_TSS + 4, 0xffff800000000000 + FAKE_STACK0 - 8);
	put_gate(VEC_UD, FAKE_KCODE64, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	cr_assert_not(cpu_code64(&f.v.cpu));
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.gpr[GPR_RSP], 0xffff800000000000 + FAKE_STACK0 - 16 - 40);
	check_frame64(FAKE_STACK0 - 16 - 40, (uint64_t[]){ 0x4000, FAKE_UCODE, 0x10203, FAKE_STACK3, FAKE_UDATA }, 5);
}

Test(deliver64, contributory_fault_during_a_page_fault_is_a_double_fault)
{
	put_gate(VEC_PF, FAKE_ABSENT, 0x1111, 0x8e, 0);
	put_gate(VEC_GP, FAKE_KCODE64, 0x2222, 0x8e, 0);
	put_gate(VEC_DF, FAKE_KCODE64, HANDLER, 0x8e, 0);
	vcpu_raise_pf(&f.v, 0x1234, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
}

Test(deliver64, page_fault_during_a_contributory_fault_is_delivered_itself)
{
	put_gate(VEC_GP, FAKE_KCODE64, 0x1111, 0x8e, 0);
	put_gate(VEC_PF, FAKE_KCODE64, HANDLER, 0x8e, 1);
	f.v.cpu.gpr[GPR_RSP] = 0x8000001000;
	vcpu_raise(&f.v, VEC_GP, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
}

Test(deliver, tss_that_ends_inside_ss0_is_ts)
{
	f.v.cpu.tr.limit = 8;
	put_gate(VEC_UD, FAKE_KCODE, 0x1111, 0x8e, 0);
	put_gate(VEC_TS, FAKE_UCODE & ~3, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	f.v.cpu.tr.limit = 9;
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, 0x1111);
}

Test(deliver, gate_that_the_idt_limit_cuts_is_gp)
{
	put_gate(VEC_GP, FAKE_KCODE, HANDLER, 0x8e, 0);
	put_gate(0x20, FAKE_KCODE, 0x1111, 0x8e, 0);
	f.v.cpu.idtr.limit = 0x20 * 8 + 6;
	vcpu_raise(&f.v, 0x20, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 16), 0x20 * 8 + 2 + 1);
}

Test(deliver, software_interrupt_through_an_absent_kernel_gate_is_gp)
{
	put_gate(0x80, FAKE_KCODE, 0x1111, 0x0f, 0);
	put_gate(VEC_GP, FAKE_KCODE, HANDLER, 0x8e, 0);
	put_gate(VEC_NP, FAKE_KCODE, 0x2222, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, 0x80, 0);
	f.v.exc.software = true;
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER, "user code does not learn which gates are absent");
}

Test(deliver, conforming_handler_runs_in_the_ring_and_on_the_stack_of_the_fault)
{
	put_gate(VEC_UD, FAKE_CONFORMING, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.cpl, 3);
	cr_expect_eq(f.v.cpu.seg[SREG_SS].selector, FAKE_UDATA);
	check_frame32(FAKE_STACK3 - 12, (uint32_t[]){ 0x4000, FAKE_UCODE, 0x10203 }, 3);
	cr_expect_eq(f.v.cpu.gpr[GPR_RSP], FAKE_STACK3 - 12);
}

Test(deliver, software_interrupt_to_the_vector_of_a_fault_leaves_rf_clear)
{
	put_gate(VEC_UD, FAKE_KCODE, HANDLER, 0x8e, 0);
	vcpu_raise(&f.v, VEC_UD, 0);
	f.v.exc.software = true;
	f.v.exc.insn_length = 2;
	cr_assert_eq(deliver_exception(&f.v), 0);
	check_frame32(FAKE_STACK0 - 12, (uint32_t[]){ 0x4002, FAKE_KCODE, 0x203 }, 3);
}

Test(deliver64, handler_at_a_bad_address_writes_no_frame)
{
	put_gate(VEC_UD, FAKE_KCODE64, 0x800000000000, 0x8e, 1);
	put_gate(VEC_GP, FAKE_KCODE64, HANDLER, 0x8e, 0);
	memset(fake_ram(&f, FAKE_IST1 - 64, 64), 0x55, 64);
	vcpu_raise(&f.v, VEC_UD, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	cr_expect_eq(f.v.cpu.rip, HANDLER);
	for (unsigned i = 0; i < 64; i += 8)
		cr_expect_eq(fake_get64(&f, FAKE_IST1 - 64 + i), 0x5555555555555555);
}

/* All of a frame, wherever it lies: whoever pushes frames onto a page has no table there. And nothing else is said to be one. */
static void check_frame_class(uint64_t top, unsigned words, unsigned size)
{
	unsigned seen = 0;

	cr_assert_leq(f.nposts, 16);
	for (unsigned i = 0; i < f.nposts; i++) {
		bool frame = f.post[i].gpa >= top - words * size && f.post[i].gpa < top;

		cr_expect_eq((f.post[i].flags & LINK_CLASS_MASK) >> LINK_CLASS_SHIFT == WRITE_CLASS_FRAME, frame, "at %#lx", f.post[i].gpa);
		seen += frame ? f.post[i].size / size : 0;
	}
	cr_expect_eq(seen, words);
	f.nposts = 0;
}

/* The ancestor's defect D32: its list of what proves that a page is no table any more had no frames. */
Test(deliver, defect_D32_frames_are_posted_as_such)
{
	put_gate(VEC_GP, FAKE_KCODE, HANDLER, 0x8e, 0);
	vcpu_raise(&f.v, VEC_GP, 0x18);
	cr_assert_eq(deliver_exception(&f.v), 0);
	check_frame_class(FAKE_STACK0, 4, 4);
	set_ring(3, FAKE_STACK3);
	put_gate(0x80, FAKE_KCODE, HANDLER, 0xef, 0);
	vcpu_raise(&f.v, 0x80, 0);
	f.v.exc.software = true;
	cr_assert_eq(deliver_exception(&f.v), 0);
	check_frame_class(FAKE_STACK0, 5, 4);
}

Test(deliver64, defect_D32_frames_on_any_stack_are_posted_as_such)
{
	put_gate(0x20, FAKE_KCODE64, HANDLER, 0x8e, 1);
	vcpu_raise(&f.v, 0x20, 0);
	f.v.exc.external = true;
	cr_assert_eq(deliver_exception(&f.v), 0);
	check_frame_class(FAKE_IST1, 5, 8);
	put_gate(VEC_PF, FAKE_KCODE64, HANDLER, 0x8e, 0);
	set_ring(3, FAKE_STACK3);
	vcpu_raise_pf(&f.v, 0x1234, 0);
	cr_assert_eq(deliver_exception(&f.v), 0);
	check_frame_class(FAKE_STACK0, 6, 8);
}
