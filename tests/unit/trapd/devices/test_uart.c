/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The UART register by register as the PC16550D data sheet describes it, the probes that drivers make, and a host side that
 * is slow, closed or absent. The guest is this test, through the bus.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/fakes/fake_irqs.h"

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

static struct bus *bus;
static int in[2], out[2];	/* pipes: the host writes in[1], reads out[0] */

static uint8_t rd(unsigned reg)
{
	return (uint8_t)bus_port_read(bus, (uint16_t)(0x3f8 + reg), 1);
}

static void wr(unsigned reg, uint8_t value)
{
	bus_port_write(bus, (uint16_t)(0x3f8 + reg), 1, value);
}

static void type(const char *text)
{
	cr_assert_eq(write(in[1], text, strlen(text)), (ssize_t)strlen(text));
}

static size_t drain(char *buf, size_t size)
{
	ssize_t n = read(out[0], buf, size - 1);

	n = n < 0 ? 0 : n;
	buf[n] = 0;
	return (size_t)n;
}

static bool drains_after_look;	/* the reader takes everything just after it was seen to be slow */

/* Instead of the C library's: the console's only one. */
int poll(struct pollfd *p, nfds_t n, int timeout)
{
	long rc = syscall(SYS_poll, p, n, timeout);
	char text[4096];

	if (!rc && p->events == POLLOUT && drains_after_look) {
		drains_after_look = false;
		while (drain(text, sizeof(text)))
			;
	}
	return (int)rc;
}

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(pipe(in), 0);
	cr_assert_eq(pipe2(out, O_NONBLOCK), 0);
	cr_assert_eq(bus_create(&bus), 0);
	cr_assert_eq(uart_add(bus, NULL, NULL, in[0], out[1]), 0);
}

static void teardown(void)
{
	bus_destroy(bus);
}

TestSuite(uart, .init = setup, .fini = teardown);

Test(uart, registers_after_reset)
{
	cr_assert_eq(rd(IER), 0);
	cr_assert_eq(rd(IIR), 0x01);
	cr_assert_eq(rd(LCR), 0);
	cr_assert_eq(rd(MCR), 0);
	cr_assert_eq(rd(LSR), 0x60);
	cr_assert_eq(rd(MSR), 0xb0);
	cr_assert_eq(rd(SCR), 0);
	cr_assert_eq(rd(RBR), 0);
}

Test(uart, only_existing_bits_stick)
{
	wr(IER, 0xff);
	cr_assert_eq(rd(IER), 0x0f);
	wr(MCR, 0xff);
	cr_assert_eq(rd(MCR), 0x1f);
	wr(MCR, 0);
	wr(LCR, 0x7f);
	cr_assert_eq(rd(LCR), 0x7f);
	wr(SCR, 0xa5);
	cr_assert_eq(rd(SCR), 0xa5);
	wr(LSR, 0);
	cr_assert_eq(rd(LSR), 0x60);
	wr(MSR, 0xff);
	cr_assert_eq(rd(MSR) & 0xf0, 0xb0);
}

Test(uart, divisor_latch_hides_data_and_ier)
{
	char text[8];

	wr(IER, 0x05);
	wr(LCR, 0x83);
	wr(DLL, 0x12);
	wr(DLM, 0x34);
	cr_assert_eq(rd(DLL), 0x12);
	cr_assert_eq(rd(DLM), 0x34);
	wr(LCR, 0x03);
	cr_assert_eq(rd(IER), 0x05);
	cr_assert_eq(rd(RBR), 0);
	cr_assert_eq(drain(text, sizeof(text)), 0, "the divisor is not sent");
	wr(LCR, 0x83);
	cr_assert_eq(rd(DLL), 0x12);
}

Test(uart, fifo_bits_tell_a_16550a)
{
	cr_assert_eq(rd(IIR) >> 6, 0);
	wr(FCR, 0xc0);
	cr_assert_eq(rd(IIR) >> 6, 0, "nothing is programmed without bit 0");
	wr(FCR, 0x01);
	cr_assert_eq(rd(IIR) >> 6, 3);
	wr(FCR, 0x00);
	cr_assert_eq(rd(IIR) >> 6, 0);
}

