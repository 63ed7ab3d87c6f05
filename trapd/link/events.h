/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Posting of write events: what trapd has stored for the guest is told to the pool, without waiting for an answer. doc/ring.md.
 * The port brackets each store with vcpu_write_begin() and vcpu_write_end(), and stores side by side with vcpu_run_begin() and
 * vcpu_run_end() (cpu/vcpu.h), which are defined here as well. Thread: the vCPU's own.
 */
#ifndef SHADOWPOOL_TRAPD_EVENTS_H
#define SHADOWPOOL_TRAPD_EVENTS_H

#include "common/shm_layout.h"
#include "trapd/cpu/vcpu.h"

/*
 * A store is done in RAM: post its event if the pool monitors the page. The event of half an entry may wait for that of the other
 * half (link/write_pair.h), that of a store in a run for the next one (link/write_run.h). Never fails: when the link is lost the event is owed to nobody. Published by vcpu_write_end() or by
 * the next request.
 */
void events_post(struct vcpu *v, const struct link_event *ev);
/* Post the event of a half that still waits for the other half; from now on events do not wait for one. */
void events_close_pair(struct vcpu *v);
/* Post what waits: before a request, which must not overtake an event. A run that is open goes on with its next store. */
void events_post_held(struct vcpu *v);

#endif
