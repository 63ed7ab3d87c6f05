/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What replay shows of a difference: the states of the pool around it, as text or JSON. */
#ifndef SHADOWPOOL_CTL_REPLAY_DIFF_H
#define SHADOWPOOL_CTL_REPLAY_DIFF_H

#include <jansson.h>

#include "poold/trace/replay/replay.h"

/* before and after: of one pool, see replay_states(). Lists what is not the same, at most 64 entries of it. */
void replay_diff_print(const struct replay_state *before, const struct replay_state *after);
json_t *replay_diff_json(const struct replay_state *before, const struct replay_state *after);
/* The two pools' ways to the address that they disagree about. */
void replay_walks_print(const struct replay_difference *d);
json_t *replay_walks_json(const struct replay_difference *d);

#endif
