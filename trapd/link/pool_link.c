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

#include "common/barrier.h"
#include "trapd/link/kick.h"
#include "trapd/trap/vcpu_priv.h"

#define ATTACH_DEADLINE_MS 5000

/* trapd's side of one attach. */
struct pool_link {
	int sock;			/* connection to poold, whose hang-up is the detach; -1: there is none */
	int eventfd;			/* wakes poold's loop */
	int watch_quit;			/* eventfd that ends the watcher */
	bool watching;
	pthread_t watcher;
	struct link_params params;
	struct memfd pool;		/* only the memslot gets its address: no code of trapd reads or writes the pool */
};

/*
 * Map the pool and make it the VM's pool window. No other code of trapd uses the address of the mapping, which goes into the
 * memslot and, at detach, into munmap(2).
 */
static int pool_window_add(struct vm *vm, int fd, uint64_t bytes)
{
	int rc = memfd_open_sealed(&vm->link->pool, fd, bytes, true);

	return rc ? rc : slots_set(vm->fd, VM_SLOT_POOL, VM_POOL_MADDR, bytes, vm->link->pool.base);
}

static void pool_window_remove(struct vm *vm)
{
	if (!vm->link->pool.base)
		return;
	slots_set(vm->fd, VM_SLOT_POOL, VM_POOL_MADDR, 0, vm->link->pool.base);
	memfd_close(&vm->link->pool);	/* before the new attach: hugepages of the dead pool must be free again */
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
static bool watch_once(struct vm *vm, struct pollfd p[2])
{
	p[0].revents = p[1].revents = 0;
	if (poll(p, 2, -1) < 0)
		return errno == EINTR;
	if (p[1].revents || p[0].revents != POLLIN || attach_recv_quiesce(vm->link->sock))
		return false;
	store_release(&vm->quiesce, 1);		/* pairs with the load in vcpu_thread.c */
	vcpu_kick(&vm->machine.vcpu[0]);
	return true;
}

static void *watch(void *arg)
{
	struct vm *vm = arg;
	struct pollfd p[2] = { { .fd = vm->link->sock, .events = POLLRDHUP | POLLIN }, { .fd = vm->link->watch_quit, .events = POLLIN } };

	while (watch_once(vm, p))
		;
	if (!(p[1].revents & POLLIN)) {
		store_release(&vm->link_lost, 1);	/* pairs with the load in vcpu_thread.c */
		for (uint32_t i = 0; i < vm->machine.nvcpu; i++)
			link_client_kill(&vm->machine.vcpu[i].link);
		vm_kick(vm);
	}
	return NULL;
}

static int start_watcher(struct vm *vm)
{
	struct pool_link *l = vm->link;
	int rc;

	l->watch_quit = eventfd(0, EFD_CLOEXEC);
	if (l->watch_quit < 0)
		return -errno;
	rc = pthread_create(&l->watcher, NULL, watch, vm);
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

static void fill_hello(const struct vm *vm, uint64_t copies_maddr, struct attach_hello *h)
{
	const struct vm_config *c = &vm->config;

	*h = (struct attach_hello){
		.protocol = ATTACH_PROTOCOL, .layout_hash = shm_layout_hash(), .vm_id = vm->link->params.vm_id,
		.nvcpu = c->nvcpu, .nslots = vm->link->params.nslots, .start_index = vm->link->params.start_index,
		.last_epoch = vm->epoch, .ram_low_end = vm->machine.ram.low_end, .ram_high_end = vm->machine.ram.high_end,
		.ram_maddr = VM_RAM_MADDR, .pool_maddr = VM_POOL_MADDR,
		.copies_maddr = copies_maddr, .pool_bytes = c->pool_bytes, .pool_pages = c->pool_pages,
		.maxphyaddr = vm->machine.facts.maxphyaddr, .stub_slot = vm->stub_slot,
		.stub_entry = stub_pml4_entry(vm->stub_window), .audit = c->audit, .poison = c->poison,
	};
	snprintf(h->vm_name, sizeof(h->vm_name), "%s", c->name);
}

/* Map one received object read-only. The descriptor is closed or taken over in every case. */
static int take(struct memfd *m, int *fd, uint64_t size)
{
	int rc = memfd_open_sealed(m, *fd, size, false);

	*fd = -1;
	return rc;
}

/* Under the lock, because the control thread may be reading the old counters (engine.c); they are unmapped afterwards. */
static void swap_stats(struct vm *vm, struct memfd *fresh)
{
	struct memfd old;

	pthread_mutex_lock(&vm->pool_lock);
	old = vm->stats_p;
	vm->stats_p = *fresh;
	pthread_mutex_unlock(&vm->pool_lock);
	memfd_close(&old);
}

/* Take what poold sent: sizes and seals checked, page_state as large as RAM. fds belong to this function. */
static int open_objects(struct vm *vm, const struct attach_welcome *w, int fds[WELCOME_NFDS])
{
	uint64_t state_bytes = ((guest_ram_span(&vm->machine.ram) >> PAGE_SHIFT) + 4095) & ~4095ull;
	struct memfd stats = MEMFD_NONE;
	int rc = 0;

	if (!w->pool_bytes || w->pool_bytes > VM_POOL_MAX || w->pool_bytes % (2ull << 20) || w->stats_bytes > ATTACH_MAX_STATS)
		rc = -EPROTO;
	if (!rc)
		rc = take(&vm->link_p, &fds[WELCOME_FD_LINK_P], LINK_P_SIZE);
	if (!rc)
		rc = take(&vm->page_state_fd, &fds[WELCOME_FD_PAGE_STATE], state_bytes);
	if (!rc)
		rc = take(&stats, &fds[WELCOME_FD_STATS_P], w->stats_bytes);
	swap_stats(vm, &stats);
	if (!rc) {
		rc = pool_window_add(vm, fds[WELCOME_FD_POOL], w->pool_bytes);
		fds[WELCOME_FD_POOL] = -1;
	}
	for (unsigned i = 0; i < WELCOME_NFDS; i++)
		close_fd(&fds[i]);
	return rc;
}

static int handshake(struct vm *vm, uint64_t copies_maddr, char *err, size_t err_size)
{
	struct pool_link *l = vm->link;
	struct attach_hello h;
	struct attach_welcome w;
	int hello_fds[HELLO_NFDS] = { vm->link_t.fd, vm->ram_fd.fd, vm->stats_t.fd, l->eventfd }, fds[WELCOME_NFDS], rc;

	fill_hello(vm, copies_maddr, &h);
	rc = attach_send_hello(l->sock, &h, hello_fds);
	if (!rc)
		rc = attach_recv_welcome(l->sock, &w, fds, ATTACH_DEADLINE_MS);
	if (rc) {
		snprintf(err, err_size, "poold at %s broke off the attach: %s; see its log", vm->config.attach_socket, strerror(-rc));
		return rc;
	}
	if (w.error[0]) {
		snprintf(err, err_size, "%s", w.error);
		return -ECONNREFUSED;
	}
	vm->machine.extensions = w.extensions;
	rc = open_objects(vm, &w, fds);
	if (!rc && (w.protocol != ATTACH_PROTOCOL || w.layout_hash != h.layout_hash))
		rc = -EPROTO;
	if (!rc) {
		l->params.epoch = w.epoch;
		rc = link_p_check(vm->link_p.base, &l->params);
	}
	if (rc) {
		snprintf(err, err_size, "poold at %s sent objects that do not fit: %s; are both daemons of one version?",
			 vm->config.attach_socket, strerror(-rc));
		return rc;
	}
	pthread_mutex_lock(&vm->pool_lock);	/* read by the control thread */
	vm->epoch = w.epoch;
	vm->pool_bytes = w.pool_bytes;
	vm->pool_pages = w.pool_pages;
	pthread_mutex_unlock(&vm->pool_lock);
	return 0;
}

static void raise_mmu_pages(struct vm *vm)
{
	unsigned long now = (unsigned long)ioctl(vm->fd, KVM_GET_NR_MMU_PAGES, 0), want = 2 * (vm->pool_bytes >> PAGE_SHIFT) + 1024;

	/* Where KVM shadows by itself it limits its own tables by the size of the memslots: without this it thrashes. */
	if (now < want)
		ioctl(vm->fd, KVM_SET_NR_MMU_PAGES, want);
}

int pool_link_attach(struct vm *vm, uint64_t copies_maddr, char *err, size_t err_size)
{
	struct pool_link *l = vm->link;
	int rc;

	if (!l) {
		l = vm->link = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		l->sock = l->eventfd = l->watch_quit = -1;
		l->pool = (struct memfd)MEMFD_NONE;
	}
	l->params = (struct link_params){ .vm_id = (uint64_t)getpid() << 32 | (uint32_t)((uintptr_t)vm >> 4), .nvcpu = vm->machine.nvcpu,
					  .nslots = LINK_DEFAULT_SLOTS, .epoch = vm->epoch };
	l->sock = connect_poold(vm->config.attach_socket);
	if (l->sock < 0) {
		rc = l->sock;
		snprintf(err, err_size, "cannot reach poold at %s: %s; start it (systemctl start poold)", vm->config.attach_socket,
			 strerror(-rc));
		return rc;
	}
	l->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = l->eventfd < 0 ? -errno : memfd_create_sealed(&vm->link_t, "shadowpool-link-t",
							   LINK_T_SIZE(l->params.nslots, l->params.nvcpu), MEMFD_4K, true, false);
	if (rc) {
		snprintf(err, err_size, "cannot create the link to poold: %s; check limits on descriptors and memory", strerror(-rc));
		pool_link_detach(vm);
		return rc;
	}
	link_t_init(vm->link_t.base, &l->params);
	rc = handshake(vm, copies_maddr, err, err_size);
	if (!rc) {
		/* Before the watcher starts: if poold is gone already it kills these clients at once. */
		for (uint32_t i = 0; i < vm->machine.nvcpu; i++)
			link_client_init(&vm->machine.vcpu[i].link, vm->link_t.base, vm->link_p.base, l->eventfd, &l->params, i);
		rc = start_watcher(vm);
	}
	if (rc) {
		pool_link_detach(vm);
		return rc;
	}
	stub_map_pool(vm->stub_window, VM_POOL_MADDR, vm->pool_bytes);
	raise_mmu_pages(vm);
	vm->machine.page_state = vm->page_state_fd.base;
	for (uint32_t i = 0; i < vm->machine.nvcpu; i++) {
		struct vcpu *v = &vm->machine.vcpu[i];

		v->link_up = true;
		v->events_since_reply = false;
		v->flush_epoch = 0;
	}
	return 0;
}

void pool_link_detach(struct vm *vm)
{
	struct pool_link *l = vm->link;

	if (!l)
		return;
	stop_watcher(l);
	for (uint32_t i = 0; i < vm->machine.nvcpu; i++)
		vm->machine.vcpu[i].link_up = false;
	vm->machine.page_state = NULL;
	pool_window_remove(vm);
	memfd_close(&vm->link_t);
	memfd_close(&vm->link_p);
	memfd_close(&vm->page_state_fd);
	close_fd(&l->sock);
	close_fd(&l->eventfd);
	close_fd(&l->watch_quit);
}

/* v->link_up goes at once, so that work that the lost link has left undone does not reach the next link. */
int pool_link_lost(struct vcpu *v)
{
	v->link_up = false;
	store_release(&v->vm->link_lost, 1);	/* pairs with the load of link_is_up, vcpu_thread.c */
	return -ENOTCONN;
}

void pool_link_destroy(struct vm *vm)
{
	pool_link_detach(vm);
	free(vm->link);
	vm->link = NULL;
}
