/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HELLO in, objects made, WELCOME out. poold, the connection's thread. Order matters: nothing is allocated before the hello is
 * checked, nothing of ours is sent before all of it exists, and an older session of the same VM must have given its
 * hugepages back.
 */
#include "poold/attach/handshake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/log.h"
#include "poold/attach/hello.h"
#include "poold/serve/service.h"

struct handshake {
	struct connection *c;
	struct attach_hello hello;
	struct pool_config config;
	struct objects_wanted wanted;
	struct session_objects objects;
	struct link_params params;
	struct session *session;
	char err[sizeof(((struct attach_welcome *)0)->error)];
	char note[256];
};

static pid_t peer_pid(int sock)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) ? 0 : cred.pid;
}

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

static int step_receive(struct handshake *h, int fds[HELLO_NFDS])
{
	int rc = attach_recv_hello(h->c->sock, &h->hello, fds, HANDSHAKE_HELLO_MS);

	if (rc == -EPROTO)
		snprintf(h->err, sizeof(h->err), "not a hello with %u descriptors", (unsigned)HELLO_NFDS);
	else if (rc == -ETIMEDOUT)
		snprintf(h->err, sizeof(h->err), "no hello within %u ms", HANDSHAKE_HELLO_MS);
	return rc;
}

/* Takes fds in every case. */
static int step_check(struct handshake *h, int fds[HELLO_NFDS])
{
	int rc = hello_check(&h->hello, h->c->service->config, &h->config, &h->wanted, h->err, sizeof(h->err));

	if (rc) {
		close_all(fds, HELLO_NFDS);
		return rc;
	}
	rc = objects_open_peer(&h->objects, &h->wanted, fds, h->err, sizeof(h->err));
	if (rc)
		return rc;
	h->params = (struct link_params){
		.epoch = h->hello.last_epoch, .vm_id = h->hello.vm_id, .nvcpu = h->hello.nvcpu,
		.nslots = h->hello.nslots, .start_index = h->hello.start_index,
	};
	rc = link_t_check(h->objects.link_t.base, &h->params);
	if (rc)
		snprintf(h->err, sizeof(h->err), "link-t: its header differs from the hello");
	return rc;
}

static int step_claim(struct handshake *h)
{
	int rc = connections_claim_name(&h->c->service->connections, h->c, h->hello.vm_name, HANDSHAKE_NAME_MS);

	if (rc == -EBUSY)
		snprintf(h->err, sizeof(h->err), "VM %s is attached already; stop it, or choose another name",
			 h->hello.vm_name);
	else if (rc == -EUSERS)
		snprintf(h->err, sizeof(h->err), "poold serves %u VMs already; stop one, or raise max-vms",
			 h->c->service->connections.max_vms);
	else if (rc)
		snprintf(h->err, sizeof(h->err), "poold is shutting down");
	return rc;
}

/* Higher than every epoch that this VM has seen, whichever poold gave it. */
static uint64_t next_epoch(struct service *service, uint64_t last)
{
	uint64_t epoch = fetch_add_relaxed(&service->epoch, 1);

	return epoch > last ? epoch : last + 1;
}

static int step_create(struct handshake *h)
{
	struct service *service = h->c->service;
	struct session_trace trace = { .recorder = service->recorder };
	int rc = objects_create(&h->objects, &h->wanted, &service->huge, h->err, sizeof(h->err), h->note, sizeof(h->note));
	uint32_t pages = h->objects.pool_pages;

	if (rc)
		return rc;
	h->params.epoch = next_epoch(service, h->hello.last_epoch);
	trace_jobs_take(&service->trace_jobs, h->hello.vm_name, &trace);
	rc = session_create(&h->session, &h->hello, &h->config, &h->objects, h->params.epoch, &trace, h->err,
		       sizeof(h->err));
	if (rc)
		return rc;
	h->session->peer = peer_pid(h->c->sock);
	link_p_init(h->session->objects.link_p.base, &h->params);
	link_server_init(&h->session->link, h->session->objects.link_t.base, h->session->objects.link_p.base, &h->params);
	if (h->note[0])
		log_warning("VM %s: %s", h->session->name, h->note);
	log_info("VM %s: attached by process %d, epoch %llu, RAM %llu MiB, pool %llu MiB in pages of %s", h->session->name,
		 (int)h->session->peer, (unsigned long long)h->params.epoch, (unsigned long long)(h->wanted.ram_span >> 20),
		 (unsigned long long)(h->wanted.pool_bytes >> 20), pages == ATTACH_PAGES_2M ? "2 MiB" : "4 KiB");
	return 0;
}

static int step_welcome(struct handshake *h)
{
	const struct session_objects *o = &h->session->objects;
	struct attach_welcome w = {
		.protocol = ATTACH_PROTOCOL, .layout_hash = shm_layout_hash(), .epoch = h->params.epoch,
		.pool_bytes = h->wanted.pool_bytes, .pool_pages = o->pool_pages, .stats_bytes = o->stats_p.size,
		.extensions = h->config.extensions,
	};
	int fds[WELCOME_NFDS] = {
		[WELCOME_FD_LINK_P] = o->link_p.fd, [WELCOME_FD_POOL] = o->pool.fd,
		[WELCOME_FD_PAGE_STATE] = o->page_state.fd, [WELCOME_FD_STATS_P] = o->stats_p.fd,
	};

	return attach_send_welcome(h->c->sock, &w, fds);
}

/* The peer may be gone, or may not read: then it needs no answer. */
static void refuse(struct handshake *h, int rc)
{
	struct attach_welcome w = { .protocol = ATTACH_PROTOCOL, .layout_hash = shm_layout_hash() };

	if (rc == -ENOTCONN || rc == -ECONNRESET || rc == -EPIPE) {
		log_debug("a peer hung up during its handshake");
		return;
	}
	if (!h->err[0])
		snprintf(h->err, sizeof(h->err), "attach failed: %s", strerror(-rc));
	snprintf(w.error, sizeof(w.error), "%s", h->err);
	/* The peer is told and tells its user: one line about it is enough. */
	log_info("attach of process %d refused: %s", (int)peer_pid(h->c->sock), h->err);
	attach_send_welcome(h->c->sock, &w, NULL);
}

int handshake_run(struct connection *c, struct session **out)
{
	struct handshake h = { .c = c };
	int fds[HELLO_NFDS];
	int rc;

	objects_init(&h.objects);
	rc = step_receive(&h, fds);
	if (!rc)
		rc = step_check(&h, fds);
	if (!rc)
		rc = step_claim(&h);
	if (!rc)
		rc = step_create(&h);
	if (!rc)
		rc = step_welcome(&h);
	if (!rc) {
		*out = h.session;
		return 0;
	}
	refuse(&h, rc);
	session_destroy(h.session);
	objects_destroy(&h.objects);
	return rc;
}
