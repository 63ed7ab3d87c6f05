/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poold's verbs on its control socket. Thread: main. */
#ifndef SHADOWPOOL_POOLD_CONTROL_H
#define SHADOWPOOL_POOLD_CONTROL_H

#include "common/control_server.h"

/* Ends with a NULL handler; the context is the struct poold. */
extern const struct control_verb poold_verbs[];

#endif
