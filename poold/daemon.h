/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is once in a poold process. Made and ended by main(), and known to it alone: the other rooms get the parts that
 * they need.
 */
#ifndef SHADOWPOOL_POOLD_DAEMON_H
#define SHADOWPOOL_POOLD_DAEMON_H

#include "common/daemon_shell.h"
#include "poold/control/control.h"
#include "poold/serve/config.h"
#include "poold/serve/service.h"

struct attach_server;

struct poold {
	struct poold_config config;
	struct service service;		/* what sessions share */
	struct attach_server *attach;
	struct poold_control control;
};

/* What a poold starts, and how it ends: all connections, then the sockets. The shell's own is a struct poold. */
extern const struct daemon_program poold_program;

#endif