Test(uart, output_arrives_in_order)
{
	char text[64];

	for (const char *p = "hello, line\n"; *p; p++) {
		cr_assert_eq(rd(LSR) & 0x60, 0x60);
		wr(THR, (uint8_t)*p);
	}
	drain(text, sizeof(text));
	cr_assert_str_eq(text, "hello, line\n");
	bus_port_write(bus, 0x3f8, 2, 0x0541);
	drain(text, sizeof(text));
	cr_assert_str_eq(text, "A", "8 bits wide: the high byte went to IER");
	cr_assert_eq(rd(IER), 0x05);
	cr_assert_eq(bus_port_read(bus, 0x3fc, 4), 0x00b06000u);
}

Test(uart, input_one_by_one_without_fifo)
{
	type("xyz");
	cr_assert_eq(rd(LSR), 0x61);
	cr_assert_eq(rd(RBR), 'x');
	cr_assert_eq(rd(RBR), 'y');
	cr_assert_eq(rd(LSR), 0x61);
	cr_assert_eq(rd(RBR), 'z');
	cr_assert_eq(rd(LSR), 0x60);
	cr_assert_eq(rd(RBR), 'z', "the register keeps the last character");
}

Test(uart, long_input_waits_outside_and_is_never_lost)
{
	char text[1001];

	for (unsigned i = 0; i < 1000; i++)
		text[i] = (char)('!' + i % 90);
	text[1000] = 0;
	type(text);
	wr(FCR, 0x01);
	for (unsigned i = 0; i < 1000; i++) {
		cr_assert_eq(rd(LSR), 0x61, "data and no overrun");
		cr_assert_eq(rd(RBR), text[i]);
	}
	cr_assert_eq(rd(LSR), 0x60);
}

Test(uart, end_of_input_is_silence)
{
	type("q");
	close(in[1]);
	cr_assert_eq(rd(LSR), 0x61);
	cr_assert_eq(rd(RBR), 'q');
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(rd(LSR), 0x60);
}

Test(uart, clearing_the_receive_fifo)
{
	wr(FCR, 0x01);
	type("abc");
	cr_assert_eq(rd(LSR), 0x61);
	wr(FCR, 0x03);
	cr_assert_eq(rd(LSR), 0x60);
	type("d");
	cr_assert_eq(rd(LSR), 0x61);
	wr(FCR, 0x00);
	cr_assert_eq(rd(LSR), 0x60, "switching the FIFOs off empties them");
	type("e");
	cr_assert_eq(rd(RBR), 'e');
}

Test(uart, receive_interrupts_by_trigger_level_and_timeout)
{
	type("123");
	cr_assert_eq(rd(IIR), 0x01, "not enabled");
	wr(IER, 0x01);
	cr_assert_eq(rd(IIR), 0x04);
	cr_assert_eq(rd(RBR), '1');
	wr(FCR, 0x41);	/* trigger level 4; empties */
	type("4567");
	cr_assert_eq(rd(IIR) & 0x0f, 0x04);
	rd(RBR);
	/* '2' and '3' were inside the line already, so more than four are there */
	while (rd(LSR) & 1 && (rd(IIR) & 0x0f) == 0x04)
		rd(RBR);
	cr_assert_eq(rd(IIR) & 0x0f, 0x0c, "below the level: character timeout");
	while (rd(LSR) & 1)
		rd(RBR);
	cr_assert_eq(rd(IIR) & 0x0f, 0x01);
}

