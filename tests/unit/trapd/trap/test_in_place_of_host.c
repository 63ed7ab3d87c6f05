/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Look-ahead where the host emulates the guest's code itself, device memory in a cluster, and the arithmetic only look-ahead runs. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/devices/bus.h"
#include "trapd/emulate/emulate.h"
#include "trapd/insn/insn.h"
#include "trapd/link/pool_link.h"
#include "trapd/link/world.h"
#include "trapd/trap/look_ahead.h"
#include "trapd/trap/vcpu_priv.h"

#define RAM	(1ull << 20)
#define CODE	0x8000ull
#define STACK	0x7000ull
#define DATA	0x6000ull
#define DEVICE	0x20000000ull

static struct fake_vcpu f;
static struct vcpu_priv priv;
static struct pool_link pool;
static uint64_t device_word;
static unsigned device_accesses;

static uint64_t device_read(void *dev, uint32_t offset, unsigned size)
{
	device_accesses++;
	return device_word;
}

static void device_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	device_accesses++;
	device_word = value;
}

static const struct device_ops device_ops = { .name = "word", .read = device_read, .write = device_write };

/* In place of world.c. */
bool world_wants_state(struct vcpu *v) { return v->flush_demanded; }

/* 32-bit code, unpaged and flat, on a host that emulates such code. */
static void setup(void)
{
	struct cpu_state *c = &f.v.cpu;

	fake_vcpu_init(&f, RAM);
	memset(&priv, 0, sizeof(priv));
	memset(&pool, 0, sizeof(pool));
	f.v.priv = &priv;
	f.v.pool = &pool;
	f.v.link_up = true;
	f.machine.facts.iopl_direct_32 = true;
	f.machine.emulate_ahead = true;
	cr_assert(!bus_create(&f.machine.bus) && !bus_add_mmio(f.machine.bus, DEVICE, 4, &device_ops, &device_word));
	c->rip = CODE;
	c->gpr[GPR_RSP] = STACK;
	c->gpr[GPR_RBX] = DATA;
	c->gpr[GPR_RSI] = DEVICE;
}

static void teardown(void)
{
	bus_destroy(f.machine.bus);
	fake_vcpu_fini(&f);
}

TestSuite(in_place_of_host, .init = setup, .fini = teardown);

static enum next run(const char *bytes, unsigned n, unsigned *done)
{
	enum next next;

	memset(fake_ram(&f, CODE, 64), 0xcc, 64);
	memcpy(fake_ram(&f, CODE, n), bytes, n);
	f.v.cpu.rip = CODE;
	next = look_ahead_in_place_of_host(&f.v);
	*done = (unsigned)(f.v.cpu.rip - CODE);
	return next;
}
#define RUN(bytes, done) run(bytes, sizeof(bytes) - 1, done)

#define UD2 "\x0f\x0b"

static uint64_t simple(void) { return f.stat[TRAP_STAT_ahead_simple]; }

Test(in_place_of_host, simple_code_goes_on_with_nothing_privileged_in_it)
{
	unsigned done;

	f.v.cpu.gpr[GPR_RCX] = 1000;
	/* again: lock inc [ebx]; dec ecx; jnz again; rep stosd is next */
	f.v.cpu.gpr[GPR_RDI] = DATA + 0x100;
	cr_assert(!RUN("\xf0\xff\x03\x49\x75\xfa\xb1\x08\xf3\xab" UD2, &done) && done == 10, "at +%u", done);
	cr_assert(fake_get32(&f, DATA) == 1000 && simple() == 3002);
	cr_assert_eq(f.v.cpu.gpr[GPR_RDI], DATA + 0x120);
	f.machine.facts.iopl_direct_32 = false;
	cr_assert(!RUN("\x49\x49" UD2, &done) && done == 0, "an ordinary host runs it faster");
	f.machine.facts.iopl_direct_32 = true;
	f.machine.emulate_ahead = false;
	cr_assert(!RUN("\x49\x49" UD2, &done) && done == 0, "nobody asked for it");
}

Test(in_place_of_host, loop_without_end_is_left_in_the_end)
{
	unsigned done;

	cr_assert(!RUN("\xeb\xfe", &done) && done == 0 && simple() > 1000 && simple() < 1000000);
}

Test(in_place_of_host, user_mode_goes_on_with_its_own_rights)
{
	struct cpu_state *c = &f.v.cpu;
	unsigned done;

	fake_put32(&f, 0x1000, 0x2000 | PTE_P | PTE_W | PTE_U);
	for (unsigned i = 0; i < 32; i++)
		fake_put32(&f, 0x2000 + i * 4, i << PAGE_SHIFT | PTE_P | PTE_W | (i == DATA >> PAGE_SHIFT ? 0 : PTE_U));
	c->cr3 = 0x1000;
	c->cr0 |= CR0_PG;
	c->cpl = 3;
	c->gpr[GPR_RSP] = STACK + 0x100;
	fake_vcpu_sync(&f);
	cr_assert(!RUN("\x50\x58\x8b\x03\x50", &done) && done == 2 && !f.v.exc.pending, "push, pop, then a load of the kernel's");
	cr_assert(RUN("\x50\xfa", &done) == NEXT_EXCEPTION && done == 1 && f.v.exc.vector == VEC_GP, "CLI");
	f.v.exc.pending = false;
	c->cr0 |= CR0_AM;
	c->rflags |= RFLAGS_AC;
	cr_assert(!RUN("\x50\x58" UD2, &done) && done == 0, "alignment checks are the real CPU's");
}

