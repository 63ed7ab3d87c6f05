/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs trace and trace_stop: traces that clients ask for while VMs run. The client passes an open file, poold hangs up
 * on the VM's trapd, which attaches anew, and that session is recorded from its first call on. doc/trace.md.
 */
#ifndef SHADOWPOOL_POOLD_TRACE_VERBS_H
#define SHADOWPOOL_POOLD_TRACE_VERBS_H

#include "common/control_server.h"

struct poold_control;

/* Answer the clients whose trace has begun or ended. Thread: main, called from the control server's woken(). */
void trace_verbs_woken(struct poold_control *control);

/* Handlers of the verbs; the context is the struct poold_control. */
control_handler trace_verbs_start, trace_verbs_stop;

#endif
