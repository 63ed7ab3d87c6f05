/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl verify against a real poold: a sound pool, a broken one, and one whose guest writes its tables meanwhile. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/integration/fake_trapd.h"

static int verify(const struct fake_poold *p, const struct fake_trapd *t, const char *name, const char *options)
{
	const char *top = getenv("top_builddir");
	char command[512];
	int status;

	snprintf(command, sizeof(command), "%s/ctl/shadowctl verify %s %s --socket %s >%s/log.verify 2>&1",
		 top ? top : ".", name ? name : t->hello.vm_name, options, p->dir, p->dir);
	status = system(command);
	snprintf(command, sizeof(command), "%s/log.verify", p->dir);
	remove(command);
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

static void a_sound_pool_is_verified(void)
{
	struct fake_poold p;
	struct fake_trapd t;

	begin(&p, &t, 0);
	CHECK(verify(&p, &t, NULL, "") == 0, "cheap");
	CHECK(verify(&p, &t, NULL, "--full --json") == 0, "full");
	CHECK(verify(&p, &t, "nobody", "--full") == 3, "a VM that is not there");
	end(&p, &t);
}

static void a_broken_entry_is_found(void)
{
	struct fake_poold p;
	struct fake_trapd t;

	begin(&p, &t, 1);
	CHECK(verify(&p, &t, NULL, "--full") == 7, "as text");
	CHECK(verify(&p, &t, NULL, "--full --json") == 7, "as JSON");
	end(&p, &t);
}

/*
 * The vCPU in a process of its own; the parent does not touch the rings meanwhile. Bursts of stores over entries that are
 * in the shadow, so that an audit that comes in between sees tables that have not caught up.
 */
static void __attribute__((noreturn)) write_for_ever(struct fake_trapd *t)
{
	struct link_rep rep;

	for (uint64_t round = 0;; round++) {
		for (uint64_t slot = 0; slot < 64; slot++)
			fake_write_event(t, FAKE_PT + 8 * slot, (FAKE_DATA + (slot * 7 + round) % 512 * PAGE_SIZE) |
					 PTE_P | PTE_W | PTE_U | PTE_A | PTE_D);
		for (uint64_t slot = 0; slot < 64; slot++)
			fake_map(t, FAKE_GVA + slot * PAGE_SIZE, false, &rep);
	}
}

/* What is stored and not yet told is no violation, as long as it is told in the end. */
static void a_guest_that_writes_is_no_violation(void)
{
	struct fake_poold p;
	struct fake_trapd t;
	pid_t writer;

	begin(&p, &t, 0);
	writer = fork();
	if (!writer)
		write_for_ever(&t);
	CHECK(writer > 0, "fork");
	for (unsigned i = 0; i < 10; i++)
		CHECK(verify(&p, &t, NULL, "--full") == 0, "round %u", i);
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	end(&p, &t);
}

int main(void)
{
	a_sound_pool_is_verified();
	a_broken_entry_is_found();
	a_guest_that_writes_is_no_violation();
	return 0;
}