Test(in_place_of_host, waiting_interrupt_ends_it_as_soon_as_it_may_come)
{
	unsigned done;

	f.v.cpu.rflags &= ~RFLAGS_IF;
	f.v.irq_request = 1;
	cr_assert(!RUN("\x50\x58\xfb\x90\x90" UD2, &done) && done == 3, "behind STI: at +%u", done);
	cr_assert(f.v.cpu.inhibit);
}

Test(in_place_of_host, whoever_wants_the_vcpu_gets_it_soon)
{
	unsigned done;

	f.v.flush_demanded = true;
	cr_assert(!RUN("\xeb\xfe", &done) && simple() < 64, "shootdown");
	f.v.flush_demanded = false;
	f.v.startup = 1;
	cr_assert(!RUN("\xeb\xfe", &done) && simple() < 128, "INIT");
	f.v.startup = 0;
	pool.quiesce = 1;
	cr_assert(!RUN("\xeb\xfe", &done) && simple() < 192, "audit");
}

Test(in_place_of_host, device_memory_is_done_as_by_its_trap)
{
	unsigned done;

	device_word = 0x1234;
	/* mov eax, [esi]; inc eax; mov [esi], eax */
	cr_assert(!RUN("\x8b\x06\x40\x89\x06" UD2, &done) && done == 5 && device_word == 0x1235 && device_accesses == 2);
	cr_assert_eq(f.stat[TRAP_STAT_ahead_privileged], 2);
	cr_assert(!RUN("\x50\xff\x36" UD2, &done) && done == 1, "push [esi]: its trap knows what to do");
	f.machine.facts.iopl_direct_32 = false;
	memset(priv.barren, 0, sizeof(priv.barren));
	f.v.cpu.rip = CODE;
	memcpy(fake_ram(&f, CODE, 7), "\x8b\x06\x40\x89\x06" UD2, 7);
	cr_assert(!look_ahead(&f.v) && f.v.cpu.rip == CODE + 5 && device_word == 0x1236, "on any host");
}

/* One instruction through the emulator at CODE. */
static int step(const char *bytes, unsigned n)
{
	struct insn in;

	f.v.cpu.rip = CODE;
	cr_assert(!insn_decode((const uint8_t *)bytes, n, 32, CODE, &in) && in.length == n);
	return emulate_plain(&f.v, &in);
}
#define STEP(bytes) step(bytes, sizeof(bytes) - 1)

#define CF_OF (RFLAGS_CF | RFLAGS_OF)

/* Compare EAX, EDX and, for products, CF and OF with those of the CPU that runs this. */
#define SAME_AS_CPU(text, bytes, a, d, c, flags) do { \
		uint64_t ax = (a), dx = (d), cx = (c), fl; \
		\
		f.v.cpu.gpr[GPR_RAX] = ax; f.v.cpu.gpr[GPR_RDX] = dx; f.v.cpu.gpr[GPR_RCX] = cx; \
		__asm__ volatile(text "; pushfq; popq %2" : "+a"(ax), "+d"(dx), "=&r"(fl) : "c"(cx) : "cc", "memory"); \
		cr_assert_eq(STEP(bytes), 0); \
		cr_assert(f.v.cpu.gpr[GPR_RAX] == ax && f.v.cpu.gpr[GPR_RDX] == dx && (f.v.cpu.rflags & (flags)) == (fl & (flags)), \
			  text " by %#lx", (unsigned long)cx); \
	} while (0)

