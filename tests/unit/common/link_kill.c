// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two processes on one link, and a third that kills or stops either at random moments, also in the middle of the
 * attach handshake. The survivor must notice, leave no descriptor and no mapping behind, and attach anew; within an
 * epoch all events keep their order, every request that is answered is answered after its events, and a stopped peer
 * loses nothing.
 * usage: link_kill.test [seed]
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/attach.h"
#include "common/barrier.h"
#include "common/clock.h"
#include "tests/unit/common/link_pair.h"
#include "tests/wait.h"

#define ROUNDS		50u
#define NSLOTS		16u
#define START		0xffffff00u

/* What the processes tell the one that kills them. It outlives them all. */
struct board {
	uint64_t progress;		/* requests answered, as the client sees it */
	uint64_t epoch;			/* of the last attach */
	uint64_t replied;		/* in this epoch, counted before the reply is sent */
	uint64_t attaches, detaches;
	uint32_t stop;
	uint32_t failed;
	char text[240];
};

static struct board *board;
static struct sockaddr_un address;
static socklen_t address_size;

static int __attribute__((format(printf, 1, 2))) failure(const char *format, ...)
{
	va_list args;

	/* The first failure is the one to read. */
	if (exchange_acq_rel(&board->failed, 1))
		return -1;
	va_start(args, format);
	vsnprintf(board->text, sizeof(board->text), format, args);
	va_end(args);
	return -1;
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static unsigned count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned n = 0;

	while (maps && fgets(line, sizeof(line), maps))
		n += strstr(line, "memfd:") != NULL;
	if (maps)
		fclose(maps);
	return n;
}

static void check_leftovers(const char *who, unsigned fds)
{
	if (count_fds() != fds || count_mappings())
		failure("%s: %u descriptors instead of %u, %u mappings after a detach", who, count_fds(), fds,
			count_mappings());
}

