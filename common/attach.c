// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The attach handshake: HELLO and WELCOME as one SEQPACKET message each, with descriptors. Runs on trapd's vCPU
 * thread and on poold's link thread. The message is hostile: whatever comes with it is closed unless all of it is as
 * expected.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/attach.h"
#include "common/clock.h"
#include "proto/attach.pb-c.h"

/* Room for twice the descriptors that are legal: more than that the kernel drops and says so (MSG_CTRUNC). */
#define CONTROL_FDS	(2 * ATTACH_MAX_FDS)

struct packet {
	uint8_t data[ATTACH_MAX_MESSAGE];
	size_t size;
	int fds[CONTROL_FDS];
	unsigned nfds;
};

static void packet_close(struct packet *p)
{
	while (p->nfds)
		close(p->fds[--p->nfds]);
}

/* Wait until the socket has something, even if that is its end. */
static int socket_wait(int sock, int64_t until)
{
	struct pollfd pfd = { .fd = sock, .events = POLLIN };

	for (;;) {
		int64_t left = until - clock_ms();
		int n = poll(&pfd, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 && left <= 0)
			return -ETIMEDOUT;
	}
}

/* Take every descriptor, also those of a second control message: none may stay open unseen. */
static void packet_take_fds(struct packet *p, struct msghdr *msg)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n, i;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (p->nfds < CONTROL_FDS)
				p->fds[p->nfds++] = fd;
			else
				close(fd);
		}
	}
}

