/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemons' side of the control protocol: a libevent listener on a UNIX STREAM socket, a Hello in both directions,
 * then one Request and one Reply at a time, dispatched through a table. A client can never block the loop nor make it
 * hold more than one request and one reply; silent, slow and ill-behaved clients are dropped.
 * Thread: all of it belongs to the thread of the event loop, except control_server_wake().
 */
#ifndef SHADOWPOOL_COMMON_CONTROL_SERVER_H
#define SHADOWPOOL_COMMON_CONTROL_SERVER_H

#include <event2/event.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "common/control_codes.h"
#include "control.pb-c.h"

struct control_server;
struct control_call;	/* one request that is not answered yet */

/*
 * Answer call at once with control_reply() or control_error(), or keep it with control_defer(). A handler that returns
 * without any of them is our own fault: the client gets an error. request lives until the handler returns.
 */
typedef void control_handler(struct control_call *call, const Shadowpool__Request *request, void *ctx);

struct control_verb {
	Shadowpool__Request__OpCase op;		/* SHADOWPOOL__REQUEST__OP_... */
	control_handler *handler;
};

struct control_server_config {
	const char *path;			/* of the socket */
	mode_t mode;				/* of the socket file: decides who may connect */
	const char *program, *version;		/* for Hello; static strings */
	const struct control_verb *verbs;	/* ends with a NULL handler */
	void *ctx;				/* for the handlers and woken */
	void (*woken)(void *ctx);		/* runs in the loop after control_server_wake(); NULL: none */
	unsigned max_clients;			/* 0: 64 */
	int timeout_ms;				/* for a handshake, the next request, a reply to be read; 0: 5000 */
};

/*
 * Listen. A socket file without a listener is replaced, one with a listener is -EADDRINUSE, anything else at that path
 * -EEXIST. config is copied, its strings and table are not. Ignores SIGPIPE for the whole process.
 * Returns 0 or -errno with one line in err: what, why, remedy.
 */
int control_server_create(struct control_server **out, struct event_base *base,
			  const struct control_server_config *config, char *err, size_t err_size);
/* Drop every client (deferred calls are cancelled), remove the socket file. NULL is allowed. */
void control_server_destroy(struct control_server *s);

/* Any thread, also a signal handler: run woken() in the loop soon. Several wakes may become one. */
void control_server_wake(struct control_server *s);

/*
 * The caller's process as the kernel saw it at connect (SO_PEERCRED, unix(7)). Foreign uids read 65534 under
 * PrivateUsers=.
 */
const struct ucred *control_peer(const struct control_call *call);

/*
 * Keep the call and answer later, in the loop's thread. gone(call, arg) runs if the client disappears (or the server is
 * destroyed) first; the call is invalid from then on, as it is after its reply.
 */
void control_defer(struct control_call *call, void (*gone)(struct control_call *call, void *arg), void *arg);
/*
 * Answer in part and keep the call. reply stays the caller's. Only of a call that is kept; the last answer is one of the
 * two below.
 */
void control_progress(struct control_call *call, const Shadowpool__Reply *reply);
/*
 * Answer in part with reply, then let the client send one byte with one descriptor (SCM_RIGHTS, unix(7)); it has the time
 * of a handshake for it. taken gets the descriptor, which is the callee's; the call is kept as by control_defer(). A client
 * that sends anything else is dropped, which is gone().
 */
void control_take_fd(struct control_call *call, const Shadowpool__Reply *reply,
		     void (*taken)(struct control_call *call, int fd, void *arg),
		     void (*gone)(struct control_call *call, void *arg), void *arg);
/* Answer. reply stays the caller's. A reply that is too large or does not fit in memory becomes an error. */
void control_reply(struct control_call *call, const Shadowpool__Reply *reply);
/* Answer with an error. hint: what to do, or NULL. */
void control_error(struct control_call *call, enum control_code code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
