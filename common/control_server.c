/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control server, see control_server.h. Runs in trapd's and poold's main thread, inside their libevent loop. Never
 * blocks, never logs, never lets a client decide how much is allocated.
 */
#include "common/control_server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/control_socket.h"
#include "common/frame.h"

#define DEFAULT_CLIENTS		64u
#define DEFAULT_TIMEOUT_MS	5000

enum client_state {
	CLIENT_HELLO,		/* its Hello is awaited */
	CLIENT_REQUEST,		/* its next Request is awaited */
	CLIENT_HANDLING,	/* the handler runs */
	CLIENT_DEFERRED,	/* the answer comes later: the client must be silent, no deadline runs */
	CLIENT_CLOSING,		/* what is queued is sent, then the end */
};

struct control_call {
	struct client *client;
	void (*gone)(struct control_call *call, void *arg);
	void (*taken)(struct control_call *call, int fd, void *arg);
	void *arg;
};

struct client {
	LIST_ENTRY(client) link;
	struct control_server *server;
	struct bufferevent *bev;
	struct event *deadline;		/* not moved by single bytes, so a slow drip does not keep a client alive */
	struct event *fd_event;		/* a descriptor is awaited: then the bufferevent does not read */
	struct ucred cred;
	enum client_state state;
	struct control_call call;	/* one at a time, so it needs no memory of its own */
};

struct control_server {
	struct control_server_config config;
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *wake_event, *retry_event;
	int wake_fd;
	unsigned nclients;
	char *path;
	LIST_HEAD(, client) clients;
};

/* Only from event callbacks and control_server_destroy(): nothing further down the stack may hold the client. */
static void client_free(struct client *c)
{
	struct control_call *call = &c->call;

	if (c->state == CLIENT_DEFERRED && call->gone)
		call->gone(call, call->arg);
	LIST_REMOVE(c, link);
	c->server->nclients--;
	event_free(c->deadline);
	if (c->fd_event)
		event_free(c->fd_event);
	bufferevent_free(c->bev);
	free(c);
}

/* From anywhere: the client cannot be served any more. Its deadline strikes now and frees it. */
static void client_doom(struct client *c)
{
	if (c->state != CLIENT_DEFERRED)
		c->state = CLIENT_CLOSING;
	event_active(c->deadline, EV_TIMEOUT, 1);
}

static void client_arm(struct client *c)
{
	int ms = c->server->config.timeout_ms;
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(c->deadline, &tv);
}

static bool client_send(struct client *c, const ProtobufCMessage *msg)
{
	uint8_t *frame;
	size_t size;
	bool ok;

	if (frame_pack(msg, FRAME_MAX_REPLY, &frame, &size))
		return false;
	ok = !bufferevent_write(c->bev, frame, size);
	free(frame);
	return ok;
}

static bool client_send_error(struct client *c, enum control_code code, const char *message, const char *hint)
{
	Shadowpool__Error e;
	Shadowpool__Reply r;

	shadowpool__error__init(&e);
	shadowpool__reply__init(&r);
	e.code = code;
	e.message = (char *)(uintptr_t)message;
	e.hint = (char *)(uintptr_t)(hint ? hint : "");
	r.result_case = SHADOWPOOL__REPLY__RESULT_ERROR;
	r.error = &e;
	return client_send(c, &r.base);
}

static void client_hello(struct client *c, const uint8_t *payload, size_t n)
{
	const struct control_server_config *config = &c->server->config;
	Shadowpool__Hello mine, *theirs;
	uint32_t protocol;

	theirs = shadowpool__hello__unpack(NULL, n, payload);
	if (!theirs) {
		client_doom(c);
		return;
	}
	protocol = theirs->protocol;
	shadowpool__hello__free_unpacked(theirs, NULL);
	shadowpool__hello__init(&mine);
	mine.protocol = CONTROL_PROTOCOL;
	mine.program = (char *)(uintptr_t)config->program;
	mine.version = (char *)(uintptr_t)config->version;
	if (!client_send(c, &mine.base)) {
		client_doom(c);
		return;
	}
	/* A client of another protocol has both numbers now and nothing that this side could understand to say. */
	c->state = protocol == CONTROL_PROTOCOL ? CLIENT_REQUEST : CLIENT_CLOSING;
	client_arm(c);
}

