/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client side of the control protocol, see control_client.h. Runs in shadowctl and in tests. */
#include "common/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
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

int control_next(struct control_client *c, int64_t deadline, Shadowpool__Reply **reply)
{
	ProtobufCMessage *msg;
	Shadowpool__Reply *r;
	int rc = frame_receive(c->fd, &shadowpool__reply__descriptor, FRAME_MAX_REPLY, deadline, &msg);

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

int control_call(struct control_client *c, const Shadowpool__Request *request, int64_t deadline,
		 Shadowpool__Reply **reply)
{
	int rc = frame_send(c->fd, &request->base, FRAME_MAX_REQUEST, deadline);

	if (!rc)
		return control_next(c, deadline, reply);
	control_close(c);
	return rc;
}

int control_send_fd(struct control_client *c, int fd)
{
	union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (char[]){ 0 }, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	do
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	n = errno == EPIPE || errno == ECONNRESET ? -ENOTCONN : -errno;
	control_close(c);
	return (int)n;
}

void control_close(struct control_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
