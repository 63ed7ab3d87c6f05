/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verb pool: what is in the pool of a VM, kind by kind and page by page. */
#ifndef SHADOWPOOL_POOLD_POOL_VERB_H
#define SHADOWPOOL_POOLD_POOL_VERB_H

#include "common/control_server.h"

/* Handler of the verb; the context is the struct poold_control. Thread: main. */
control_handler pool_verb_handler;

#endif
