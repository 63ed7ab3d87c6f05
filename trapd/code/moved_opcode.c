/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A HLT that the guest fetches from code that it has moved, see code_moved.h. Process trapd, the vCPU's own thread. */
#include "trapd/code/code_moved.h"
#include "trapd/code/code_pages.h"
#include "trapd/cpu/gva.h"
#include "trapd/cpu/machine.h"

uint8_t vcpu_moved_opcode(struct vcpu *v, uint64_t gva)
{
	unsigned offset = gva & (PAGE_SIZE - 1), first, last;
	uint8_t around[2 * CODE_MOVED_REACH + 1];

	if (!code_flags_trap(v))
		return 0;
	/* of the page that the byte is on: the next one may be missing */
	first = offset < CODE_MOVED_REACH ? CODE_MOVED_REACH - offset : 0;
	last = PAGE_SIZE - offset > CODE_MOVED_REACH ? 2 * CODE_MOVED_REACH : CODE_MOVED_REACH + (unsigned)PAGE_SIZE - offset - 1;
	if (gva_read(v, gva - CODE_MOVED_REACH + first, around + first, last - first + 1, GVA_FETCH)) {
		v->exc.pending = false;
		return 0;
	}
	return code_moved_find(v->machine->code_moved, around, first, last);
}
