/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Far transfers, IRET, software interrupts, SYSCALL and SYSRET. SDM vol. 2A CALL, INT n, IRET, JMP; vol. 2B RET, SYSCALL. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fakes/fake_tables.h"
#include "trapd/cpu/desc.h"
#include "trapd/priv/deliver.h"
#include "trapd/priv/far.h"

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

TestSuite(far, .init = setup, .fini = teardown);
TestSuite(far64, .init = setup64, .fini = teardown);

static void expect_exception(int ret, uint8_t vector, uint32_t error)
{
	cr_expect_eq(ret, -EFAULT, "returned %d", ret);
	cr_expect(f.v.exc.pending && f.v.exc.vector == vector && f.v.exc.error == error, "vector %u error %#x", f.v.exc.vector,
		  f.v.exc.error);
	cr_expect_eq(c->rip, FAKE_RIP, "a fault leaves RIP at the instruction");
}

static void push32(const uint32_t *word, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fake_put32(&f, (uint32_t)c->gpr[GPR_RSP] + 4 * i, word[i]);
}

static void push64(const uint64_t *word, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fake_put64(&f, c->gpr[GPR_RSP] + 8 * i, word[i]);
}

#define PUSH32(...) do { const uint32_t w_[] = { __VA_ARGS__ }; c->gpr[GPR_RSP] -= sizeof(w_); push32(w_, sizeof(w_) / 4); } while (0)
#define PUSH64(...) do { const uint64_t w_[] = { __VA_ARGS__ }; c->gpr[GPR_RSP] -= sizeof(w_); push64(w_, sizeof(w_) / 8); } while (0)

Test(far, jmp_immediate_loads_cs_and_marks_it_accessed)
{
	c->seg[SREG_CS].db = true;
	cr_assert_eq(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x68\x00"), 0);
	cr_expect_eq(c->rip, 0x1000);
	cr_expect_eq(c->seg[SREG_CS].selector, FAKE_CONFORMING);
	cr_expect_eq(fake_get64(&f, FAKE_GDT + FAKE_CONFORMING) >> 40 & 1, 1);
	cr_expect(f.v.sregs_dirty);
}

Test(far, jmp_memory_with_16_bit_operand)
{
	c->gpr[GPR_RAX] = 0x9000;
	fake_put64(&f, 0x9000, 0x00081234);
	cr_assert_eq(FAKE_RUN(&f, "\x66\xff\x28"), 0);
	cr_expect_eq(c->rip, 0x1234);
	cr_expect_eq(c->seg[SREG_CS].selector, FAKE_KCODE);
}

Test(far, jmp_checks)
{
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x00\x00"), VEC_GP, 0);
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x03\x00"), VEC_GP, 0);
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x10\x00"), VEC_GP, FAKE_KDATA);
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x1b\x00"), VEC_GP, FAKE_UCODE & ~3u);
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x28\x00"), VEC_NP, FAKE_ABSENT);
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x88\x00"), VEC_GP, 0x88);
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x0c\x00"), VEC_GP, 0x0c);
	fake_set_ring(&f, 3, FAKE_STACK3);
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x08\x00"), VEC_GP, FAKE_KCODE);
}

Test(far, jmp_beyond_the_limit_is_gp_0)
{
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, fake_descriptor(0, 0xfff, 0x9a, 0x4));
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x78\x00"), VEC_GP, 0);
	cr_expect_eq(FAKE_RUN(&f, "\xea\xff\x0f\x00\x00\x78\x00"), 0);
}

Test(far, jmp_to_cs_as_the_guest_reads_it_with_rpl_3_works)
{
	cr_assert_eq(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x0b\x00"), 0);
	cr_expect_eq(c->seg[SREG_CS].selector, FAKE_KCODE);
	cr_expect_eq(c->cpl, 0);
}

Test(far, jmp_under_tf_ends_with_a_single_step_trap_at_the_target)
{
	c->rflags |= RFLAGS_TF | RFLAGS_RF;
	cr_assert_eq(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x08\x00"), -EFAULT);
	cr_expect_eq(f.v.exc.vector, VEC_DB);
	cr_expect_eq(f.v.exc.dr6, DR6_BS);
	cr_expect_eq(c->rip, 0x1000);
	cr_expect_not(c->rflags & RFLAGS_RF);
}

Test(far, call_pushes_cs_and_the_next_instruction)
{
	cr_assert_eq(FAKE_RUN(&f, "\x9a\x00\x10\x00\x00\x68\x00"), 0);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 4), FAKE_KCODE);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 8), FAKE_RIP + 7);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK0 - 8);
}

