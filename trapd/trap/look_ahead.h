/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Look-ahead: after one emulated instruction those behind it are emulated too, as long as that saves traps. doc/fault-path.md,
 * "Look-ahead".
 */
#ifndef SHADOWPOOL_TRAPD_LOOK_AHEAD_H
#define SHADOWPOOL_TRAPD_LOOK_AHEAD_H

#include "trapd/cpu/vcpu.h"
#include "trapd/trap/next.h"

/*
 * An instruction has just been emulated: go on with those behind it while that saves traps. A place where no trap was saved is
 * remembered and not tried again. Returns NEXT_GO_ON; NEXT_EXCEPTION: an instruction raised one, which is delivered as if the
 * instruction had trapped; NEXT_END. Never NEXT_ATTACH: an instruction that needs a link that is lost is left undone and traps.
 * Thread: the vCPU's own.
 */
enum next look_ahead(struct vcpu *v);
/*
 * Go on emulating although nothing was emulated before, where the host itself would emulate the code that follows, more slowly
 * (doc/hosts.md, kind P) and --emulate=ahead asks for it; elsewhere returns NEXT_GO_ON at once. Return values of look_ahead().
 * look_ahead_replaces_host(): is that so in the code that runs now?
 */
enum next look_ahead_in_place_of_host(struct vcpu *v);
bool look_ahead_replaces_host(const struct vcpu *v);

#endif
