/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest descriptors, see desc.h. Runs on the vCPU's thread; touches guest memory only through gva.h. */
#include <errno.h>

#include "common/barrier.h"
#include "common/shm_layout.h"
#include "common/write_class.h"
#include "trapd/cpu/desc.h"
#include "trapd/cpu/gva.h"

#define ACCESS_BYTE 5u	/* type, S, DPL, P: the byte that the CPU writes */

int desc_raise(struct vcpu *v, uint8_t vector, uint16_t selector)
{
	return vcpu_raise(v, vector, selector & ~SELECTOR_RPL);
}

void desc_parse(uint64_t low, uint16_t selector, struct segment *out)
{
	uint32_t limit = (low & 0xffff) | (low >> 32 & 0xf0000);

	*out = (struct segment){
		.selector = selector,
		.usable = true,
		.type = low >> 40 & 15,
		.code_or_data = low >> 44 & 1,
		.dpl = low >> 45 & 3,
		.present = low >> 47 & 1,
		.avl = low >> 52 & 1,
		.l = low >> 53 & 1,
		.db = low >> 54 & 1,
		.g = low >> 55 & 1,
		.base = (low >> 16 & 0xffffff) | (low >> 32 & 0xff000000),
	};
	out->limit = out->g ? limit << 12 | 0xfff : limit;
}

void desc_parse_gate(uint64_t low, uint64_t high, bool wide, struct gate *out)
{
	uint8_t type = low >> 40 & 15;
	bool long_offset = type & 8;

	*out = (struct gate){
		.selector = low >> 16 & 0xffff,
		.offset = (low & 0xffff) | (long_offset ? low >> 32 & 0xffff0000 : 0),
		.type = type,
		.dpl = low >> 45 & 3,
		.present = low >> 47 & 1,
		.ist = wide ? low >> 32 & 7 : 0,
		.nparams = wide ? 0 : low >> 32 & 31,
	};
	if (wide)
		out->offset |= high << 32;
}

/* Descriptor addresses are 64 bits wide in all of long mode, compatibility mode included. */
static uint64_t system_mask(const struct vcpu *v)
{
	return cpu_long_mode(&v->cpu) ? ~0ull : 0xffffffffull;
}

/* Limit of the table that a selector points into; -1 for an LDT that is not there. */
static int64_t table_of(const struct vcpu *v, uint16_t selector, uint64_t *base)
{
	const struct cpu_state *c = &v->cpu;

	if (!(selector & SELECTOR_TI)) {
		*base = c->gdtr.base;
		return c->gdtr.limit;
	}
	*base = c->ldtr.base;
	return c->ldtr.usable ? (int64_t)c->ldtr.limit : -1;
}

int desc_read(struct vcpu *v, uint16_t selector, uint8_t vector, struct descriptor *out)
{
	uint32_t offset = selector & ~7u;
	uint64_t base;
	int64_t limit = table_of(v, selector, &base);
	int ret;

	if ((int64_t)offset + 7 > limit)
		return desc_raise(v, vector, selector);
	out->gva = (base + offset) & system_mask(v);
	out->high = 0;
	ret = gva_read(v, out->gva, &out->low, 8, GVA_SYSTEM);
	if (ret)
		return ret;
	desc_parse(out->low, selector, &out->seg);
	return 0;
}

int desc_read_upper(struct vcpu *v, uint8_t vector, struct descriptor *d)
{
	uint16_t selector = d->seg.selector;
	uint64_t base;
	int ret;

	if (!cpu_long_mode(&v->cpu))
		return 0;
	if ((int64_t)(selector & ~7u) + 15 > table_of(v, selector, &base))
		return desc_raise(v, vector, selector);
	ret = gva_read(v, d->gva + 8, &d->high, 8, GVA_SYSTEM);
	if (ret)
		return ret;
	if (d->high >> 40 & 0x1f)
		return desc_raise(v, vector, selector);
	d->seg.base |= d->high << 32;
	return 0;
}

/* One locked OR, as the CPU does it: another CPU of the guest may be changing the descriptor. */
static int set_type_bit(struct vcpu *v, struct descriptor *d, uint8_t bit)
{
	uint8_t old, new;
	uint64_t gpa;
	void *ptr;
	int ret;

	ret = gva_rmw_ptr(v, d->gva + ACCESS_BYTE, 1, GVA_SYSTEM, &ptr, &gpa);
	if (ret == -EOPNOTSUPP)
		ret = 0;	/* a table in device space: nothing there remembers the bit */
	else if (!ret) {
		old = locked_or((uint8_t *)ptr, bit);
		new = old | bit;
		vcpu_post_write(v, gpa, 1, &new, &old, LINK_EVF_LAST | WRITE_CLASS_SIMPLE << LINK_CLASS_SHIFT);
	}
	if (!ret)
		d->seg.type |= bit;
	return ret;
}

int desc_set_accessed(struct vcpu *v, struct descriptor *d)
{
	return d->seg.type & DESC_ACCESSED ? 0 : set_type_bit(v, d, DESC_ACCESSED);
}

int desc_set_busy(struct vcpu *v, struct descriptor *d)
{
	return set_type_bit(v, d, DESC_TSS32_BUSY ^ DESC_TSS32);
}
