/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the guest's code is watched, and where PUSHF and POPF trap: see code_pages.h. Process trapd, the vCPU's own thread. No
 * state.
 */
#include "trapd/code/code_pages.h"

#include "trapd/cpu/machine.h"

bool code_is_watched(const struct vcpu *v, uint64_t efer)
{
	return v->machine->code && !(efer & EFER_LMA ? v->machine->if_native_64 : v->machine->if_native_32);
}

bool code_is_watched_now(const struct vcpu *v)
{
	return code_is_watched(v, v->cpu.efer) && (v->cpu.cpl != 3 || !(v->cpu.cr0 & CR0_PG));
}

bool code_flags_trap(const struct vcpu *v)
{
	return code_is_watched_now(v) && !(cpu_code64(&v->cpu) ? v->machine->if_native_64 : v->machine->if_native_32);
}
