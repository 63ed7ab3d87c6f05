/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shadowctl flush and cache against a real poold: what they take away is gone, the guest gets it back, and a trace of it replays
 * bit by bit.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/pool_stats.h"
#include "poold/trace/replay/replay.h"
#include "tests/integration/fake_trapd.h"
#include "tests/integration/harness/harness.h"

#define PAGES 64u

sp_suite(poold_flush);

static struct fake_poold p;
static struct fake_trapd t;
static uint64_t root;

static uint64_t counter(enum pool_stat s)
{
	return load_relaxed((const uint64_t *)t.stats_p.base + s);
}

static void map_all(void)
{
	struct link_rep rep;

	for (uint64_t i = 0; i < PAGES; i++) {
		CHECK(fake_map(&t, FAKE_GVA + i * PAGE_SIZE, true, &rep) == POOL_OK, "MAP");
		CHECK((fake_shadow(&t, root, FAKE_GVA + i * PAGE_SIZE) & PTE_ADDR) == FAKE_RAM_MADDR + FAKE_DATA + i * PAGE_SIZE, "leaf");
	}
}

static unsigned mapped(void)
{
	unsigned n = 0;

	for (uint64_t i = 0; i < PAGES; i++)
		n += fake_shadow(&t, root, FAKE_GVA + i * PAGE_SIZE) != 0;
	return n;
}

static void begin(const char *trace)
{
	struct link_rep rep;

	fake_poold_init(&p);
	fake_poold_start(&p, trace ? "--trace" : NULL, trace, NULL);
	fake_trapd_init(&t);
	fake_tables(&t);
	CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
	CHECK(fake_set_root(&t, &rep) == POOL_OK, "SET_ROOT");
	root = rep.rp_root[0];
	map_all();
}

static void end(void)
{
	fake_trapd_destroy(&t);
	CHECK(fake_poold_end(&p, SIGTERM) == 0, "SIGTERM");
	fake_poold_remove(&p);
}

/* The VM stands when poold wants it to; what the answer obliges the vCPU to do is left to fake_simple(). */
static void answer_quiesce(struct link_rep *rep)
{
	struct pollfd fd = { .fd = t.sock, .events = POLLIN };
	int rc;

	if (poll(&fd, 1, 5) <= 0)
		return;
	rc = attach_recv_quiesce(t.sock);
	CHECK(rc == 0, "not QUIESCE: %d", rc);
	CHECK(fake_simple(&t, LINK_OP_AUDIT, 0, rep) == POOL_OK, "AUDIT");
}