Test(uart, transmit_interrupt_is_raised_by_ier_and_cleared_by_iir)
{
	wr(IER, 0x02);
	cr_assert_eq(rd(IIR), 0x02);
	cr_assert_eq(rd(IIR), 0x01, "reading it as the source clears it");
	wr(THR, 'x');
	cr_assert_eq(rd(IIR), 0x02);
	cr_assert_eq(rd(IIR), 0x01);
	wr(IER, 0x02);
	cr_assert_eq(rd(IIR), 0x01, "it was enabled before");
	wr(IER, 0);
	wr(IER, 0x02);
	cr_assert_eq(rd(IIR), 0x02);
	type("a");
	wr(IER, 0x03);
	wr(THR, 'y');
	cr_assert_eq(rd(IIR), 0x04, "receive data comes first");
	cr_assert_eq(rd(RBR), 'a');
	cr_assert_eq(rd(IIR), 0x02, "and did not clear it");
}

Test(uart, loopback_connects_modem_lines)
{
	static const struct { uint8_t mcr, msr; } cases[] = {
		{ 0x10, 0x00 }, { 0x11, 0x20 }, { 0x12, 0x10 }, { 0x14, 0x40 }, { 0x18, 0x80 }, { 0x1f, 0xf0 },
		{ 0x1a, 0x90 },		/* the probe of a well-known driver */
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wr(MCR, cases[i].mcr);
		cr_assert_eq(rd(MSR) & 0xf0, cases[i].msr, "MCR %#x", cases[i].mcr);
	}
}

Test(uart, modem_deltas_latch_until_read)
{
	rd(MSR);
	wr(MCR, 0x10);		/* CTS, DSR, DCD go from 1 to 0 */
	wr(IER, 0x08);
	cr_assert_eq(rd(IIR), 0x00, "modem status interrupt");
	cr_assert_eq(rd(MSR), 0x0b);
	cr_assert_eq(rd(MSR), 0x00);
	cr_assert_eq(rd(IIR), 0x01);
	wr(MCR, 0x14);
	cr_assert_eq(rd(MSR), 0x40, "RI rising sets no TERI");
	wr(MCR, 0x10);
	cr_assert_eq(rd(MSR), 0x04, "falling does");
}

Test(uart, loopback_connects_data_and_cuts_the_line)
{
	char text[8];

	wr(FCR, 0x01);
	wr(MCR, 0x10);
	type("outside");
	cr_assert_eq(rd(LSR), 0x60);
	for (unsigned i = 0; i < 16; i++)
		wr(THR, (uint8_t)(i + 1));
	cr_assert_eq(rd(LSR), 0x61);
	wr(IER, 0x04);
	wr(THR, 99);
	cr_assert_eq(rd(IIR) & 0x0f, 0x06, "line status interrupt");
	cr_assert_eq(rd(LSR), 0x63, "overrun");
	cr_assert_eq(rd(LSR), 0x61, "once");
	for (unsigned i = 0; i < 16; i++)
		cr_assert_eq(rd(RBR), i + 1, "the FIFO kept its content");
	cr_assert_eq(rd(LSR), 0x60);
	cr_assert_eq(drain(text, sizeof(text)), 0, "nothing left the chip");
	wr(FCR, 0x00);
	wr(THR, 1);
	wr(THR, 2);
	cr_assert_eq(rd(LSR), 0x63);
	cr_assert_eq(rd(RBR), 2, "without FIFO the new character wins");
	wr(MCR, 0);
	cr_assert_eq(rd(RBR), 'o');
}

Test(uart, slow_reader_shows_as_busy_transmitter_and_loses_nothing)
{
	static char text[1 << 20];
	unsigned sent = 0, got = 0;

	fcntl(out[1], F_SETFL, 0);	/* a blocking descriptor must not block the vCPU either */
	while (rd(LSR) & 0x20)
		wr(THR, (uint8_t)sent++);
	cr_assert_eq(rd(LSR) & 0x60, 0, "neither THRE nor TEMT");
	cr_assert_geq(sent, 4096);
	for (unsigned i = 0; i < 1000; i++)
		wr(THR, (uint8_t)sent++);	/* a driver that does not look: still kept */
	do {
		size_t n = drain(text, sizeof(text));

		for (size_t i = 0; i < n; i++)
			cr_assert_eq((uint8_t)text[i], (uint8_t)got++);
	} while (!(rd(LSR) & 0x20));
	while (got < sent) {
		size_t n = drain(text, sizeof(text));

		cr_assert_gt(n, 0);
		for (size_t i = 0; i < n; i++)
			cr_assert_eq((uint8_t)text[i], (uint8_t)got++);
	}
	cr_assert_eq(got, sent);
}

