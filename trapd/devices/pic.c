/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two 8259A interrupt controllers, the second on input 2 of the first, and the edge/level registers of the PIIX. In trapd,
 * under the bus lock. Always in 8086 mode: the 8080 mode's CALL opcodes are not made. Buffered mode changes nothing here.
 * Source: Intel 8259A data sheet (231468); 82371AB (PIIX4) data sheet 4.2.6 for ELCR.
 */
#include "trapd/devices/pic.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "trapd/devices/bus.h"

#define CASCADE_INPUT	2u
#define SPURIOUS_INPUT	7u
#define NO_INPUT	8u

#define ICW1		0x10u
#define ICW1_IC4	0x01u
#define ICW1_SNGL	0x02u
#define ICW1_LTIM	0x08u
#define ICW4_AEOI	0x02u
#define ICW4_SFNM	0x10u
#define OCW3		0x08u
#define OCW3_RR		0x02u
#define OCW3_RIS	0x01u
#define OCW3_POLL	0x04u
#define OCW3_ESMM	0x40u
#define OCW3_SMM	0x20u

struct chip {
	uint8_t irr;			/* requests: latched edges that are still high, and high levels */
	uint8_t isr, imr, line;
	uint8_t elcr, elcr_mask;	/* level-triggered inputs, and which may be */
	uint8_t base;			/* ICW2 */
	uint8_t lowest;			/* input of lowest priority: 7 unless rotated */
	uint8_t icw;			/* next initialisation word expected at the odd port: 0, 2, 3, 4 */
	bool single, needs_icw4, ltim;
	bool aeoi, rotate_aeoi, sfnm, smm, read_isr, poll;
};

struct pic {
	struct chip chip[2];		/* master, slave */
	bool level;			/* of INTR, as last told */
	void (*output)(void *ctx, bool level);
	void *ctx;
};

static bool is_level(const struct chip *c, unsigned input)
{
	return c->ltim || (c->elcr >> input & 1);
}

/* Inputs in order of priority: the one after the lowest comes first. */
static unsigned input_at(const struct chip *c, unsigned rank)
{
	return (c->lowest + 1u + rank) & 7;
}

/* Highest of the inputs in set, as a rank; NO_INPUT if it is empty. */
static unsigned highest_rank(const struct chip *c, uint8_t set)
{
	for (unsigned rank = 0; rank < 8; rank++)
		if (set >> input_at(c, rank) & 1)
			return rank;
	return NO_INPUT;
}

/*
 * The input that the chip asks service for, or NO_INPUT. What is in service holds back its own priority and lower ones; in
 * special mask mode only what is not masked does, and in special fully nested mode the master lets the slave's input in again.
 */
static unsigned chip_request(const struct chip *c, bool master)
{
	uint8_t in_service = c->smm ? c->isr & (uint8_t)~c->imr : c->isr;
	unsigned rank = highest_rank(c, c->irr & (uint8_t)~c->imr), held;

	if (master && c->sfnm)
		in_service &= (uint8_t)~(1u << CASCADE_INPUT);
	held = highest_rank(c, in_service);
	return rank < held ? input_at(c, rank) : NO_INPUT;
}

static void chip_set_input(struct chip *c, unsigned input, bool level)
{
	uint8_t bit = (uint8_t)(1u << input);

	/* An edge counts only as long as the line stays up: data sheet, "edge and level triggered modes". */
	if (!level)
		c->irr &= (uint8_t)~bit;
	else if (is_level(c, input) || !(c->line & bit))
		c->irr |= bit;
	c->line = level ? c->line | bit : c->line & (uint8_t)~bit;
}

bool pic_output(const struct pic *p)
{
	return chip_request(&p->chip[0], true) != NO_INPUT;
}

void pic_look(const struct pic *p, struct pic_state *out)
{
	const struct chip *c = p->chip;

	out->masked = (uint16_t)(c[0].imr | c[1].imr << 8);
	out->requested = (uint16_t)(c[0].irr | c[1].irr << 8);
	out->in_service = (uint16_t)(c[0].isr | c[1].isr << 8);
}