Test(far, call_gate_switches_the_stack_and_copies_parameters)
{
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, 0x0012ec0200083456);	/* 0008:00123456, DPL 3, two parameters */
	fake_set_ring(&f, 3, FAKE_STACK3);
	PUSH32(0xaaaa, 0xbbbb);
	cr_assert_eq(FAKE_RUN(&f, "\x9a\xff\xff\xff\xff\x7b\x00"), 0);
	cr_expect_eq(c->cpl, 0);
	cr_expect_eq(c->rip, 0x123456);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK0 - 24);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 24), FAKE_RIP + 7);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 20), FAKE_UCODE);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 16), 0xaaaa);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 12), 0xbbbb);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 8), FAKE_STACK3 - 8);
	cr_expect_eq(fake_get32(&f, FAKE_STACK0 - 4), FAKE_UDATA);
	/* and back, releasing the parameters on both stacks */
	c->rip = FAKE_RIP;
	cr_assert_eq(FAKE_RUN(&f, "\xca\x08\x00"), 0);
	cr_expect_eq(c->cpl, 3);
	cr_expect_eq(c->rip, FAKE_RIP + 7);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK3);
	cr_expect_eq(c->seg[SREG_SS].selector, FAKE_UDATA);
}

Test(far, call_gate_of_ring_0_is_gp_for_user_code)
{
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, 0x00128c0000083456);
	fake_set_ring(&f, 3, FAKE_STACK3);
	expect_exception(FAKE_RUN(&f, "\x9a\xff\xff\xff\xff\x78\x00"), VEC_GP, FAKE_SPARE);
}

Test(far, task_switch_stops_the_vm)
{
	cr_assert_eq(FAKE_RUN(&f, "\xea\x00\x00\x00\x00\x38\x00"), -ECANCELED);
	cr_expect(strstr(f.machine.stop.why.message, "task switch"), "%s", f.machine.stop.why.message);
}

Test(far, user_code_cannot_stop_the_vm_by_a_kernel_tss)
{
	fake_set_ring(&f, 3, FAKE_STACK3);
	expect_exception(FAKE_RUN(&f, "\xea\x00\x00\x00\x00\x38\x00"), VEC_GP, FAKE_TSSSEL);
	cr_expect_eq(f.machine.stop.why.reason, VM_RUNNING);
}

Test(far, ret_same_privilege)
{
	PUSH32(0x1000, FAKE_KCODE);
	cr_assert_eq(FAKE_RUN(&f, "\xca\x04\x00"), 0);
	cr_expect_eq(c->rip, 0x1000);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK0 + 4);
}

Test(far, ret_inward_is_gp)
{
	fake_set_ring(&f, 3, FAKE_STACK3);
	PUSH32(0x1000, FAKE_KCODE);
	expect_exception(FAKE_RUN(&f, "\xcb"), VEC_GP, FAKE_KCODE);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK3 - 8);
}

Test(far, iret_same_privilege_restores_virtual_flags)
{
	PUSH32(0x1000, FAKE_KCODE, RFLAGS_ID | (2u << 12) | RFLAGS_ZF | RFLAGS_AC);
	cr_assert_eq(FAKE_RUN(&f, "\xcf"), 0);
	cr_expect_eq(c->rip, 0x1000);
	cr_expect_eq(c->rflags, RFLAGS_FIXED | RFLAGS_ID | (2u << 12) | RFLAGS_ZF | RFLAGS_AC, "IF cleared, IOPL 2: %#lx",
		     (unsigned long)c->rflags);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK0);
	cr_expect_eq(f.stat[TRAP_STAT_iret_emulated], 1);
}

