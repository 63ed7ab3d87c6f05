/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IN, OUT, INS and OUTS where they trap: in user mode, and in 64-bit code on hosts that ignore IOPL. Runs on the vCPU's
 * thread. Sources: SDM vol. 2A IN, INS; vol. 2B OUT, OUTS; vol. 1 18.5.
 */
#include <errno.h>

#include "common/write_class.h"
#include "trapd/cpu/gva.h"
#include "trapd/cpu/machine.h"
#include "trapd/cpu/tss.h"
#include "trapd/devices/bus.h"
#include "trapd/priv/priv.h"

/* A REP is done in parts, so that the vCPU looks at its requests now and then. A disk sector is read in one. */
#define OUTS_MAX	32u	/* operands */
#define INS_MAX_BYTES	512u

static uint16_t port_of(const struct vcpu *v, const struct operand *op)
{
	return op->type == OPERAND_IMM ? op->imm & 0xff : v->cpu.gpr[GPR_RDX] & 0xffff;
}

int priv_in(struct vcpu *v, const struct insn *in)
{
	const struct operand *to = &in->op[0];
	uint16_t port = port_of(v, &in->op[1]);
	int ret = tss_check_io(v, port, to->size);

	if (ret)
		return ret;
	insn_write_gpr(v, to, bus_port_read(v->machine->bus, port, to->size));
	return emulate_retire(v, in);
}

int priv_out(struct vcpu *v, const struct insn *in)
{
	const struct operand *from = &in->op[1];
	uint16_t port = port_of(v, &in->op[0]);
	int ret = tss_check_io(v, port, from->size);

	if (ret)
		return ret;
	bus_port_write(v->machine->bus, port, from->size, insn_read_gpr(v, from));
	return emulate_retire(v, in);
}

static uint64_t address_mask(const struct insn *in)
{
	return in->addrsize == 8 ? ~0ull : (1ull << in->addrsize * 8) - 1;
}

/* Write an index or count register at the address size: 32-bit writes clear the upper half, 16-bit ones merge. */
static void set_address_register(struct vcpu *v, const struct insn *in, unsigned gpr, uint64_t value)
{
	insn_write_gpr(v, &(struct operand){ .type = OPERAND_REG, .size = in->addrsize, .reg = gpr }, value);
}

/*
 * The destination is checked before the device is asked: what a device has given cannot be put back. What it stores into a guest
 * table is the device's, not entries that the guest has written; from user mode it is no table any more.
 */
static int ins_once(struct vcpu *v, uint16_t port, uint64_t gva, unsigned size)
{
	enum write_class class = v->cpu.cpl == 3 ? WRITE_CLASS_REUSE : WRITE_CLASS_DEVICE;
	uint64_t value;
	int ret = gva_probe(v, gva, size, true, 0);

	if (ret)
		return ret;
	value = bus_port_read(v->machine->bus, port, size);
	return gva_write(v, gva, &value, size, 0, class);
}

static int outs_once(struct vcpu *v, uint16_t port, uint64_t gva, unsigned size)
{
	uint64_t value = 0;
	int ret = gva_read(v, gva, &value, size, 0);

	if (!ret)
		bus_port_write(v->machine->bus, port, size, value);
	return ret;
}

static int string_part(struct vcpu *v, const struct insn *in, bool input)
{
	const struct operand *mem = insn_memory(in);
	unsigned index = input ? GPR_RDI : GPR_RSI;
	uint64_t *gpr = v->cpu.gpr, mask = address_mask(in), gva;
	bool repeat = in->rep || in->repne;
	uint64_t count = repeat ? gpr[GPR_RCX] & mask : 1;
	uint16_t port = gpr[GPR_RDX] & 0xffff;
	unsigned most;
	uint64_t step;
	int ret;

	if (!mem)
		return -EOPNOTSUPP;
	most = v->cpu.rflags & RFLAGS_TF ? 1 : input ? INS_MAX_BYTES / mem->size : OUTS_MAX;
	step = v->cpu.rflags & RFLAGS_DF ? 0 - (uint64_t)mem->size : mem->size;
	ret = tss_check_io(v, port, mem->size);
	for (unsigned n = 0; n < most && count && !ret; n++) {
		ret = insn_linear(v, in, mem, mem->size, input, &gva);
		if (!ret)
			ret = input ? ins_once(v, port, gva, mem->size) : outs_once(v, port, gva, mem->size);
		if (ret)
			return ret;
		set_address_register(v, in, index, gpr[index] + step);
		count--;
		if (repeat)
			set_address_register(v, in, GPR_RCX, count);
	}
	if (ret)
		return ret;
	return count ? emulate_step_trap(v, v->cpu.rflags & RFLAGS_TF) : emulate_retire(v, in);
}

int priv_ins(struct vcpu *v, const struct insn *in)
{
	int ret;

	vcpu_run_begin(v);
	ret = string_part(v, in, true);
	vcpu_run_end(v);
	return ret;
}

int priv_outs(struct vcpu *v, const struct insn *in)
{
	return string_part(v, in, false);
}
