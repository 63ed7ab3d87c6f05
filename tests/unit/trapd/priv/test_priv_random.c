/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random privileged instructions, random tables and stacks: whatever a guest does, the virtual CPU stays in a state that the
 * real one can be put into, and user code gains no privilege but through a gate.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fakes/fake_tables.h"
#include "tests/unit/fakes/insn_said.h"
#include "trapd/cpu/desc.h"
#include "trapd/cpu/seg.h"
#include "trapd/devices/bus.h"
#include "trapd/priv/deliver.h"

#define ROUNDS 6000u

static struct fake_vcpu f;
static uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* A value that is likely to mean something: selectors, addresses of tables, edges. */
static uint64_t likely(void)
{
	static const uint64_t edge[] = { 0, 1, 0x7fffffffffff, 0x800000000000, 0xffff800000000000, ~0ull, 0xffffffff, 0x80000000,
					 FAKE_STACK0, FAKE_STACK3, FAKE_GDT, FAKE_RIP, 0x202, 0x3002, 0x100, 0x4000, 0xffff };

	switch (rnd() % 4) {
	case 0:
		return edge[rnd() % (sizeof(edge) / sizeof(edge[0]))];
	case 1:
		return rnd() % 0x90;
	case 2:
		return rnd() % FAKE_RAM;
	default:
		return rnd();
	}
}

/* Opcodes of everything that the table has, prefixes apart. */
static const struct { uint8_t byte[3], n, tail; } opcode[] = {
	{ { 0xcf }, 1, 0 }, { { 0xcb }, 1, 0 }, { { 0xca }, 1, 2 }, { { 0xea }, 1, 6 }, { { 0x9a }, 1, 6 }, { { 0xff, 0x28 }, 2, 0 },
	{ { 0xff, 0x18 }, 2, 0 }, { { 0xcd }, 1, 1 }, { { 0xcc }, 1, 0 }, { { 0xf1 }, 1, 0 }, { { 0x0f, 0x05 }, 2, 0 },
	{ { 0x0f, 0x07 }, 2, 0 }, { { 0x8e }, 1, 1 }, { { 0x1f }, 1, 0 }, { { 0x0f, 0xa1 }, 2, 0 }, { { 0x17 }, 1, 0 },
	{ { 0x0f, 0x22 }, 2, 1 }, { { 0x0f, 0x20 }, 2, 1 }, { { 0x0f, 0x23 }, 2, 1 }, { { 0x0f, 0x21 }, 2, 1 }, { { 0x0f, 0x30 }, 2, 0 },
	{ { 0x0f, 0x32 }, 2, 0 }, { { 0x0f, 0x01 }, 2, 1 }, { { 0x0f, 0x00 }, 2, 1 }, { { 0xfa }, 1, 0 }, { { 0xfb }, 1, 0 },
	{ { 0x9c }, 1, 0 }, { { 0x9d }, 1, 0 }, { { 0x6c }, 1, 0 }, { { 0x6f }, 1, 0 }, { { 0xed }, 1, 0 }, { { 0xef }, 1, 0 },
	{ { 0x0f, 0xb2 }, 2, 1 }, { { 0xc5 }, 1, 1 }, { { 0x0f, 0x06 }, 2, 0 }, { { 0xf4 }, 1, 0 },
};

static unsigned make_instruction(uint8_t *out)
{
	static const uint8_t prefix[] = { 0x66, 0x67, 0xf3, 0x48, 0x44, 0x64, 0x2e };
	unsigned i = rnd() % (sizeof(opcode) / sizeof(opcode[0])), n = 0;

	while (rnd() % 3 == 0 && n < 3)
		out[n++] = prefix[rnd() % sizeof(prefix)];
	for (unsigned k = 0; k < opcode[i].n; k++)
		out[n++] = opcode[i].byte[k];
	for (unsigned k = 0; k < opcode[i].tail; k++)
		out[n++] = rnd() % 2 ? rnd() : likely();
	/* displacement, for ModRM forms that want one */
	for (unsigned k = 0; k < 5; k++)
		out[n++] = rnd();
	return n;
}

static void scramble(void)
{
	struct cpu_state *c = &f.v.cpu;
	unsigned cpl = rnd() % 2 * 3;

	if (rnd() % 2)
		fake_tables_long(&f);
	else
		fake_tables_legacy(&f);
	cr_assert_eq(bus_create(&f.machine.bus), 0);
	fake_set_ring(&f, cpl, 0);
	if (cpu_long_mode(c) && rnd() % 4)
		c->seg[SREG_CS] = fake_load(&f, cpl ? FAKE_UCODE64 : FAKE_KCODE64);
	for (unsigned i = 0; i < GPR_COUNT; i++)
		c->gpr[i] = likely();
	c->gpr[GPR_RSP] = (cpl ? FAKE_STACK3 : FAKE_STACK0) - 64 - rnd() % 64;
	if (!cpu_code64(c))
		for (unsigned i = 0; i < GPR_COUNT; i++)
			c->gpr[i] &= 0xffffffff;
	for (unsigned i = 0; i < 10; i++)
		fake_put64(&f, c->gpr[GPR_RSP] + 8 * i, likely());
	for (unsigned i = 0; i < 6; i++)
		fake_put32(&f, c->gpr[GPR_RSP] + 4 * i, likely());
	for (unsigned i = 0; i < 4; i++)
		fake_put64(&f, FAKE_GDT + 8 * (1 + rnd() % 16), rnd() % 3 ? rnd() | 1ull << 47 : rnd());
	for (unsigned i = 0; i < 256; i++) {
		uint16_t selector = cpu_long_mode(c) ? FAKE_KCODE64 : FAKE_KCODE;

		fake_put_gate(&f, i, rnd() % 8 ? selector : rnd(), FAKE_RIP, rnd() % 8 ? 0xee : rnd(), rnd() % 16 ? 0 : rnd() % 8);
	}
	c->rflags = (rnd() & 0x247fd7) | RFLAGS_FIXED;
	c->efer |= rnd() % 2;
	c->star = likely();
	c->lstar = c->cstar = FAKE_RIP;
	c->cr4 |= rnd() % 2 ? CR4_UMIP : 0;
	if (rnd() % 2)
		c->dr7 = DR7_FIXED | (rnd() % 4 ? 0 : DR7_GD);
}

