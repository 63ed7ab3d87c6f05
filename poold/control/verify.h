/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verify verb: an audit of an attached VM on demand. */
#ifndef SHADOWPOOL_POOLD_VERIFY_H
#define SHADOWPOOL_POOLD_VERIFY_H

#include "common/control_server.h"

/* Handler of the verb; the context is the struct poold_control. Thread: main. */
control_handler verify_handler;

#endif
