/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Framing of protobuf messages on a byte stream: a 32-bit little-endian length, then that many bytes. The length is
 * compared with a limit before anything is allocated. The codec is used by both sides; the blocking calls with a
 * deadline are the client's (shadowctl and tests), never a daemon's loop.
 */
#ifndef SHADOWPOOL_COMMON_FRAME_H
#define SHADOWPOOL_COMMON_FRAME_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define FRAME_HEADER_BYTES	4u
#define FRAME_MAX_REQUEST	(64u << 10)	/* payload bytes that a daemon accepts */
#define FRAME_MAX_REPLY		(1u << 20)	/* payload bytes that a client accepts */

/* Decode a header. Returns 0 and *length (0 is a valid, empty message); -EMSGSIZE above limit. */
int frame_length(const uint8_t header[FRAME_HEADER_BYTES], uint32_t limit, uint32_t *length);

/*
 * Header and payload of msg in one buffer. Returns 0, -EMSGSIZE if the payload is above limit, -ENOMEM.
 * *frame is the caller's to free().
 */
int frame_pack(const ProtobufCMessage *msg, uint32_t limit, uint8_t **frame, size_t *size);

/* A deadline timeout_ms from now, in the unit of every deadline below: clock_ns(). Negative: FRAME_NO_DEADLINE. */
#define FRAME_NO_DEADLINE	INT64_MAX
int64_t frame_deadline(int timeout_ms);
/*
 * What is left of a deadline, as ppoll(2) wants it: 0 and *timeout, which is ts or, without a deadline, NULL; -ETIMEDOUT if it is over.
 */
int frame_time_left(int64_t deadline, struct timespec *ts, const struct timespec **timeout);

/*
 * Connect to a UNIX STREAM socket. Returns a non-blocking CLOEXEC descriptor of the caller's; -ENAMETOOLONG if path
 * does not fit sockaddr_un (unix(7)), -ETIMEDOUT, or -errno of connect(2).
 */
int frame_connect(const char *path, int64_t deadline);

/*
 * Send / receive one message on a descriptor of frame_connect(). -ETIMEDOUT; -ENOTCONN if the peer has closed;
 * -EMSGSIZE; -EBADMSG if the bytes are no message of this type; -errno. After an error the stream is useless: close it.
 * *msg is the caller's: protobuf_c_message_free_unpacked().
 */
int frame_send(int fd, const ProtobufCMessage *msg, uint32_t limit, int64_t deadline);
int frame_receive(int fd, const ProtobufCMessageDescriptor *type, uint32_t limit, int64_t deadline,
		  ProtobufCMessage **msg);

#endif
