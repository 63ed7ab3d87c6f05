// SPDX-License-Identifier: GPL-2.0-or-later
/* x87 instructions that trapd carries out for a guest whose host does not know them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fakes/fake_tables.h"

static struct fake_vcpu f;
static struct cpu_state *const c = &f.v.cpu;

static void setup(void)
{
	fake_tables_legacy(&f);
}

static void teardown(void)
{
	fake_vcpu_fini(&f);
}

TestSuite(x87, .init = setup, .fini = teardown);

#define DATA 0x6000u

static int run(const void *bytes, unsigned n)
{
	uint8_t code[15] = { 0 };
	struct insn in;

	memcpy(code, bytes, n);
	cr_assert_eq(insn_decode(code, sizeof(code), 32, FAKE_RIP, &in), 0);
	c->rip = FAKE_RIP;
	f.v.exc.pending = false;
	return x87_emulate(&f.v, &in);
}

#define RUN(text) run(text, sizeof(text) - 1)

static void expect_done(int ret, unsigned length)
{
	cr_assert_eq(ret, 0, "returned %d (vector %u)", ret, f.v.exc.vector);
	cr_expect_eq(c->rip, FAKE_RIP + length);
}

#define DONE(text) expect_done(RUN(text), sizeof(text) - 1)

static void expect_exception(int ret, uint8_t vector)
{
	cr_expect_eq(ret, -EFAULT, "returned %d", ret);
	cr_expect(f.v.exc.pending && f.v.exc.vector == vector, "vector %u", f.v.exc.vector);
	cr_expect_eq(c->rip, FAKE_RIP, "a fault leaves RIP at the instruction");
}

#define FLD1		"\xd9\xe8"
#define FLDZ		"\xd9\xee"
#define FILD64_EAX	"\xdf\x28"
#define FISTP64_EAX	"\xdf\x38"
#define FMUL32_EAX	"\xd8\x08"
#define FSTP64_EAX	"\xdd\x18"
#define FLD80_EAX	"\xdb\x28"
#define FSTP80_EAX	"\xdb\x38"
#define FLDCW_EAX	"\xd9\x28"
#define FNSTCW_EAX	"\xd9\x38"
#define FNSTENV_EAX	"\xd9\x30"
#define FNSAVE_EAX	"\xdd\x30"
#define FRSTOR_EAX	"\xdd\x20"
#define FNSTSW_AX	"\xdf\xe0"
#define FDIVP		"\xde\xf9"
#define FCOMI_ST1	"\xdb\xf1"
#define FCMOVB_ST1	"\xda\xc1"
#define FADD_ST1	"\xd8\xc1"
#define FNINIT		"\xdb\xe3"
#define FNCLEX		"\xdb\xe2"
#define FISTP32_EAX	"\xdb\x18"

Test(x87, integers_and_reals_are_loaded_computed_and_stored)
{
	float factor = 2.5f;

	fake_put64(&f, DATA, 1000000000000ull);
	memcpy(fake_ram(&f, DATA + 8, 4), &factor, 4);
	c->gpr[GPR_RAX] = DATA;
	DONE(FILD64_EAX);
	c->gpr[GPR_RAX] = DATA + 8;
	DONE(FMUL32_EAX);
	c->gpr[GPR_RAX] = DATA + 16;
	DONE(FISTP64_EAX);
	cr_expect_eq(fake_get64(&f, DATA + 16), 2500000000000ull);
	cr_expect_eq(f.x87.tags, 0, "the stack is empty again");
}

Test(x87, the_last_instructions_address_is_the_guests)
{
	fake_put64(&f, DATA, 7);
	c->gpr[GPR_RAX] = DATA;
	DONE(FILD64_EAX);
	cr_expect_eq(f.x87.ip, FAKE_RIP);
	cr_expect_eq(f.x87.data, DATA);
	cr_expect_eq(f.x87.opcode, 0x728);
	c->gpr[GPR_RAX] = DATA + 64;
	DONE(FNSTENV_EAX);
	cr_expect_eq(fake_get32(&f, DATA + 64 + 12), FAKE_RIP);
	cr_expect_eq(fake_get32(&f, DATA + 64 + 20), DATA);
}

Test(x87, status_goes_to_ax_and_comparisons_to_the_flags)
{
	DONE(FLD1);
	DONE(FLDZ);
	c->gpr[GPR_RAX] = 0x12345678;
	DONE(FNSTSW_AX);
	cr_expect_eq(c->gpr[GPR_RAX], 0x12343000, "TOP is 6: %#llx", (unsigned long long)c->gpr[GPR_RAX]);
	c->rflags |= RFLAGS_ZF | RFLAGS_OF;
	c->rflags &= ~(uint64_t)RFLAGS_CF;
	DONE(FCOMI_ST1);
	cr_expect_eq(c->rflags & (RFLAGS_CF | RFLAGS_ZF | RFLAGS_PF | RFLAGS_OF), RFLAGS_CF, "0 < 1");
	cr_expect(c->rflags & RFLAGS_IF, "IF is the guest's");
	DONE(FCMOVB_ST1);
	c->gpr[GPR_RAX] = DATA;
	DONE(FISTP64_EAX);
	cr_expect_eq(fake_get64(&f, DATA), 1, "moved, because CF is set");
}

Test(x87, the_control_word_is_the_guests_and_ours_stays)
{
	uint16_t ours, after;

	__asm__ volatile("fnstcw %0" : "=m"(ours));
	fake_put32(&f, DATA, 0x0f7f);
	c->gpr[GPR_RAX] = DATA;
	DONE(FLDCW_EAX);
	cr_expect_eq(f.x87.control, 0x0f7f);
	c->gpr[GPR_RAX] = DATA + 4;
	DONE(FNSTCW_EAX);
	cr_expect_eq(fake_get32(&f, DATA + 4), 0x0f7f, "two bytes, no more");
	DONE(FNINIT);
	cr_expect_eq(f.x87.control, 0x37f);
	__asm__ volatile("fnstcw %0" : "=m"(after));
	cr_expect_eq(ours, after);
}

Test(x87, an_exception_that_is_not_masked_comes_before_the_next_instruction)
{
	f.x87.control = 0x37b;		/* ZM is 0 */
	DONE(FLD1);
	DONE(FLDZ);
	DONE(FDIVP);
	cr_expect(f.x87.status & X87_SW_ES);
	expect_exception(RUN(FADD_ST1), VEC_MF);
	c->gpr[GPR_RAX] = 0;
	DONE(FNSTSW_AX);
	cr_expect(c->gpr[GPR_RAX] & X87_SW_ES, "it does not wait");
	DONE(FNCLEX);
	DONE(FADD_ST1);
}

