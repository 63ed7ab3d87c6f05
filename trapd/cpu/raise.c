/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recording an exception that the guest is to get. Runs on the vCPU's thread; delivers nothing: that is deliver.c.
 * Which vectors push an error code: SDM vol. 3A table 6-1.
 */
#include <errno.h>

#include "trapd/cpu/vcpu.h"

#define BIT(n) (1u << (n))
#define HAS_ERROR (BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_PF) | BIT(VEC_AC))

int vcpu_raise(struct vcpu *v, uint8_t vector, uint32_t error)
{
	bool has_error = vector < 32 && (HAS_ERROR & BIT(vector));

	v->exc = (struct exception){
		.pending = true,
		.vector = vector,
		.has_error = has_error,
		.error = has_error ? error : 0,
	};
	return -EFAULT;
}

int vcpu_raise_pf(struct vcpu *v, uint64_t gva, uint32_t error)
{
	vcpu_raise(v, VEC_PF, error);
	v->exc.cr2 = gva;
	return -EFAULT;
}
