/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text screen, see vga.h. In trapd, under the bus lock. Registers of the CRT controller, sequencer, graphics and attribute
 * controllers are kept and read back; only the start address of the first one means anything here. There are no planes and
 * no fonts: 0xa0000 and 0xb8000 are plain RAM. Source: IBM VGA Technical Reference (XGA manual), "VGA function".
 */
#include "trapd/devices/vga.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/barrier.h"
#include "trapd/devices/bus.h"
#include "trapd/devices/timer.h"

#define FRAME_NS	14268000ull	/* 70 Hz */
#define LINE_NS		31777ull
#define RETRACE_LINES	35u		/* of 449 */
#define CRTC_START_HIGH	0x0cu
#define CRTC_START_LOW	0x0du

enum { ATTRIBUTE = 0x0, ATTRIBUTE_READ = 0x1, MISC_WRITE = 0x2, SEQUENCER = 0x4, PEL_MASK = 0x6, PEL_READ = 0x7, PEL_WRITE = 0x8,
       PEL_DATA = 0x9, MISC_READ = 0xc, GRAPHICS = 0xe, PORTS = 0x10 };

/* A register file behind an index and a data port. */
struct file {
	uint8_t index, reg[32];
};

struct vga {
	struct timers *timers;
	struct file attribute, sequencer, graphics, crtc;
	bool attribute_data;		/* the next write to 0x3c0 is data */
	uint8_t misc, pel_mask;
	uint16_t pel_read, pel_write;	/* three bytes for each colour */
	uint8_t pel[768];
};

/* Input status 1: bit 3 vertical retrace, bit 0 no display now. Drivers wait for both edges. */
static uint8_t status_read(struct vga *v)
{
	uint64_t at = timers_now(v->timers) % FRAME_NS;
	bool vertical = at < RETRACE_LINES * LINE_NS, horizontal = at % LINE_NS < LINE_NS / 5;

	v->attribute_data = false;
	return (uint8_t)((vertical ? 8 : 0) | (vertical || horizontal ? 1 : 0));
}

static void attribute_write(struct vga *v, uint8_t value)
{
	if (v->attribute_data)
		v->attribute.reg[v->attribute.index & 31] = value;
	else
		v->attribute.index = value;
	v->attribute_data = !v->attribute_data;
}

static uint8_t port_read(struct vga *v, unsigned port)
{
	switch (port) {
	case ATTRIBUTE: return v->attribute.index;
	case ATTRIBUTE_READ: return v->attribute.reg[v->attribute.index & 31];
	case SEQUENCER: return v->sequencer.index;
	case SEQUENCER + 1: return v->sequencer.reg[v->sequencer.index & 31];
	case PEL_MASK: return v->pel_mask;
	case PEL_DATA: return v->pel[v->pel_read++ % sizeof(v->pel)];
	case MISC_READ: return v->misc;
	case GRAPHICS: return v->graphics.index;
	case GRAPHICS + 1: return v->graphics.reg[v->graphics.index & 31];
	default: return 0;
	}
}

static void port_write(struct vga *v, unsigned port, uint8_t value)
{
	switch (port) {
	case ATTRIBUTE: attribute_write(v, value); break;
	case MISC_WRITE: v->misc = value; break;
	case SEQUENCER: v->sequencer.index = value; break;
	case SEQUENCER + 1: v->sequencer.reg[v->sequencer.index & 31] = value; break;
	case PEL_MASK: v->pel_mask = value; break;
	case PEL_READ: v->pel_read = (uint16_t)(value * 3); break;
	case PEL_WRITE: v->pel_write = (uint16_t)(value * 3); break;
	case PEL_DATA: v->pel[v->pel_write++ % sizeof(v->pel)] = value & 0x3f; break;
	case GRAPHICS: v->graphics.index = value; break;
	case GRAPHICS + 1: v->graphics.reg[v->graphics.index & 31] = value; break;
	default: break;
	}
}