Test(x87, nothing_is_stored_if_the_result_is_invalid_and_that_is_not_masked)
{
	DONE(FLD1);
	c->gpr[GPR_RAX] = DATA;
	fake_put64(&f, DATA, 0x4415af1d78b58c40ull);		/* 1e20 as a double: FILD is not enough */
	DONE("\xdd\x00");
	fake_put32(&f, DATA + 8, 0x55555555);
	f.x87.control = 0x37e;
	c->gpr[GPR_RAX] = DATA + 8;
	DONE(FISTP32_EAX);
	cr_expect_eq(fake_get32(&f, DATA + 8), 0x55555555);
	cr_expect(f.x87.status & X87_SW_ES);
}

Test(x87, state_is_saved_and_restored_whole)
{
	struct x87_image before;

	DONE(FLD1);
	DONE(FLDZ);
	before = f.x87;
	c->gpr[GPR_RAX] = 0x6fc0;	/* across a page */
	DONE(FNSAVE_EAX);
	cr_expect_eq(f.x87.tags, 0);
	cr_expect_eq(f.x87.control, 0x37f);
	DONE(FRSTOR_EAX);
	cr_expect_eq(f.x87.tags, before.tags);
	cr_expect_eq(f.x87.status, before.status);
	cr_expect_arr_eq(f.x87.st, before.st, sizeof(before.st));
}

Test(x87, ts_and_em_raise_nm)
{
	c->cr0 |= CR0_TS;
	expect_exception(RUN(FLD1), VEC_NM);
	c->cr0 = (c->cr0 & ~CR0_TS) | CR0_EM;
	expect_exception(RUN(FLD1), VEC_NM);
}

