/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket on which trapd attaches VMs. Thread: main. */
#ifndef SHADOWPOOL_POOLD_ATTACH_SERVER_H
#define SHADOWPOOL_POOLD_ATTACH_SERVER_H

#include <stddef.h>

struct attach_server;
struct event_base;
struct service;

/* Listen on the configured socket and give each connection a thread. Returns 0, or -errno with one line in err. */
int attach_server_create(struct attach_server **out, struct event_base *base, struct service *service, char *err,
			 size_t err_size);
/* Stop listening. Sessions go on. s may be NULL. */
void attach_server_destroy(struct attach_server *s);

#endif