static void update(struct pic *p)
{
	bool slave = chip_request(&p->chip[1], false) != NO_INPUT, level;

	chip_set_input(&p->chip[0], CASCADE_INPUT, slave);
	level = pic_output(p);
	if (level != p->level) {
		p->level = level;
		p->output(p->ctx, level);
	}
}

void pic_set_line(struct pic *p, unsigned line, bool level)
{
	if (line > 15 || line == CASCADE_INPUT)
		return;
	chip_set_input(&p->chip[line >> 3], line & 7, level);
	update(p);
}

static void rotate_after(struct chip *c, unsigned input)
{
	c->lowest = (uint8_t)input;
}

/* One INTA (or poll) cycle: the input that is served, NO_INPUT if nothing asks for it any more. */
static unsigned chip_serve(struct chip *c, bool master)
{
	unsigned input = chip_request(c, master);

	if (input == NO_INPUT)
		return NO_INPUT;
	if (!is_level(c, input))
		c->irr &= (uint8_t)~(1u << input);
	if (!c->aeoi)
		c->isr |= (uint8_t)(1u << input);
	else if (c->rotate_aeoi)
		rotate_after(c, input);
	return input;
}

static unsigned vector(const struct chip *c, unsigned input)
{
	return c->base | (input == NO_INPUT ? SPURIOUS_INPUT : input);
}

unsigned pic_acknowledge(struct pic *p)
{
	unsigned input = chip_serve(&p->chip[0], true), v;

	if (input == CASCADE_INPUT)
		v = vector(&p->chip[1], chip_serve(&p->chip[1], false));
	else
		v = vector(&p->chip[0], input);
	/* The slave's request drops with its INTA, and comes back as an edge if it has more. */
	if (input == CASCADE_INPUT)
		chip_set_input(&p->chip[0], CASCADE_INPUT, false);
	update(p);
	return v;
}

/* ICW1 clears what was: data sheet, "initialization command words". The lines themselves stay as they are. */
static void write_icw1(struct chip *c, uint8_t value)
{
	uint8_t line = c->line, elcr = c->elcr, mask = c->elcr_mask;

	*c = (struct chip){ .line = line, .elcr = elcr, .elcr_mask = mask, .lowest = 7, .icw = 2 };
	c->single = value & ICW1_SNGL;
	c->needs_icw4 = value & ICW1_IC4;
	c->ltim = value & ICW1_LTIM;
	/* The edge latches are cleared, so only levels still ask. */
	c->irr = line & (c->ltim ? 0xff : elcr);
}

static void clear_service(struct chip *c, unsigned input)
{
	c->isr &= (uint8_t)~(1u << input);
}

/* Non-specific EOI: the highest in service; in special mask mode one that is masked is not touched. */
static unsigned highest_service(const struct chip *c)
{
	unsigned rank = highest_rank(c, c->smm ? c->isr & (uint8_t)~c->imr : c->isr);

	return rank == NO_INPUT ? NO_INPUT : input_at(c, rank);
}

/* R, SL, EOI in bits 7 to 5: data sheet, figure 8, OCW2. */
static void write_ocw2(struct chip *c, uint8_t value)
{
	unsigned input = value & 7, command = value >> 5;

	switch (command) {
	case 0:
	case 4:
		c->rotate_aeoi = command == 4;
		return;
	case 6:
		rotate_after(c, input);
		return;
	case 2:
		return;		/* no operation */
	default:
		break;
	}
	if (!(command & 2))
		input = highest_service(c);
	if (input == NO_INPUT)
		return;
	clear_service(c, input);
	if (command & 4)
		rotate_after(c, input);
}

static void write_ocw3(struct chip *c, uint8_t value)
{
	if (value & OCW3_ESMM)
		c->smm = value & OCW3_SMM;
	if (value & OCW3_RR)
		c->read_isr = value & OCW3_RIS;
	c->poll = value & OCW3_POLL;
}

static void write_even(struct chip *c, uint8_t value)
{
	if (value & ICW1)
		write_icw1(c, value);
	else if (value & OCW3)
		write_ocw3(c, value);
	else
		write_ocw2(c, value);
}

