/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 16550A UART at COM1: the console. In trapd, under the bus lock: on the vCPU threads, and on the device thread when the host
 * has input or takes output again. Characters take no time; the host side (uart_line.c) never blocks a vCPU: a reader
 * that is slow shows as a transmitter that is not empty, a writer that is fast waits in its pipe until there is room.
 * The interrupt line is not gated by OUT2 as in a PC: it belongs to this UART alone, and kernels that were written on
 * emulators never set OUT2.
 * Source: National Semiconductor PC16550D data sheet, chapters 8.1 to 8.7.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/device_thread.h"
#include "trapd/devices/irq.h"
#include "trapd/devices/uart_line.h"

#define COM1_PORT	0x3f8
#define UART_PORTS	8

#define RX_FIFO_SIZE	16u

#define IER_RDA		0x01u
#define IER_THRE	0x02u
#define IER_RLS		0x04u
#define IER_MSR		0x08u
#define IER_BITS	0x0fu

#define IIR_NONE	0x01u
#define IIR_RLS		0x06u
#define IIR_RDA		0x04u
#define IIR_TIMEOUT	0x0cu
#define IIR_THRE	0x02u
#define IIR_MSR		0x00u
#define IIR_FIFOS	0xc0u

#define FCR_ENABLE	0x01u
#define FCR_CLEAR_RX	0x02u
#define FCR_CLEAR_TX	0x04u

#define LCR_DLAB	0x80u

#define MCR_DTR		0x01u
#define MCR_RTS		0x02u
#define MCR_OUT1	0x04u
#define MCR_OUT2	0x08u
#define MCR_LOOP	0x10u
#define MCR_BITS	0x1fu

#define LSR_DR		0x01u
#define LSR_OE		0x02u
#define LSR_THRE	0x20u
#define LSR_TEMT	0x40u

#define MSR_TERI	0x04u
#define MSR_CTS		0x10u
#define MSR_DSR		0x20u
#define MSR_RI		0x40u
#define MSR_DCD		0x80u

struct uart {
	struct uart_line *line;
	struct irqs *irqs;
	struct watch input, output;
	uint8_t ier, fcr, lcr, mcr, scr;
	uint8_t dll, dlm;
	uint8_t msr_delta;		/* DCTS, DDSR, TERI, DDCD since the last read of MSR */
	bool overrun;			/* LSR OE */
	bool thre_interrupt;		/* THRE became 1 and nobody read it from IIR yet */
	uint8_t rx[RX_FIFO_SIZE];
	unsigned rx_head, rx_count;
	uint8_t rbr;			/* the last character read, shown while there is none */
};

static unsigned rx_size(const struct uart *u)
{
	return u->fcr & FCR_ENABLE ? RX_FIFO_SIZE : 1;
}

static void rx_push(struct uart *u, uint8_t byte)
{
	if (u->rx_count == rx_size(u)) {
		u->overrun = true;
		/* The FIFO keeps what it has; without it the new character replaces the old one: data sheet 8.6.3, OE. */
		if (!(u->fcr & FCR_ENABLE))
			u->rx[u->rx_head] = byte;
		return;
	}
	u->rx[(u->rx_head + u->rx_count++) % RX_FIFO_SIZE] = byte;
}

/* Fetch input while there is room, so that input from the host never overruns. In loopback the line is cut: 8.7.5. */
static void rx_fill(struct uart *u)
{
	uint8_t byte;

	if (u->mcr & MCR_LOOP)
		return;
	while (u->rx_count < rx_size(u) && uart_line_get(u->line, &byte))
		rx_push(u, byte);
}

static uint8_t rx_pop(struct uart *u)
{
	rx_fill(u);
	if (u->rx_count) {
		u->rbr = u->rx[u->rx_head];
		u->rx_head = (u->rx_head + 1) % RX_FIFO_SIZE;
		u->rx_count--;
	}
	return u->rbr;
}

