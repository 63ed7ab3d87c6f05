/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of doc/ring.md: poll rings and mailboxes, serve, spin a little, arm, sleep at most 100 ms on eventfd and socket.
 * poold, one thread per link, so that one VM stalls no other. Every round does a bounded amount of work; death is
 * learned from the socket alone. No event base here: there are exactly two descriptors, and libevent has no hook
 * between its last look and its wait, which is where arming belongs.
 */
#include "poold/serve/connection_thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/log.h"
#include "poold/daemon.h"
#include "poold/serve/events.h"
#include "poold/serve/handshake.h"
#include "poold/serve/requests.h"

#define LINK_CHECK_SOCKET_ROUNDS 256u	/* a busy peer's hang-up is noticed after so many rounds */

/* One round: a batch of events from each ring, then one request of each vCPU. Returns the amount of work, or -errno. */
static int link_poll(struct vm *vm)
{
	struct link_req req;
	int work = 0;

	for (uint32_t v = 0; v < vm->config.nvcpu; v++) {
		int n = events_poll(vm, v);

		if (n < 0)
			return n;
		work += n;
	}
	for (uint32_t v = 0; v < vm->config.nvcpu; v++) {
		int n = link_server_request(&vm->link, v, &req);

		if (n > 0) {
			int rc = requests_serve(vm, v, &req);

			if (rc)
				return rc;
			work++;
		} else if (n < 0) {
			vm->reject = link_fault_text(vm->link.fault);
			return n;
		}
	}
	return work;
}

/* 0: go on; -ENOTCONN: the peer hung up; -EPROTO: it speaks where it has nothing to say. */
static int socket_state(short revents)
{
	if (revents & (POLLHUP | POLLERR | POLLNVAL))
		return -ENOTCONN;
	return revents & POLLIN ? -EPROTO : 0;
}

static int link_check_socket(struct link *link)
{
	struct pollfd fd = { .fd = link->sock, .events = POLLIN };

	return poll(&fd, 1, 0) > 0 ? socket_state(fd.revents) : 0;
}

/* Armed: wait for a kick, the hang-up, or the time that bounds every sleep. */
static int link_sleep(struct link *link, struct vm *vm)
{
	struct pollfd fds[2] = {
		{ .fd = vm->objects.event_fd, .events = POLLIN },
		{ .fd = link->sock, .events = POLLIN },
	};
	int n = poll(fds, 2, LINK_SLEEP_MS);

	link_server_disarm(&vm->link, n == 0);
	if (n <= 0)
		return n < 0 && errno != EINTR ? -errno : 0;
	if (fds[0].revents && link_server_drain(vm->objects.event_fd)) {
		vm->reject = "its eventfd cannot be read";
		return -EPROTO;
	}
	return socket_state(fds[1].revents);
}

static int link_run(struct link *link, struct vm *vm)
{
	unsigned rounds = 0;

	for (;;) {
		int rc = link_poll(vm);

		if (rc > 0 && ++rounds % LINK_CHECK_SOCKET_ROUNDS)
			continue;
		if (rc > 0)
			rc = link_check_socket(link);
		else if (!rc && !link_server_spin(&vm->link) && link_server_arm(&vm->link))
			rc = link_sleep(link, vm);
		if (rc < 0)
			return rc;
	}
}

static void log_detach(const struct vm *vm, int rc)
{
	if (vm->link.count.lost_wakes)
		/* On a machine too busy to run the peer between its store and its kick. Many of them on an idle one are a bug. */
		log_info("VM %s: %llu waits on the link ended by their time, with work that no kick had announced yet", vm->name,
			 (unsigned long long)vm->link.count.lost_wakes);
	if (rc == -ENOTCONN)
		log_info("VM %s: detached after %llu requests and %llu events", vm->name,
			 (unsigned long long)vm->link.count.requests, (unsigned long long)vm->link.count.events);
	else if (rc == -EPROTO)
		log_error("VM %s: detached, broken peer: %s", vm->name,
			  vm->reject ? vm->reject : "unexpected message on the attach socket");
	else if (rc == -EIO)
		log_error("VM %s: detached, the pool found an error of its own; trapd attaches anew", vm->name);
	else
		log_error("VM %s: detached: %s", vm->name, strerror(-rc));
}

static void *link_thread(void *arg)
{
	struct link *link = arg;
	struct links *links = &link->daemon->links;
	struct vm *vm = NULL;

	prctl(PR_SET_NAME, "link", 0, 0, 0);
	if (!handshake_run(link, &vm)) {
		int rc;

		links_set_vm(links, link, vm);
		traces_attached(&link->daemon->traces, vm->name);
		rc = link_run(link, vm);
		/* First out of sight of the main thread; the socket goes last, so that hugepages are free by then. */
		links_set_vm(links, link, NULL);
		log_detach(vm, rc);
		vm_destroy(vm);
	}
	links_remove(links, link);
	close(link->sock);
	free(link);
	return NULL;
}

static int thread_start(struct link *link)
{
	pthread_attr_t attr;
	sigset_t block, old;
	pthread_t thread;
	int rc;

	/* The main loop gets the signals; SIGSYS stays open, or the sandbox could not report. */
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 512u << 10);
	pthread_sigmask(SIG_BLOCK, &block, &old);
	rc = pthread_create(&thread, &attr, link_thread, link);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -rc;
}

int link_thread_start(struct poold *daemon, int sock)
{
	struct link *link = calloc(1, sizeof(*link));
	int rc;

	if (!link)
		return -ENOMEM;
	link->daemon = daemon;
	link->sock = sock;
	rc = links_add(&daemon->links, link);
	if (!rc) {
		rc = thread_start(link);
		if (rc)
			links_remove(&daemon->links, link);
	}
	if (rc)
		free(link);
	return rc;
}