static bool hung_up(int sock)
{
	struct pollfd pfd = { .fd = sock, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

/*
 * poold's side
 * -------------------------------------------------------------------------------------------------------
 */

struct serving {
	int sock, eventfd;
	struct memfd link_t, ram, stats_t, link_p, pool, page_state, stats_p;
	struct link_server server;
	struct pair_stream stream;
};

static void serving_end(struct serving *s)
{
	struct memfd *m[] = { &s->link_t, &s->ram, &s->stats_t, &s->link_p, &s->pool, &s->page_state, &s->stats_p };
	unsigned i;

	for (i = 0; i < sizeof(m) / sizeof(m[0]); i++)
		memfd_close(m[i]);
	if (s->eventfd >= 0)
		close(s->eventfd);
	close(s->sock);
}

/* Take HELLO, answer WELCOME. 0, or an error that only says that the peer died meanwhile. */
static int serving_attach(struct serving *s)
{
	struct attach_welcome welcome = { .protocol = ATTACH_PROTOCOL, .layout_hash = shm_layout_hash() };
	struct link_params params;
	struct attach_hello hello;
	int in[HELLO_NFDS], rc;

	rc = attach_recv_hello(s->sock, &hello, in, test_wait_ms());
	if (rc)
		return rc;
	s->eventfd = in[HELLO_FD_EVENT];
	rc = memfd_open_sealed(&s->link_t, in[HELLO_FD_LINK_T], LINK_T_SIZE(NSLOTS, 1), false);
	rc |= memfd_open_sealed(&s->ram, in[HELLO_FD_RAM], 65536, false);
	rc |= memfd_open_sealed(&s->stats_t, in[HELLO_FD_STATS_T], 4096, false);
	rc |= memfd_create_sealed(&s->link_p, "link-p", LINK_P_SIZE, MEMFD_4K, true, false);
	rc |= memfd_create_sealed(&s->pool, "pool", 65536, MEMFD_4K, true, true);
	rc |= memfd_create_sealed(&s->page_state, "page-state", 4096, MEMFD_4K, true, false);
	rc |= memfd_create_sealed(&s->stats_p, "stats-p", 4096, MEMFD_4K, true, false);
	welcome.epoch = board->epoch + 1;
	params = (struct link_params){
		.epoch = hello.last_epoch, .vm_id = 1, .nvcpu = 1, .nslots = NSLOTS, .start_index = START,
	};
	if (rc || hello.layout_hash != welcome.layout_hash || link_t_check(s->link_t.base, &params))
		return failure("poold: what HELLO brought is wrong");
	params.epoch = welcome.epoch;
	link_p_init(s->link_p.base, &params);
	link_server_init(&s->server, s->link_t.base, s->link_p.base, &params);
	store_relaxed(&board->replied, 0);
	store_release(&board->epoch, welcome.epoch);
	return attach_send_welcome(s->sock, &welcome,
				   (int[WELCOME_NFDS]){ s->link_p.fd, s->pool.fd, s->page_state.fd, s->stats_p.fd });
}

/* What a dead trapd had published is whole and in order, and there is no more of it. */
static void serving_salvage(struct serving *s)
{
	const struct ring_spsc_consumer *ring = &s->server.vcpu[0].ring;
	uint32_t tail = load_acquire(ring->tail);

	if (!ring_valid(ring->slots, NSLOTS, ring->next, tail))
		failure("poold: the ring of a dead peer is not valid");
	while (pair_poll(&s->server, &s->stream) > 0)
		;
	if (ring->next != tail)
		failure("poold: published events were not consumed");
	if (!link_mailbox_valid(&s->server.vcpu[0].theirs->lt_req, &s->server.vcpu[0].mine->lp_rep))
		failure("poold: the mailbox of a dead peer is not valid");
}

static void serve(struct serving *s)
{
	unsigned rounds = 0;
	int rc;

	for (;;) {
		struct pollfd pfd[2] = { { .fd = s->eventfd, .events = POLLIN }, { .fd = s->sock, .events = POLLIN } };

		rc = pair_poll(&s->server, &s->stream);
		store_relaxed(&board->replied, s->stream.requests);
		if (rc < 0) {
			failure("poold: %s, %s", strerror(-rc), link_fault_text(s->server.fault));
			return;
		}
		if (rc > 0 || link_server_spin(&s->server)) {
			if (++rounds % 64 == 0 && hung_up(s->sock))
				break;
			continue;
		}
		if (!link_server_arm(&s->server))
			continue;
		rc = poll(pfd, 2, LINK_SLEEP_MS);
		link_server_disarm(&s->server, rc == 0);
		if (pfd[0].revents && link_server_drain(s->eventfd))
			failure("poold: the eventfd cannot be read");
		if (pfd[1].revents)
			break;
	}
	serving_salvage(s);
}

static void poold_main(int listener)
{
	unsigned fds = count_fds();

	while (!load_acquire(&board->stop)) {
		struct serving s = {
			.eventfd = -1, .link_t = MEMFD_NONE, .ram = MEMFD_NONE, .stats_t = MEMFD_NONE, .link_p = MEMFD_NONE,
			.pool = MEMFD_NONE, .page_state = MEMFD_NONE, .stats_p = MEMFD_NONE,
		};
		struct pollfd pfd = { .fd = listener, .events = POLLIN };

		if (poll(&pfd, 1, 50) <= 0)
			continue;
		s.sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (s.sock < 0)
			continue;
		if (!serving_attach(&s))
			serve(&s);
		serving_end(&s);
		check_leftovers("poold", fds);
	}
}

/*
 * trapd's side
 * -------------------------------------------------------------------------------------------------------
 */

struct posting {
	int sock, eventfd;
	struct memfd link_t, ram, stats_t, link_p, pool, page_state, stats_p;
	struct link_client client;
};

static void posting_end(struct posting *p)
{
	struct memfd *m[] = { &p->link_t, &p->ram, &p->stats_t, &p->link_p, &p->pool, &p->page_state, &p->stats_p };
	unsigned i;

	for (i = 0; i < sizeof(m) / sizeof(m[0]); i++)
		memfd_close(m[i]);
	close(p->eventfd);
	close(p->sock);
}

static int posting_attach(struct posting *p, uint64_t *epoch)
{
	struct link_params params = { .epoch = *epoch, .vm_id = 1, .nvcpu = 1, .nslots = NSLOTS, .start_index = START };
	struct attach_hello hello = {
		.protocol = ATTACH_PROTOCOL, .layout_hash = shm_layout_hash(), .last_epoch = *epoch, .vm_name = "kill",
	};
	struct attach_welcome welcome;
	int in[WELCOME_NFDS], rc;

	rc = memfd_create_sealed(&p->link_t, "link-t", LINK_T_SIZE(NSLOTS, 1), MEMFD_4K, true, false);
	rc |= memfd_create_sealed(&p->ram, "ram", 65536, MEMFD_4K, false, false);
	rc |= memfd_create_sealed(&p->stats_t, "stats-t", 4096, MEMFD_4K, true, false);
	if (rc)
		return failure("trapd: cannot create its objects");
	link_t_init(p->link_t.base, &params);
	rc = connect(p->sock, (struct sockaddr *)&address, address_size) ? -errno : 0;
	if (!rc)
		rc = attach_send_hello(p->sock, &hello,
				       (int[HELLO_NFDS]){ p->link_t.fd, p->ram.fd, p->stats_t.fd, p->eventfd });
	if (!rc)
		rc = attach_recv_welcome(p->sock, &welcome, in, test_wait_ms());
	if (rc)
		return rc;
	rc = memfd_open_sealed(&p->link_p, in[WELCOME_FD_LINK_P], LINK_P_SIZE, false);
	rc |= memfd_open_sealed(&p->pool, in[WELCOME_FD_POOL], 65536, true);
	rc |= memfd_open_sealed(&p->page_state, in[WELCOME_FD_PAGE_STATE], 4096, false);
	rc |= memfd_open_sealed(&p->stats_p, in[WELCOME_FD_STATS_P], 4096, false);
	params.epoch = welcome.epoch;
	if (rc || welcome.epoch <= *epoch || link_p_check(p->link_p.base, &params))
		return failure("trapd: what WELCOME brought is wrong (epoch %llu after %llu)",
			       (unsigned long long)welcome.epoch, (unsigned long long)*epoch);
	*epoch = welcome.epoch;
	link_client_init(&p->client, p->link_t.base, p->link_p.base, p->eventfd, &params, 0);
	return 0;
}

/* trapd's control thread: the socket's hang-up is the detach. */
static void *watch(void *arg)
{
	struct posting *p = arg;
	struct pollfd pfd = { .fd = p->sock, .events = POLLIN };

	while (poll(&pfd, 1, 50) <= 0 && !load_acquire(&board->stop))
		;
	link_client_kill(&p->client);
	return NULL;
}

static void post_stream(struct posting *p)
{
	uint64_t i = 0, answered = 0, epoch = load_acquire(&board->epoch);
	struct link_event ev;
	int rc = 0;

	while (!rc) {
		uint64_t until = i + 1 + i * 2654435761u % 40;

		for (; !rc && i < until; i++) {
			pair_event(&ev, i);
			rc = link_client_post(&p->client, &ev);
		}
		if (!rc)
			rc = pair_request(&p->client, i);
		if (!rc) {
			answered++;
			store_release(&board->progress, load_relaxed(&board->progress) + 1);
		}
	}
	if (rc != -ENOTCONN)
		failure("trapd: %s, %s", strerror(-rc), link_fault_text(p->client.fault));
	/* poold is gone: nothing is answered that was not asked, and only the last answer may be missing. */
	if (load_relaxed(&board->epoch) == epoch && hung_up(p->sock) && load_relaxed(&board->replied) > answered + 1)
		failure("trapd: %llu requests answered, poold sent %llu replies", (unsigned long long)answered,
			(unsigned long long)load_relaxed(&board->replied));
}

static void trapd_main(void)
{
	unsigned fds = count_fds();
	uint64_t epoch = load_relaxed(&board->epoch);

	while (!load_acquire(&board->stop)) {
		struct posting p = {
			.sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), .eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
			.link_t = MEMFD_NONE, .ram = MEMFD_NONE, .stats_t = MEMFD_NONE, .link_p = MEMFD_NONE, .pool = MEMFD_NONE,
			.page_state = MEMFD_NONE, .stats_p = MEMFD_NONE,
		};
		pthread_t thread;

		if (!posting_attach(&p, &epoch)) {
			fetch_add_relaxed(&board->attaches, 1);
			if (pthread_create(&thread, NULL, watch, &p))
				abort();
			post_stream(&p);
			pthread_join(thread, NULL);
			fetch_add_relaxed(&board->detaches, 1);
		}
		posting_end(&p);
		check_leftovers("trapd", fds);
	}
}

/*
 * The killer
 * ---------------------------------------------------------------------------------------------------------
 */

struct process {
	pid_t pid;
	bool is_poold;
};

static void process_start(struct process *p, int listener)
{
	p->pid = fork();
	if (p->pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (p->is_poold) {
		poold_main(listener);
	} else {
		close(listener);
		trapd_main();
	}
	_exit(0);
}

static bool wait_progress(uint64_t target)
{
	int64_t until = clock_ms() + test_wait_ms();

	while (load_acquire(&board->progress) < target && !load_acquire(&board->failed)) {
		struct timespec tick = { .tv_nsec = 20000 };

		if (clock_ms() > until) {
			failure("no progress for %d ms", test_wait_ms());
			break;
		}
		nanosleep(&tick, NULL);
	}
	return !load_acquire(&board->failed);
}

static void round_kill(struct process *victim, int listener)
{
	int status;

	kill(victim->pid, SIGKILL);
	if (waitpid(victim->pid, &status, 0) != victim->pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		failure("%s had ended before it was killed", victim->is_poold ? "poold" : "trapd");
	process_start(victim, listener);
}

static bool round_stop(struct process *victim, const struct process *other)
{
	int64_t until = clock_ms() + test_wait_ms();
	int status;

	kill(victim->pid, SIGSTOP);
	waitpid(victim->pid, &status, WUNTRACED);
	/* Until the other one has run into the stopped one. */
	while (!test_task_sleeps(other->pid) && clock_ms() < until)
		sched_yield();
	kill(victim->pid, SIGCONT);
	/* It goes on where it stood: nothing is lost and nobody has detached. */
	return wait_progress(load_acquire(&board->progress) + 3);
}

static int finish(struct process *p)
{
	int status;

	if (waitpid(p->pid, &status, 0) != p->pid || status)
		return failure("%s ended with status %#x", p->is_poold ? "poold" : "trapd", status);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)time(NULL), i, kills = 0, stops = 0;
	struct process process[2] = { { .is_poold = true }, { .is_poold = false } };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	printf("seed %u\n", seed);
	fflush(stdout);
	srandom(seed);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* An abstract address that the kernel chooses: nothing to remove, nothing to collide with. */
	address.sun_family = AF_UNIX;
	address_size = sizeof(address);
	if (board == MAP_FAILED || bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) || listen(listener, 8) ||
	    getsockname(listener, (struct sockaddr *)&address, &address_size)) {
		perror("link_kill");
		return 1;
	}
	for (i = 0; i < 2; i++)
		process_start(&process[i], listener);
	for (i = 0; i < ROUNDS && !load_acquire(&board->failed); i++) {
		unsigned which = random() & 1;
		struct process *victim = &process[which];

		/* 0: at once, mostly in the middle of an attach. */
		if (random() % 4 && !wait_progress(load_acquire(&board->progress) + (uint64_t)(random() % 2000)))
			break;
		if (random() % 3) {
			round_kill(victim, listener);
			kills++;
		} else {
			round_stop(victim, &process[!which]);
			stops++;
		}
	}
	wait_progress(load_acquire(&board->progress) + 100);
	store_release(&board->stop, 1);
	if (load_acquire(&board->failed))
		for (i = 0; i < 2; i++)
			kill(process[i].pid, SIGKILL);
	for (i = 2; i-- > 0;)
		finish(&process[i]);
	close(listener);
	printf("%u kills, %u stops, %llu attaches, %llu detaches, %llu requests\n", kills, stops,
	       (unsigned long long)board->attaches, (unsigned long long)board->detaches, (unsigned long long)board->progress);
	if (board->failed)
		fprintf(stderr, "%s\n", board->text);
	return board->failed ? 1 : 0;
}
