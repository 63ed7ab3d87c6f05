/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attach to poold, detach, and notice when it dies. Process trapd: attach and detach on the vCPU thread while no vCPU is in
 * the VM, the watcher on a thread of its own. doc/spec/ring.md, "Epochs, attach, detach, recovery".
 */
#include "trapd/link/pool_link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/attach.h"
#include "common/barrier.h"
#include "trapd/cpu/machine.h"
#include "trapd/cpu/vcpu.h"
#include "trapd/kvm/stub.h"
#include "trapd/kvm/windows.h"
#include "trapd/link/kick.h"
#include "trapd/link/vcpu_link.h"

#define ATTACH_DEADLINE_MS 5000

/*
 * Map the pool and make it the VM's pool window. No other code of trapd uses the address of the mapping, which goes into the
 * memslot and, at detach, into munmap(2).
 */
static int pool_window_add(struct pool_link *l, int fd, uint64_t bytes)
{
	int rc = memfd_open_sealed(&l->pool, fd, bytes, true);

	return rc ? rc : slots_set(l->config.vm_fd, VM_SLOT_POOL, VM_POOL_MADDR, bytes, l->pool.base);
}

static void pool_window_remove(struct pool_link *l)
{
	if (!l->pool.base)
		return;
	slots_set(l->config.vm_fd, VM_SLOT_POOL, VM_POOL_MADDR, 0, l->pool.base);
	memfd_close(&l->pool);	/* before the new attach: hugepages of the dead pool must be free again */
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int connect_poold(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s, rc;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path));
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	if (connect(s, (struct sockaddr *)&a, sizeof(a))) {
		rc = -errno;
		close(s);
		return rc;
	}
	return s;
}

/*
 * Wait for a message of poold or for its end. true: wait again. QUIESCE is the only message; anything else counts as the end of
 * the link.
 */
static bool watch_once(struct pool_link *l, struct pollfd p[2])
{
	p[0].revents = p[1].revents = 0;
	if (poll(p, 2, -1) < 0)
		return errno == EINTR;
	if (p[1].revents || p[0].revents != POLLIN || attach_recv_quiesce(l->sock))
		return false;
	store_release(&l->quiesce, 1);		/* pairs with the load in vcpu_thread.c */
	vcpu_kick(&l->machine->vcpu[0]);
	return true;
}

static void *watch(void *arg)
{
	struct pool_link *l = arg;
	struct pollfd p[2] = { { .fd = l->sock, .events = POLLRDHUP | POLLIN }, { .fd = l->watch_quit, .events = POLLIN } };

	while (watch_once(l, p))
		;
	if (!(p[1].revents & POLLIN)) {
		store_release(&l->lost, 1);	/* pairs with the load in vcpu_thread.c */
		for (uint32_t i = 0; i < l->machine->nvcpu; i++)
			link_client_kill(&l->machine->vcpu[i].link->client);
		vcpu_kick_all(l->machine);
	}
	return NULL;
}

static int start_watcher(struct pool_link *l)
{
	int rc;

	l->watch_quit = eventfd(0, EFD_CLOEXEC);
	if (l->watch_quit < 0)
		return -errno;
	rc = pthread_create(&l->watcher, NULL, watch, l);
	l->watching = rc == 0;
	return -rc;
}