Test(far, iret_outward_switches_stack_and_clears_kernel_segments)
{
	c->seg[SREG_DS] = fake_load(&f, FAKE_KDATA);
	c->seg[SREG_ES] = fake_load(&f, FAKE_UDATA);
	c->seg[SREG_FS] = fake_load(&f, FAKE_CONFORMING);
	PUSH32(0x1000, FAKE_UCODE, RFLAGS_IF | RFLAGS_FIXED, FAKE_STACK3, FAKE_UDATA);
	cr_assert_eq(FAKE_RUN(&f, "\xcf"), 0);
	cr_expect_eq(c->cpl, 3);
	cr_expect_eq(c->seg[SREG_CS].selector, FAKE_UCODE);
	cr_expect_eq(c->seg[SREG_SS].selector, FAKE_UDATA);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK3);
	cr_expect_not(c->seg[SREG_DS].usable);
	cr_expect_eq(c->seg[SREG_DS].selector, 0);
	cr_expect(c->seg[SREG_ES].usable);
	cr_expect(c->seg[SREG_FS].usable, "conforming code stays");
}

Test(far, iret_of_user_code_changes_neither_iopl_nor_if)
{
	fake_set_ring(&f, 3, FAKE_STACK3);
	PUSH32(0x1000, FAKE_UCODE, RFLAGS_IOPL);
	cr_assert_eq(FAKE_RUN(&f, "\xcf"), 0);
	cr_expect_eq(c->rflags, RFLAGS_FIXED | RFLAGS_IF);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK3, "SS:ESP are not popped");
}

Test(far, iret_with_16_bit_operands_keeps_the_upper_flags)
{
	c->rflags |= RFLAGS_ID | RFLAGS_RF;
	c->gpr[GPR_RSP] -= 6;
	fake_put64(&f, (uint32_t)c->gpr[GPR_RSP], 0x000200081000);
	cr_assert_eq(FAKE_RUN(&f, "\x66\xcf"), 0);
	cr_expect_eq(c->rip, 0x1000);
	cr_expect_eq(c->rflags, RFLAGS_FIXED | RFLAGS_ID);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK0);
}

Test(far, iret_checks_leave_everything_as_it_was)
{
	static const struct { uint32_t cs, ss; uint8_t vector; uint32_t error; } bad[] = {
		{ 0, FAKE_UDATA, VEC_GP, 0 }, { FAKE_KDATA, 0, VEC_GP, FAKE_KDATA }, { FAKE_ABSENT, 0, VEC_NP, FAKE_ABSENT },
		{ FAKE_UCODE & ~3u, 0, VEC_GP, FAKE_UCODE & ~3u }, { 0x100, 0, VEC_GP, 0x100 },
		{ FAKE_UCODE, 0, VEC_GP, 0 }, { FAKE_UCODE, FAKE_KDATA, VEC_GP, FAKE_KDATA },
		{ FAKE_UCODE, FAKE_KDATA | 3, VEC_GP, FAKE_KDATA }, { FAKE_UCODE, FAKE_UCODE, VEC_GP, FAKE_UCODE & ~3u },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c->gpr[GPR_RSP] = FAKE_STACK0;
		c->rflags = RFLAGS_FIXED | RFLAGS_IF;
		PUSH32(0x1000, bad[i].cs, 0, FAKE_STACK3, bad[i].ss);
		expect_exception(FAKE_RUN(&f, "\xcf"), bad[i].vector, bad[i].error);
		cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK0 - 20, "row %u", i);
		cr_expect_eq(c->cpl, 0);
		cr_expect_eq(c->rflags, RFLAGS_FIXED | RFLAGS_IF);
	}
}

Test(far, iret_with_nt_or_vm_is_refused)
{
	PUSH32(0x1000, FAKE_KCODE, RFLAGS_VM);
	cr_assert_eq(FAKE_RUN(&f, "\xcf"), -ECANCELED);
	cr_expect(strstr(f.machine.stop.why.message, "virtual-8086"));
	f.machine.stop.why.reason = VM_RUNNING;
	c->rflags |= RFLAGS_NT;
	cr_assert_eq(FAKE_RUN(&f, "\xcf"), -ECANCELED);
	cr_expect(strstr(f.machine.stop.why.message, "NT"));
}

Test(far, iret_to_a_16_bit_stack_keeps_the_upper_half_of_esp)
{
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, fake_descriptor(0, 0xffff, 0xf2, 0));
	c->gpr[GPR_RSP] = 0x21000;
	PUSH32(0x1000, FAKE_UCODE, 2, 0x12345678, FAKE_SPARE | 3);
	cr_assert_eq(FAKE_RUN(&f, "\xcf"), 0);
	cr_expect_eq(c->gpr[GPR_RSP], 0x25678);
}

