// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A daemon that does not behave, for the tests of shadowctl. Test program, one process, serves one connection.
 *   odd_daemon PATH version    answers Hello with another protocol number
 *   odd_daemon PATH silent     accepts and says nothing until the client goes
 *   odd_daemon PATH close      hangs up after the client's Hello
 *   odd_daemon PATH garbage    answers with bytes that are no message
 *   odd_daemon PATH error      answers the request with an error whose code is none, and control characters in it
 *   odd_daemon PATH other      answers the request with a result of another kind
 * Prints "ready" when it listens. Ends by itself after 10 seconds.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/control_codes.h"
#include "common/control_socket.h"
#include "common/frame.h"
#include "control.pb-c.h"

static void receive(int fd, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *msg;

	if (!frame_receive(fd, type, FRAME_MAX_REQUEST, frame_deadline(5000), &msg))
		protobuf_c_message_free_unpacked(msg, NULL);
}

static void say_hello(int fd, uint32_t protocol)
{
	Shadowpool__Hello h;

	shadowpool__hello__init(&h);
	h.protocol = protocol;
	h.program = (char *)(uintptr_t)"odd";
	h.version = (char *)(uintptr_t)"7.7";
	frame_send(fd, &h.base, FRAME_MAX_REPLY, frame_deadline(5000));
}

static void say_error(int fd)
{
	Shadowpool__Error e;
	Shadowpool__Reply r;

	shadowpool__error__init(&e);
	shadowpool__reply__init(&r);
	e.code = 99;
	e.message = (char *)(uintptr_t)"odd\033[31m message";
	e.hint = (char *)(uintptr_t)"a \xff hint";
	r.result_case = SHADOWPOOL__REPLY__RESULT_ERROR;
	r.error = &e;
	frame_send(fd, &r.base, FRAME_MAX_REPLY, frame_deadline(5000));
}

static void say_other(int fd)
{
	Shadowpool__VmList l;
	Shadowpool__Reply r;

	shadowpool__vm_list__init(&l);
	shadowpool__reply__init(&r);
	r.result_case = SHADOWPOOL__REPLY__RESULT_LIST;
	r.list = &l;
	frame_send(fd, &r.base, FRAME_MAX_REPLY, frame_deadline(5000));
}

static void serve(int fd, const char *mode)
{
	receive(fd, &shadowpool__hello__descriptor);
	if (!strcmp(mode, "close"))
		return;
	if (!strcmp(mode, "version"))
		say_hello(fd, CONTROL_PROTOCOL + 41);
	else if (!strcmp(mode, "garbage"))
		send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL);
	else if (strcmp(mode, "silent"))
		say_hello(fd, CONTROL_PROTOCOL);
	if (!strcmp(mode, "silent") || !strcmp(mode, "version") || !strcmp(mode, "garbage")) {
		receive(fd, &shadowpool__request__descriptor);
		return;
	}
	receive(fd, &shadowpool__request__descriptor);
	if (!strcmp(mode, "error"))
		say_error(fd);
	else
		say_other(fd);
	receive(fd, &shadowpool__request__descriptor);
}

int main(int argc, char **argv)
{
	struct pollfd p = { .events = POLLIN };
	char err[256];
	int fd;

	if (argc != 3)
		return 2;
	p.fd = control_socket_listen(argv[1], SOCK_STREAM, 0600, err, sizeof(err));
	if (p.fd < 0) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	puts("ready");
	fclose(stdout);
	if (poll(&p, 1, 10000) != 1)
		return 1;
	fd = accept4(p.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	serve(fd, argv[2]);
	close(fd);
	unlink(argv[1]);
	return 0;
}
