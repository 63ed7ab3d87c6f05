// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest memory by linear address, as the guest's own accesses. Process trapd, the vCPU's own thread. Every page of an access
 * is walked before its first byte is read or written, so a fault leaves nothing half done.
 */
#include <errno.h>
#include <string.h>

#include "common/barrier.h"
#include "common/walk.h"
#include "trapd/cpu/gva.h"
#include "trapd/cpu/host_mem.h"
#include "trapd/cpu/machine.h"
#include "trapd/devices/bus.h"

/* An access cut at the page boundary and translated. */
struct gva_part { uint64_t gpa; unsigned len; bool ram; };
struct gva_span { struct gva_part part[2]; unsigned count; bool all_ram; };

static uint32_t walk_access(const struct vcpu *v, bool write, unsigned flags)
{
	uint32_t access = WALK_SET_AD;

	if (write)
		access |= WALK_WRITE;
	if (flags & GVA_FETCH)
		access |= WALK_FETCH;
	if (flags & GVA_SYSTEM)
		return access | WALK_IMPLICIT;
	if (flags & GVA_SUPERVISOR)
		return access;
	if ((flags & GVA_USER) || v->cpu.cpl == 3)
		access |= WALK_USER;
	return access;
}

/*
 * The second page of an access at the top of the address space is page 0 for code that has 32-bit addresses. In long mode
 * system tables and the stack of an inner level have 64-bit addresses, whatever code is interrupted.
 */
static uint64_t wrap_mask(const struct vcpu *v, unsigned flags)
{
	if ((flags & (GVA_SYSTEM | GVA_SUPERVISOR)) && cpu_long_mode(&v->cpu))
		return ~0ull;
	return cpu_linear_mask(&v->cpu);
}

static int part_walk(struct vcpu *v, uint64_t gva, unsigned len, uint32_t access, struct gva_part *part)
{
	struct walk_result walk;
	int err = walk_guest(&v->machine->ram, &v->walk, gva, access, &walk);

	if (err == -EFAULT)
		return vcpu_raise_pf(v, gva, walk.error_code);
	if (err == -EAGAIN)
		return err;
	if (err)
		return vcpu_raise(v, VEC_GP, 0);
	*part = (struct gva_part){ walk.gpa, len, guest_ram_contains(&v->machine->ram, walk.gpa, len) };
	return 0;
}

static int span_walk(struct vcpu *v, uint64_t gva, unsigned size, bool write, unsigned flags, struct gva_span *span)
{
	uint32_t access = walk_access(v, write, flags);
	uint64_t room = PAGE_SIZE - (gva & ~PAGE_MASK);
	unsigned first = size <= room ? size : (unsigned)room;
	int err;

	err = part_walk(v, gva, first, access, &span->part[0]);
	if (err)
		return err;
	span->count = 1;
	span->all_ram = span->part[0].ram;
	if (first == size)
		return 0;
	err = part_walk(v, (gva + first) & wrap_mask(v, flags), size - first, access, &span->part[1]);
	if (err)
		return err;
	span->count = 2;
	span->all_ram &= span->part[1].ram;
	return 0;
}

/* A device sees sizes that a bus has; what a page boundary left over goes byte by byte. */
static unsigned bus_size(unsigned len)
{
	return len == 2 || len == 4 || len == 8 ? len : 1;
}

static void mmio_read(struct vcpu *v, uint64_t gpa, uint8_t *out, unsigned len)
{
	unsigned step = bus_size(len);

	for (unsigned i = 0; i < len; i += step) {
		uint64_t value = bus_mmio_read(v->machine->bus, gpa + i, step);

		memcpy(out + i, &value, step);
	}
}

static void mmio_write(struct vcpu *v, uint64_t gpa, const uint8_t *in, unsigned len)
{
	unsigned step = bus_size(len);

	for (unsigned i = 0; i < len; i += step) {
		uint64_t value = 0;

		memcpy(&value, in + i, step);
		bus_mmio_write(v->machine->bus, gpa + i, step, value);
	}
}

/* Largest piece that is one host store and one event. */
static unsigned store_piece(uint64_t gpa, unsigned len)
{
	unsigned piece = 8;

	if (len == 1 || len == 2 || len == 4 || len == 8)
		return len;
	while (piece > len || (gpa & (piece - 1)))
		piece >>= 1;
	return piece;
}

static void ram_write(struct vcpu *v, uint64_t gpa, const uint8_t *in, unsigned len, uint16_t ev_flags)
{
	vcpu_write_begin(v);
	while (len) {
		unsigned piece = store_piece(gpa, len);
		void *host = guest_ram_ptr(&v->machine->ram, gpa);
		uint64_t old = host_load(host, piece), value = 0;

		memcpy(&value, in, piece);
		host_store(host, value, piece);
		vcpu_post_write(v, gpa, piece, &value, &old, ev_flags);
		gpa += piece;
		in += piece;
		len -= piece;
	}
}

