/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is once in a trapd process. Made and ended by main(), in the main thread, which is the control thread. */
#ifndef SHADOWPOOL_TRAPD_DAEMON_H
#define SHADOWPOOL_TRAPD_DAEMON_H

#include "common/daemon_shell.h"
#include "trapd/control/config.h"

struct control;

struct trapd {
	struct trapd_config config;
	struct control *control;
};

/* What a trapd starts, and how it ends: every VM, then the socket. The shell's own is a struct trapd. */
extern const struct daemon_program trapd_program;

#endif
