/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APICs: registers, priorities, local vector table. In trapd, under the bus lock, on whatever thread has an interrupt
 * for one. Each vCPU sees its own at the same address (bus_cpu()). x2APIC mode is not announced and not there.
 * Source: SDM vol. 3A 10.4 (registers), 10.5 (local interrupts, errors), 10.8 (acceptance, priorities).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/lapic_priv.h"

#define LAPIC_BYTES	0x1000u
#define VERSION		(0x14u | (LVT_COUNT - 1) << 16)
#define NO_VECTOR	(-1)

static bool bit_test(const uint32_t *set, unsigned n)
{
	return set[n / 32] >> n % 32 & 1;
}

static void bit_set(uint32_t *set, unsigned n, bool value)
{
	uint32_t bit = 1u << n % 32;

	set[n / 32] = value ? set[n / 32] | bit : set[n / 32] & ~bit;
}

static int highest(const uint32_t set[8])
{
	for (int i = 7; i >= 0; i--)
		if (set[i])
			return i * 32 + 31 - __builtin_clz(set[i]);
	return NO_VECTOR;
}

uint8_t lapic_ppr(const struct lapic *l)
{
	int in_service = highest(l->isr);
	uint32_t class = in_service == NO_VECTOR ? 0 : (uint32_t)in_service & 0xf0;

	return (uint8_t)((l->tpr & 0xf0) >= class ? l->tpr : class);
}

/* The vector that would interrupt the processor now. */
static int deliverable(const struct lapic *l)
{
	int vector = highest(l->irr);

	if (!l->enabled || !(l->svr & SVR_ENABLED) || vector == NO_VECTOR)
		return NO_VECTOR;
	return (vector & 0xf0) > (lapic_ppr(l) & 0xf0) ? vector : NO_VECTOR;
}

static void look(struct lapic *l)
{
	if (deliverable(l) != NO_VECTOR)
		l->all->ops->notify(l->all->ctx, l->cpu);
}

void lapic_request(struct lapic *l, uint8_t vector, bool level)
{
	if (vector < 16) {
		lapic_error(l, ESR_RECEIVE_ILLEGAL);
		return;
	}
	bit_set(l->irr, vector, true);
	bit_set(l->tmr, vector, level);
	look(l);
}

void lapic_error(struct lapic *l, uint32_t bit)
{
	uint32_t entry = l->lvt[LVT_ERROR];

	l->esr |= bit;
	/* An error entry with an illegal vector must not report itself for ever. */
	if ((entry & 0xff) >= 16)
		lapic_local_event(l, LVT_ERROR);
}

void lapic_local_event(struct lapic *l, unsigned n)
{
	uint32_t entry = l->lvt[n];

	if (!l->enabled || (entry & LVT_MASKED))
		return;
	if (LVT_MODE(entry) == APIC_NMI && n != LVT_TIMER && n != LVT_ERROR && l->all->ops->nmi)
		l->all->ops->nmi(l->all->ctx, l->cpu);
	else if (LVT_MODE(entry) == APIC_FIXED)
		lapic_request(l, (uint8_t)entry, false);
}

bool lapic_pending(const struct lapics *all, unsigned cpu)
{
	return deliverable(&all->cpu[cpu]) != NO_VECTOR;
}

int lapic_accept(struct lapics *all, unsigned cpu)
{
	struct lapic *l = &all->cpu[cpu];
	int vector = deliverable(l);

	if (vector != NO_VECTOR) {
		bit_set(l->irr, (unsigned)vector, false);
		bit_set(l->isr, (unsigned)vector, true);
	}
	return vector;
}

void lapic_look(const struct lapics *all, unsigned cpu, struct lapic_state *out)
{
	const struct lapic *l = &all->cpu[cpu];

	out->enabled = l->enabled && (l->svr & SVR_ENABLED);
	out->task_priority = (uint8_t)l->tpr;
	memcpy(out->requested, l->irr, sizeof(out->requested));
	memcpy(out->in_service, l->isr, sizeof(out->in_service));
}

bool lapic_takes_extint(const struct lapics *all, unsigned cpu)
{
	const struct lapic *l = &all->cpu[cpu];
	uint32_t entry = l->lvt[LVT_LINT0];

	if (!l->enabled)
		return cpu == 0;
	return !(entry & LVT_MASKED) && LVT_MODE(entry) == APIC_EXTINT;
}

static void write_eoi(struct lapic *l, uint32_t value)
{
	int vector = highest(l->isr);

	if (vector == NO_VECTOR)
		return;
	bit_set(l->isr, (unsigned)vector, false);
	if (bit_test(l->tmr, (unsigned)vector))
		l->all->ops->eoi(l->all->ctx, (uint8_t)vector);
	look(l);
}

