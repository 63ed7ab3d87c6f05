/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl verify against a real poold: a sound pool, a broken one, and one whose guest writes its tables meanwhile. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/fake_trapd.h"
#include "tests/integration/harness/harness.h"

sp_suite(poold_verify);

/* What trapd does when poold wants the VM to stand: here it always stands, and all that it did is told with the request. */
static bool answer_quiesce(struct fake_trapd *t, int wait_ms)
{
	struct pollfd fd = { .fd = t->sock, .events = POLLIN };
	struct link_rep rep;
	int rc;

	if (poll(&fd, 1, wait_ms) <= 0)
		return false;
	rc = attach_recv_quiesce(t->sock);
	CHECK(rc == 0, "not QUIESCE: %d", rc);
	CHECK(fake_simple(t, LINK_OP_AUDIT, 0, &rep) == POOL_OK, "AUDIT");
	return true;
}

static pid_t verify_start(const struct fake_poold *p, const char *name, const char *option, const char *json)
{
	const char *top = sp_builddir();
	char ctl[256], log[128];
	pid_t pid = fork();
	int fd;

	CHECK(pid >= 0, "fork");
	if (pid)
		return pid;
	snprintf(ctl, sizeof(ctl), "%s/ctl/shadowctl", top);
	snprintf(log, sizeof(log), "%s/log.verify", p->dir);
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	execl(ctl, ctl, "verify", name, "--socket", p->dir, option, json, (char *)NULL);
	_exit(99);
}

/* answer: stand in for trapd meanwhile. The exit code. */
static int verify(const struct fake_poold *p, struct fake_trapd *t, const char *name, const char *option, const char *json,
		  bool answer)
{
	pid_t pid = verify_start(p, name ? name : t->hello.vm_name, option, json);
	char log[128];
	int status;

	while (waitpid(pid, &status, answer ? WNOHANG : 0) == 0)
		answer_quiesce(t, 5);
	snprintf(log, sizeof(log), "%s/log.verify", p->dir);
	remove(log);
	CHECK(WIFEXITED(status), "status %d", status);
	return WEXITSTATUS(status);
}

static void begin(struct fake_poold *p, struct fake_trapd *t, uint64_t poison)
{
	struct link_rep rep;

	fake_poold_init(p);
	fake_poold_start(p, "--allow-inject", NULL, NULL);
	fake_trapd_init(t);
	fake_tables(t);
	t->hello.poison = poison;
	CHECK(!fake_trapd_attach(t, p), "refused: %s", t->welcome.error);
	CHECK(fake_set_root(t, &rep) == POOL_OK, "SET_ROOT");
	for (uint64_t i = 0; i < 64; i++)
		CHECK(fake_map(t, FAKE_GVA + i * PAGE_SIZE, true, &rep) == POOL_OK, "MAP");
}

static void end(struct fake_poold *p, struct fake_trapd *t)
{
	fake_trapd_destroy(t);
	CHECK(fake_poold_end(p, SIGTERM) == 0, "SIGTERM");
	fake_poold_remove(p);
}

sp_test(poold_verify, a_sound_pool_is_verified)
{
	struct fake_poold p;
	struct fake_trapd t;

	begin(&p, &t, 0);
	CHECK(verify(&p, &t, NULL, NULL, NULL, true) == 0, "cheap");
	CHECK(verify(&p, &t, NULL, "--full", "--json", true) == 0, "full");
	CHECK(verify(&p, &t, "nobody", "--full", NULL, false) == 3, "a VM that is not there");
	end(&p, &t);
}

sp_test(poold_verify, a_broken_entry_is_found)
{
	struct fake_poold p;
	struct fake_trapd t;

	begin(&p, &t, 1);
	CHECK(verify(&p, &t, NULL, "--full", NULL, true) == 7, "as text");
	CHECK(verify(&p, &t, NULL, "--full", "--json", true) == 7, "as JSON");
	end(&p, &t);
}

/*
 * The vCPU in a process of its own; the parent does not touch the rings meanwhile. Bursts of stores over entries that are
 * in the shadow, so that at almost any moment the tables have not caught up: only when the vCPU stands have they.
 */
static void __attribute__((noreturn)) write_for_ever(struct fake_trapd *t)
{
	struct link_rep rep;

	for (uint64_t round = 0;; round++) {
		for (uint64_t slot = 0; slot < 64; slot++)
			fake_write_event(t, FAKE_PT + 8 * slot, (FAKE_DATA + (slot * 7 + round) % 512 * PAGE_SIZE) |
					 PTE_P | PTE_W | PTE_U | PTE_A | PTE_D);
		answer_quiesce(t, 0);
		for (uint64_t slot = 0; slot < 64; slot++)
			fake_map(t, FAKE_GVA + slot * PAGE_SIZE, false, &rep);
	}
}

sp_test(poold_verify, a_guest_that_writes_is_verified_at_once)
{
	struct fake_poold p;
	struct fake_trapd t;
	pid_t writer;

	begin(&p, &t, 0);
	writer = fork();
	if (!writer)
		write_for_ever(&t);
	CHECK(writer > 0, "fork");
	for (unsigned i = 0; i < 20; i++)
		CHECK(verify(&p, &t, NULL, "--full", NULL, false) == 0, "round %u", i);
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	end(&p, &t);
}

/* Who waits for a VM that goes is told; who does not wait any more leaves nothing behind. */
sp_test(poold_verify, a_vm_that_goes_is_not_verified)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct pollfd asked = { .events = POLLIN };
	pid_t first, second;
	int status;

	begin(&p, &t, 0);
	asked.fd = t.sock;
	first = verify_start(&p, t.hello.vm_name, "--full", NULL);
	CHECK(poll(&asked, 1, FAKE_WAIT_MS) == 1, "not asked");
	CHECK(!attach_recv_quiesce(t.sock), "asked something else");
	second = verify_start(&p, t.hello.vm_name, "--full", NULL);
	CHECK(poll(&asked, 1, FAKE_WAIT_MS) == 1, "not asked again");
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	fake_trapd_detach(&t);
	CHECK(waitpid(second, &status, 0) == second && WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %d",
	      status);
	CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
	CHECK(verify(&p, &t, NULL, "--full", NULL, true) == 0, "the next link");
	end(&p, &t);
}