static bool tx_is_empty(struct uart *u)
{
	return (u->mcr & MCR_LOOP) || uart_line_flush(u->line);
}

static uint8_t iir_value(struct uart *u);

/*
 * After every change: the interrupt line, and what to wait for on the host's side. The transmitter is looked at for the watch
 * before it is looked at for the interrupt: it may be full for the first and empty for the second, never the other way round.
 */
static void update(struct uart *u)
{
	bool wants_input = (u->ier & IER_RDA) && !(u->mcr & MCR_LOOP), pending;

	device_watch_set(&u->output, tx_is_empty(u) ? 0 : POLLOUT);
	pending = iir_value(u) != IIR_NONE;
	device_watch_set(&u->input, wants_input && !u->rx_count && uart_line_input(u->line) >= 0 ? POLLIN : 0);
	irq_set(u->irqs, IRQ_COM1, pending);
}

static void tx_write(struct uart *u, uint8_t byte)
{
	/* A write ends the THRE interrupt, and the next one is a new edge: 8.6.5. */
	u->thre_interrupt = false;
	update(u);
	if (u->mcr & MCR_LOOP)
		rx_push(u, byte);
	else
		uart_line_put(u->line, byte);
	/* Empty again at once; if not, IIR reports it no sooner than tx_is_empty(). */
	u->thre_interrupt = true;
}

