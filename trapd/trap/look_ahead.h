/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Emulation of clusters: see look_ahead.c. */
#ifndef SHADOWPOOL_TRAPD_LOOK_AHEAD_H
#define SHADOWPOOL_TRAPD_LOOK_AHEAD_H

#include "trapd/cpu/vcpu.h"

/*
 * An instruction has just been emulated: go on with those behind it while that saves traps. A place where it saved none is
 * remembered and not looked at again. Returns 0, -EFAULT (an instruction raised an exception, to be settled as if it had
 * trapped), -ECANCELED; never -ENOTCONN: what the link has not answered is left undone and traps.
 * Thread: the vCPU's own.
 */
int look_ahead(struct vcpu *v);
/* The same where nothing was emulated, but the host would emulate what follows, more slowly (doc/hosts.md, kind P). Else 0. */
int look_ahead_in_place_of_host(struct vcpu *v);
bool look_ahead_replaces_host(const struct vcpu *v);

#endif