Test(far, delivery_and_iret_are_inverse)
{
	fake_put_gate(&f, VEC_PF, FAKE_KCODE, 0x5000, 0x8e, 0);
	fake_set_ring(&f, 3, FAKE_STACK3);
	vcpu_raise_pf(&f.v, 0x1234, 4);
	cr_assert_eq(deliver_exception(&f.v), 0);
	c->gpr[GPR_RSP] += 4;
	c->rip = FAKE_RIP;
	cr_assert_eq(FAKE_RUN(&f, "\xcf"), 0);
	cr_expect_eq(c->rip, FAKE_RIP);
	cr_expect_eq(c->cpl, 3);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK3);
	cr_expect_eq(c->rflags, RFLAGS_FIXED | RFLAGS_IF | RFLAGS_CF | RFLAGS_RF, "RF comes from the frame of the fault");
}

Test(far, int_n_is_a_software_event_whose_rip_is_the_instruction_until_delivered)
{
	expect_exception(FAKE_RUN(&f, "\xcd\x80"), 0x80, 0);
	cr_expect(f.v.exc.software);
	cr_expect_eq(f.v.exc.insn_length, 2);
	expect_exception(FAKE_RUN(&f, "\xcd\x0d"), VEC_GP, 0);
	cr_expect_not(f.v.exc.has_error, "INT 13 pushes no error code");
	expect_exception(FAKE_RUN(&f, "\xcc"), VEC_BP, 0);
	cr_expect(f.v.exc.software);
	expect_exception(FAKE_RUN(&f, "\xf1"), VEC_DB, 0);
	cr_expect_not(f.v.exc.software, "INT1 ignores the gate's DPL");
	cr_expect_eq(f.v.exc.insn_length, 1);
}

Test(far, into_depends_on_of)
{
	cr_expect_eq(FAKE_RUN(&f, "\xce"), 0);
	c->rip = FAKE_RIP;
	c->rflags |= RFLAGS_OF;
	expect_exception(FAKE_RUN(&f, "\xce"), VEC_OF, 0);
}

Test(far, syscall_is_undefined_outside_long_mode)
{
	c->efer |= EFER_SCE;
	expect_exception(FAKE_RUN(&f, "\x0f\x05"), VEC_UD, 0);
}

Test(far64, iretq_same_privilege_pops_the_stack_and_takes_a_null_ss)
{
	PUSH64(0xffffffff80001000, FAKE_KCODE64, RFLAGS_IF, 0x1234567812345678, 0);
	cr_assert_eq(FAKE_RUN(&f, "\x48\xcf"), 0);
	cr_expect_eq(c->rip, 0xffffffff80001000);
	cr_expect_eq(c->gpr[GPR_RSP], 0x1234567812345678);
	cr_expect_not(c->seg[SREG_SS].usable);
}

Test(far64, iretq_to_user)
{
	PUSH64(0x400000, FAKE_UCODE64, RFLAGS_IF | RFLAGS_FIXED, 0x7fffffffe000, FAKE_UDATA);
	cr_assert_eq(FAKE_RUN(&f, "\x48\xcf"), 0);
	cr_expect_eq(c->cpl, 3);
	cr_expect_eq(c->rip, 0x400000);
	cr_expect_eq(c->gpr[GPR_RSP], 0x7fffffffe000);
	cr_expect(cpu_code64(c));
}

Test(far64, iretq_to_compatibility_mode)
{
	PUSH64(0x400000, FAKE_UCODE, RFLAGS_IF | RFLAGS_FIXED, 0x1ffffe000, FAKE_UDATA);
	cr_assert_eq(FAKE_RUN(&f, "\x48\xcf"), 0);
	cr_expect_not(cpu_code64(c));
	cr_expect_eq(c->gpr[GPR_RSP], 0xffffe000);
}

