/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of a real poold: replaying one gives the same arena; a shadow entry that somebody else wrote shows; a damaged
 * record is refused and never believed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "poold/record.h"
#include "poold/replay.h"
#include "tests/integration/fake_trapd.h"

struct record {
	uint8_t *data;
	size_t size;
};

static void record_path(const struct fake_poold *p, char *path, size_t size)
{
	snprintf(path, size, "%s/record", p->dir);
}

static struct record record_load(const struct fake_poold *p)
{
	struct record r;
	struct stat st;
	char path[128];
	int fd;

	record_path(p, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && !fstat(fd, &st) && st.st_size > 0, "%s: %s", path, strerror(errno));
	r.size = (size_t)st.st_size;
	r.data = malloc(r.size);
	CHECK(read(fd, r.data, r.size) == st.st_size, "%s: short", path);
	close(fd);
	return r;
}

static int replay(const struct record *r, struct replay_result *result)
{
	char err[256];
	int rc = replay_record(r->data, r->size, result, err, sizeof(err));

	CHECK(!rc == !err[0], "code %d, text '%s'", rc, err);
	return rc;
}

/* Every kind of call that the fake can provoke; the numbers only have to be the same each time. */
static void work(struct fake_trapd *t, unsigned rounds)
{
	const uint64_t page = PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;
	struct link_rep root, rep;
	uint32_t x = 1;

	CHECK(fake_set_root(t, &root) == POOL_OK, "SET_ROOT");
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t slot = (x = x * 1103515245u + 12345u) >> 16 & 511, gva = FAKE_GVA + slot * PAGE_SIZE;
		int rc = fake_map(t, gva, i & 1, &rep);

		CHECK(rc >= 0 && rc < POOL_E_RANGE, "MAP: %d", rc);
		if (i % 3 == 0)
			fake_write_event(t, FAKE_PT + 8 * slot, (FAKE_DATA + (x >> 8 & 511) * PAGE_SIZE) | page);
		if (i % 7 == 0)
			CHECK(fake_simple(t, LINK_OP_INVLPG, gva, &rep) == POOL_OK, "INVLPG");
		if (i % 50 == 0)
			CHECK(fake_set_root(t, &root) == POOL_OK, "SET_ROOT");
		if (i % 100 == 0)
			CHECK(fake_simple(t, LINK_OP_AUDIT, 1, &rep) == POOL_OK && !rep.rp_entry, "AUDIT");
	}
}

static void begin(struct fake_poold *p, struct fake_trapd *t)
{
	char path[128];

	fake_poold_init(p);
	record_path(p, path, sizeof(path));
	fake_poold_start(p, "--record", path, NULL);
	fake_trapd_init(t);
	fake_tables(t);
	CHECK(!fake_trapd_attach(t, p), "refused: %s", t->welcome.error);
}

/* poold ends the record at the detach; its own end is after that. */
static struct record end(struct fake_poold *p, struct fake_trapd *t)
{
	struct record r;

	fake_trapd_destroy(t);
	CHECK(fake_poold_end(p, SIGTERM) == 0, "SIGTERM");
	r = record_load(p);
	fake_poold_remove(p);
	return r;
}

static void a_record_replays_to_the_same_arena(void)
{
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct record r;

	begin(&p, &t);
	work(&t, 1000);
	r = end(&p, &t);
	CHECK(replay(&r, &result) == 0, "differs");
	CHECK(result.ncalls > 1000 && result.nreads > 1000 && result.arena_pages >= 5,
	      "%llu calls, %llu words, %llu pages",
	      (unsigned long long)result.ncalls, (unsigned long long)result.nreads,
	      (unsigned long long)result.arena_pages);
	free(r.data);
}

/* trapd has a writable mapping of the pool, because the stub touches tables: whatever it changes must show. */
static void a_foreign_store_into_the_arena_shows(void)
{
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct record r;
	uint64_t *word;

	begin(&p, &t);
	work(&t, 50);
	word = (uint64_t *)((char *)t.pool.base + t.welcome.pool_bytes - 8);
	*word ^= 1;
	r = end(&p, &t);
	CHECK(replay(&r, &result) == -EILSEQ, "one flipped bit was not noticed");
	free(r.data);
}

/* The record of the last link counts: a VM that attached anew begins another one. */
static void a_new_link_begins_a_new_record(void)
{
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct record r;

	begin(&p, &t);
	work(&t, 500);
	fake_trapd_detach(&t);
	CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
	work(&t, 10);
	r = end(&p, &t);
	CHECK(replay(&r, &result) == 0 && result.ncalls < 200, "%llu calls", (unsigned long long)result.ncalls);
	free(r.data);
}

static void damaged_records_are_refused(void)
{
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct record r, cut;
	unsigned believed = 0;

	begin(&p, &t);
	work(&t, 20);
	r = end(&p, &t);
	cut = r;
	for (cut.size = 0; cut.size < r.size; cut.size += 1 + r.size / 60)
		CHECK(replay(&cut, &result) == -EPROTO, "cut at %zu of %zu", cut.size, r.size);
	for (size_t at = 0; at < r.size; at += 1 + r.size / 200) {
		uint8_t old = r.data[at];

		r.data[at] ^= 0x10;
		believed += replay(&r, &result) == 0;
		r.data[at] = old;
	}
	CHECK(!believed, "%u damaged records were believed", believed);
	CHECK(replay(&r, &result) == 0, "the whole one again");
	free(r.data);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
#define CASE(name) { #name, name }
		CASE(a_record_replays_to_the_same_arena), CASE(a_foreign_store_into_the_arena_shows),
		CASE(a_new_link_begins_a_new_record), CASE(damaged_records_are_refused),
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fprintf(stderr, "%s\n", cases[i].name);
		cases[i].run();
	}
	return 0;
}