/* Modem status lines, bits 7 to 4 of MSR: a terminal that is always ready, or in loopback our own outputs. */
static uint8_t msr_lines(uint8_t mcr)
{
	if (!(mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
	       (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void mcr_write(struct uart *u, uint8_t value)
{
	uint8_t old = msr_lines(u->mcr), new;

	u->mcr = value & MCR_BITS;
	new = msr_lines(u->mcr);
	/* A change sets the delta bit four below; for RI only its trailing edge does. */
	u->msr_delta |= (old ^ new) >> 4 & ~MSR_TERI;
	if (old & ~new & MSR_RI)
		u->msr_delta |= MSR_TERI;
}

static uint8_t msr_read(struct uart *u)
{
	uint8_t value = msr_lines(u->mcr) | u->msr_delta;

	u->msr_delta = 0;
	return value;
}

static uint8_t lsr_read(struct uart *u)
{
	uint8_t value = 0;

	rx_fill(u);
	if (u->rx_count)
		value |= LSR_DR;
	if (u->overrun)
		value |= LSR_OE;
	u->overrun = false;
	if (tx_is_empty(u))
		value |= LSR_THRE | LSR_TEMT;
	return value;
}

static void fcr_write(struct uart *u, uint8_t value)
{
	bool toggled = (value ^ u->fcr) & FCR_ENABLE;

	/* The other bits are programmed only together with a 1 in bit 0, and the FIFOs empty when it changes: 8.6.4. */
	u->fcr = value & FCR_ENABLE ? value & ~(FCR_CLEAR_RX | FCR_CLEAR_TX) : 0;
	if (toggled || (value & (FCR_ENABLE | FCR_CLEAR_RX)) == (FCR_ENABLE | FCR_CLEAR_RX))
		u->rx_head = u->rx_count = 0;
	/* What the guest has sent is on the line already as far as it can tell: nothing to clear on that side. */
}

/* The interrupt of highest priority that is enabled and pending: 8.6.5, table 4. */
static uint8_t iir_value(struct uart *u)
{
	static const uint8_t trigger[] = { 1, 4, 8, 14 };
	unsigned level = u->fcr & FCR_ENABLE ? trigger[u->fcr >> 6] : 1;

	rx_fill(u);
	if ((u->ier & IER_RLS) && u->overrun)
		return IIR_RLS;
	if ((u->ier & IER_RDA) && u->rx_count)
		/* Below the trigger level the character timeout, which comes at once here. */
		return u->rx_count >= level ? IIR_RDA : IIR_TIMEOUT;
	if ((u->ier & IER_THRE) && u->thre_interrupt && tx_is_empty(u))
		return IIR_THRE;
	if ((u->ier & IER_MSR) && u->msr_delta)
		return IIR_MSR;
	return IIR_NONE;
}

static uint8_t iir_read(struct uart *u)
{
	uint8_t value = iir_value(u);

	if (value == IIR_THRE)
		u->thre_interrupt = false;
	return value | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static void ier_write(struct uart *u, uint8_t value)
{
	/* Enabling it while THR is empty raises it at once; drivers start transmission that way. */
	if (value & ~u->ier & IER_THRE)
		u->thre_interrupt = true;
	u->ier = value & IER_BITS;
}

static uint8_t rbr_read(struct uart *u)
{
	return u->lcr & LCR_DLAB ? u->dll : rx_pop(u);
}

static void thr_write(struct uart *u, uint8_t value)
{
	if (u->lcr & LCR_DLAB)
		u->dll = value;
	else
		tx_write(u, value);
}

static uint8_t reg1_read(struct uart *u)
{
	return u->lcr & LCR_DLAB ? u->dlm : u->ier;
}

static void reg1_write(struct uart *u, uint8_t value)
{
	if (u->lcr & LCR_DLAB)
		u->dlm = value;
	else
		ier_write(u, value);
}

static uint8_t lcr_read(struct uart *u)
{
	return u->lcr;
}

static void lcr_write(struct uart *u, uint8_t value)
{
	u->lcr = value;
}

static uint8_t mcr_read(struct uart *u)
{
	return u->mcr;
}

static uint8_t scr_read(struct uart *u)
{
	return u->scr;
}

static void scr_write(struct uart *u, uint8_t value)
{
	u->scr = value;
}

/* LSR and MSR are read-only for guests; data sheet, summary of registers (table 2). */
static const struct {
	uint8_t (*read)(struct uart *u);
	void (*write)(struct uart *u, uint8_t value);
} registers[UART_PORTS] = {
	{ rbr_read, thr_write },
	{ reg1_read, reg1_write },
	{ iir_read, fcr_write },
	{ lcr_read, lcr_write },
	{ mcr_read, mcr_write },
	{ lsr_read, NULL },
	{ msr_read, NULL },
	{ scr_read, scr_write },
};

/* The chip is 8 bits wide: a wider access becomes cycles to the registers that follow. */
static uint64_t uart_read(void *dev, uint32_t offset, unsigned size)
{
	uint64_t value = 0;
	unsigned i;

	for (i = 0; i < size; i++)
		value |= (uint64_t)registers[(offset + i) % UART_PORTS].read(dev) << i * 8;
	update(dev);
	return value;
}

static void uart_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	unsigned i, reg;

	for (i = 0; i < size; i++) {
		reg = (offset + i) % UART_PORTS;
		if (registers[reg].write)
			registers[reg].write(dev, (uint8_t)(value >> i * 8));
	}
	update(dev);
}

static void uart_destroy(void *dev)
{
	struct uart *u = dev;

	device_watch_fini(&u->input);
	device_watch_fini(&u->output);
	uart_line_destroy(u->line);
	free(u);
}

static const struct device_ops uart_ops = {
	.name = "uart", .read = uart_read, .write = uart_write, .destroy = uart_destroy,
};

/* On the device thread. Input is taken by update(), and so is output given. */
static void on_ready(void *dev, short revents)
{
	update(dev);
}

int uart_add(struct bus *b, struct irqs *irqs, struct device_thread *thread, int in_fd, int out_fd)
{
	struct uart *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return -ENOMEM;
	u->dll = 12;	/* 9600 baud, as firmware leaves it */
	u->irqs = irqs;
	device_watch_init(&u->input, thread, in_fd, on_ready, u);
	device_watch_init(&u->output, thread, out_fd, on_ready, u);
	rc = uart_line_create(&u->line, in_fd, out_fd);
	if (!rc)
		rc = bus_add_ports(b, COM1_PORT, UART_PORTS, &uart_ops, u);
	if (rc)
		uart_destroy(u);
	return rc;
}
