/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client side of the control protocol: connect, Hello both ways, one request and its reply at a time. Blocking,
 * with a deadline for each step. Runs in shadowctl and in tests.
 */
#ifndef SHADOWPOOL_COMMON_CONTROL_CLIENT_H
#define SHADOWPOOL_COMMON_CONTROL_CLIENT_H

#include <stdint.h>

#include "common/control_codes.h"
#include "control.pb-c.h"

struct control_client {
	int fd;				/* -1: not connected */
	uint32_t peer_protocol;		/* valid after control_open(), also when it returned -EPROTONOSUPPORT */
	char peer_program[32];
	char peer_version[64];
};

/*
 * Connect to path and shake hands. program, version: ours, for the daemon's log. deadline: frame_deadline().
 * Returns 0; -EPROTONOSUPPORT if the daemon speaks another protocol number; otherwise as frame_connect(),
 * frame_receive(). On error nothing stays open.
 */
int control_open(struct control_client *c, const char *path, const char *program, const char *version,
		 int64_t deadline);

/*
 * One request. Returns 0 and *reply, the caller's: shadowpool__reply__free_unpacked(). A reply without a result is
 * -EBADMSG. On error the connection is closed.
 */
int control_call(struct control_client *c, const Shadowpool__Request *request, int64_t deadline,
		 Shadowpool__Reply **reply);

/* The next reply of a call that is answered in parts; as control_call(). */
int control_next(struct control_client *c, int64_t deadline, Shadowpool__Reply **reply);
/* Send one byte with a descriptor, which stays the caller's. 0 or -errno; on error the connection is closed. */
int control_send_fd(struct control_client *c, int fd);

void control_close(struct control_client *c);

#endif