Test(x87, what_is_not_x87_or_not_defined_stays_undefined)
{
	cr_expect_eq(RUN("\x0f\x0b"), -EOPNOTSUPP, "UD2");
	cr_expect_eq(RUN("\x90"), -EOPNOTSUPP, "NOP");
	cr_expect_eq(RUN("\x66\xd9\x30"), -EOPNOTSUPP, "16-bit FNSTENV");
}

Test(x87, a_fault_of_the_operand_changes_nothing)
{
	struct x87_image before;

	DONE(FLD1);
	before = f.x87;
	c->seg[SREG_DS].limit = DATA + 3;
	c->gpr[GPR_RAX] = DATA;
	expect_exception(RUN(FSTP64_EAX), VEC_GP);
	cr_expect(!memcmp(&before, &f.x87, sizeof(before)));
	expect_exception(RUN(FILD64_EAX), VEC_GP);
	cr_expect(!memcmp(&before, &f.x87, sizeof(before)));
}

/* Every form that the table calls defined is one for the CPU too, or this test dies of SIGILL. */
Test(x87, every_defined_form_runs)
{
	unsigned defined = 0;

	for (unsigned opcode = 0xd8; opcode <= 0xdf; opcode++) {
		for (unsigned modrm = 0; modrm < 256; modrm++) {
			struct x87_image image = { .control = 0x37f };
			uint8_t memory[X87_MEMORY_MAX] = { 0x7f, 0x03 };
			uint64_t rax = 0, rflags = RFLAGS_FIXED;
			struct x87_form form;

			if (!x87_form((uint8_t)opcode, (uint8_t)modrm, &form))
				continue;
			defined++;
			x87_execute(&form, &image, memory, &rax, &rflags);
		}
	}
	/* 64 memory forms less 4 that are not defined, 24 bytes each; 348 with registers */
	cr_expect_eq(defined, 60 * 24 + 64 + 44 + 33 + 53 + 48 + 40 + 49 + 17, "%u", defined);
}

Test(x87, operands_of_ten_bytes_are_loaded_whole)
{
	fake_put64(&f, DATA, 0xc000000000000000);
	fake_put64(&f, DATA + 8, 0xbfff);	/* -1.5 */
	c->gpr[GPR_RAX] = DATA;
	DONE(FLD80_EAX);
	c->gpr[GPR_RAX] = DATA + 16;
	DONE(FSTP64_EAX);
	cr_expect_eq(fake_get64(&f, DATA + 16), 0xbff8000000000000);
}

Test(x87, registers_of_sse_and_the_data_pointer_stay_when_no_memory_is_touched)
{
	f.x87.mxcsr = 0x1f3f;
	fake_put64(&f, DATA, 7);
	c->gpr[GPR_RAX] = DATA;
	DONE(FILD64_EAX);
	DONE(FLD1);
	cr_expect_eq(f.x87.data, DATA);
	cr_expect_eq(f.x87.ip, FAKE_RIP);
	cr_expect_eq(f.x87.opcode, 0x1e8);
	cr_expect_eq(f.x87.mxcsr, 0x1f3f);
}

/* Compatibility mode, so that there are pages; FNSAVE's 108 bytes are stored in pieces. */
Test(x87, a_store_into_an_absent_page_writes_nothing)
{
	const uint64_t rights = PTE_P | PTE_W | PTE_U, pd = 0x12000, pt = 0x13000, absent = DATA + PAGE_SIZE;

	fake_vcpu_long_mode(&f, FAKE_TABLES, true);
	c->seg[SREG_CS].l = false;
	c->seg[SREG_CS].db = true;
	for (uint64_t i = 0; i < 512; i++)
		fake_put64(&f, pt + 8 * i, i << PAGE_SHIFT | (i == absent >> PAGE_SHIFT ? 0 : rights));
	fake_put64(&f, pd, pt | rights);
	fake_put64(&f, FAKE_TABLES + PAGE_SIZE, pd | rights);
	DONE(FLD1);
	c->gpr[GPR_RAX] = absent - 80;
	memset(fake_ram(&f, absent - 80, 80), 0x55, 80);
	expect_exception(RUN(FNSAVE_EAX), VEC_PF);
	cr_expect_eq(f.v.exc.cr2, absent);
	for (unsigned i = 0; i < 80; i += 8)
		cr_expect_eq(fake_get64(&f, absent - 80 + i), 0x5555555555555555);
	cr_expect_neq(f.x87.tags, 0, "nor is the FPU initialised");
}
