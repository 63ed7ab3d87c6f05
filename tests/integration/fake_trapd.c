/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fake_trapd.h. Runs in the only thread of a test. */
#include "tests/integration/fake_trapd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/guest_ram.h"
#include "common/pool_stats.h"

static pid_t test_process;

void fake_check(bool ok, const char *file, int line, const char *what, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (ok)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (test_process == getpid())
		sp_fail("%s:%d: %s: %s", file, line, what, text);
	fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, text);
	_exit(1);
}

void fake_poold_init(struct fake_poold *p)
{
	test_process = getpid();
	snprintf(p->dir, sizeof(p->dir), "%s", sp_path("poold"));
	CHECK(!mkdir(p->dir, 0700), "%s: %s", p->dir, strerror(errno));
	snprintf(p->attach, sizeof(p->attach), "%s/poold-attach.sock", p->dir);
	snprintf(p->control, sizeof(p->control), "%s/poold-control.sock", p->dir);
	snprintf(p->log, sizeof(p->log), "%s/log", p->dir);
	p->pid = 0;
}

static void set_address(struct sockaddr_un *a, const char *path)
{
	size_t n = strlen(path);

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	CHECK(n < sizeof(a->sun_path), "%s: too long", path);
	memcpy(a->sun_path, path, n);
}

/* The notification socket of a service manager. */
static int notify_listen(const char *path)
{
	struct sockaddr_un a;
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	unlink(path);
	set_address(&a, path);
	CHECK(s >= 0 && !bind(s, (struct sockaddr *)&a, sizeof(a)), "notification socket: %s", strerror(errno));
	return s;
}

