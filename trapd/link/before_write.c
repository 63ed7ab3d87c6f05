/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before trapd stores something of its own accord (an interrupt frame, the push of an instruction that it emulates) to a guest
 * table: what the write policy says of it. Such a store meets no write fault, at which poold would be asked. Process trapd, the
 * vCPU's own thread. Part of the port (cpu/vcpu.h).
 */
#include <errno.h>

#include "common/barrier.h"
#include "common/write_class.h"
#include "trapd/cpu/machine.h"
#include "trapd/link/pool_request.h"
#include "trapd/link/vcpu_link.h"

/* May a write of this class make poold let the table go? A table out of step is left alone: anything may be written to it. */
static bool has_to_ask(const struct vcpu *v, uint64_t gfn, unsigned class)
{
	uint8_t state = load_relaxed(&v->machine->page_state[gfn]);

	if (!(state & PAGE_STATE_MONITORED) || (state & PAGE_STATE_UNSYNC))
		return false;
	return write_policy((enum write_class)class, state, v->machine->extensions) != WRITE_DO_EMULATE;
}

int vcpu_before_write(struct vcpu *v, uint64_t gva, uint64_t gpa, unsigned size, unsigned class)
{
	uint64_t gfn = gpa >> PAGE_SHIFT;
	enum pool_status status;
	int rc;

	if (!v->machine->page_state || !v->link_up || !has_to_ask(v, gfn, class))
		return 0;
	/* It was asked for this page, and for nothing since: the answer would be the same for the rest of the frame. */
	if (v->link->emulate_gfn == gfn + 1)
		return 0;
	rc = pool_request_write_fault(v, gva, gpa, (enum write_class)class, size, &status);
	/* -ENOTCONN: the next pool knows nothing of the table before it reads it, after this store. */
	return rc == -ENOTCONN ? 0 : rc;
}
