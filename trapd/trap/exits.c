/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exits for port I/O by guest code with the real IOPL 3, which does not come through the stub. The vCPU is entered again as it
 * stands, unless look-ahead goes on; INS is emulated. Process trapd, the vCPU's own thread.
 */
#include <errno.h>
#include <string.h>

#include "trapd/devices/bus.h"
#include "trapd/insn/insn.h"
#include "trapd/kvm/windows.h"
#include "trapd/trap/look_ahead.h"
#include "trapd/trap/vcpu_priv.h"

#define NOWHERE_MADDR	(VM_STUB_MADDR + VM_STUB_BYTES)	/* a machine address behind the stub window, where no memory is */

static bool is_ins(unsigned id)
{
	return id == X86_INS_INSB || id == X86_INS_INSW || id == X86_INS_INSD;
}

/*
 * Is the instruction INS, which the emulator must carry out? KVM exits for INS before it has looked at the destination. The page
 * there may be monitored, or not mapped, or mapped by a pool whose poold is dead, so KVM must not make the store.
 */
static bool stores_input(struct vcpu *v)
{
	struct insn in;
	struct kcpu_context ctx;

	kcpu_peek(&v->priv->kcpu, &ctx);
	vcpu_load_state(v, &ctx);
	if (insn_fetch(v, &in)) {
		v->exc.pending = false;
		return false;
	}
	return is_ins(in.id);
}

/*
 * KVM must finish an I/O before anything else. It does so under a CR3 that leads nowhere: the store of INS faults, so nothing has
 * happened, and the vCPU stands at INS as if it had trapped. Then INS is handled like a trap.
 */
static enum next emulate_input(struct vcpu *v)
{
	struct kvm_run *run = v->priv->kcpu.run;
	uint64_t cr3 = run->s.regs.sregs.cr3;
	struct kcpu_context ctx;

	run->s.regs.sregs.cr3 = NOWHERE_MADDR;
	run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	if (kcpu_capture(&v->priv->kcpu, &ctx)) {
		vcpu_stop(v, VM_STOP_ERROR, "KVM does not finish an I/O exit");
		return NEXT_END;
	}
	kcpu_forget_exception(&v->priv->kcpu);
	run->s.regs.sregs.cr3 = cr3;
	run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	vcpu_load_state(v, &ctx);
	v->priv->vector = VEC_GP;
	v->priv->error = 0;
	return breakpoints_settle(v, trap_dispatch(v));
}

/*
 * Finish the I/O and take the guest's state over: 0. 1: KVM holds an exception of the guest, so the vCPU is entered as it stands.
 */
static enum next take_over(struct vcpu *v)
{
	struct kcpu_context ctx;

	if (kcpu_capture(&v->priv->kcpu, &ctx)) {
		vcpu_stop(v, VM_STOP_ERROR, "KVM does not finish an I/O exit");
		return NEXT_END;
	}
	if (kcpu_holds_exception(&v->priv->kcpu))
		return NEXT_AS_IT_STANDS;
	vcpu_load_state(v, &ctx);
	return NEXT_GO_ON;
}

enum next exit_io(struct vcpu *v)
{
	struct kvm_run *run = v->priv->kcpu.run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool in = run->io.direction == KVM_EXIT_IO_IN;
	enum next next;

	if (in && stores_input(v))
		return emulate_input(v);
	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		uint64_t value = 0;

		if (in) {
			value = bus_port_read(v->machine->bus, run->io.port, run->io.size);
			memcpy(data, &value, run->io.size);
		} else {
			memcpy(&value, data, run->io.size);
			bus_port_write(v->machine->bus, run->io.port, run->io.size, value);
		}
	}
	if (!look_ahead_replaces_host(v))
		return NEXT_AS_IT_STANDS;
	next = take_over(v);
	return next == NEXT_GO_ON ? look_ahead_in_place_of_host(v) : next;
}
