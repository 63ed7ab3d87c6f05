/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Process-context identifiers: CR4.PCIDE, CR3 with an identifier and with bit 63, INVPCID. */
#include <criterion/criterion.h>
#include <errno.h>

#include "tests/unit/fakes/fake_tables.h"

#define MOV_CR0_EAX	"\x0f\x22\xc0"
#define MOV_CR3_RAX	"\x0f\x22\xd8"
#define MOV_CR4_RAX	"\x0f\x22\xe0"
#define INVPCID		"\x66\x0f\x38\x82\x0b"	/* rcx, [rbx] */
#define DESCRIPTOR	0x9000ull
#define NOFLUSH		(1ull << 63)

static struct fake_vcpu f;
static struct cpu_state *const c = &f.v.cpu;

static void setup(void)
{
	fake_tables_long(&f);
}

static void teardown(void)
{
	fake_vcpu_fini(&f);
}

TestSuite(pcid, .init = setup, .fini = teardown);

static void expect_gp(int ret)
{
	cr_expect_eq(ret, -EFAULT);
	cr_expect(f.v.exc.pending && f.v.exc.vector == VEC_GP && f.v.exc.error == 0);
	cr_expect_eq(c->rip, FAKE_RIP);
}

static void expect_done(int ret, unsigned length)
{
	cr_expect_eq(ret, 0, "returned %d (vector %u)", ret, f.v.exc.vector);
	cr_expect_eq(c->rip, FAKE_RIP + length);
	c->rip = FAKE_RIP;
}

#define EXPECT_GP(text)		expect_gp(FAKE_RUN(&f, text))
#define EXPECT_DONE(text)	expect_done(FAKE_RUN(&f, text), sizeof(text) - 1)

static void enable(void)
{
	c->gpr[GPR_RAX] = c->cr4 | CR4_PCIDE;
	EXPECT_DONE(MOV_CR4_RAX);
}

static int invalidate(uint64_t type, uint64_t pcid, uint64_t gva)
{
	fake_put64(&f, DESCRIPTOR, pcid);
	fake_put64(&f, DESCRIPTOR + 8, gva);
	c->gpr[GPR_RBX] = DESCRIPTOR;
	c->gpr[GPR_RCX] = type;
	return FAKE_RUN(&f, INVPCID);
}

Test(pcid, needs_long_mode_and_identifier_0_to_begin)
{
	uint64_t root = c->cr3;

	c->cr3 = root | 5;
	c->gpr[GPR_RAX] = c->cr4 | CR4_PCIDE;
	EXPECT_GP(MOV_CR4_RAX);
	c->cr3 = root;
	enable();
	cr_expect(c->cr4 & CR4_PCIDE);
	teardown();
	fake_tables_legacy(&f);
	c->gpr[GPR_RAX] = c->cr4 | CR4_PCIDE;
	EXPECT_GP(MOV_CR4_RAX);
}

Test(pcid, keeps_paging_on)
{
	c->seg[SREG_CS].l = false;	/* compatibility mode, from which long mode can be left */
	c->seg[SREG_CS].db = true;
	enable();
	c->gpr[GPR_RAX] = c->cr0 & ~CR0_PG;
	EXPECT_GP(MOV_CR0_EAX);
	c->cr4 &= ~CR4_PCIDE;
	EXPECT_DONE(MOV_CR0_EAX);
}

Test(pcid, cr3_keeps_the_identifier_and_drops_bit_63)
{
	uint64_t root = c->cr3;

	c->gpr[GPR_RAX] = root | NOFLUSH;
	EXPECT_GP(MOV_CR3_RAX);
	enable();
	c->gpr[GPR_RAX] = root | NOFLUSH | 0xabc;
	EXPECT_DONE(MOV_CR3_RAX);
	cr_expect_eq(c->cr3, root | 0xabc);
	c->gpr[GPR_RAX] = root | 1ull << 62;
	EXPECT_GP(MOV_CR3_RAX);
}

Test(pcid, invpcid_of_an_address_is_an_invlpg_and_the_rest_load_the_root_anew)
{
	unsigned calls;

	enable();
	calls = f.set_modes_calls;
	expect_done(invalidate(0, 7, 0xffff800000001000), sizeof(INVPCID) - 1);
	cr_expect_eq(f.invlpg_calls, 1);
	cr_expect_eq(f.invlpg_gva, 0xffff800000001000);
	for (uint64_t type = 1; type <= 3; type++) {
		expect_done(invalidate(type, 7, 0x800000000000), sizeof(INVPCID) - 1);
		cr_expect_eq(f.set_modes_calls, calls + type);
	}
}

Test(pcid, invpcid_checks_what_it_is_given)
{
	expect_gp(invalidate(0, 7, 0));			/* an identifier without CR4.PCIDE */
	expect_gp(invalidate(1, 7, 0));
	expect_done(invalidate(2, 7, 0), sizeof(INVPCID) - 1);
	enable();
	expect_gp(invalidate(4, 0, 0));
	expect_gp(invalidate(1ull << 32, 0, 0));
	expect_gp(invalidate(2, 1 << 12, 0));
	expect_gp(invalidate(0, 0, 0x800000000000));	/* not canonical */
	c->gpr[GPR_RBX] = 0x800000000000;
	EXPECT_GP(INVPCID);
	cr_expect_eq(f.invlpg_calls, 0);
	fake_set_ring(&f, 3, FAKE_STACK3);
	expect_gp(invalidate(3, 0, 0));
}