static void write_icw4(struct chip *c, uint8_t value)
{
	c->aeoi = value & ICW4_AEOI;
	c->sfnm = value & ICW4_SFNM;
}

/* ICW3 says how the chips are wired, which is fixed here. */
static void write_odd(struct chip *c, uint8_t value)
{
	switch (c->icw) {
	case 0:
		c->imr = value;
		return;
	case 2:
		c->base = value & 0xf8;
		c->icw = !c->single ? 3 : c->needs_icw4 ? 4 : 0;
		return;
	case 3:
		c->icw = c->needs_icw4 ? 4 : 0;
		return;
	default:
		write_icw4(c, value);
		c->icw = 0;
	}
}

/* A poll is an INTA cycle that answers on the data bus: bit 7 says whether anything asked. */
static uint8_t chip_poll(struct chip *c, bool master)
{
	unsigned input = chip_serve(c, master);

	c->poll = false;
	return input == NO_INPUT ? 0 : (uint8_t)(0x80 | input);
}

static uint8_t chip_read(struct pic *p, unsigned n, unsigned odd)
{
	struct chip *c = &p->chip[n];
	uint8_t value;

	if (c->poll) {
		value = chip_poll(c, n == 0);
		update(p);
		return value;
	}
	return odd ? c->imr : c->read_isr ? c->isr : c->irr;
}

static uint64_t ports_read(struct pic *p, unsigned n, uint32_t offset, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)chip_read(p, n, (offset + i) & 1) << i * 8;
	return value;
}

static void ports_write(struct pic *p, unsigned n, uint32_t offset, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> i * 8);

		if ((offset + i) & 1)
			write_odd(&p->chip[n], byte);
		else
			write_even(&p->chip[n], byte);
	}
	update(p);
}

static uint64_t master_read(void *dev, uint32_t offset, unsigned size) { return ports_read(dev, 0, offset, size); }
static uint64_t slave_read(void *dev, uint32_t offset, unsigned size) { return ports_read(dev, 1, offset, size); }

static void master_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	ports_write(dev, 0, offset, size, value);
}

static void slave_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	ports_write(dev, 1, offset, size, value);
}

static uint64_t elcr_read(void *dev, uint32_t offset, unsigned size)
{
	const struct pic *p = dev;
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)p->chip[(offset + i) & 1].elcr << i * 8;
	return value;
}

static void elcr_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct pic *p = dev;

	for (unsigned i = 0; i < size; i++) {
		struct chip *c = &p->chip[(offset + i) & 1];

		c->elcr = (uint8_t)(value >> i * 8) & c->elcr_mask;
		/* what has become a level asks if it is high, and does no longer if it is low */
		c->irr = (c->irr & (uint8_t)~c->elcr) | (c->line & c->elcr);
	}
	update(p);
}

static void pic_destroy(void *dev)
{
	free(dev);
}

static const struct device_ops ops[] = {
	{ .name = "pic0", .read = master_read, .write = master_write, .destroy = pic_destroy },
	{ .name = "pic1", .read = slave_read, .write = slave_write, .destroy = pic_destroy },
	{ .name = "elcr", .read = elcr_read, .write = elcr_write, .destroy = pic_destroy },
};
static const uint16_t first_port[] = { 0x20, 0xa0, 0x4d0 };

int pic_add(struct pic **out, struct bus *b, void (*output)(void *ctx, bool level), void *ctx)
{
	/* Lines 0, 1, 2, 8 and 13 are edge-triggered in every PC. */
	static const uint8_t elcr_mask[] = { 0xf8, 0xde };
	struct pic *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->output = output;
	p->ctx = ctx;
	for (unsigned n = 0; n < 2; n++)
		p->chip[n] = (struct chip){ .elcr_mask = elcr_mask[n], .lowest = 7, .imr = 0xff };
	for (unsigned i = 0; i < 3; i++) {
		rc = bus_add_ports(b, first_port[i], 2, &ops[i], p);
		if (rc) {
			if (!i)
				free(p);
			return rc;
		}
	}
	*out = p;
	return 0;
}