static void client_dispatch(struct client *c, const Shadowpool__Request *request)
{
	const struct control_server *s = c->server;
	const struct control_verb *v;

	for (v = s->config.verbs; v->handler; v++)
		if (v->op == request->op_case)
			break;
	c->state = CLIENT_HANDLING;
	c->call = (struct control_call){ .client = c };
	if (v->handler)
		v->handler(&c->call, request, s->config.ctx);
	else if (request->op_case == SHADOWPOOL__REQUEST__OP__NOT_SET)
		control_error(&c->call, CONTROL_VERSION, "install matching versions of shadowctl and the daemons",
			      "%s %s does not know this request", s->config.program, s->config.version);
	else
		control_error(&c->call, CONTROL_FAILED, "ask the other daemon (--socket)",
			      "%s does not answer this request", s->config.program);
	if (c->state == CLIENT_HANDLING)
		control_error(&c->call, CONTROL_FAILED, NULL, "%s has no answer to the request", s->config.program);
}

static void client_request(struct client *c, const uint8_t *payload, size_t n)
{
	Shadowpool__Request *request = shadowpool__request__unpack(NULL, n, payload);

	if (!request) {
		client_doom(c);
		return;
	}
	client_dispatch(c, request);
	shadowpool__request__free_unpacked(request, NULL);
}

static void client_read(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t header[FRAME_HEADER_BYTES], *payload;
	uint32_t n;

	if (c->state == CLIENT_CLOSING) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	/*
	 * One at a time: who talks before he has read the answer does not keep to the protocol, and could fill our
	 * memory.
	 */
	if (c->state == CLIENT_DEFERRED || evbuffer_get_length(bufferevent_get_output(bev))) {
		client_doom(c);
		return;
	}
	if (evbuffer_copyout(in, header, sizeof(header)) < (ev_ssize_t)sizeof(header))
		return;
	if (frame_length(header, FRAME_MAX_REQUEST, &n)) {
		client_doom(c);
		return;
	}
	if (evbuffer_get_length(in) < FRAME_HEADER_BYTES + (size_t)n)
		return;
	payload = evbuffer_pullup(in, (ev_ssize_t)(FRAME_HEADER_BYTES + n));
	if (!payload || evbuffer_get_length(in) > FRAME_HEADER_BYTES + (size_t)n) {
		client_doom(c);
		return;
	}
	if (c->state == CLIENT_HELLO)
		client_hello(c, payload + FRAME_HEADER_BYTES, n);
	else
		client_request(c, payload + FRAME_HEADER_BYTES, n);
	evbuffer_drain(in, FRAME_HEADER_BYTES + (size_t)n);
}

static void client_written(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (c->state == CLIENT_CLOSING)
		client_free(c);
}

static void client_event(struct bufferevent *bev, short what, void *arg)
{
	client_free(arg);
}

static void client_deadline(evutil_socket_t fd, short what, void *arg)
{
	client_free(arg);
}

static void client_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int socklen, void *arg)
{
	struct control_server *s = arg;
	socklen_t len = sizeof(struct ucred);
	struct client *c;

	c = s->nclients < s->config.max_clients ? calloc(1, sizeof(*c)) : NULL;
	if (!c || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->cred, &len)) {
		free(c);
		close(fd);
		return;
	}
	c->server = s;
	c->deadline = evtimer_new(s->base, client_deadline, c);
	c->bev = c->deadline ? bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE) : NULL;
	if (!c->bev) {
		if (c->deadline)
			event_free(c->deadline);
		free(c);
		close(fd);
		return;
	}
	LIST_INSERT_HEAD(&s->clients, c, link);
	s->nclients++;
	bufferevent_setcb(c->bev, client_read, client_written, client_event, c);
	/* One frame, and one byte more to notice who sends more than that. */
	bufferevent_setwatermark(c->bev, EV_READ, 0, FRAME_HEADER_BYTES + FRAME_MAX_REQUEST + 1);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	client_arm(c);
}

/* accept() failed: most likely out of descriptors. The backlog stays readable, so an immediate retry would spin. */
static void accept_failed(struct evconnlistener *l, void *arg)
{
	struct control_server *s = arg;
	struct timeval tv = { .tv_usec = 100000 };

	evconnlistener_disable(l);
	event_add(s->retry_event, &tv);
}

static void accept_retry(evutil_socket_t fd, short what, void *arg)
{
	struct control_server *s = arg;

	evconnlistener_enable(s->listener);
}

static void server_woken(evutil_socket_t fd, short what, void *arg)
{
	struct control_server *s = arg;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) == sizeof(n) && s->config.woken)
		s->config.woken(s->config.ctx);
}

static int server_listen(struct control_server *s, char *err, size_t err_size)
{
	int fd;

	fd = control_socket_listen(s->path, SOCK_STREAM, s->config.mode, err, err_size);
	if (fd < 0)
		return fd;
	s->listener = evconnlistener_new(s->base, client_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
					 fd);
	if (!s->listener) {
		unlink(s->path);
		close(fd);
		return -ENOMEM;
	}
	evconnlistener_set_error_cb(s->listener, accept_failed);
	return 0;
}

