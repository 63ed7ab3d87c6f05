/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IN, OUT, INS and OUTS that trap: permissions by IOPL and the TSS's bitmap, string forms against guest memory. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fakes/fake_tables.h"
#include "common/write_class.h"
#include "trapd/devices/bus.h"

#define PORT	0x300
#define BITMAP	0x68u	/* right behind the TSS */

static struct fake_vcpu f;
static struct cpu_state *const c = &f.v.cpu;

/* A device that counts and remembers. */
static struct { unsigned reads, writes, last_size; uint64_t last; } port;

static uint64_t port_read(void *dev, uint32_t offset, unsigned size)
{
	port.last_size = size;
	return 0x1000 + port.reads++;
}

static void port_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	port.writes++;
	port.last_size = size;
	port.last = value;
}

static const struct device_ops port_ops = { .name = "counter", .read = port_read, .write = port_write };

static void setup(void)
{
	fake_tables_legacy(&f);
	memset(&port, 0, sizeof(port));
	cr_assert_eq(bus_create(&f.machine.bus), 0);
	cr_assert_eq(bus_add_ports(f.machine.bus, PORT, 4, &port_ops, NULL), 0);
	c->gpr[GPR_RDX] = PORT;
	c->gpr[GPR_RAX] = 0x11223344;
	/* a bitmap that allows port 0x300 only */
	c->tr.limit = BITMAP + 0x400;
	*(uint16_t *)fake_ram(&f, FAKE_TSS + 102, 2) = BITMAP;
	memset(fake_ram(&f, FAKE_TSS + BITMAP, 0x400), 0xff, 0x400);
	*(uint8_t *)fake_ram(&f, FAKE_TSS + BITMAP + PORT / 8, 1) = 0xfe;
}

static void teardown(void)
{
	bus_destroy(f.machine.bus);
	fake_vcpu_fini(&f);
}

TestSuite(port_io, .init = setup, .fini = teardown);

#define EXPECT_GP0(text) do { \
	cr_expect_eq(FAKE_RUN(&f, text), -EFAULT); \
	cr_expect(f.v.exc.vector == VEC_GP && f.v.exc.error == 0 && c->rip == FAKE_RIP); \
} while (0)

Test(port_io, ring_0_reads_and_writes)
{
	cr_expect_eq(FAKE_RUN(&f, "\xed"), 0);
	cr_expect_eq(c->gpr[GPR_RAX], 0x1000);
	cr_expect_eq(port.last_size, 4);
	cr_expect_eq(FAKE_RUN(&f, "\x66\xef"), 0);
	cr_expect_eq(port.last, 0x1000);
	cr_expect_eq(port.last_size, 2);
	c->gpr[GPR_RAX] = 0xaabb;
	cr_expect_eq(FAKE_RUN(&f, "\xec"), 0);
	cr_expect_eq(c->gpr[GPR_RAX], 0xaa01, "only AL changes");
}

Test(port_io, user_code_needs_the_bitmap)
{
	fake_set_ring(&f, 3, FAKE_STACK3);
	cr_expect_eq(FAKE_RUN(&f, "\xee"), 0);
	cr_expect_eq(port.writes, 1);
	c->rip = FAKE_RIP;
	EXPECT_GP0("\x66\xef");		/* port 0x301 is denied */
	EXPECT_GP0("\xe6\x80");
	EXPECT_GP0("\xed");
	EXPECT_GP0("\x6d");
	cr_expect_eq(port.writes, 1);
	cr_expect_eq(port.reads, 0);
	c->rflags |= RFLAGS_IOPL;
	cr_expect_eq(FAKE_RUN(&f, "\x66\xef"), 0);
}

Test(port_io, bitmap_beyond_the_limit_denies)
{
	fake_set_ring(&f, 3, FAKE_STACK3);
	c->tr.limit = BITMAP + PORT / 8;	/* the CPU reads two bytes */
	EXPECT_GP0("\xee");
	c->tr.limit++;
	cr_expect_eq(FAKE_RUN(&f, "\xee"), 0);
	c->rip = FAKE_RIP;
	c->tr.limit = 0x66;
	EXPECT_GP0("\xee");
}

Test(port_io, rep_ins_goes_in_bounded_parts)
{
	unsigned runs = 0;

	c->gpr[GPR_RCX] = 300;
	c->gpr[GPR_RDI] = 0x9000;
	while (c->rip == FAKE_RIP && runs++ < 10)
		cr_assert_eq(FAKE_RUN(&f, "\xf3\x6d"), 0);
	cr_expect_eq(runs, 3, "of up to 512 bytes each");
	cr_expect_eq(port.reads, 300);
	cr_expect_eq(c->gpr[GPR_RCX], 0);
	cr_expect_eq(c->gpr[GPR_RDI], 0x9000 + 1200);
	cr_expect_eq(fake_get32(&f, 0x9000 + 1196), 0x1000 + 299);
}