static void write_tpr(struct lapic *l, uint32_t value)
{
	l->tpr = value & 0xff;
	look(l);
}

/* Software disable masks every entry of the local vector table: SDM vol. 3A 10.4.7.2. */
static void write_svr(struct lapic *l, uint32_t value)
{
	l->svr = value & 0x1ff;
	if (!(value & SVR_ENABLED)) {
		lapic_timer_write_lvt(l, l->lvt[LVT_TIMER] | LVT_MASKED);
		for (unsigned i = 0; i < LVT_COUNT; i++)
			l->lvt[i] |= LVT_MASKED;
	}
	look(l);
}

/* A write shows the errors since the last one. SDM vol. 3A 10.5.3. */
static void write_esr(struct lapic *l, uint32_t value)
{
	l->esr_seen = l->esr;
	l->esr = 0;
}

static void write_lvt(struct lapic *l, unsigned n, uint32_t value)
{
	/* vector; delivery mode where there is one; polarity and trigger for the pins; mask; timer mode */
	static const uint32_t writable[LVT_COUNT] = {
		[LVT_TIMER] = 0x700ff, [LVT_THERMAL] = 0x107ff, [LVT_PERFORMANCE] = 0x107ff,
		[LVT_LINT0] = 0x1a7ff, [LVT_LINT1] = 0x1a7ff, [LVT_ERROR] = 0x100ff,
	};

	value &= writable[n];
	if (!(l->svr & SVR_ENABLED))
		value |= LVT_MASKED;
	if (n == LVT_TIMER)
		lapic_timer_write_lvt(l, value);
	l->lvt[n] = value;
	/* the pair may have been asking all the time */
	if (n == LVT_LINT0)
		l->all->ops->notify(l->all->ctx, l->cpu);
}

static void write_id(struct lapic *l, uint32_t value) { l->id = value & 0xff000000; }
static void write_ldr(struct lapic *l, uint32_t value) { l->ldr = value & 0xff000000; }
static void write_dfr(struct lapic *l, uint32_t value) { l->dfr = value | 0x0fffffff; }
static void write_icr_high(struct lapic *l, uint32_t value) { l->icr_high = value & 0xff000000; }

/* Delivery status (12) reads as idle: messages are delivered at once. */
static void write_icr_low(struct lapic *l, uint32_t value)
{
	l->icr_low = value & 0x000ccfff;
	lapic_send(l);
}

static uint32_t read_id(struct lapic *l) { return l->id; }
static uint32_t read_version(struct lapic *l) { return VERSION; }
static uint32_t read_tpr(struct lapic *l) { return l->tpr; }
static uint32_t read_ppr(struct lapic *l) { return lapic_ppr(l); }
static uint32_t read_ldr(struct lapic *l) { return l->ldr; }
static uint32_t read_dfr(struct lapic *l) { return l->dfr; }
static uint32_t read_svr(struct lapic *l) { return l->svr; }
static uint32_t read_esr(struct lapic *l) { return l->esr_seen; }
static uint32_t read_icr_low(struct lapic *l) { return l->icr_low; }
static uint32_t read_icr_high(struct lapic *l) { return l->icr_high; }
static uint32_t read_initial(struct lapic *l) { return l->initial; }
static uint32_t read_current(struct lapic *l) { return lapic_timer_current(l); }
static uint32_t read_divide(struct lapic *l) { return l->divide; }
static uint32_t read_zero(struct lapic *l) { return 0; }

/* SDM vol. 3A table 10-1, by offset / 16. The sets of vectors and the local vector table are ranges of their own. */
static const struct lapic_register {
	uint32_t (*read)(struct lapic *l);
	void (*write)(struct lapic *l, uint32_t value);
} registers[0x40] = {
	[0x02] = { read_id, write_id }, [0x03] = { read_version, NULL }, [0x08] = { read_tpr, write_tpr },
	[0x09] = { read_zero, NULL }, [0x0a] = { read_ppr, NULL }, [0x0b] = { read_zero, write_eoi }, [0x0c] = { read_zero, NULL },
	[0x0d] = { read_ldr, write_ldr }, [0x0e] = { read_dfr, write_dfr }, [0x0f] = { read_svr, write_svr },
	[0x28] = { read_esr, write_esr }, [0x30] = { read_icr_low, write_icr_low }, [0x31] = { read_icr_high, write_icr_high },
	[0x38] = { read_initial, lapic_timer_write_initial }, [0x39] = { read_current, NULL },
	[0x3e] = { read_divide, lapic_timer_write_divide },
};
#define REG_ISR	0x10u
#define REG_TMR	0x18u
#define REG_IRR	0x20u
#define REG_LVT	0x32u

