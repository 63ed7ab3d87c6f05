/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interrupt controllers and timers of a PC, as irq32 and irq64 program them. Runs as the guest's kernel.
 * Source: 8259A and 82C54 data sheets; SDM vol. 3A chapter 10; 82093AA data sheet.
 */
#include "tests/guests/irq.h"

#define LAPIC	0xfee00000ul
#define IOAPIC	0xfec00000ul

void pic_init(void)
{
	static const uint16_t base[] = { 0x20, 0xa0 };
	unsigned n;

	for (n = 0; n < 2; n++) {
		port_write8(base[n], 0x11);
		port_write8(base[n] + 1, (uint8_t)(PIC_VECTOR + 8 * n));
		port_write8(base[n] + 1, n ? 2 : 4);
		port_write8(base[n] + 1, 1);
	}
	pic_mask(0xffff);
}

void pic_mask(uint16_t mask)
{
	port_write8(0x21, (uint8_t)mask);
	port_write8(0xa1, (uint8_t)(mask >> 8));
}

void pic_eoi(unsigned line)
{
	if (line >= 8)
		port_write8(0xa0, 0x20);
	port_write8(0x20, 0x20);
}

uint8_t pic_requests(void)
{
	port_write8(0x20, 0x0a);
	return port_read8(0x20);
}

void pit_start(unsigned mode, uint16_t count)
{
	port_write8(0x43, (uint8_t)(0x30 | mode << 1));
	port_write8(0x40, (uint8_t)count);
	port_write8(0x40, (uint8_t)(count >> 8));
}

/* Mode 0 without a count: the output stays low. */
void pit_stop(void)
{
	port_write8(0x43, 0x30);
}

uint32_t lapic_read(unsigned reg)
{
	return *(volatile uint32_t *)(LAPIC + reg);
}

void lapic_write(unsigned reg, uint32_t value)
{
	*(volatile uint32_t *)(LAPIC + reg) = value;
}

void lapic_init(void)
{
	lapic_write(LAPIC_SVR, 0x100 | APIC_SPURIOUS);
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_DIVIDE, 0x0b);
}

void ioapic_route(unsigned pin, uint32_t low)
{
	*(volatile uint32_t *)IOAPIC = 0x10 + 2 * pin + 1;
	*(volatile uint32_t *)(IOAPIC + 0x10) = 0;
	*(volatile uint32_t *)IOAPIC = 0x10 + 2 * pin;
	*(volatile uint32_t *)(IOAPIC + 0x10) = low;
}