static uint64_t vga_read(void *dev, uint32_t offset, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size && offset + i < PORTS; i++)
		value |= (uint64_t)port_read(dev, offset + i) << i * 8;
	return value;
}

/* The usual way to set a register is one 16-bit write: index and data. */
static void vga_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size && offset + i < PORTS; i++)
		port_write(dev, offset + i, (uint8_t)(value >> i * 8));
}

static uint64_t crtc_read(void *dev, uint32_t offset, unsigned size)
{
	struct vga *v = dev;
	uint8_t data = v->crtc.reg[v->crtc.index & 31];

	if (offset)
		return data;
	return v->crtc.index | (size > 1 ? (uint64_t)data << 8 : 0);
}

static void crtc_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct vga *v = dev;

	if (!offset) {
		v->crtc.index = (uint8_t)value;
		if (size == 1)
			return;
		value >>= 8;
	}
	v->crtc.reg[v->crtc.index & 31] = (uint8_t)value;
}

static uint64_t vga_status_read(void *dev, uint32_t offset, unsigned size)
{
	return status_read(dev);
}

static const struct device_ops vga_ops = { .name = "vga", .read = vga_read, .write = vga_write, .destroy = free };
static const struct device_ops crtc_ops = { .name = "vga crtc", .read = crtc_read, .write = crtc_write, .destroy = free };
static const struct device_ops status_ops = { .name = "vga status", .read = vga_status_read, .destroy = free };

int vga_add(struct vga **out, struct bus *b, struct timers *timers)
{
	struct vga *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	v->timers = timers;
	v->misc = 0x67;			/* colour, as mode 3 has it */
	v->pel_mask = 0xff;
	rc = bus_add_ports(b, 0x3c0, PORTS, &vga_ops, v);
	if (rc) {
		free(v);
		return rc;
	}
	rc = bus_add_ports(b, 0x3d4, 2, &crtc_ops, v);
	if (!rc)
		rc = bus_add_ports(b, 0x3da, 1, &status_ops, v);
	*out = v;
	return rc;
}

/* Code page 437: 0x00 to 0x1f and 0x7f to 0xff as Unicode. */
static const uint16_t low[32] = {
	0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c,
	0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};
static const uint16_t high[129] = {
	0x2302,
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
	0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
	0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
	0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
	0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

static char *put_char(char *to, uint8_t c)
{
	unsigned u = c < 0x20 ? low[c] : c < 0x7f ? c : high[c - 0x7f];

	if (u < 0x80) {
		*to++ = (char)u;
	} else if (u < 0x800) {
		*to++ = (char)(0xc0 | u >> 6);
		*to++ = (char)(0x80 | (u & 63));
	} else {
		*to++ = (char)(0xe0 | u >> 12);
		*to++ = (char)(0x80 | (u >> 6 & 63));
		*to++ = (char)(0x80 | (u & 63));
	}
	return to;
}

void vga_text(const struct vga *v, const struct guest_ram *ram, char text[VGA_TEXT_MAX])
{
	unsigned start = (unsigned)v->crtc.reg[CRTC_START_HIGH] << 8 | v->crtc.reg[CRTC_START_LOW];
	const uint8_t *from;
	char *to = text, *end;

	*to = 0;
	if (!guest_ram_contains(ram, VGA_TEXT_GPA, VGA_TEXT_SIZE))
		return;
	from = guest_ram_ptr(ram, VGA_TEXT_GPA);
	for (unsigned row = 0; row < VGA_ROWS; row++) {
		end = to;
		for (unsigned column = 0; column < VGA_COLUMNS; column++) {
			uint8_t c = load_relaxed(&from[(start + row * VGA_COLUMNS + column) * 2 % VGA_TEXT_SIZE]);

			to = put_char(to, c);
			if (c && c != ' ')
				end = to;
		}
		to = end;
		*to++ = '\n';
	}
	*to = 0;
}