int control_server_create(struct control_server **out, struct event_base *base,
			  const struct control_server_config *config, char *err, size_t err_size)
{
	struct control_server *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	snprintf(err, err_size, "cannot set up the control socket %s: out of memory or descriptors", config->path);
	if (!s)
		return rc;
	/* libevent writes with writev(2): a client that leaves before it has read would otherwise kill the daemon. */
	signal(SIGPIPE, SIG_IGN);
	s->config = *config;
	if (!s->config.max_clients)
		s->config.max_clients = DEFAULT_CLIENTS;
	if (s->config.timeout_ms <= 0)
		s->config.timeout_ms = DEFAULT_TIMEOUT_MS;
	s->base = base;
	LIST_INIT(&s->clients);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->path = strdup(config->path);
	s->retry_event = evtimer_new(base, accept_retry, s);
	if (s->wake_fd >= 0)
		s->wake_event = event_new(base, s->wake_fd, EV_READ | EV_PERSIST, server_woken, s);
	if (s->path && s->retry_event && s->wake_event && !event_add(s->wake_event, NULL))
		rc = server_listen(s, err, err_size);
	if (rc) {
		control_server_destroy(s);
		return rc;
	}
	*out = s;
	return 0;
}

void control_server_destroy(struct control_server *s)
{
	if (!s)
		return;
	while (!LIST_EMPTY(&s->clients))
		client_free(LIST_FIRST(&s->clients));
	if (s->listener) {
		unlink(s->path);
		evconnlistener_free(s->listener);
	}
	if (s->wake_event)
		event_free(s->wake_event);
	if (s->retry_event)
		event_free(s->retry_event);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	free(s->path);
	free(s);
}

void control_server_wake(struct control_server *s)
{
	uint64_t one = 1;
	ssize_t n = write(s->wake_fd, &one, sizeof(one));

	(void)n;	/* the only failure is a counter that is full: then a wake is pending anyway */
}

const struct ucred *control_peer(const struct control_call *call)
{
	return &call->client->cred;
}

void control_defer(struct control_call *call, void (*gone)(struct control_call *call, void *arg), void *arg)
{
	call->gone = gone;
	call->arg = arg;
	call->client->state = CLIENT_DEFERRED;
	event_del(call->client->deadline);
}

void control_progress(struct control_call *call, const Shadowpool__Reply *reply)
{
	if (!client_send(call->client, &reply->base))
		client_doom(call->client);
}

/* One byte and one descriptor, or -EPROTO: then whatever came is closed. */
static int receive_fd(int sock)
{
	union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	int fd;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (!(msg.msg_flags & MSG_CTRUNC))
		return fd;
	close(fd);
	return -EPROTO;
}

static void client_fd(evutil_socket_t sock, short what, void *arg)
{
	struct client *c = arg;
	int fd = receive_fd(sock);

	if (fd == -EAGAIN)
		return;
	event_del(c->fd_event);
	if (fd < 0) {
		client_doom(c);
		return;
	}
	event_del(c->deadline);
	bufferevent_enable(c->bev, EV_READ);
	c->call.taken(&c->call, fd, c->call.arg);
}

void control_take_fd(struct control_call *call, const Shadowpool__Reply *reply,
		     void (*taken)(struct control_call *call, int fd, void *arg),
		     void (*gone)(struct control_call *call, void *arg), void *arg)
{
	struct client *c = call->client;

	control_defer(call, gone, arg);
	call->taken = taken;
	if (!c->fd_event)
		c->fd_event = event_new(c->server->base, bufferevent_getfd(c->bev), EV_READ | EV_PERSIST, client_fd, c);
	/* libevent would read the byte and lose the descriptor. */
	bufferevent_disable(c->bev, EV_READ);
	if (c->fd_event && !event_add(c->fd_event, NULL) && client_send(c, &reply->base))
		client_arm(c);
	else
		client_doom(c);
}

/* sent: the answer is queued. Then the client has its time to read it and to send the next request. */
static void call_done(struct control_call *call, bool sent)
{
	struct client *c = call->client;

	c->state = CLIENT_REQUEST;
	if (sent)
		client_arm(c);
	else
		client_doom(c);
}

void control_reply(struct control_call *call, const Shadowpool__Reply *reply)
{
	bool sent = client_send(call->client, &reply->base);

	if (!sent)
		sent = client_send_error(call->client, CONTROL_FAILED, "the answer is too large to be sent", NULL);
	call_done(call, sent);
}

void control_error(struct control_call *call, enum control_code code, const char *hint, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	call_done(call, client_send_error(call->client, code, message, hint));
}
