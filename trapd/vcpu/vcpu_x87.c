// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's x87 state, which lives in KVM. Process trapd, the vCPU's own thread, the vCPU not running.
 * Source: SDM vol. 1 13.4 (the XSAVE area: the FXSAVE image first, then the header).
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "trapd/emulate/x87.h"
#include "trapd/trap/vcpu_priv.h"

#define XSTATE_BV	(512 / sizeof(uint32_t))	/* low half of the header's first field */
#define XSTATE_X87	1u

int vcpu_read_x87(struct vcpu *v, struct x87_image *out)
{
	struct kvm_xsave area;

	if (ioctl(v->priv->kcpu.fd, KVM_GET_XSAVE, &area))
		return -EOPNOTSUPP;
	memcpy(out, area.region, sizeof(*out));
	if (!(area.region[XSTATE_BV] & XSTATE_X87)) {	/* as after FNINIT, whatever the bytes say */
		uint32_t mxcsr = out->mxcsr, mask = out->mxcsr_mask;

		*out = (struct x87_image){ .control = 0x37f, .mxcsr = mxcsr, .mxcsr_mask = mask };
	}
	return 0;
}

int vcpu_write_x87(struct vcpu *v, const struct x87_image *in)
{
	struct kvm_xsave area;

	if (ioctl(v->priv->kcpu.fd, KVM_GET_XSAVE, &area))
		return -EOPNOTSUPP;
	memcpy(area.region, in, sizeof(*in));
	area.region[XSTATE_BV] |= XSTATE_X87;
	if (ioctl(v->priv->kcpu.fd, KVM_SET_XSAVE, &area))
		return vcpu_stop(v, VM_STOP_ERROR, "KVM does not take back the FPU's state");
	return 0;
}