Test(far64, iretq_checks)
{
	static const struct { uint64_t rip, cs, ss; uint32_t error; } bad[] = {
		{ 0x800000000000, FAKE_KCODE64, FAKE_KDATA, 0 },	/* not canonical */
		{ 0x400000, FAKE_UCODE64, 0, 0 },			/* null SS at CPL 3 */
		{ 0x400000, FAKE_KCODE, 0, 0 },				/* null SS for 32-bit code */
		{ 0x100000000, FAKE_UCODE, FAKE_UDATA, 0 },		/* beyond a 32-bit segment's limit */
		{ 0x400000, FAKE_KCODE64, FAKE_UDATA, FAKE_UDATA & ~3u },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c->gpr[GPR_RSP] = FAKE_STACK0;
		PUSH64(bad[i].rip, bad[i].cs, 2, FAKE_STACK3, bad[i].ss);
		expect_exception(FAKE_RUN(&f, "\x48\xcf"), VEC_GP, bad[i].error);
	}
	c->rflags |= RFLAGS_NT;
	expect_exception(FAKE_RUN(&f, "\x48\xcf"), VEC_GP, 0);
}

Test(far64, code_with_l_and_d_is_reserved)
{
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, fake_descriptor(0, 0xfffff, 0x9a, 0xe));
	PUSH64(0x400000, FAKE_SPARE);
	expect_exception(FAKE_RUN(&f, "\x48\xcb"), VEC_GP, FAKE_SPARE);
}

Test(far64, lretq_reloads_cs)
{
	PUSH64(0xffffffff80001000, FAKE_KCODE64);
	cr_assert_eq(FAKE_RUN(&f, "\x48\xcb"), 0);
	cr_expect_eq(c->rip, 0xffffffff80001000);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK0);
}

Test(far64, ljmp_from_compatibility_mode_enters_64_bit_mode)
{
	c->seg[SREG_CS] = fake_load(&f, FAKE_KCODE);
	cr_assert_not(cpu_code64(c));
	cr_assert_eq(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x30\x00"), 0);
	cr_expect(cpu_code64(c));
	cr_expect_eq(c->rip, 0x1000);
}

Test(far64, call_gate_is_16_bytes_and_pushes_ss_rsp)
{
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, 0x8000ec0000301000);
	fake_put64(&f, FAKE_GDT + FAKE_SPARE + 8, 0xffffffff);
	fake_put64(&f, 0x9000, 0x007b00000000);
	c->cpl = 3;
	c->seg[SREG_CS] = fake_load(&f, FAKE_UCODE64);
	c->seg[SREG_SS] = fake_load(&f, FAKE_UDATA);
	c->gpr[GPR_RSP] = FAKE_STACK3;
	c->gpr[GPR_RAX] = 0x9000;
	cr_assert_eq(FAKE_RUN(&f, "\xff\x18"), 0);
	cr_expect_eq(c->rip, 0xffffffff80001000, "%#lx", (unsigned long)c->rip);
	cr_expect_eq(c->cpl, 0);
	cr_expect_eq(c->gpr[GPR_RSP], FAKE_STACK0 - 32);
	cr_expect_eq(fake_get64(&f, FAKE_STACK0 - 16), FAKE_STACK3);
	cr_expect_eq(fake_get64(&f, FAKE_STACK0 - 8), FAKE_UDATA);
	fake_put64(&f, FAKE_GDT + FAKE_SPARE + 8, 0x0100000000000ull | 0xffffffff);
	c->rip = FAKE_RIP;
	c->cpl = 3;
	c->seg[SREG_CS] = fake_load(&f, FAKE_UCODE64);
	expect_exception(FAKE_RUN(&f, "\xff\x18"), VEC_GP, FAKE_SPARE);
}

