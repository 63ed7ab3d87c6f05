/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trapd's verbs on the control socket: start, stop, list, show, stats, screen, wait. Thread: the control thread. */
#ifndef SHADOWPOOL_TRAPD_CONTROL_H
#define SHADOWPOOL_TRAPD_CONTROL_H

#include <event2/event.h>
#include <stddef.h>

#include "trapd/control/config.h"
#include "trapd/control/engine.h"

struct control;

/* Listen on the configured socket. config must outlive *out. Returns 0, or -errno with one line in err. */
int control_create(struct control **out, struct event_base *base, struct trapd_config *config,
		   const struct vm_engine *engine, char *err, size_t err_size);
/* End every VM, then close the socket. c may be NULL. */
void control_destroy(struct control *c);

#endif
