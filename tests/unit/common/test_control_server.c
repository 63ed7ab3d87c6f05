/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control server against good, hostile, silent and slow clients. The server's loop runs in a thread of the test,
 * the clients in the main thread; everything waits for a condition or a deadline of the server's.
 */
#include "common/control_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/control_client.h"
#include "common/frame.h"
#include "tests/wait.h"

#define IMPATIENT_MS	500	/* for clients that shall be dropped for their silence; times the scale */
#define LONG		(FRAME_MAX_REPLY - 4096)

static struct {
	char dir[64], path[96], err[256];
	struct event_base *base;
	struct control_server *server;
	pthread_t thread;
	struct control_call *waiting;
	int nwaiting, gone, woken, quit, release;	/* atomic */
	int timeout_ms;
	char *text;
} t;

static void answer_name(struct control_call *call, const char *name, const char *report)
{
	Shadowpool__VmInfo vm;
	Shadowpool__Reply r;

	shadowpool__vm_info__init(&vm);
	shadowpool__reply__init(&r);
	vm.name = (char *)(uintptr_t)name;
	vm.report = (char *)(uintptr_t)report;
	r.result_case = SHADOWPOOL__REPLY__RESULT_VM;
	r.vm = &vm;
	control_reply(call, &r);
}

static void on_show(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	char text[64];

	cr_assert_eq(ctx, &t);
	if (!strcmp(request->show->name, "missing")) {
		control_error(call, CONTROL_NO_OBJECT, "try another", "no VM %s", request->show->name);
		return;
	}
	if (!strcmp(request->show->name, "whoami"))
		snprintf(text, sizeof(text), "%d %u", control_peer(call)->pid, control_peer(call)->uid);
	else
		snprintf(text, sizeof(text), "%s", request->show->name);
	answer_name(call, text, strcmp(text, "long") ? "" : t.text);
}

static void on_gone(struct control_call *call, void *arg)
{
	cr_assert_eq(call, t.waiting);
	cr_assert_eq(arg, &t);
	t.waiting = NULL;
	fetch_add_release(&t.gone, 1);	/* pairs with await */
}

static void on_wait(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	if (t.waiting) {
		control_error(call, CONTROL_FAILED, NULL, "somebody waits already");
		return;
	}
	t.waiting = call;
	control_defer(call, on_gone, ctx);
	fetch_add_release(&t.nwaiting, 1);	/* pairs with await */
}

static void on_stats(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
}

static void on_woken(void *ctx)
{
	fetch_add_release(&t.woken, 1);	/* pairs with await */
	if (load_acquire(&t.quit))
		event_base_loopbreak(t.base);
	if (load_acquire(&t.release) && t.waiting) {
		struct control_call *call = t.waiting;

		t.waiting = NULL;
		answer_name(call, "released", "");
	}
}

static const struct control_verb verbs[] = {
	{ SHADOWPOOL__REQUEST__OP_SHOW, on_show },
	{ SHADOWPOOL__REQUEST__OP_WAIT, on_wait },
	{ SHADOWPOOL__REQUEST__OP_STATS, on_stats },
	{ 0 }
};