/* nothing but -errno or 0; on error no descriptor is left. */
static int packet_recv(int sock, struct packet *p, int deadline_ms)
{
	union {
		char bytes[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = p->data, .iov_len = sizeof(p->data) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	int64_t until = clock_ms() + deadline_ms;
	ssize_t n;
	int rc;

	p->nfds = 0;
	do {
		rc = socket_wait(sock, until);
		if (rc)
			return rc;
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return errno == ECONNRESET ? -ENOTCONN : -errno;
	packet_take_fds(p, &msg);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		packet_close(p);
		return -EPROTO;
	}
	/* A packet of no bytes cannot be told from the end, and no honest peer sends one. */
	if (n == 0) {
		packet_close(p);
		return -ENOTCONN;
	}
	p->size = (size_t)n;
	return 0;
}

static int packet_send(int sock, const struct packet *p)
{
	union {
		char bytes[CMSG_SPACE(ATTACH_MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p->data, .iov_len = p->size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (p->nfds) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(p->nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(p->nfds * sizeof(int));
		memcpy(CMSG_DATA(c), p->fds, p->nfds * sizeof(int));
	}
	/* One message each way fits any socket buffer: a full one is the peer's doing, and not worth waiting for. */
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EPIPE || errno == ECONNRESET ? -ENOTCONN : -errno;
	return 0;
}

static void packet_add_fds(struct packet *p, const int *fds, unsigned nfds)
{
	memcpy(p->fds, fds, nfds * sizeof(int));
	p->nfds = nfds;
}

/* Copy a text of the peer's that people will read: bounded, printable, terminated. */
static bool text_copy(char *out, size_t size, const char *in)
{
	size_t n = strlen(in), i;

	if (n >= size)
		return false;
	for (i = 0; i < n; i++)
		if (in[i] < ' ' || in[i] > '~')
			return false;
	memcpy(out, in, n + 1);
	return true;
}

int attach_send_hello(int sock, const struct attach_hello *h, const int fds[HELLO_NFDS])
{
	Shadowpool__AttachHello m;
	char name[sizeof(h->vm_name)];
	struct packet p = { .size = 0 };

	memcpy(name, h->vm_name, sizeof(name));
	name[sizeof(name) - 1] = 0;
	shadowpool__attach_hello__init(&m);
	m.protocol = h->protocol;
	m.layout_hash = h->layout_hash;
	m.vm_id = h->vm_id;
	m.vm_name = name;
	m.nvcpu = h->nvcpu;
	m.nslots = h->nslots;
	m.start_index = h->start_index;
	m.last_epoch = h->last_epoch;
	m.ram_low_end = h->ram_low_end;
	m.ram_high_end = h->ram_high_end;
	m.ram_maddr = h->ram_maddr;
	m.pool_maddr = h->pool_maddr;
	m.copies_maddr = h->copies_maddr;
	m.pool_bytes = h->pool_bytes;
	m.pool_pages = h->pool_pages;
	m.maxphyaddr = h->maxphyaddr;
	m.stub_slot = h->stub_slot;
	m.stub_entry = h->stub_entry;
	m.audit = h->audit;
	m.untimed = h->untimed;
	m.poison = h->poison;
	if (shadowpool__attach_hello__get_packed_size(&m) > sizeof(p.data))
		return -EMSGSIZE;
	p.size = shadowpool__attach_hello__pack(&m, p.data);
	packet_add_fds(&p, fds, HELLO_NFDS);
	return packet_send(sock, &p);
}

static int hello_decode(const struct packet *p, struct attach_hello *h)
{
	Shadowpool__AttachHello *m = shadowpool__attach_hello__unpack(NULL, p->size, p->data);
	int rc;

	if (!m)
		return -EPROTO;
	*h = (struct attach_hello){
		.protocol = m->protocol, .layout_hash = m->layout_hash, .vm_id = m->vm_id,
		.nvcpu = m->nvcpu, .nslots = m->nslots, .start_index = m->start_index, .last_epoch = m->last_epoch,
		.ram_low_end = m->ram_low_end, .ram_high_end = m->ram_high_end,
		.ram_maddr = m->ram_maddr, .pool_maddr = m->pool_maddr, .copies_maddr = m->copies_maddr,
		.pool_bytes = m->pool_bytes, .pool_pages = m->pool_pages, .maxphyaddr = m->maxphyaddr,
		.stub_slot = m->stub_slot, .stub_entry = m->stub_entry, .audit = m->audit, .untimed = m->untimed,
		.poison = m->poison,
	};
	rc = text_copy(h->vm_name, sizeof(h->vm_name), m->vm_name) ? 0 : -EPROTO;
	shadowpool__attach_hello__free_unpacked(m, NULL);
	return rc;
}

int attach_recv_hello(int sock, struct attach_hello *h, int fds[HELLO_NFDS], int deadline_ms)
{
	struct packet p;
	int rc = packet_recv(sock, &p, deadline_ms);

	if (rc)
		return rc;
	rc = p.nfds == HELLO_NFDS ? hello_decode(&p, h) : -EPROTO;
	if (rc)
		packet_close(&p);
	else
		memcpy(fds, p.fds, HELLO_NFDS * sizeof(int));
	return rc;
}

int attach_send_welcome(int sock, const struct attach_welcome *w, const int fds[WELCOME_NFDS])
{
	Shadowpool__AttachWelcome m;
	char error[sizeof(w->error)];
	struct packet p = { .size = 0 };

	memcpy(error, w->error, sizeof(error));
	error[sizeof(error) - 1] = 0;
	shadowpool__attach_welcome__init(&m);
	m.protocol = w->protocol;
	m.layout_hash = w->layout_hash;
	m.epoch = w->epoch;
	m.pool_bytes = w->pool_bytes;
	m.pool_pages = w->pool_pages;
	m.stats_bytes = w->stats_bytes;
	m.extensions = w->extensions;
	m.error = error;
	if (shadowpool__attach_welcome__get_packed_size(&m) > sizeof(p.data))
		return -EMSGSIZE;
	p.size = shadowpool__attach_welcome__pack(&m, p.data);
	if (!error[0])
		packet_add_fds(&p, fds, WELCOME_NFDS);
	return packet_send(sock, &p);
}

static int welcome_decode(const struct packet *p, struct attach_welcome *w)
{
	Shadowpool__AttachWelcome *m = shadowpool__attach_welcome__unpack(NULL, p->size, p->data);
	int rc;

	if (!m)
		return -EPROTO;
	*w = (struct attach_welcome){
		.protocol = m->protocol, .layout_hash = m->layout_hash, .epoch = m->epoch,
		.pool_bytes = m->pool_bytes, .pool_pages = m->pool_pages, .stats_bytes = m->stats_bytes, .extensions = m->extensions,
	};
	rc = text_copy(w->error, sizeof(w->error), m->error) ? 0 : -EPROTO;
	shadowpool__attach_welcome__free_unpacked(m, NULL);
	return rc;
}

int attach_recv_welcome(int sock, struct attach_welcome *w, int fds[WELCOME_NFDS], int deadline_ms)
{
	struct packet p;
	unsigned i;
	int rc = packet_recv(sock, &p, deadline_ms);

	if (rc)
		return rc;
	rc = welcome_decode(&p, w);
	if (!rc && p.nfds != (w->error[0] ? 0 : WELCOME_NFDS))
		rc = -EPROTO;
	if (rc) {
		packet_close(&p);
		return rc;
	}
	for (i = 0; i < WELCOME_NFDS; i++)
		fds[i] = i < p.nfds ? p.fds[i] : -1;
	return 0;
}

#define NOTICE_QUIESCE 1u

int attach_send_quiesce(int sock)
{
	Shadowpool__AttachNotice m;
	struct packet p = { .size = 0 };

	shadowpool__attach_notice__init(&m);
	m.kind = NOTICE_QUIESCE;
	p.size = shadowpool__attach_notice__pack(&m, p.data);
	return packet_send(sock, &p);
}

int attach_recv_quiesce(int sock)
{
	Shadowpool__AttachNotice *m;
	struct packet p;
	bool good;
	int rc = packet_recv(sock, &p, 0);

	if (rc)
		return rc;
	m = shadowpool__attach_notice__unpack(NULL, p.size, p.data);
	good = m && m->kind == NOTICE_QUIESCE && !p.nfds;
	if (m)
		shadowpool__attach_notice__free_unpacked(m, NULL);
	packet_close(&p);
	return good ? 0 : -EPROTO;
}