static uint32_t read_register(struct lapic *l, unsigned n)
{
	if (n >= REG_ISR && n < REG_ISR + 8)
		return l->isr[n - REG_ISR];
	if (n >= REG_TMR && n < REG_TMR + 8)
		return l->tmr[n - REG_TMR];
	if (n >= REG_IRR && n < REG_IRR + 8)
		return l->irr[n - REG_IRR];
	if (n >= REG_LVT && n < REG_LVT + LVT_COUNT)
		return l->lvt[n - REG_LVT];
	if (n < sizeof(registers) / sizeof(registers[0]) && registers[n].read)
		return registers[n].read(l);
	lapic_error(l, ESR_ILLEGAL_REGISTER);
	return 0;
}

static void write_register(struct lapic *l, unsigned n, uint32_t value)
{
	if (n >= REG_LVT && n < REG_LVT + LVT_COUNT)
		write_lvt(l, n - REG_LVT, value);
	else if (n < sizeof(registers) / sizeof(registers[0]) && registers[n].write)
		registers[n].write(l, value);
	else
		lapic_error(l, ESR_ILLEGAL_REGISTER);
}

static struct lapic *own(struct lapics *all)
{
	unsigned cpu = bus_cpu();
	struct lapic *l = &all->cpu[cpu < all->cpus ? cpu : 0];

	return l->enabled ? l : NULL;
}

/* Registers are 32 bits at multiples of 16; accesses of another form are undefined (10.4.1) and harmless here. */
static uint64_t lapic_read(void *dev, uint32_t offset, unsigned size)
{
	struct lapic *l = own(dev);
	unsigned byte = offset & 15;

	if (!l)
		return ~0ull;
	return byte < 4 ? (uint64_t)read_register(l, offset >> 4) >> byte * 8 : 0;
}

static void lapic_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct lapic *l = own(dev);

	if (l && size >= 4 && !(offset & 15))
		write_register(l, offset >> 4, (uint32_t)value);
}

void lapic_reset(struct lapic *l)
{
	lapic_timer_reset(l);
	l->tpr = l->ldr = l->esr = l->esr_seen = l->icr_low = l->icr_high = 0;
	l->dfr = 0xffffffff;
	l->svr = 0xff;
	for (unsigned i = 0; i < LVT_COUNT; i++)
		l->lvt[i] = LVT_MASKED;
	for (unsigned i = 0; i < 8; i++)
		l->irr[i] = l->isr[i] = l->tmr[i] = 0;
}

void lapic_set_enabled(struct lapics *all, unsigned cpu, bool enabled)
{
	struct lapic *l = &all->cpu[cpu];

	if (enabled == l->enabled)
		return;
	lapic_reset(l);
	l->enabled = enabled;
	all->ops->notify(all->ctx, cpu);	/* the pins go elsewhere now */
}

uint8_t lapic_cr8(const struct lapics *all, unsigned cpu)
{
	return (uint8_t)(all->cpu[cpu].tpr >> 4);
}

void lapic_set_cr8(struct lapics *all, unsigned cpu, uint8_t cr8)
{
	write_tpr(&all->cpu[cpu], (uint32_t)cr8 << 4);
}

static void lapics_destroy(void *dev)
{
	struct lapics *all = dev;

	for (unsigned i = 0; i < all->cpus; i++)
		timer_fini(&all->cpu[i].timer);
	free(all);
}

static const struct device_ops lapic_ops = {
	.name = "lapic", .read = lapic_read, .write = lapic_write, .destroy = lapics_destroy,
};

int lapics_add(struct lapics **out, struct bus *b, unsigned cpus, struct timers *timers, const struct lapics_ops *ops, void *ctx)
{
	struct lapics *all = calloc(1, sizeof(*all) + cpus * sizeof(all->cpu[0]));
	int rc;

	if (!all)
		return -ENOMEM;
	*all = (struct lapics){ .ops = ops, .ctx = ctx, .timers = timers, .cpus = cpus };
	for (unsigned i = 0; i < cpus; i++) {
		struct lapic *l = &all->cpu[i];

		l->all = all;
		l->cpu = i;
		l->id = i << 24;
		lapic_timer_init(l);
		lapic_reset(l);
		l->enabled = true;
	}
	all->cpu[0].lvt[LVT_LINT0] = APIC_EXTINT << 8;	/* virtual wire mode: MultiProcessor Specification 3.6.2.2 */
	rc = bus_add_mmio(b, LAPIC_BASE, LAPIC_BYTES, &lapic_ops, all);
	if (rc) {
		lapics_destroy(all);
		return rc;
	}
	*out = all;
	return 0;
}
