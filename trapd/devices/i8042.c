/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyboard controller without a keyboard, see i8042.h. In trapd, on the vCPU threads under the bus lock. Answers come at once:
 * the input buffer is never full. Source: Intel 8042 as programmed in the IBM PC AT (Technical Reference, "Keyboard").
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/i8042.h"
#include "trapd/devices/irq.h"

#define DATA_PORT	0x60
#define COMMAND_PORT	0x64

#define STATUS_OUTPUT	0x01u		/* output buffer full */
#define STATUS_SYSTEM	0x04u		/* self test passed */
#define STATUS_COMMAND	0x08u		/* the last write went to the command port */
#define STATUS_UNLOCKED	0x10u
#define STATUS_TIMEOUT	0x40u		/* the keyboard did not answer */

#define BYTE_INT	0x01u		/* command byte: interrupt when the output buffer is full */
#define BYTE_SYSTEM	0x04u
#define BYTE_DISABLED	0x10u		/* keyboard clock held low */

#define OUT_NOT_RESET	0x01u		/* output port P20 */
#define OUT_A20		0x02u		/* P21 */

struct i8042 {
	struct irqs *irqs;
	struct reset_line reset;
	uint8_t status, byte, out_port, output;
	uint8_t command;		/* that waits for its data byte; 0: none */
};

static void line(struct i8042 *k)
{
	irq_set(k->irqs, IRQ_KEYBOARD, (k->status & STATUS_OUTPUT) && (k->byte & BYTE_INT));
}

static void answer(struct i8042 *k, uint8_t value, uint8_t status)
{
	k->output = value;
	k->status = (uint8_t)((k->status & ~STATUS_TIMEOUT) | STATUS_OUTPUT | status);
	line(k);
}

static void out_port_write(struct i8042 *k, uint8_t value)
{
	k->out_port = value;
	if (!(value & OUT_NOT_RESET))
		k->reset.reset(k->reset.ctx, "the keyboard controller's output port");
}

static void command_write(struct i8042 *k, uint8_t value)
{
	k->status |= STATUS_COMMAND;
	k->command = 0;
	/* F0 to FF pulse the lines whose bit is 0; line 0 is reset. */
	if (value >= 0xf0) {
		if (!(value & 1))
			k->reset.reset(k->reset.ctx, "the keyboard controller's reset pulse");
		return;
	}
	switch (value) {
	case 0x20: answer(k, k->byte, 0); break;
	case 0x60:
	case 0xd1:
	case 0xd2: k->command = value; break;
	case 0xaa:				/* self test */
		k->status |= STATUS_SYSTEM;
		k->byte |= BYTE_SYSTEM;
		answer(k, 0x55, 0);
		break;
	case 0xab: answer(k, 0x00, 0); break;	/* the keyboard's lines are fine */
	case 0xad: k->byte |= BYTE_DISABLED; break;
	case 0xae: k->byte &= (uint8_t)~BYTE_DISABLED; break;
	case 0xc0: answer(k, 0x80, 0); break;	/* input port: not locked */
	case 0xd0: answer(k, k->out_port, 0); break;
	case 0xdd: k->out_port &= (uint8_t)~OUT_A20; break;
	case 0xdf: k->out_port |= OUT_A20; break;
	default: break;				/* those of a mouse port, and whatever else there is not */
	}
}

static void data_write(struct i8042 *k, uint8_t value)
{
	uint8_t command = k->command;

	k->status &= (uint8_t)~STATUS_COMMAND;
	k->command = 0;
	switch (command) {
	case 0x60:
		k->byte = value;
		k->status = (uint8_t)((k->status & ~STATUS_SYSTEM) | (value & BYTE_SYSTEM));
		line(k);
		break;
	case 0xd1: out_port_write(k, value); break;
	case 0xd2: answer(k, value, 0); break;
	default: answer(k, 0xfe, STATUS_TIMEOUT); break;	/* for the keyboard, and there is none */
	}
}

static uint64_t data_read(struct i8042 *k)
{
	k->status &= (uint8_t)~(STATUS_OUTPUT | STATUS_TIMEOUT);
	line(k);
	return k->output;
}

static uint64_t i8042_data_read(void *dev, uint32_t offset, unsigned size)
{
	return data_read(dev);
}

static void i8042_data_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	data_write(dev, (uint8_t)value);
}

static uint64_t i8042_status_read(void *dev, uint32_t offset, unsigned size)
{
	const struct i8042 *k = dev;

	return k->status;
}

static void i8042_command_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	command_write(dev, (uint8_t)value);
}

static const struct device_ops data_ops = {
	.name = "i8042 data", .read = i8042_data_read, .write = i8042_data_write, .destroy = free,
};
static const struct device_ops command_ops = {
	.name = "i8042", .read = i8042_status_read, .write = i8042_command_write, .destroy = free,
};

int i8042_add(struct bus *b, struct irqs *irqs, const struct reset_line *reset)
{
	struct i8042 *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return -ENOMEM;
	/* As firmware leaves it: self test passed, keyboard interrupt on, A20 open. */
	*k = (struct i8042){ .irqs = irqs, .reset = *reset, .status = STATUS_SYSTEM | STATUS_UNLOCKED, .byte = BYTE_INT | BYTE_SYSTEM,
			     .out_port = OUT_NOT_RESET | OUT_A20 };
	rc = bus_add_ports(b, DATA_PORT, 1, &data_ops, k);
	if (rc) {
		free(k);
		return rc;
	}
	return bus_add_ports(b, COMMAND_PORT, 1, &command_ops, k);
}
