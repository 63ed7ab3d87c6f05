/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INVPCID. Runs on the vCPU's thread. What is asked for one context identifier is done for all of them: a TLB may drop more.
 * Source: SDM vol. 2A INVPCID.
 */
#include "trapd/cpu/gva.h"
#include "trapd/priv/priv.h"

enum { ONE_ADDRESS, ONE_CONTEXT, ALL_AND_GLOBAL, ALL };

struct invpcid_descriptor { uint64_t pcid, gva; };

static bool is_valid(const struct cpu_state *c, uint64_t type, const struct invpcid_descriptor *d)
{
	if (type > ALL || d->pcid >> 12)
		return false;
	if (!(c->cr4 & CR4_PCIDE) && d->pcid && (type == ONE_ADDRESS || type == ONE_CONTEXT))
		return false;
	return type != ONE_ADDRESS || x86_is_canonical(d->gva);
}

int priv_invpcid(struct vcpu *v, const struct insn *in)
{
	const struct cpu_state *c = &v->cpu;
	uint64_t type = insn_read_gpr(v, &in->op[0]), gva;
	struct invpcid_descriptor d;
	int ret = insn_linear(v, in, &in->op[1], sizeof(d), false, &gva);

	if (!ret)
		ret = gva_read(v, gva, &d, sizeof(d), 0);
	if (ret)
		return ret;
	if (!is_valid(c, type, &d))
		return vcpu_raise(v, VEC_GP, 0);
	ret = type == ONE_ADDRESS ? vcpu_invlpg(v, d.gva) : vcpu_send_modes(v);
	return ret ? ret : emulate_retire(v, in);
}
