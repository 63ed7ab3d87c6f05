/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client side of the control protocol, see control_client.h. Runs in shadowctl and in tests. */
#include "common/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/frame.h"

static int shake_hands(struct control_client *c, char *program, char *version, int64_t deadline)
{
	Shadowpool__Hello mine, *theirs;
	ProtobufCMessage *msg;
	int rc;

	shadowpool__hello__init(&mine);
	mine.protocol = CONTROL_PROTOCOL;
	mine.program = program;
	mine.version = version;
	rc = frame_send(c->fd, &mine.base, FRAME_MAX_REQUEST, deadline);
	if (!rc)
		rc = frame_receive(c->fd, &shadowpool__hello__descriptor, FRAME_MAX_REQUEST, deadline, &msg);
	if (rc)
		return rc;
	theirs = (Shadowpool__Hello *)msg;
	c->peer_protocol = theirs->protocol;
	snprintf(c->peer_program, sizeof(c->peer_program), "%s", theirs->program);
	snprintf(c->peer_version, sizeof(c->peer_version), "%s", theirs->version);
	protobuf_c_message_free_unpacked(msg, NULL);
	return c->peer_protocol == CONTROL_PROTOCOL ? 0 : -EPROTONOSUPPORT;
}

int control_open(struct control_client *c, const char *path, const char *program, const char *version, int64_t deadline)
{
	char p[32], v[64];
	int rc;

	*c = (struct control_client){ .fd = -1 };
	snprintf(p, sizeof(p), "%s", program);
	snprintf(v, sizeof(v), "%s", version);
	rc = frame_connect(path, deadline);
	if (rc < 0)
		return rc;
	c->fd = rc;
	rc = shake_hands(c, p, v, deadline);
	if (rc)
		control_close(c);
	return rc;
}

int control_call(struct control_client *c, const Shadowpool__Request *request, int64_t deadline,
		 Shadowpool__Reply **reply)
{
	ProtobufCMessage *msg;
	Shadowpool__Reply *r;
	int rc;

	rc = frame_send(c->fd, &request->base, FRAME_MAX_REQUEST, deadline);
	if (!rc)
		rc = frame_receive(c->fd, &shadowpool__reply__descriptor, FRAME_MAX_REPLY, deadline, &msg);
	if (!rc) {
		r = (Shadowpool__Reply *)msg;
		if (r->result_case != SHADOWPOOL__REPLY__RESULT__NOT_SET) {
			*reply = r;
			return 0;
		}
		protobuf_c_message_free_unpacked(msg, NULL);
		rc = -EBADMSG;
	}
	control_close(c);
	return rc;
}

void control_close(struct control_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
