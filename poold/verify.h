/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verify verb: an audit of an attached VM on demand. */
#ifndef SHADOWPOOL_POOLD_VERIFY_H
#define SHADOWPOOL_POOLD_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/control_server.h"
#include "poold/vm.h"

struct verification {
	uint32_t audits;		/* made */
	uint32_t nviolations;		/* of the last one; 0: sound */
	uint32_t nlisted;
	struct pool_violation violation[POOL_CALL_MAX_VIOLATIONS];
};

/* Thread: main, the links held so that the VM stays. Takes the VM's lock; up to a second and the time of its audits. */
void verify_vm(struct vm *vm, bool full, struct verification *out);
/* Handler of the verb in poold_verbs; the context is the struct poold. */
control_handler verify_handler;

#endif
