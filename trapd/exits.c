/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port I/O that exits without the stub: guest code with IOPL 3 on hosts where that is native. Process trapd, the vCPU's own
 * thread. The vCPU is resumed in place, unless look-ahead goes on.
 */
#include <errno.h>
#include <string.h>

#include "common/barrier.h"
#include "trapd/devices/bus.h"
#include "trapd/insn.h"
#include "trapd/look_ahead.h"
#include "trapd/vcpu_priv.h"

static bool is_ins(unsigned id)
{
	return id == X86_INS_INSB || id == X86_INS_INSW || id == X86_INS_INSD;
}

/* Can the whole destination be written without another look at the guest? Maps it in the shadow tables on the way. */
static bool map_destination(struct vcpu *v, uint64_t gva, uint64_t bytes)
{
	for (uint64_t at = gva; at < gva + bytes; at = (at | (PAGE_SIZE - 1)) + 1) {
		struct walk_result walk;

		if (walk_guest(&v->vm->ram, &v->walk, at, WALK_WRITE | WALK_SET_AD | (v->cpu.cpl == 3 ? WALK_USER : 0), &walk) ||
		    !guest_ram_contains(&v->vm->ram, walk.gpa, 1) ||
		    page_state_guards(load_relaxed(&v->vm->page_state[walk.gpa >> PAGE_SHIFT])) ||
		    pool_link_map(v, at, &walk, true, false) != POOL_OK)
			return false;
	}
	return true;
}

/*
 * KVM exits for INS before it has looked at the destination. If that cannot be stored to, the data must not be taken from the
 * device: KVM gets zeros, its store faults, and the instruction is emulated from there.
 */
static bool input_may_be_taken(struct vcpu *v)
{
	struct insn in;
	struct kcpu_context ctx;
	uint64_t bytes = (uint64_t)v->priv->kcpu.run->io.size * v->priv->kcpu.run->io.count, gva;

	kcpu_peek(&v->priv->kcpu, &ctx);
	vcpu_load_state(v, &ctx);
	if (insn_fetch(v, &in)) {
		v->exc.pending = false;
		return true;
	}
	if (!is_ins(in.id))
		return true;
	gva = (v->cpu.seg[SREG_ES].base + (v->cpu.gpr[GPR_RDI] & (in.addrsize == 2 ? 0xffff : 0xffffffff))) & 0xffffffff;
	if (v->cpu.rflags & RFLAGS_DF)
		gva -= bytes - v->priv->kcpu.run->io.size;
	return v->link_up && map_destination(v, gva, bytes);
}

/* The state after the I/O. 1: an exception of the guest is on its way, so the vCPU is entered as it stands. */
static int take_over(struct vcpu *v)
{
	bool changed = v->priv->work.flush || v->priv->work.cycle;	/* mapping the destination changed present entries */
	struct kcpu_context ctx;

	if (kcpu_capture(&v->priv->kcpu, &ctx))
		return vm_stop(v->vm, VM_STOP_ERROR, 0, NULL, "KVM does not finish an I/O exit");
	if (!changed && kcpu_holds_exception(&v->priv->kcpu))
		return 1;
	vcpu_load_state(v, &ctx);
	return 0;
}

int exit_io(struct vcpu *v)
{
	struct kvm_run *run = v->priv->kcpu.run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool in = run->io.direction == KVM_EXIT_IO_IN, take = !in || input_may_be_taken(v);
	int rc;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		uint64_t value = 0;

		if (!in) {
			memcpy(&value, data, run->io.size);
			bus_port_write(v->vm->bus, run->io.port, run->io.size, value);
			continue;
		}
		if (take)
			value = bus_port_read(v->vm->bus, run->io.port, run->io.size);
		memcpy(data, &value, run->io.size);
	}
	if (!v->priv->work.flush && !v->priv->work.cycle && !look_ahead_replaces_host(v))
		return 1;
	rc = take_over(v);
	return rc ? rc : look_ahead_in_place_of_host(v);
}