Test(in_place_of_host, products_and_sign_extensions_are_the_cpus)
{
	static const uint32_t edge[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff };

	srandom(7);
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t a = i % 3 ? (uint32_t)random() * 2654435761u : edge[i % 12], c = i % 5 ? (uint32_t)random() << i % 16 : edge[i / 12 % 12];
		uint32_t d = (uint32_t)random();

		SAME_AS_CPU("mull %%ecx", "\xf7\xe1", a, d, c, CF_OF);
		SAME_AS_CPU("mulb %%cl", "\xf6\xe1", a, d, c, CF_OF);
		SAME_AS_CPU("mulw %%cx", "\x66\xf7\xe1", a, d, c, CF_OF);
		SAME_AS_CPU("imull %%ecx", "\xf7\xe9", a, d, c, CF_OF);
		SAME_AS_CPU("imulb %%cl", "\xf6\xe9", a, d, c, CF_OF);
		SAME_AS_CPU("imull %%ecx, %%eax", "\x0f\xaf\xc1", a, d, c, CF_OF);
		SAME_AS_CPU("imull $-77, %%ecx, %%eax", "\x6b\xc1\xb3", a, d, c, CF_OF);
		SAME_AS_CPU("imulw $1000, %%cx, %%ax", "\x66\x69\xc1\xe8\x03", a, d, c, CF_OF);
		SAME_AS_CPU("cltd", "\x99", a, d, c, 0);
		SAME_AS_CPU("cwtd", "\x66\x99", a, d, c, 0);
		SAME_AS_CPU("cwtl", "\x98", a, d, c, 0);
		SAME_AS_CPU("cbtw", "\x66\x98", a, d, c, 0);
	}
}

Test(in_place_of_host, quotients_are_the_cpus_or_divide_errors)
{
	struct cpu_state *c = &f.v.cpu;

	srandom(8);
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t by = (uint32_t)random() | 1, a = (uint32_t)random() * 2654435761u;

		SAME_AS_CPU("divl %%ecx", "\xf7\xf1", a, (uint32_t)random() % by, by, 0);
		SAME_AS_CPU("divw %%cx", "\x66\xf7\xf1", a, (uint32_t)random() % ((by & 0xffff) | 1), (by & 0xffff) | 1, 0);
		SAME_AS_CPU("idivl %%ecx", "\xf7\xf9", a, a & 0x80000000 ? 0xffffffffu : 0, (uint32_t)random() << 1 | 3, 0);
		SAME_AS_CPU("idivb %%cl", "\xf6\xf9", (uint64_t)(random() % 0x3f00), 0, 0x7f, 0);
	}
	c->gpr[GPR_RAX] = 5;
	c->gpr[GPR_RDX] = 0;
	c->gpr[GPR_RCX] = 0;
	cr_assert(STEP("\xf7\xf1") == -EFAULT && f.v.exc.vector == VEC_DE && c->rip == CODE && c->gpr[GPR_RAX] == 5, "by 0");
	c->gpr[GPR_RCX] = c->gpr[GPR_RDX] = 3;
	cr_assert(STEP("\xf7\xf1") == -EFAULT, "too large");
	c->gpr[GPR_RAX] = 0x80000000;
	c->gpr[GPR_RDX] = 0xffffffff;
	c->gpr[GPR_RCX] = 0xffffffff;
	cr_assert(STEP("\xf7\xf9") == -EFAULT, "-2^31 by -1");
	c->gpr[GPR_RAX] = 0;
	c->gpr[GPR_RDX] = 0x80000000;
	cr_assert(STEP("\xf7\xf9") == -EFAULT, "-2^63 by -1");
}

Test(in_place_of_host, all_registers_are_pushed_and_come_back)
{
	struct cpu_state *c = &f.v.cpu;

	for (unsigned i = 0; i < 8; i++)
		c->gpr[i] = i == GPR_RSP ? STACK : 0x1010101 * i;
	cr_assert(!STEP("\x60") && c->gpr[GPR_RSP] == STACK - 32);
	for (unsigned i = 0; i < 8; i++)
		cr_assert_eq(fake_get32(&f, STACK - 4 - 4 * i), i == GPR_RSP ? STACK : 0x1010101 * i);
	for (unsigned i = 0; i < 8; i++)
		fake_put32(&f, STACK - 4 - 4 * i, 0xa0 + i);
	cr_assert(!STEP("\x61") && c->gpr[GPR_RSP] == STACK);
	for (unsigned i = 0; i < 8; i++)
		cr_assert(i == GPR_RSP || c->gpr[i] == 0xa0 + i);
}

Test(in_place_of_host, leave_takes_the_frame_down)
{
	struct cpu_state *c = &f.v.cpu;

	c->gpr[GPR_RBP] = STACK - 0x40;
	fake_put32(&f, STACK - 0x40, 0x1234);
	cr_assert(!STEP("\xc9") && c->gpr[GPR_RSP] == STACK - 0x3c && c->gpr[GPR_RBP] == 0x1234);
}

Test(in_place_of_host, code_that_has_changed_is_not_decoded_from_memory)
{
	unsigned done;

	f.v.cpu.gpr[GPR_RAX] = 0;
	cr_assert(!RUN("\x40" UD2, &done) && done == 1 && f.v.cpu.gpr[GPR_RAX] == 1, "inc eax");
	cr_assert(!RUN("\x48" UD2, &done) && done == 1 && f.v.cpu.gpr[GPR_RAX] == 0, "dec eax, at the same place");
	f.v.cpu.seg[SREG_CS].db = false;
	cr_assert(!RUN("\xb8\x34\x12\x0f\x0b" UD2, &done) && done == 3, "the same bytes are another instruction in 16-bit code");
}