Test(uart, reader_that_never_reads_does_not_stop_the_guest)
{
	for (unsigned i = 0; i < 300000; i++)
		wr(THR, 'x');
	cr_assert_eq(rd(LSR) & 0x20, 0);
	close(out[0]);
	cr_assert_eq(rd(LSR), 0x60, "gone: the line takes everything");
}

Test(uart, closed_reader_does_not_stop_the_guest)
{
	close(out[0]);
	for (unsigned i = 0; i < 10; i++) {
		wr(THR, 'x');
		cr_assert_eq(rd(LSR), 0x60);
	}
}

Test(uart, console_without_descriptors)
{
	bus_destroy(bus);
	cr_assert_eq(bus_create(&bus), 0);
	cr_assert_eq(uart_add(bus, NULL, NULL, -1, -1), 0);
	wr(THR, 'x');
	cr_assert_eq(rd(LSR), 0x60);
	cr_assert_eq(uart_add(bus, NULL, NULL, -1, -1), -EEXIST);
}

Test(uart, kept_output_leaves_when_the_vm_ends)
{
	static char text[1 << 20];
	int pair[2], size = 4096;
	size_t got = 0;
	ssize_t n;

	/* A socket, so that the kept part of the output fits in after a read. */
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	bus_destroy(bus);
	cr_assert_eq(bus_create(&bus), 0);
	cr_assert_eq(uart_add(bus, NULL, NULL, -1, pair[0]), 0);
	while (rd(LSR) & 0x20)
		wr(THR, 'a');
	wr(THR, 'b');
	wr(THR, 'c');
	while ((n = read(pair[1], text + got, sizeof(text) - got)) > 0)
		got += (size_t)n;
	bus_destroy(bus);
	bus = NULL;
	while ((n = read(pair[1], text + got, sizeof(text) - got)) > 0)
		got += (size_t)n;
	cr_assert_eq(text[got - 1], 'c');
	cr_assert_eq(text[got - 2], 'b');
}

/* IRQ 4 follows IIR: asked for by the test as the guest's handler would see it. */
Test(uart, input_raises_the_line_until_it_is_read)
{
	wr(IER, 0x01);
	cr_expect_not(fake_irqs.level[4]);
	type("ab");
	rd(LSR);
	cr_expect(fake_irqs.level[4]);
	rd(RBR);
	cr_expect(fake_irqs.level[4]);
	rd(RBR);
	cr_expect_not(fake_irqs.level[4]);
}

Test(uart, an_empty_transmitter_interrupts_once_for_each_write)
{
	wr(IER, 0x02);
	cr_expect(fake_irqs.level[4]);
	cr_expect_eq(rd(IIR) & 15, 0x02);
	cr_expect_not(fake_irqs.level[4], "reading IIR ends it");
	wr(THR, 'x');
	wr(THR, 'y');
	cr_expect(fake_irqs.level[4]);
	cr_expect_eq(fake_irqs.rises[4], 3, "each write is an edge of its own");
	wr(IER, 0);
	cr_expect_not(fake_irqs.level[4]);
}

/* The interrupt and what is waited for were two looks at the reader: one that became fast in between was never waited for. */
Test(uart, a_reader_that_drains_between_two_looks_leaves_an_interrupt)
{
	while (rd(LSR) & 0x20)
		wr(THR, 'x');
	cr_assert_not(fake_irqs.level[IRQ_COM1]);
	drains_after_look = true;
	wr(IER, 0x02);
	cr_expect_not(drains_after_look, "it was looked at");
	cr_expect(fake_irqs.level[IRQ_COM1]);
	cr_expect_eq(rd(IIR) & 0x0f, 0x02);
}