/* One event tells of it: link/write_run.h. */
Test(port_io, a_disk_sector_is_one_run_of_a_device)
{
	c->gpr[GPR_RCX] = 256;
	c->gpr[GPR_RDI] = 0x9000;
	cr_assert_eq(FAKE_RUN(&f, "\x66\xf3\x6d"), 0);
	cr_expect_eq(c->rip, FAKE_RIP + 3, "whole");
	cr_expect(f.runs == 1 && !f.run_open);
	cr_expect_eq(f.nposts, 256);
	for (unsigned i = 0; i < 16; i++) {
		cr_expect(f.post[i].in_run);
		cr_expect_eq((f.post[i].flags & LINK_CLASS_MASK) >> LINK_CLASS_SHIFT, WRITE_CLASS_DEVICE);
	}
}

Test(port_io, ins_of_user_code_shows_that_the_page_is_no_table)
{
	fake_set_ring(&f, 3, FAKE_STACK3);
	c->gpr[GPR_RDI] = 0x9000;
	cr_assert_eq(FAKE_RUN(&f, "\x6c"), 0);
	cr_expect(f.nasked == 1 && f.asked[0].class == WRITE_CLASS_REUSE);
}

Test(port_io, rep_ins_is_stepped_by_iterations)
{
	c->gpr[GPR_RCX] = 3;
	c->gpr[GPR_RDI] = 0x9000;
	c->rflags |= RFLAGS_TF;
	cr_expect_eq(FAKE_RUN(&f, "\xf3\x6d"), -EFAULT);
	cr_expect_eq(f.v.exc.vector, VEC_DB);
	cr_expect(port.reads == 1 && c->gpr[GPR_RCX] == 2 && c->rip == FAKE_RIP);
}

Test(port_io, a_run_ends_with_the_fault_that_ends_it)
{
	c->seg[SREG_ES].limit = 0x9007;
	c->gpr[GPR_RCX] = 4;
	c->gpr[GPR_RDI] = 0x9000;
	EXPECT_GP0("\xf3\x6d");
	cr_expect(f.runs == 1 && !f.run_open);
}

Test(port_io, ins_that_faults_takes_nothing_from_the_device)
{
	c->seg[SREG_ES].limit = 0x9007;
	c->gpr[GPR_RCX] = 4;
	c->gpr[GPR_RDI] = 0x9000;
	EXPECT_GP0("\xf3\x6d");
	cr_expect_eq(port.reads, 2);
	cr_expect_eq(c->gpr[GPR_RCX], 2);
	cr_expect_eq(c->gpr[GPR_RDI], 0x9008);
}

Test(port_io, outs_runs_backwards_with_df)
{
	c->rflags |= RFLAGS_DF;
	c->gpr[GPR_RCX] = 2;
	c->gpr[GPR_RSI] = 0x9004;
	fake_put64(&f, 0x9000, 0x2222222211111111);
	cr_expect_eq(FAKE_RUN(&f, "\xf3\x6f"), 0);
	cr_expect_eq(port.writes, 2);
	cr_expect_eq(port.last, 0x11111111);
	cr_expect_eq(c->gpr[GPR_RSI], 0x8ffc);
}

Test(port_io, rep_with_zero_count_does_nothing)
{
	c->gpr[GPR_RCX] = 0;
	cr_expect_eq(FAKE_RUN(&f, "\xf3\x6d"), 0);
	cr_expect_eq(c->rip, FAKE_RIP + 2);
	cr_expect_eq(port.reads, 0);
}

Test(port_io, ins_to_a_page_that_cannot_be_written_takes_nothing_from_the_device)
{
	fake_vcpu_long_mode(&f, FAKE_TABLES, true);
	c->gpr[GPR_RDI] = 0x8000000000;
	cr_expect_eq(FAKE_RUN(&f, "\x6d"), -EFAULT);
	cr_expect_eq(f.v.exc.vector, VEC_PF);
	cr_expect_eq(port.reads, 0);
}

Test(port_io, repeat_count_has_the_address_size)
{
	fake_vcpu_long_mode(&f, FAKE_TABLES, true);
	c->gpr[GPR_RDI] = 0x9000;
	c->gpr[GPR_RCX] = 0x100000002;
	cr_expect_eq(FAKE_RUN(&f, "\x67\xf3\x6d"), 0);
	cr_expect_eq(c->rip, FAKE_RIP + 3);
	cr_expect_eq(port.reads, 2);
	cr_expect_eq(c->gpr[GPR_RCX], 0);
}
