/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is once in a poold process. Made and ended by main(); constant for the other threads unless said
 * otherwise.
 */
#ifndef SHADOWPOOL_POOLD_DAEMON_H
#define SHADOWPOOL_POOLD_DAEMON_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control_server.h"
#include "common/notify.h"
#include "poold/control/traces.h"
#include "poold/control/verify.h"
#include "poold/serve/config.h"
#include "poold/serve/hugepages.h"
#include "poold/serve/connections.h"
#include "poold/trace/trace.h"

struct attach_server;

struct poold {
	struct poold_config config;
	struct event_base *base;
	struct event *on_term, *on_int;
	struct connections connections;
	struct hugepages huge;
	struct recorder *recorder;	/* of --trace, NULL: none */
	struct verifies verifies;	/* that clients wait for */
	struct traces traces;		/* that clients have asked for */
	uint64_t epoch;			/* atomic; of the next session */
	struct attach_server *attach;
	struct control_server *control;
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