static void *loop(void *arg)
{
	event_base_loop(t.base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static struct control_server_config config(void)
{
	return (struct control_server_config){
		.path = t.path, .mode = 0640, .program = "testd", .version = "9.9", .verbs = verbs, .ctx = &t,
		.woken = on_woken, .max_clients = 8, .timeout_ms = t.timeout_ms,
	};
}

static void make_dir(void)
{
	t.timeout_ms = test_wait_ms();
	strcpy(t.dir, "/tmp/test_control_XXXXXX");
	cr_assert(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/control.sock", t.dir);
	t.base = event_base_new();
}

static void serve_for(int timeout_ms)
{
	struct control_server_config c;

	make_dir();
	t.timeout_ms = timeout_ms;
	t.text = malloc(LONG + 1);
	memset(t.text, 'x', LONG);
	t.text[LONG] = 0;
	c = config();
	cr_assert_eq(control_server_create(&t.server, t.base, &c, t.err, sizeof(t.err)), 0, "%s", t.err);
	cr_assert(!pthread_create(&t.thread, NULL, loop, NULL));
}

static void setup(void)
{
	serve_for(test_wait_ms());
}

static void setup_impatient(void)
{
	serve_for(IMPATIENT_MS * test_scale());
}

static void teardown(void)
{
	if (t.thread) {
		store_release(&t.quit, 1);
		control_server_wake(t.server);
		pthread_join(t.thread, NULL);
	}
	control_server_destroy(t.server);
	event_base_free(t.base);
	free(t.text);
	cr_assert_eq(access(t.path, F_OK), -1, "the socket file is left behind");
	cr_assert(!rmdir(t.dir));
}

TestSuite(server, .init = setup, .fini = teardown);
TestSuite(socket_file, .init = make_dir);

static void await(const int *value, int at_least)
{
	int64_t end = frame_deadline(test_wait_ms());

	while (load_acquire(value) < at_least) {
		cr_assert_lt(clock_ns(), end, "condition never came");
		poll(NULL, 0, 1);
	}
}

static void open_client(struct control_client *c)
{
	cr_assert_eq(control_open(c, t.path, "tester", "1", frame_deadline(test_wait_ms())), 0);
}

static int ask(struct control_client *c, Shadowpool__Request__OpCase op, const char *name, Shadowpool__Reply **reply)
{
	Shadowpool__NameRequest n;
	Shadowpool__WaitRequest w;
	Shadowpool__StopRequest s;
	Shadowpool__Request r;

	shadowpool__name_request__init(&n);
	shadowpool__wait_request__init(&w);
	shadowpool__stop_request__init(&s);
	shadowpool__request__init(&r);
	n.name = w.name = s.name = (char *)(uintptr_t)name;
	r.op_case = op;
	if (op == SHADOWPOOL__REQUEST__OP_SHOW || op == SHADOWPOOL__REQUEST__OP_STATS)
		r.show = &n;
	else if (op == SHADOWPOOL__REQUEST__OP_WAIT)
		r.wait = &w;
	else if (op == SHADOWPOOL__REQUEST__OP_STOP)
		r.stop = &s;
	return control_call(c, &r, frame_deadline(test_wait_ms()), reply);
}

/* The server still serves somebody who behaves. */
static void assert_alive(void)
{
	struct control_client c;
	Shadowpool__Reply *r;

	open_client(&c);
	cr_assert_eq(ask(&c, SHADOWPOOL__REQUEST__OP_SHOW, "alive", &r), 0);
	cr_assert_str_eq(r->vm->name, "alive");
	shadowpool__reply__free_unpacked(r, NULL);
	control_close(&c);
}

static void expect_error(struct control_client *c, Shadowpool__Request__OpCase op, const char *name, unsigned code)
{
	Shadowpool__Reply *r;

	cr_assert_eq(ask(c, op, name, &r), 0);
	cr_assert_eq(r->result_case, SHADOWPOOL__REPLY__RESULT_ERROR);
	cr_assert_eq(r->error->code, code, "%s", r->error->message);
	cr_assert_neq(r->error->message[0], 0);
	shadowpool__reply__free_unpacked(r, NULL);
}

/* Wait for the hang-up, reading what comes first. Returns the bytes read; fails if the server keeps the connection. */
static size_t await_hang_up(int fd)
{
	int64_t end = frame_deadline(test_wait_ms());
	size_t total = 0;
	char buf[4096];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		poll(&p, 1, 10);
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (!n || (n < 0 && errno != EAGAIN))
			return total;
		total += n > 0 ? (size_t)n : 0;
		cr_assert_lt(clock_ns(), end, "the server keeps the connection");
	}
}

static int open_raw(void)
{
	int fd = frame_connect(t.path, frame_deadline(test_wait_ms()));

	cr_assert_geq(fd, 0);
	return fd;
}

static void put(int fd, const void *bytes, size_t n)
{
	cr_assert_eq(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

Test(server, several_requests_on_one_connection)
{
	struct control_client c;
	Shadowpool__Reply *r;
	int i;

	open_client(&c);
	cr_assert_str_eq(c.peer_program, "testd");
	cr_assert_str_eq(c.peer_version, "9.9");
	for (i = 0; i < 100; i++) {
		cr_assert_eq(ask(&c, SHADOWPOOL__REQUEST__OP_SHOW, "one", &r), 0);
		cr_assert_str_eq(r->vm->name, "one");
		shadowpool__reply__free_unpacked(r, NULL);
	}
	control_close(&c);
}

Test(server, errors_carry_code_and_hint)
{
	struct control_client c;
	Shadowpool__Reply *r;

	open_client(&c);
	cr_assert_eq(ask(&c, SHADOWPOOL__REQUEST__OP_SHOW, "missing", &r), 0);
	cr_assert_eq(r->error->code, CONTROL_NO_OBJECT);
	cr_assert_str_eq(r->error->message, "no VM missing");
	cr_assert_str_eq(r->error->hint, "try another");
	shadowpool__reply__free_unpacked(r, NULL);
	control_close(&c);
}

Test(server, requests_outside_the_table_are_refused)
{
	struct control_client c;

	open_client(&c);
	expect_error(&c, SHADOWPOOL__REQUEST__OP_STOP, "x", CONTROL_FAILED);
	expect_error(&c, SHADOWPOOL__REQUEST__OP__NOT_SET, "x", CONTROL_VERSION);
	expect_error(&c, SHADOWPOOL__REQUEST__OP_STATS, "x", CONTROL_FAILED);
	control_close(&c);
	assert_alive();
}

Test(server, peer_credentials_are_the_kernels)
{
	struct control_client c;
	Shadowpool__Reply *r;
	char want[64];

	snprintf(want, sizeof(want), "%d %u", getpid(), geteuid());
	open_client(&c);
	cr_assert_eq(ask(&c, SHADOWPOOL__REQUEST__OP_SHOW, "whoami", &r), 0);
	cr_assert_str_eq(r->vm->name, want);
	shadowpool__reply__free_unpacked(r, NULL);
	control_close(&c);
}

Test(server, protocol_mismatch_tells_the_number_and_ends)
{
	Shadowpool__Hello hello, *theirs;
	ProtobufCMessage *msg;
	int fd = open_raw();

	shadowpool__hello__init(&hello);
	hello.protocol = CONTROL_PROTOCOL + 1;
	cr_assert_eq(frame_send(fd, &hello.base, FRAME_MAX_REQUEST, frame_deadline(test_wait_ms())), 0);
	cr_assert_eq(frame_receive(fd, &shadowpool__hello__descriptor, FRAME_MAX_REQUEST, frame_deadline(test_wait_ms()), &msg),
		     0);
	theirs = (Shadowpool__Hello *)msg;
	cr_assert_eq(theirs->protocol, CONTROL_PROTOCOL);
	shadowpool__hello__free_unpacked(theirs, NULL);
	cr_assert_eq(await_hang_up(fd), 0);
	close(fd);
	assert_alive();
}

Test(server, silent_client_is_dropped, .init = setup_impatient)
{
	int fd = open_raw();

	cr_assert_eq(await_hang_up(fd), 0);
	close(fd);
}

Test(server, client_idle_after_its_handshake_is_dropped, .init = setup_impatient)
{
	struct control_client c;

	open_client(&c);
	await_hang_up(c.fd);
	control_close(&c);
}

Test(server, dripping_client_is_dropped, .init = setup_impatient)
{
	int64_t begin = clock_ms(), end = begin + test_wait_ms();
	int fd = open_raw();

	put(fd, "\x80\0\0\0", 4);
	while (send(fd, "\x08", 1, MSG_NOSIGNAL) == 1) {
		cr_assert_lt(clock_ms(), end, "every byte bought more time");
		poll(NULL, 0, t.timeout_ms / 10);
	}
	cr_assert_geq(clock_ms() - begin, t.timeout_ms * 9 / 10);
	close(fd);
	assert_alive();
}

Test(server, frame_above_the_limit_is_dropped_at_its_header)
{
	int fd = open_raw();

	put(fd, "\xff\xff\xff\x7f", 4);
	cr_assert_eq(await_hang_up(fd), 0);
	close(fd);
	assert_alive();
}

Test(server, bytes_that_are_no_hello_are_dropped)
{
	int fd = open_raw();

	put(fd, "\x02\0\0\0\x12\x7f", 6);
	cr_assert_eq(await_hang_up(fd), 0);
	close(fd);
	assert_alive();
}

Test(server, request_before_the_answer_is_read_is_dropped)
{
	Shadowpool__Hello hello;
	uint8_t *frame;
	size_t size;
	int fd = open_raw(), i;

	shadowpool__hello__init(&hello);
	hello.protocol = CONTROL_PROTOCOL;
	cr_assert_eq(frame_pack(&hello.base, 100, &frame, &size), 0);
	frame = realloc(frame, 3 * size);
	for (i = 1; i < 3; i++)
		memcpy(frame + (size_t)i * size, frame, size);
	put(fd, frame, 3 * size);
	cr_assert_eq(await_hang_up(fd), 0);
	close(fd);
	free(frame);
	assert_alive();
}

Test(server, reader_that_does_not_read_is_dropped, .init = setup_impatient)
{
	struct control_client c;
	Shadowpool__NameRequest n;
	Shadowpool__Request r;
	int small = 4096;

	open_client(&c);
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	shadowpool__name_request__init(&n);
	shadowpool__request__init(&r);
	n.name = (char *)(uintptr_t)"long";
	r.op_case = SHADOWPOOL__REQUEST__OP_SHOW;
	r.show = &n;
	cr_assert_eq(frame_send(c.fd, &r.base, FRAME_MAX_REQUEST, frame_deadline(test_wait_ms())), 0);
	poll(NULL, 0, 3 * t.timeout_ms);
	cr_assert_lt(await_hang_up(c.fd), LONG, "the whole answer was kept for a client that did not read");
	control_close(&c);
	assert_alive();
}

Test(server, long_answer_arrives_whole)
{
	struct control_client c;
	Shadowpool__Reply *r;

	open_client(&c);
	cr_assert_eq(ask(&c, SHADOWPOOL__REQUEST__OP_SHOW, "long", &r), 0);
	cr_assert_str_eq(r->vm->report, t.text);
	shadowpool__reply__free_unpacked(r, NULL);
	control_close(&c);
}

static void *release_soon(void *arg)
{
	await(&t.nwaiting, 1);
	store_release(&t.release, 1);
	control_server_wake(t.server);
	return NULL;
}

Test(server, deferred_call_is_answered_after_a_wake_from_another_thread)
{
	struct control_client c;
	Shadowpool__Reply *r;
	pthread_t other;

	pthread_create(&other, NULL, release_soon, NULL);
	open_client(&c);
	cr_assert_eq(ask(&c, SHADOWPOOL__REQUEST__OP_WAIT, "x", &r), 0);
	cr_assert_str_eq(r->vm->name, "released");
	shadowpool__reply__free_unpacked(r, NULL);
	cr_assert_eq(ask(&c, SHADOWPOOL__REQUEST__OP_SHOW, "after", &r), 0);
	shadowpool__reply__free_unpacked(r, NULL);
	pthread_join(other, NULL);
	cr_assert_eq(load_acquire(&t.gone), 0);
	control_close(&c);
}

static void send_wait(struct control_client *c)
{
	Shadowpool__WaitRequest w;
	Shadowpool__Request r;

	shadowpool__wait_request__init(&w);
	shadowpool__request__init(&r);
	r.op_case = SHADOWPOOL__REQUEST__OP_WAIT;
	r.wait = &w;
	cr_assert_eq(frame_send(c->fd, &r.base, FRAME_MAX_REQUEST, frame_deadline(test_wait_ms())), 0);
	await(&t.nwaiting, 1);
}

Test(server, deferred_call_outlives_the_idle_timeout, .init = setup_impatient)
{
	struct control_client c;
	struct pollfd p;

	open_client(&c);
	send_wait(&c);
	p = (struct pollfd){ .fd = c.fd, .events = POLLIN };
	cr_assert_eq(poll(&p, 1, 3 * t.timeout_ms), 0, "a waiting client was dropped");
	cr_assert_eq(load_acquire(&t.gone), 0);
	control_close(&c);
	await(&t.gone, 1);
}

Test(server, deferred_call_of_a_client_that_leaves_is_cancelled_once)
{
	struct control_client c;

	open_client(&c);
	send_wait(&c);
	control_close(&c);
	await(&t.gone, 1);
	assert_alive();
	cr_assert_eq(load_acquire(&t.gone), 1);
	cr_assert_null(t.waiting);
}

Test(server, client_that_talks_while_it_waits_is_dropped)
{
	struct control_client c;

	open_client(&c);
	send_wait(&c);
	put(c.fd, "\0\0\0\0", 4);
	await(&t.gone, 1);
	await_hang_up(c.fd);
	control_close(&c);
	assert_alive();
}

Test(server, shutdown_cancels_deferred_calls)
{
	struct control_client c;

	open_client(&c);
	send_wait(&c);
	store_release(&t.quit, 1);
	control_server_wake(t.server);
	pthread_join(t.thread, NULL);
	t.thread = 0;
	control_server_destroy(t.server);
	t.server = NULL;
	cr_assert_eq(load_acquire(&t.gone), 1);
	control_close(&c);
}

Test(server, clients_above_the_limit_are_refused_and_room_comes_back)
{
	int fds[9], i;

	for (i = 0; i < 9; i++)
		fds[i] = open_raw();
	await_hang_up(fds[8]);
	for (i = 0; i < 9; i++)
		close(fds[i]);
	for (i = 0; i < 100; i++) {
		struct control_client c;

		if (!control_open(&c, t.path, "tester", "1", frame_deadline(test_wait_ms()))) {
			control_close(&c);
			break;
		}
	}
	cr_assert_lt(i, 100);
}

Test(server, random_frames_never_harm_it, .init = setup_impatient)
{
	unsigned seed = (unsigned)clock_ns(), round, i;

	fprintf(stderr, "seed %u\n", seed);
	for (round = 0; round < 300; round++) {
		struct control_client c;
		uint8_t bytes[64];
		int n = 1 + rand_r(&seed) % 63, rc;

		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(rand_r(&seed) >> 9);
		if (rand_r(&seed) % 4) {	/* mostly a plausible header and a plausible tag */
			bytes[0] = (uint8_t)(n - 4);
			bytes[1] = bytes[2] = bytes[3] = 0;
			bytes[4] = (uint8_t)((1 + rand_r(&seed) % 8) << 3 | 2);
			bytes[5] = (uint8_t)(rand_r(&seed) % 64);
		}
		rc = control_open(&c, t.path, "tester", "1", frame_deadline(test_wait_ms()));
		if (rc)		/* the limit of clients: earlier ones are not yet gone */
			continue;
		/* On a machine that is busy enough it may be dropped for its silence before this. */
		(void)!send(c.fd, bytes, (size_t)n, MSG_NOSIGNAL);
		control_close(&c);
	}
	await_hang_up(open_raw());
	assert_alive();
}

Test(socket_file, stale_one_is_replaced_live_one_is_refused)
{
	struct control_server_config c = config();
	struct control_server *second = NULL;
	struct stat st;
	mode_t old = umask(0077);
	int fd;

	/* A daemon that was killed: bound, never unlinked. */
	cr_assert_eq(control_server_create(&t.server, t.base, &c, t.err, sizeof(t.err)), 0);
	fd = open_raw();
	close(fd);
	cr_assert_eq(control_server_create(&second, t.base, &c, t.err, sizeof(t.err)), -EADDRINUSE);
	cr_assert(strstr(t.err, t.path) && strstr(t.err, "another daemon"), "%s", t.err);
	cr_assert(!stat(t.path, &st));
	cr_assert_eq(st.st_mode & 07777, 0640);
	umask(old);
	teardown();
}

Test(socket_file, left_by_a_dead_daemon_is_replaced)
{
	struct control_server_config c = config();
	char moved[128];

	cr_assert_eq(control_server_create(&t.server, t.base, &c, t.err, sizeof(t.err)), 0);
	snprintf(moved, sizeof(moved), "%s.kept", t.path);
	cr_assert(!rename(t.path, moved));	/* so that the end of the listener does not unlink it */
	control_server_destroy(t.server);
	cr_assert(!rename(moved, t.path));
	cr_assert_eq(control_server_create(&t.server, t.base, &c, t.err, sizeof(t.err)), 0, "%s", t.err);
	teardown();
}

Test(socket_file, a_file_that_is_no_socket_is_left_alone)
{
	struct control_server_config c = config();
	FILE *f = fopen(t.path, "w");

	fclose(f);
	cr_assert_eq(control_server_create(&t.server, t.base, &c, t.err, sizeof(t.err)), -EEXIST);
	cr_assert(strstr(t.err, "no socket"), "%s", t.err);
	cr_assert(!unlink(t.path));
	t.server = NULL;
	teardown();
}
