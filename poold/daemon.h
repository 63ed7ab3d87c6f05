/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is once in a poold process. Made and ended by main(), and known to it alone: the other rooms get the parts that
 * they need.
 */
#ifndef SHADOWPOOL_POOLD_DAEMON_H
#define SHADOWPOOL_POOLD_DAEMON_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "common/notify.h"
#include "poold/control/control.h"
#include "poold/serve/config.h"
#include "poold/serve/service.h"

struct attach_server;

struct poold {
	struct poold_config config;
	struct event_base *base;
	struct event *on_term, *on_int;
	struct service service;		/* what sessions share */
	struct attach_server *attach;
	struct poold_control control;
	struct notify notify;
};

/*
 * Everything from the read configuration to the closed sandbox. Returns 0, or -errno with one line in err; what was
 * made is then ended by daemon_stop.
 */
int daemon_start(struct poold *d, char *err, size_t err_size);
/* Hang up on all connections, close the sockets, free. */
void daemon_stop(struct poold *d);

#endif
