/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Framing: limits before allocation, partial frames, deadlines, hostile bytes. One process, a socket pair. */
#include "common/frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "control.pb-c.h"
#include "tests/wait.h"

static int pair[2];

static void setup(void)
{
	cr_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
}

static void teardown(void)
{
	close(pair[0]);
	close(pair[1]);
}

TestSuite(frame, .init = setup, .fini = teardown);

static void put(const void *bytes, size_t n)
{
	cr_assert_eq(write(pair[1], bytes, n), (ssize_t)n);
}

static int receive_hello(uint32_t limit, int timeout_ms, Shadowpool__Hello **out)
{
	ProtobufCMessage *msg = NULL;
	int rc = frame_receive(pair[0], &shadowpool__hello__descriptor, limit, frame_deadline(timeout_ms), &msg);

	*out = (Shadowpool__Hello *)msg;
	return rc;
}

Test(frame, length_is_little_endian_and_limited)
{
	static const uint8_t small[4] = { 0x01, 0x02, 0, 0 }, huge[4] = { 0xff, 0xff, 0xff, 0xff };
	uint32_t n = 0;

	cr_assert_eq(frame_length(small, 513, &n), 0);
	cr_assert_eq(n, 0x201);
	cr_assert_eq(frame_length(small, 512, &n), -EMSGSIZE);
	cr_assert_eq(frame_length(huge, FRAME_MAX_REPLY, &n), -EMSGSIZE);
}

Test(frame, message_arrives_as_sent)
{
	Shadowpool__Hello hello, *got;

	shadowpool__hello__init(&hello);
	hello.protocol = 77;
	hello.program = (char *)(uintptr_t)"tester";
	cr_assert_eq(frame_send(pair[1], &hello.base, 100, frame_deadline(test_wait_ms())), 0);
	cr_assert_eq(receive_hello(100, test_wait_ms(), &got), 0);
	cr_assert_eq(got->protocol, 77);
	cr_assert_str_eq(got->program, "tester");
	shadowpool__hello__free_unpacked(got, NULL);
}

Test(frame, empty_message_is_valid)
{
	Shadowpool__Hello *got;

	put("\0\0\0\0", 4);
	cr_assert_eq(receive_hello(100, test_wait_ms(), &got), 0);
	cr_assert_eq(got->protocol, 0);
	shadowpool__hello__free_unpacked(got, NULL);
}

Test(frame, sender_refuses_what_is_above_the_limit)
{
	Shadowpool__Hello hello;
	char text[200];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	shadowpool__hello__init(&hello);
	hello.program = text;
	cr_assert_eq(frame_send(pair[1], &hello.base, 100, frame_deadline(test_wait_ms())), -EMSGSIZE);
}

Test(frame, length_above_the_limit_is_refused_without_waiting_for_payload)
{
	Shadowpool__Hello *got;

	put("\x65\0\0\0", 4);
	cr_assert_eq(receive_hello(100, test_wait_ms(), &got), -EMSGSIZE);
}

Test(frame, half_a_frame_ends_at_the_deadline)
{
	Shadowpool__Hello *got;
	int64_t begin = clock_ns();

	put("\x08\0\0\0\x08", 5);
	cr_assert_eq(receive_hello(100, 50, &got), -ETIMEDOUT);
	cr_assert_geq(clock_ns() - begin, 50000000);
}

Test(frame, hang_up_in_the_middle_is_reported)
{
	Shadowpool__Hello *got;

	put("\x08\0\0\0\x08", 5);
	shutdown(pair[1], SHUT_WR);
	cr_assert_eq(receive_hello(100, test_wait_ms(), &got), -ENOTCONN);
}

Test(frame, bytes_that_are_no_message_are_refused)
{
	Shadowpool__Hello *got;

	put("\x02\0\0\0\x12\x7f", 6);	/* a string of 127 bytes that is not there */
	cr_assert_eq(receive_hello(100, test_wait_ms(), &got), -EBADMSG);
}

Test(frame, sending_to_a_peer_that_does_not_read_ends_at_the_deadline)
{
	Shadowpool__Hello hello;
	char *text = malloc(FRAME_MAX_REPLY);
	int i, rc = 0;

	memset(text, 'x', FRAME_MAX_REPLY - 100);
	text[FRAME_MAX_REPLY - 100] = 0;
	shadowpool__hello__init(&hello);
	hello.program = text;
	for (i = 0; i < 64 && !rc; i++)
		rc = frame_send(pair[1], &hello.base, FRAME_MAX_REPLY, frame_deadline(50));
	cr_assert_eq(rc, -ETIMEDOUT);
	free(text);
}

Test(frame, path_longer_than_a_socket_address_is_refused)
{
	char path[200];

	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = 0;
	cr_assert_eq(frame_connect(path, frame_deadline(100)), -ENAMETOOLONG);
	cr_assert_eq(frame_connect("/nonexistent/socket", frame_deadline(100)), -ENOENT);
}

Test(frame, random_bytes_never_give_more_than_an_error)
{
	unsigned seed = (unsigned)clock_ns(), round, i;

	fprintf(stderr, "seed %u\n", seed);
	for (round = 0; round < 2000; round++) {
		ProtobufCMessage *msg = NULL;
		uint8_t bytes[68] = { 0 };
		int rc;

		for (i = 4; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(rand_r(&seed) >> 7);
		bytes[0] = (uint8_t)(rand_r(&seed) % 65);
		put(bytes, 4u + bytes[0]);
		rc = frame_receive(pair[0], &shadowpool__request__descriptor, 64, frame_deadline(test_wait_ms()), &msg);
		cr_assert(rc == 0 || rc == -EBADMSG, "%d", rc);
		if (!rc)
			protobuf_c_message_free_unpacked(msg, NULL);
	}
}