static void stop_watcher(struct pool_link *l)
{
	const uint64_t one = 1;

	if (l->watching) {
		while (write(l->watch_quit, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		pthread_join(l->watcher, NULL);
	}
	l->watching = false;
}

static void fill_hello(const struct pool_link *l, uint64_t copies_maddr, struct attach_hello *h)
{
	const struct pool_link_config *c = &l->config;
	const struct machine *m = l->machine;

	*h = (struct attach_hello){
		.protocol = ATTACH_PROTOCOL, .layout_hash = shm_layout_hash(), .vm_id = l->params.vm_id,
		.nvcpu = m->nvcpu, .nslots = l->params.nslots, .start_index = l->params.start_index,
		.last_epoch = l->epoch, .ram_low_end = m->ram.low_end, .ram_high_end = m->ram.high_end,
		.ram_maddr = VM_RAM_MADDR, .pool_maddr = VM_POOL_MADDR,
		.copies_maddr = copies_maddr, .pool_bytes = c->pool_bytes, .pool_pages = c->pool_pages,
		.maxphyaddr = m->facts.maxphyaddr, .stub_slot = c->stub->slot,
		.stub_entry = stub_pml4_entry(c->stub), .audit = c->audit, .untimed = c->untimed, .poison = c->poison,
	};
	snprintf(h->vm_name, sizeof(h->vm_name), "%s", c->vm_name);
}

/* Map one received object read-only. The descriptor is closed or taken over in every case. */
static int take(struct memfd *m, int *fd, uint64_t size)
{
	int rc = memfd_open_sealed(m, *fd, size, false);

	*fd = -1;
	return rc;
}

/* Under the lock, because the control thread may be reading the old counters (engine.c); they are unmapped afterwards. */
static void swap_stats(struct pool_link *l, struct memfd *fresh)
{
	struct memfd old;

	pthread_mutex_lock(&l->lock);
	old = l->stats;
	l->stats = *fresh;
	pthread_mutex_unlock(&l->lock);
	memfd_close(&old);
}

/* Take what poold sent: sizes and seals checked, page_state as large as RAM. fds belong to this function. */
static int open_objects(struct pool_link *l, const struct attach_welcome *w, int fds[WELCOME_NFDS])
{
	uint64_t state_bytes = ((guest_ram_span(&l->machine->ram) >> PAGE_SHIFT) + 4095) & ~4095ull;
	struct memfd stats = MEMFD_NONE;
	int rc = 0;

	if (!w->pool_bytes || w->pool_bytes > VM_POOL_MAX || w->pool_bytes % (2ull << 20) || w->stats_bytes > ATTACH_MAX_STATS)
		rc = -EPROTO;
	if (!rc)
		rc = take(&l->link_p, &fds[WELCOME_FD_LINK_P], LINK_P_SIZE);
	if (!rc)
		rc = take(&l->page_state, &fds[WELCOME_FD_PAGE_STATE], state_bytes);
	if (!rc)
		rc = take(&stats, &fds[WELCOME_FD_STATS_P], w->stats_bytes);
	swap_stats(l, &stats);
	if (!rc) {
		rc = pool_window_add(l, fds[WELCOME_FD_POOL], w->pool_bytes);
		fds[WELCOME_FD_POOL] = -1;
	}
	for (unsigned i = 0; i < WELCOME_NFDS; i++)
		close_fd(&fds[i]);
	return rc;
}

static int handshake(struct pool_link *l, uint64_t copies_maddr, char *err, size_t err_size)
{
	struct attach_hello h;
	struct attach_welcome w;
	int hello_fds[HELLO_NFDS] = { l->link_t.fd, l->config.ram_fd, l->config.stats_fd, l->eventfd }, fds[WELCOME_NFDS], rc;

	fill_hello(l, copies_maddr, &h);
	rc = attach_send_hello(l->sock, &h, hello_fds);
	if (!rc)
		rc = attach_recv_welcome(l->sock, &w, fds, ATTACH_DEADLINE_MS);
	if (rc) {
		snprintf(err, err_size, "poold at %s broke off the attach: %s; see its log", l->config.socket, strerror(-rc));
		return rc;
	}
	if (w.error[0]) {
		snprintf(err, err_size, "%s", w.error);
		return -ECONNREFUSED;
	}
	l->machine->extensions = w.extensions;
	rc = open_objects(l, &w, fds);
	if (!rc && (w.protocol != ATTACH_PROTOCOL || w.layout_hash != h.layout_hash))
		rc = -EPROTO;
	if (!rc) {
		l->params.epoch = w.epoch;
		rc = link_p_check(l->link_p.base, &l->params);
	}
	if (rc) {
		snprintf(err, err_size, "poold at %s sent objects that do not fit: %s; are both daemons of one version?",
			 l->config.socket, strerror(-rc));
		return rc;
	}
	pthread_mutex_lock(&l->lock);	/* read by the control thread */
	l->epoch = w.epoch;
	l->pool_bytes = w.pool_bytes;
	l->pool_pages = w.pool_pages;
	pthread_mutex_unlock(&l->lock);
	return 0;
}

static void raise_mmu_pages(struct pool_link *l)
{
	unsigned long now = (unsigned long)ioctl(l->config.vm_fd, KVM_GET_NR_MMU_PAGES, 0), want = 2 * (l->pool_bytes >> PAGE_SHIFT) + 1024;

	/* Where KVM shadows by itself it limits its own tables by the size of the memslots: without this it thrashes. */
	if (now < want)
		ioctl(l->config.vm_fd, KVM_SET_NR_MMU_PAGES, want);
}

void pool_link_init(struct pool_link *l, struct machine *m)
{
	*l = (struct pool_link){ .machine = m, .sock = -1, .eventfd = -1, .watch_quit = -1, .link_t = MEMFD_NONE, .link_p = MEMFD_NONE,
				 .page_state = MEMFD_NONE, .stats = MEMFD_NONE, .pool = MEMFD_NONE };
	pthread_mutex_init(&l->lock, NULL);
}

int pool_link_attach(struct pool_link *l, uint64_t copies_maddr, char *err, size_t err_size)
{
	struct machine *m = l->machine;
	int rc;

	l->params = (struct link_params){ .vm_id = (uint64_t)getpid() << 32 | (uint32_t)((uintptr_t)l >> 4), .nvcpu = m->nvcpu,
					  .nslots = LINK_DEFAULT_SLOTS, .epoch = l->epoch };
	l->sock = connect_poold(l->config.socket);
	if (l->sock < 0) {
		rc = l->sock;
		snprintf(err, err_size, "cannot reach poold at %s: %s; start it (systemctl start poold)", l->config.socket,
			 strerror(-rc));
		return rc;
	}
	l->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = l->eventfd < 0 ? -errno : memfd_create_sealed(&l->link_t, "shadowpool-link-t",
							   LINK_T_SIZE(l->params.nslots, l->params.nvcpu), MEMFD_4K, true, false);
	if (rc) {
		snprintf(err, err_size, "cannot create the link to poold: %s; check limits on descriptors and memory", strerror(-rc));
		pool_link_detach(l);
		return rc;
	}
	link_t_init(l->link_t.base, &l->params);
	rc = handshake(l, copies_maddr, err, err_size);
	if (!rc) {
		/* Before the watcher starts: if poold is gone already it kills these clients at once. */
		for (uint32_t i = 0; i < m->nvcpu; i++)
			link_client_init(&m->vcpu[i].link->client, l->link_t.base, l->link_p.base, l->eventfd, &l->params, i);
		rc = start_watcher(l);
	}
	if (rc) {
		pool_link_detach(l);
		return rc;
	}
	stub_map_pool(l->config.stub, VM_POOL_MADDR, l->pool_bytes);
	raise_mmu_pages(l);
	m->page_state = l->page_state.base;
	for (uint32_t i = 0; i < m->nvcpu; i++) {
		struct vcpu *v = &m->vcpu[i];

		v->link_up = true;
		v->events_since_reply = false;
		v->flush_epoch = 0;
	}
	return 0;
}

void pool_link_detach(struct pool_link *l)
{
	struct machine *m = l->machine;

	stop_watcher(l);
	for (uint32_t i = 0; m->vcpu && i < m->nvcpu; i++)
		m->vcpu[i].link_up = false;
	m->page_state = NULL;
	pool_window_remove(l);
	memfd_close(&l->link_t);
	memfd_close(&l->link_p);
	memfd_close(&l->page_state);
	close_fd(&l->sock);
	close_fd(&l->eventfd);
	close_fd(&l->watch_quit);
}

/* v->link_up goes at once, so that work that the lost link has left undone does not reach the next link. */
int pool_link_lost(struct vcpu *v)
{
	v->link_up = false;
	store_release(&v->pool->lost, 1);	/* pairs with the load of link_is_up, vcpu_thread.c */
	return -ENOTCONN;
}

void pool_link_destroy(struct pool_link *l)
{
	pool_link_detach(l);
	memfd_close(&l->stats);
	slots_dummy_destroy(&l->dummy_slot);
	pthread_mutex_destroy(&l->lock);
}
