/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Framing, see frame.h. Runs in any process; the blocking half only in clients. Allocates nothing that a peer's length
 * field alone decides.
 */
#include "common/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"

int frame_length(const uint8_t header[FRAME_HEADER_BYTES], uint32_t limit, uint32_t *length)
{
	uint32_t n = header[0] | (uint32_t)header[1] << 8 | (uint32_t)header[2] << 16 | (uint32_t)header[3] << 24;

	if (n > limit)
		return -EMSGSIZE;
	*length = n;
	return 0;
}

int frame_pack(const ProtobufCMessage *msg, uint32_t limit, uint8_t **frame, size_t *size)
{
	size_t n = protobuf_c_message_get_packed_size(msg);
	uint8_t *f;
	unsigned i;

	if (n > limit)
		return -EMSGSIZE;
	f = malloc(FRAME_HEADER_BYTES + n);
	if (!f)
		return -ENOMEM;
	for (i = 0; i < FRAME_HEADER_BYTES; i++)
		f[i] = (uint8_t)(n >> (8 * i));
	protobuf_c_message_pack(msg, f + FRAME_HEADER_BYTES);
	*frame = f;
	*size = FRAME_HEADER_BYTES + n;
	return 0;
}

int64_t frame_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? FRAME_NO_DEADLINE : clock_ns() + timeout_ms * CLOCK_NS_PER_MS;
}

int frame_time_left(int64_t deadline, struct timespec *ts, const struct timespec **timeout)
{
	int64_t left;

	*timeout = NULL;
	if (deadline == FRAME_NO_DEADLINE)
		return 0;
	left = deadline - clock_ns();
	if (left <= 0)
		return -ETIMEDOUT;
	*ts = clock_timespec(left);
	*timeout = ts;
	return 0;
}

/* 0 when fd is ready (or hung up: the next call finds out), -ETIMEDOUT, -errno. */
static int wait_ready(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		const struct timespec *timeout;
		struct timespec ts;
		int n = frame_time_left(deadline, &ts, &timeout);

		if (n)
			return n;
		n = ppoll(&p, 1, timeout, NULL);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int frame_connect(const char *path, int64_t deadline)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd, rc;

	if (len >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	for (;;) {
		if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
			return fd;
		rc = -errno;
		/*
		 * A full backlog of a UNIX socket answers EAGAIN and cannot be polled for: try again, but not in a
		 * tight loop.
		 */
		if (rc == -EAGAIN && clock_ns() < deadline) {
			poll(NULL, 0, 10);
			continue;
		}
		if (rc == -EINTR)
			continue;
		close(fd);
		return rc == -EAGAIN ? -ETIMEDOUT : rc;
	}
}

static int send_all(int fd, const uint8_t *p, size_t n, int64_t deadline)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k >= 0) {
			p += k;
			n -= (size_t)k;
			continue;
		}
		if (errno == EAGAIN) {
			int rc = wait_ready(fd, POLLOUT, deadline);

			if (rc)
				return rc;
		} else if (errno != EINTR) {
			return errno == EPIPE || errno == ECONNRESET ? -ENOTCONN : -errno;
		}
	}
	return 0;
}

static int receive_all(int fd, uint8_t *p, size_t n, int64_t deadline)
{
	while (n) {
		ssize_t k = recv(fd, p, n, MSG_DONTWAIT);

		if (k > 0) {
			p += k;
			n -= (size_t)k;
			continue;
		}
		if (!k || errno == ECONNRESET)
			return -ENOTCONN;
		if (errno == EAGAIN) {
			int rc = wait_ready(fd, POLLIN, deadline);

			if (rc)
				return rc;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int frame_send(int fd, const ProtobufCMessage *msg, uint32_t limit, int64_t deadline)
{
	uint8_t *frame;
	size_t size;
	int rc;

	rc = frame_pack(msg, limit, &frame, &size);
	if (rc)
		return rc;
	rc = send_all(fd, frame, size, deadline);
	free(frame);
	return rc;
}

int frame_receive(int fd, const ProtobufCMessageDescriptor *type, uint32_t limit, int64_t deadline,
		  ProtobufCMessage **msg)
{
	uint8_t header[FRAME_HEADER_BYTES], *payload;
	uint32_t n;
	int rc;

	rc = receive_all(fd, header, sizeof(header), deadline);
	if (!rc)
		rc = frame_length(header, limit, &n);
	if (rc)
		return rc;
	payload = malloc(n ? n : 1);
	if (!payload)
		return -ENOMEM;
	rc = receive_all(fd, payload, n, deadline);
	if (!rc) {
		*msg = protobuf_c_message_unpack(type, NULL, n, payload);
		if (!*msg)
			rc = -EBADMSG;
	}
	free(payload);
	return rc;
}
