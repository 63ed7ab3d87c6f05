/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How every emulated instruction ends. Process trapd, the vCPU's own thread. Source: SDM vol. 3B 17.3.1.1, 17.3.1.4. */
#include "trapd/emulate/emulate.h"

int emulate_step_trap(struct vcpu *v, bool tf)
{
	int rc;

	if (!tf)
		return 0;
	rc = vcpu_raise(v, VEC_DB, 0);
	v->exc.dr6 = DR6_BS;
	return rc;
}

int emulate_retire(struct vcpu *v, const struct insn *in)
{
	struct cpu_state *c = &v->cpu;
	uint64_t mask = cpu_code64(c) ? ~0ull : c->seg[SREG_CS].db ? 0xffffffffull : 0xffffull;

	c->rip = (c->rip + in->length) & mask;
	c->rflags &= ~RFLAGS_RF;
	return emulate_step_trap(v, c->rflags & RFLAGS_TF);
}