Test(far64, syscall_and_sysret)
{
	c->efer |= EFER_SCE;
	c->star = 0x0043ull << 48 | (uint64_t)FAKE_KCODE64 << 32;
	c->lstar = 0xffffffff80002000;
	c->sfmask = RFLAGS_IF | RFLAGS_TF;
	c->cpl = 3;
	c->seg[SREG_CS] = fake_load(&f, FAKE_UCODE64);
	c->rflags |= RFLAGS_TF | RFLAGS_RF | (1u << RFLAGS_IOPL_SHIFT);
	cr_assert_eq(FAKE_RUN(&f, "\x0f\x05"), 0, "TF is masked: no trap");
	cr_expect_eq(c->cpl, 0);
	cr_expect_eq(c->rip, 0xffffffff80002000);
	cr_expect_eq(c->gpr[GPR_RCX], FAKE_RIP + 2);
	cr_expect_eq(c->gpr[GPR_R11], RFLAGS_FIXED | RFLAGS_CF | RFLAGS_IF | RFLAGS_TF | (1u << RFLAGS_IOPL_SHIFT));
	cr_expect_eq(c->rflags, RFLAGS_FIXED | RFLAGS_CF | (1u << RFLAGS_IOPL_SHIFT));
	cr_expect_eq(c->seg[SREG_CS].selector, FAKE_KCODE64);
	cr_expect_eq(c->seg[SREG_SS].selector, FAKE_KCODE64 + 8);
	c->gpr[GPR_R11] = RFLAGS_IF | RFLAGS_RF | RFLAGS_VM;
	cr_assert_eq(FAKE_RUN(&f, "\x48\x0f\x07"), 0);
	cr_expect_eq(c->cpl, 3);
	cr_expect_eq(c->rip, FAKE_RIP + 2);
	cr_expect_eq(c->rflags, RFLAGS_IF | RFLAGS_FIXED);
	cr_expect_eq(c->seg[SREG_CS].selector, FAKE_UCODE64);
	cr_expect_eq(c->seg[SREG_SS].selector, 0x4b);
	cr_expect(cpu_code64(c));
}

Test(far64, sysret_checks)
{
	expect_exception(FAKE_RUN(&f, "\x48\x0f\x07"), VEC_UD, 0);
	c->efer |= EFER_SCE;
	c->gpr[GPR_RCX] = 0x800000000000;
	expect_exception(FAKE_RUN(&f, "\x48\x0f\x07"), VEC_GP, 0);
	c->gpr[GPR_RCX] = 0x1000;
	c->cpl = 3;
	expect_exception(FAKE_RUN(&f, "\x48\x0f\x07"), VEC_GP, 0);
	c->cpl = 0;
	c->star = 0x0043ull << 48;
	cr_assert_eq(FAKE_RUN(&f, "\x0f\x07"), 0);
	cr_expect_eq(c->seg[SREG_CS].selector, 0x43);
	cr_expect_not(cpu_code64(c), "without REX.W it returns to compatibility mode");
}

Test(far64, sysenter_is_hidden)
{
	expect_exception(FAKE_RUN(&f, "\x0f\x34"), VEC_UD, 0);
}

Test(far, jmp_with_an_rpl_above_the_cpl_is_gp)
{
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, fake_get64(&f, FAKE_GDT + FAKE_KCODE));
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x7b\x00"), VEC_GP, FAKE_SPARE);
}

Test(far, descriptor_that_the_limit_cuts_is_gp)
{
	c->gdtr.limit = FAKE_KCODE + 6;
	expect_exception(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x08\x00"), VEC_GP, FAKE_KCODE);
	c->gdtr.limit++;
	cr_expect_eq(FAKE_RUN(&f, "\xea\x00\x10\x00\x00\x08\x00"), 0);
}

Test(far, call_gate_below_the_rpl_is_gp)
{
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, 0x00128c0000083456);
	expect_exception(FAKE_RUN(&f, "\x9a\xff\xff\xff\xff\x7b\x00"), VEC_GP, FAKE_SPARE);
	cr_expect_eq(FAKE_RUN(&f, "\x9a\xff\xff\xff\xff\x78\x00"), 0);
}

Test(far64, sysret_loads_a_ring_3_stack_segment)
{
	c->efer |= EFER_SCE;
	c->star = 0x0043ull << 48;
	c->gpr[GPR_RCX] = 0x1000;
	cr_assert_eq(FAKE_RUN(&f, "\x48\x0f\x07"), 0);
	cr_expect_eq(c->seg[SREG_SS].dpl, 3);
	cr_expect_eq(c->seg[SREG_CS].dpl, 3);
}

Test(far, return_to_a_conforming_segment_of_an_outer_ring_is_gp)
{
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, fake_descriptor(0, 0xfffff, 0xfe, 0xc));	/* conforming, DPL 3 */
	PUSH32(0x1000, FAKE_SPARE, 0);
	expect_exception(FAKE_RUN(&f, "\xcf"), VEC_GP, FAKE_SPARE);
	expect_exception(FAKE_RUN(&f, "\xcb"), VEC_GP, FAKE_SPARE);
}
