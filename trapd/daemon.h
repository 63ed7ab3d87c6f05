/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is once in a trapd process. Made and ended by main(), in the main thread, which is the control thread. */
#ifndef SHADOWPOOL_TRAPD_DAEMON_H
#define SHADOWPOOL_TRAPD_DAEMON_H

#include <event2/event.h>
#include <stddef.h>

#include "common/notify.h"
#include "trapd/config.h"

struct control;

struct trapd {
	struct trapd_config config;
	struct event_base *base;
	struct event *on_term, *on_int;
	struct notify notify;
	struct control *control;
};

/*
 * Everything from the read configuration to the closed sandbox. Returns 0, or -errno with one line in err; what was
 * made is then ended by trapd_stop().
 */
int trapd_start(struct trapd *d, char *err, size_t err_size);
/* End every VM, close the socket, free. */
void trapd_stop(struct trapd *d);

#endif