static unsigned bits;	/* of the code that the instruction was decoded in; it may change CS */

static void check(unsigned cpl_before, int ret, const struct insn *in)
{
	const struct cpu_state *c = &f.v.cpu;
	const struct segment *cs = &c->seg[SREG_CS], *ss = &c->seg[SREG_SS];

	cr_assert(ret == 0 || ret == -EFAULT || ret == -EOPNOTSUPP || ret == -ECANCELED, "%d by %s", ret, insn_said(in, bits));
	cr_assert_eq(ret == -ECANCELED, f.machine.stop.why.reason != VM_RUNNING, "%s", insn_said(in, bits));
	cr_assert(c->cpl == 0 || c->cpl == 3);
	cr_assert(segment_is_code(cs) && cs->present && cs->usable, "CS after %s", insn_said(in, bits));
	cr_assert_eq(cs->selector & 3, c->cpl, "RPL of CS after %s", insn_said(in, bits));
	cr_assert(segment_is_conforming(cs) ? cs->dpl <= c->cpl : cs->dpl == c->cpl, "DPL of CS after %s", insn_said(in, bits));
	cr_assert(ss->usable ? segment_is_writable_data(ss) && ss->dpl == c->cpl : c->cpl == 0 && cpu_long_mode(c),
		  "SS after %s", insn_said(in, bits));
	cr_assert(!cpu_long_mode(c) || !cs->l || !cs->db);
	cr_assert(!(c->cr0 & CR0_PG) || (c->cr0 & CR0_PE));
	cr_assert_eq(!!(c->efer & EFER_LMA), (c->cr0 & CR0_PG) && (c->efer & EFER_LME), "LMA after %s", insn_said(in, bits));
	cr_assert(!(c->efer & EFER_LMA) || (c->cr4 & CR4_PAE));
	cr_assert_eq(c->rflags & (RFLAGS_FIXED | RFLAGS_VM), RFLAGS_FIXED);
	if (!ret)
		cr_assert(seg_rip_is_valid(&f.v), "RIP %#lx after %s", (unsigned long)c->rip, insn_said(in, bits));
	if (cpl_before == 3 && c->cpl == 0)
		cr_assert(in->id == X86_INS_LCALL || in->id == X86_INS_SYSCALL, "%s became ring 0", insn_said(in, bits));
}

/* The same after delivery, where user code may enter the kernel through the IDT. */
static void check_delivered(int ret, const struct insn *in)
{
	cr_assert(ret == 0 || ret == -ECANCELED, "delivery returned %d", ret);
	if (ret)
		return;
	cr_assert_not(f.v.exc.pending);
	check(0, 0, in);
}

TestSuite(priv_random, .timeout = 120);

Test(priv_random, any_instruction_leaves_a_state_that_the_real_cpu_can_have)
{
	const char *seed = getenv("SEED");
	unsigned emulated = 0, faults = 0, refused = 0, delivered = 0;

	state = seed ? strtoull(seed, NULL, 0) : 0x9e3779b97f4a7c15;
	cr_log_info("SEED=%#lx", (unsigned long)state);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t bytes[24];
		struct insn in;
		unsigned cpl, n;
		int ret;

		scramble();
		cpl = f.v.cpu.cpl;
		n = make_instruction(bytes);
		bits = cpu_code64(&f.v.cpu) ? 64 : 32;
		if (!insn_decode(bytes, n, bits, FAKE_RIP, &in)) {
			ret = emulate_privileged(&f.v, &in);
			check(cpl, ret, &in);
			emulated += !ret;
			faults += ret == -EFAULT;
			refused += ret == -ECANCELED;
			if (ret == -EFAULT) {
				ret = deliver_exception(&f.v);
				check_delivered(ret, &in);
				delivered += !ret;
			}
		}
		bus_destroy(f.machine.bus);
		fake_vcpu_fini(&f);
	}
	/* The mix must reach both sides of the checks. */
	cr_expect(emulated > ROUNDS / 20 && faults > ROUNDS / 20 && refused > 0 && delivered > ROUNDS / 20,
		  "%u emulated, %u faults, %u refused, %u delivered", emulated, faults, refused, delivered);
	cr_log_info("%u emulated, %u faults, %u refused, %u delivered", emulated, faults, refused, delivered);
}