static void poold_exec(const struct fake_poold *p, const char *notify, const char *a, const char *b, const char *c)
{
	const char *builddir = sp_builddir();
	char program[512];
	int fd = open(p->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	snprintf(program, sizeof(program), "%s/poold/poold", builddir);
	dup2(fd, STDERR_FILENO);
	setenv("NOTIFY_SOCKET", notify, 1);
	execl(program, "poold", "--runtime-dir", p->dir, "--die-with-parent", a, b, c, (char *)NULL);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

void fake_poold_start(struct fake_poold *p, const char *a, const char *b, const char *c)
{
	char notify[128], text[64] = "";
	struct pollfd fd = { .events = POLLIN };

	snprintf(notify, sizeof(notify), "%s/notify", p->dir);
	fd.fd = notify_listen(notify);
	p->pid = fork();
	CHECK(p->pid >= 0, "fork: %s", strerror(errno));
	if (!p->pid)
		poold_exec(p, notify, a, b, c);
	CHECK(poll(&fd, 1, FAKE_WAIT_MS) == 1 && recv(fd.fd, text, sizeof(text) - 1, 0) > 0 && strstr(text, "READY=1"),
	      "poold did not get ready, see %s", p->log);
	p->notify = fd.fd;
}

bool fake_poold_notified(const struct fake_poold *p, const char *word)
{
	struct pollfd fd = { .fd = p->notify, .events = POLLIN };
	char text[64];

	for (unsigned i = 0; i < 100; i++) {
		ssize_t n = poll(&fd, 1, FAKE_WAIT_MS) == 1 ? recv(fd.fd, text, sizeof(text) - 1, 0) : -1;

		if (n < 0)
			return false;
		text[n] = 0;
		if (strstr(text, word))
			return true;
	}
	return false;
}

int fake_poold_end(struct fake_poold *p, int sig)
{
	int64_t until = clock_ms() + FAKE_WAIT_MS;
	int status = 0, rc;

	kill(p->pid, sig);
	while ((rc = waitpid(p->pid, &status, WNOHANG)) == 0 && clock_ms() < until)
		poll(NULL, 0, 2);
	CHECK(rc == p->pid, "poold did not end after signal %d", sig);
	p->pid = 0;
	close(p->notify);
	return status;
}

void fake_poold_remove(struct fake_poold *p)
{
	static const char *const names[] = { "log", "notify", "trace", "poold-attach.sock", "poold-control.sock" };
	char path[128];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		unlink(path);
	}
	CHECK(!rmdir(p->dir), "%s: poold left something behind: %s", p->dir, strerror(errno));
}

bool fake_poold_logged(const struct fake_poold *p, const char *word)
{
	static char text[1 << 16];
	int64_t until = clock_ms() + FAKE_WAIT_MS;

	do {
		int fd = open(p->log, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, text, sizeof(text) - 1);

		close(fd);
		text[n > 0 ? n : 0] = 0;
		if (strstr(text, word))
			return true;
		poll(NULL, 0, 2);
	} while (clock_ms() < until);
	fprintf(stderr, "the log has no '%s':\n%s", word, text);
	return false;
}

void fake_trapd_init(struct fake_trapd *t)
{
	const struct memfd none = MEMFD_NONE;

	*t = (struct fake_trapd){
		.sock = -1, .eventfd = -1, .link_t = none, .ram = none, .stats_t = none, .link_p = none, .pool = none,
		.page_state = none, .stats_p = none,
		.hello = {
			.protocol = ATTACH_PROTOCOL, .layout_hash = shm_layout_hash(), .vm_id = 77, .vm_name = "fake",
			.nvcpu = 1, .nslots = 64, .start_index = 0xfffffff0u, .ram_low_end = FAKE_RAM_BYTES,
			.ram_maddr = FAKE_RAM_MADDR, .pool_maddr = FAKE_POOL_MADDR, .pool_bytes = 4u << 20,
			.pool_pages = ATTACH_PAGES_4K, .maxphyaddr = 40,
			.stub_slot = 271, .stub_entry = 0x1003,
		},
	};
	CHECK(!memfd_create_sealed(&t->ram, "fake-ram", FAKE_RAM_BYTES, MEMFD_4K, false, false), "no RAM");
}

int fake_connect(const char *path)
{
	struct sockaddr_un a;
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	set_address(&a, path);
	CHECK(s >= 0 && !connect(s, (struct sockaddr *)&a, sizeof(a)), "%s: %s", path, strerror(errno));
	return s;
}

static void open_welcome(struct fake_trapd *t, int fds[WELCOME_NFDS])
{
	uint64_t state_bytes = (FAKE_RAM_BYTES / PAGE_SIZE + 4095) & ~4095ull;

	CHECK(!memfd_open_sealed(&t->link_p, fds[WELCOME_FD_LINK_P], LINK_P_SIZE, false), "link-p");
	CHECK(!memfd_open_sealed(&t->pool, fds[WELCOME_FD_POOL], t->welcome.pool_bytes, true), "pool");
	CHECK(!memfd_open_sealed(&t->page_state, fds[WELCOME_FD_PAGE_STATE], state_bytes, false), "page_state");
	CHECK(!memfd_open_sealed(&t->stats_p, fds[WELCOME_FD_STATS_P], t->welcome.stats_bytes, false), "stats-p");
	t->params.epoch = t->welcome.epoch;
	CHECK(!link_p_check(t->link_p.base, &t->params), "header of link-p");
	link_client_init(&t->link, t->link_t.base, t->link_p.base, t->eventfd, &t->params, 0);
}

int fake_trapd_attach(struct fake_trapd *t, const struct fake_poold *p)
{
	int hello_fds[HELLO_NFDS], fds[WELCOME_NFDS], rc;

	t->params = (struct link_params){ .epoch = t->hello.last_epoch, .vm_id = t->hello.vm_id, .nvcpu = 1,
					  .nslots = 64,
					  .start_index = t->hello.start_index };
	CHECK(!memfd_create_sealed(&t->link_t, "fake-link-t", LINK_T_SIZE(64, 1), MEMFD_4K, true, false), "link-t");
	CHECK(!memfd_create_sealed(&t->stats_t, "fake-stats-t", 4096, MEMFD_4K, true, false), "stats-t");
	link_t_init(t->link_t.base, &t->params);
	t->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->sock = fake_connect(p->attach);
	hello_fds[HELLO_FD_LINK_T] = t->link_t.fd;
	hello_fds[HELLO_FD_RAM] = t->ram.fd;
	hello_fds[HELLO_FD_STATS_T] = t->stats_t.fd;
	hello_fds[HELLO_FD_EVENT] = t->eventfd;
	rc = attach_send_hello(t->sock, &t->hello, hello_fds);
	if (!rc)
		rc = attach_recv_welcome(t->sock, &t->welcome, fds, FAKE_WAIT_MS);
	if (!rc && t->welcome.error[0])
		rc = -ECONNREFUSED;
	if (!rc)
		open_welcome(t, fds);
	else
		fake_trapd_detach(t);
	return rc;
}

/* For tests/integration/counters-seen: which counters of the pool have moved. */
static void note_counters(const struct fake_trapd *t)
{
	const char *path = getenv("SHADOWPOOL_COUNTERS");
	FILE *f = path && t->stats_p.base ? fopen(path, "ae") : NULL;

	if (!f)
		return;
	for (unsigned i = 0; i < POOL_STAT_COUNT; i++)
		if (load_relaxed((const uint64_t *)t->stats_p.base + i))
			fprintf(f, "pool.%s\n", pool_stat_name[i]);
	fclose(f);
}

void fake_trapd_detach(struct fake_trapd *t)
{
	note_counters(t);
	if (t->sock >= 0)
		close(t->sock);
	if (t->eventfd >= 0)
		close(t->eventfd);
	t->sock = t->eventfd = -1;
	memfd_close(&t->link_t);
	memfd_close(&t->stats_t);
	memfd_close(&t->link_p);
	memfd_close(&t->pool);
	memfd_close(&t->page_state);
	memfd_close(&t->stats_p);
}

void fake_trapd_destroy(struct fake_trapd *t)
{
	fake_trapd_detach(t);
	memfd_close(&t->ram);
}

bool fake_trapd_hung_up(const struct fake_trapd *t)
{
	struct pollfd fd = { .fd = t->sock, .events = POLLRDHUP };

	return poll(&fd, 1, FAKE_WAIT_MS) == 1 && (fd.revents & (POLLHUP | POLLRDHUP));
}

uint64_t *fake_ram(const struct fake_trapd *t, uint64_t gpa)
{
	return (uint64_t *)((char *)t->ram.base + gpa);
}

void fake_tables(const struct fake_trapd *t)
{
	const uint64_t table = PTE_P | PTE_W | PTE_U | PTE_A, page = table | PTE_D;

	memset(t->ram.base, 0, FAKE_DATA);
	*fake_ram(t, FAKE_PML4) = FAKE_PDPT | table;
	*fake_ram(t, FAKE_PDPT + 8 * (FAKE_GVA >> 30)) = FAKE_PD | table;
	*fake_ram(t, FAKE_PD) = FAKE_PT | table;
	for (uint64_t i = 0; i < 512; i++)
		*fake_ram(t, FAKE_PT + 8 * i) = (FAKE_DATA + i * PAGE_SIZE) | page;
}

int fake_request(struct fake_trapd *t, struct link_req *req, struct link_rep *rep)
{
	for (unsigned i = 0; i < 16; i++) {
		int rc = link_client_request(&t->link, req, rep, t->touch);

		if (rc)
			return rc;
		if (rep->rp_status != POOL_NEED_FLUSH && rep->rp_status != POOL_NEED_SHOOTDOWN)
			return rep->rp_status;
		/* There is no CPU here that could hold anything: flushed. */
		req->rq_flags |= LINK_RQF_FLUSHED_ALL;
		req->rq_flushed = rep->rp_epoch;
	}
	CHECK(false, "poold asks for a flush for ever");
	return -EPROTO;
}

int fake_set_root(struct fake_trapd *t, struct link_rep *rep)
{
	struct link_req req = { .rq_op = LINK_OP_SET_ROOT, .rq_gva = FAKE_PML4,
				.rq_flags = LINK_RQF_LMA | LINK_RQF_NXE };

	req.rq_gpa = (CR0_PE | CR0_PG | CR0_WP) | CR4_PAE << 32;
	return fake_request(t, &req, rep);
}

int fake_map(struct fake_trapd *t, uint64_t gva, bool write, struct link_rep *rep)
{
	struct link_req req = { .rq_op = LINK_OP_MAP, .rq_gva = gva, .rq_nwalk = 4,
				.rq_flags = write ? LINK_RQF_WRITE : 0 };

	req.rq_walk[0] = *fake_ram(t, FAKE_PML4);
	req.rq_walk[1] = *fake_ram(t, FAKE_PDPT + 8 * (FAKE_GVA >> 30));
	req.rq_walk[2] = *fake_ram(t, FAKE_PD);
	req.rq_walk[3] = *fake_ram(t, FAKE_PT + 8 * (gva >> PAGE_SHIFT & 511));
	req.rq_gpa = (req.rq_walk[3] & PTE_ADDR) | (gva & ~PAGE_MASK);
	return fake_request(t, &req, rep);
}

void fake_write_event(struct fake_trapd *t, uint64_t gpa, uint64_t value)
{
	struct link_event ev = { .ev_type = LINK_EV_WRITE, .ev_size = 8, .ev_gpa = gpa, .ev_new = { value },
				 .ev_count = 1 };

	ev.ev_flags = LINK_EVF_LAST | WRITE_CLASS_SIMPLE << LINK_CLASS_SHIFT;
	ev.ev_old[0] = *fake_ram(t, gpa);
	store_release(fake_ram(t, gpa), value);
	CHECK(!link_client_post(&t->link, &ev), "event not posted");
}

int fake_simple(struct fake_trapd *t, enum link_op op, uint64_t gva, struct link_rep *rep)
{
	struct link_req req = { .rq_op = (uint8_t)op, .rq_gva = gva };

	return fake_request(t, &req, rep);
}

uint64_t fake_shadow(const struct fake_trapd *t, uint64_t root, uint64_t gva)
{
	uint64_t table = root;

	for (unsigned shift = 39;; shift -= 9) {
		uint64_t entry;

		CHECK(table >= FAKE_POOL_MADDR && table - FAKE_POOL_MADDR < t->welcome.pool_bytes, "table at 0x%llx",
		      (unsigned long long)table);
		entry = ((uint64_t *)((char *)t->pool.base + (table - FAKE_POOL_MADDR)))[gva >> shift & 511];
		if (!(entry & PTE_P))
			return 0;
		if (shift == PAGE_SHIFT)
			return entry;
		table = entry & PTE_ADDR;
	}
}
