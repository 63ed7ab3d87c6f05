/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs flush and cache: what a pool has made goes, while its VM stands, and is made anew as the guest needs it. */
#ifndef SHADOWPOOL_POOLD_FLUSH_H
#define SHADOWPOOL_POOLD_FLUSH_H

#include "common/control_server.h"

/* Handlers of the verbs; the context is the struct poold_control. Thread: main. */
control_handler flush_handler, flush_cache_handler;

#endif