/* shadowctl VERB NAME [A] [B]; *rep: the answer to AUDIT, if there was one. The exit code. */
static int ask_rep(const char *verb, const char *a, const char *b, struct link_rep *rep)
{
	char ctl[256];
	pid_t pid = fork();
	int status, null;

	CHECK(pid >= 0, "fork");
	if (!pid) {
		snprintf(ctl, sizeof(ctl), "%s/ctl/shadowctl", sp_builddir());
		null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		dup2(null, 2);
		execl(ctl, ctl, verb, "--socket", p.dir, t.hello.vm_name, a, b, (char *)NULL);
		_exit(99);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		answer_quiesce(rep);
	CHECK(WIFEXITED(status), "status %d", status);
	return WEXITSTATUS(status);
}

static void ask(const char *verb, const char *a, const char *b)
{
	struct link_rep rep = { 0 };
	int code = ask_rep(verb, a, b, &rep);

	CHECK(code == 0, "%s %s: exit code %d", verb, a ? a : "", code);
	CHECK(rep.rp_op == LINK_OP_AUDIT, "the VM was not asked to stand");
	CHECK(counter(POOL_STAT_audit_violations) == 0, "%s %s: not sound", verb, a ? a : "");
}

/* The guest's tables change, so that there is something to bring up to date. */
static void rewrite(void)
{
	for (uint64_t i = 0; i < PAGES; i += 5)
		fake_write_event(&t, FAKE_PT + 8 * i, (FAKE_DATA + i * PAGE_SIZE) | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D);
}

sp_test(poold_flush, flush_takes_all_and_the_guest_gets_it_back)
{
	struct link_rep rep = { 0 };

	begin(NULL);
	CHECK(ask_rep("flush", NULL, NULL, &rep) == 0, "flush");
	CHECK(rep.rp_flush == POOL_FLUSH_ALL && rep.rp_ntouch, "the vCPU is not told to flush");
	CHECK(mapped() == 0, "%u pages are mapped", mapped());
	CHECK(counter(POOL_STAT_flush_all) == 1 && counter(POOL_STAT_pages_used) == 2, "%llu tables are left",
	      (unsigned long long)counter(POOL_STAT_pages_used));
	map_all();
	end();
}

sp_test(poold_flush, flush_of_leaves_keeps_the_tables)
{
	uint64_t tables;

	begin(NULL);
	tables = counter(POOL_STAT_pages_used);
	ask("flush", "--leaves", NULL);
	CHECK(mapped() == 0 && counter(POOL_STAT_clear_all) == 1 && counter(POOL_STAT_pages_used) == tables, "%u pages are mapped",
	      mapped());
	map_all();
	CHECK(counter(POOL_STAT_pages_used) == tables, "tables were made anew");
	end();
}

sp_test(poold_flush, flush_of_a_part_takes_that_part)
{
	struct link_rep rep;

	begin(NULL);
	ask("flush", "--gpa", "0x103000");
	CHECK(mapped() == PAGES - 1, "one page: %u are mapped", mapped());
	map_all();
	ask("flush", "--gpa", "0x4000");
	CHECK(mapped() == 0, "a table: %u are mapped", mapped());
	map_all();
	ask("flush", "--root", "0x1000");
	CHECK(mapped() == 0, "a root: %u are mapped", mapped());
	map_all();
	CHECK(ask_rep("flush", "--root", "0x5000", &rep) == 3, "a root that is not there");
	CHECK(ask_rep("flush", "--gpa", "0x100000000000", &rep) == 2, "outside of RAM");
	CHECK(ask_rep("flush", "--gpa", "here", &rep) == 2, "no address");
	CHECK(ask_rep("flush", "--leaves", "--gpa=0x1000", &rep) == 2, "two at once");
	CHECK(mapped() == PAGES, "%u are mapped", mapped());
	end();
}

sp_test(poold_flush, cache_is_switched_off_and_on)
{
	struct link_rep rep;

	begin(NULL);
	fake_write_event(&t, FAKE_PML4, 0);
	CHECK(fake_simple(&t, LINK_OP_NOP, 0, &rep) == POOL_OK, "NOP");
	CHECK(counter(POOL_STAT_pages_used) == 5, "nothing was kept");
	ask("cache", "off", NULL);
	CHECK(counter(POOL_STAT_pages_used) == 2, "%llu tables are left", (unsigned long long)counter(POOL_STAT_pages_used));
	fake_write_event(&t, FAKE_PML4, FAKE_PDPT | PTE_P | PTE_W | PTE_U | PTE_A);
	map_all();
	CHECK(counter(POOL_STAT_cache_uncacheable) > 0, "it is still on");
	ask("cache", "on", NULL);
	CHECK(ask_rep("cache", "maybe", NULL, &rep) == 2, "neither on nor off");
	map_all();
	end();
}

static void replay_file(const char *path)
{
	static const struct replay_options check = { .check = true };
	struct replay_result result;
	struct stat st;
	char err[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	uint8_t *data;

	CHECK(fd >= 0 && !fstat(fd, &st), "%s", path);
	data = malloc((size_t)st.st_size);
	CHECK(data && read(fd, data, (size_t)st.st_size) == st.st_size, "%s: short", path);
	rc = replay_trace(data, (size_t)st.st_size, &check, &result, err, sizeof(err));
	CHECK(!rc && result.complete && !result.other_answers, "replay: %d %s", rc, err);
	CHECK(result.stats[POOL_STAT_flush_all] == 3 && result.stats[POOL_STAT_clear_all] == 3, "they are not in the trace");
	free(data);
	close(fd);
}

sp_test(poold_flush, a_trace_with_flushes_replays_bit_by_bit)
{
	static const char *const wishes[][3] = {
		{ "flush" }, { "flush", "--leaves" }, { "flush", "--root", "0x1000" }, { "flush", "--gpa", "0x4000" }, { "cache", "off" },
		{ "flush", "--gpa", "0x102000" }, { "cache", "on" },
	};
	const char *trace = sp_path("trace");

	begin(trace);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
			rewrite();
			ask(wishes[i][0], wishes[i][1], wishes[i][2]);
			map_all();
		}
	}
	end();
	replay_file(trace);
}
