/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest may use any address, also one in the PML4 slot that maps stub and pool. Then these move to another slot, and a fresh
 * pool is attached. Process trapd, the vCPU's own thread, which stands at a trap.
 */
#include <errno.h>
#include <string.h>

#include "trapd/cpu/machine.h"
#include "trapd/link/pool_link.h"
#include "trapd/trap/vcpu_priv.h"

/*
 * Slots that are tried: of the upper half all but 256, which hosts of kind P cannot use (doc/hosts.md), and 511, where kernels
 * live.
 */
#define FIRST_SLOT	257u
#define LAST_SLOT	509u
#define SLOT_STRIDE	37u	/* without common divisor with the number of slots: each slot is tried before one comes again */

enum next vcpu_move_stub(struct vcpu *v)
{
	struct stub *stub = v->priv->kcpu.stub;
	uint32_t n = LAST_SLOT - FIRST_SLOT + 1, slot = FIRST_SLOT + (stub->slot - FIRST_SLOT + SLOT_STRIDE) % n;
	int rc;

	if (v->machine->nvcpu > 1) {
		vcpu_stop(v, VM_STOP_ERROR, "the guest uses address 0x%llx, which this VM has reserved",
			  (unsigned long long)v->priv->real_cr2);
		return NEXT_END;
	}
	memset(stub->base, 0, STUB_BYTES);
	stub_build(stub, stub->base, slot);
	stub_build_vcpu(stub, v->index);
	v->priv->cs_real = v->priv->ss_real = 0;
	rc = vcpu_real_init(v);
	if (rc) {
		vcpu_stop(v, VM_STOP_ERROR, "KVM does not take the moved stub: %s", strerror(-rc));
		return NEXT_END;
	}
	return next_of(pool_link_lost(v));
}