int gva_read(struct vcpu *v, uint64_t gva, void *out, unsigned size, unsigned flags)
{
	struct gva_span span;
	uint8_t *to = out;
	int err = span_walk(v, gva, size, false, flags, &span);

	if (err)
		return err;
	if (!span.all_ram && size > 8)
		return -EOPNOTSUPP;
	for (unsigned i = 0; i < span.count; i++) {
		const struct gva_part *part = &span.part[i];
		const void *host = guest_ram_ptr(&v->machine->ram, part->gpa);

		if (!part->ram) {
			mmio_read(v, part->gpa, to, part->len);
		} else if (store_piece(part->gpa, part->len) == part->len) {
			uint64_t value = host_load(host, part->len);

			memcpy(to, &value, part->len);
		} else {
			memcpy(to, host, part->len);
		}
		to += part->len;
	}
	return 0;
}

unsigned gva_peek(const struct vcpu *v, uint64_t gva, void *out, unsigned size)
{
	uint8_t *to = out;

	for (unsigned i = 0; i < size; i++) {
		struct walk_result w;

		if (walk_guest(&v->machine->ram, &v->walk, (gva + i) & cpu_linear_mask(&v->cpu), WALK_PROBE, &w) ||
		    !guest_ram_contains(&v->machine->ram, w.gpa, 1))
			return i;
		to[i] = load_relaxed((const uint8_t *)guest_ram_ptr(&v->machine->ram, w.gpa));
	}
	return size;
}

/* Nothing is stored before poold has answered for both pages. */
static int before_write(struct vcpu *v, uint64_t gva, const struct gva_span *span, unsigned flags, unsigned class)
{
	int err = 0;

	for (unsigned i = 0; i < span->count && !err; i++) {
		const struct gva_part *part = &span->part[i];

		if (part->ram)
			err = vcpu_before_write(v, gva, part->gpa, part->len, class);
		gva = (gva + part->len) & wrap_mask(v, flags);
	}
	return err;
}

int gva_write(struct vcpu *v, uint64_t gva, const void *in, unsigned size, unsigned flags, unsigned class)
{
	uint16_t ev_flags = gva_event_flags(v, flags, class);
	struct gva_span span;
	const uint8_t *from = in;
	int err = span_walk(v, gva, size, true, flags, &span);

	if (err)
		return err;
	err = before_write(v, gva, &span, flags, class);
	if (err)
		return err;
	/* Strings have begun a run of their own, and their operands are smaller. */
	if (size > 2 * sizeof(uint64_t))
		vcpu_run_begin(v);
	for (unsigned i = 0; i < span.count; i++) {
		const struct gva_part *part = &span.part[i];

		if (part->ram)
			ram_write(v, part->gpa, from, part->len, ev_flags);
		else
			mmio_write(v, part->gpa, from, part->len);
		from += part->len;
	}
	if (size > 2 * sizeof(uint64_t))
		vcpu_run_end(v);
	return 0;
}

int gva_fill(struct vcpu *v, uint64_t gva, unsigned size, unsigned count, uint64_t value, unsigned class)
{
	struct gva_span span;
	int err = span_walk(v, gva, size * count, true, 0, &span);

	if (err)
		return err;
	if (!span.all_ram || span.count > 1)
		return -EOPNOTSUPP;
	vcpu_write_begin(v);
	for (unsigned i = 0; i < count; i++)
		host_store(guest_ram_ptr(&v->machine->ram, span.part[0].gpa + i * size), value, size);
	vcpu_post_fill(v, span.part[0].gpa, size, count, value, gva_event_flags(v, 0, class));
	return 0;
}

int gva_probe(struct vcpu *v, uint64_t gva, unsigned size, bool write, unsigned flags)
{
	uint64_t at = gva;

	/* Frames and descriptor tables may be longer than the 64 bytes of one access. */
	while (size) {
		unsigned len = size < 64 ? size : 64;
		struct gva_span span;
		int err = span_walk(v, at & wrap_mask(v, flags), len, write, flags, &span);

		if (err)
			return err;
		at += len;
		size -= len;
	}
	return 0;
}

int gva_rmw_ptr(struct vcpu *v, uint64_t gva, unsigned size, unsigned flags, void **ptr, uint64_t *gpa)
{
	struct gva_span span;
	int err;

	if (gva & (size - 1))
		return -EOPNOTSUPP;
	err = span_walk(v, gva, size, true, flags, &span);
	if (err)
		return err;
	if (!span.all_ram)
		return -EOPNOTSUPP;
	vcpu_write_begin(v);
	*gpa = span.part[0].gpa;
	*ptr = guest_ram_ptr(&v->machine->ram, *gpa);
	return 0;
}

uint16_t gva_event_flags(const struct vcpu *v, unsigned flags, unsigned class)
{
	bool user = !(flags & (GVA_SYSTEM | GVA_SUPERVISOR)) && ((flags & GVA_USER) || v->cpu.cpl == 3);

	return (uint16_t)((user ? LINK_EVF_USER : 0) | LINK_EVF_LAST | class << LINK_CLASS_SHIFT);
}
