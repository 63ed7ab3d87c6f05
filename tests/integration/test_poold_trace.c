/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces of a real poold: replaying one gives the same tables; a shadow entry that somebody else wrote shows; damage is
 * found and named by its offset; whole blocks without their end replay; other sizes and policies keep the pool sound.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "poold/trace/replay/replay.h"
#include "poold/trace/trace.h"
#include "tests/integration/fake_trapd.h"
#include "tests/integration/harness/harness.h"

sp_suite(poold_trace);

struct file {
	uint8_t *data;
	size_t size;
};

static void trace_path(const struct fake_poold *p, char *path, size_t size)
{
	snprintf(path, size, "%s/trace", p->dir);
}

static struct file trace_load(const struct fake_poold *p)
{
	struct file r;
	struct stat st;
	char path[128];
	int fd;

	trace_path(p, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && !fstat(fd, &st) && st.st_size > 0, "%s: %s", path, strerror(errno));
	r.size = (size_t)st.st_size;
	r.data = malloc(r.size);
	CHECK(read(fd, r.data, r.size) == st.st_size, "%s: short", path);
	close(fd);
	return r;
}

static int replay_as(const struct file *f, const struct replay_options *options, struct replay_result *result,
		     char *err, size_t err_size)
{
	int rc = replay_trace(f->data, f->size, options, result, err, err_size);

	CHECK(!rc == !err[0], "code %d, text '%s'", rc, err);
	return rc;
}

static int replay(const struct file *f, struct replay_result *result)
{
	static const struct replay_options check = { .check = true };
	char err[256];

	return replay_as(f, &check, result, err, sizeof(err));
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
	trace_path(p, path, sizeof(path));
	fake_poold_start(p, "--trace", path, NULL);
	fake_trapd_init(t);
	fake_tables(t);
	CHECK(!fake_trapd_attach(t, p), "refused: %s", t->welcome.error);
}

/* poold ends the trace at the detach; its own end is after that. */
static struct file end(struct fake_poold *p, struct fake_trapd *t)
{
	struct file r;

	fake_trapd_destroy(t);
	CHECK(fake_poold_end(p, SIGTERM) == 0, "SIGTERM");
	r = trace_load(p);
	fake_poold_remove(p);
	return r;
}

sp_test(poold_trace, a_trace_replays_to_the_same_tables)
{
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct file f;

	begin(&p, &t);
	work(&t, 1000);
	f = end(&p, &t);
	CHECK(replay(&f, &result) == 0, "differs");
	CHECK(result.complete && result.ncalls > 1000 && result.nreads > 1000 && result.npages >= 4 &&
	      result.ndeltas > 100 && result.ndigests > 10 && !result.other_answers && !result.unknown_reads,
	      "%llu calls, %llu words, %llu pages, %llu deltas, %llu digests", (unsigned long long)result.ncalls,
	      (unsigned long long)result.nreads, (unsigned long long)result.npages, (unsigned long long)result.ndeltas,
	      (unsigned long long)result.ndigests);
	free(f.data);
}

/* trapd has a writable mapping of the pool, because the stub touches tables: whatever it changes must show. */
sp_test(poold_trace, a_foreign_store_into_the_arena_shows)
{
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct file f;
	uint64_t *word;

	begin(&p, &t);
	work(&t, 50);
	word = (uint64_t *)((char *)t.pool.base + t.welcome.pool_bytes - 8);
	*word ^= 1;
	f = end(&p, &t);
	CHECK(replay(&f, &result) == -EILSEQ, "one flipped bit was not noticed");
	free(f.data);
}

/* The last link counts: a VM that attached anew begins another trace, from an empty pool. */
sp_test(poold_trace, a_new_link_begins_a_new_trace)
{
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct file f;

	begin(&p, &t);
	work(&t, 500);
	fake_trapd_detach(&t);
	CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
	work(&t, 10);
	f = end(&p, &t);
	CHECK(replay(&f, &result) == 0 && result.ncalls < 200, "%llu calls", (unsigned long long)result.ncalls);
	free(f.data);
}

/* Offset behind the block that begins at or before at. */
static size_t block_end(const struct file *f, size_t at)
{
	size_t pos = sizeof(struct trace_header);

	while (pos <= at) {
		struct trace_block b;

		memcpy(&b, f->data + pos, sizeof(b));
		pos += sizeof(b) + b.size;
	}
	return pos;
}

sp_test(poold_trace, any_prefix_of_whole_blocks_replays)
{
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct file f, cut;
	unsigned prefixes = 0;

	begin(&p, &t);
	work(&t, 2000);
	f = end(&p, &t);
	cut = f;
	cut.size = block_end(&f, sizeof(struct trace_header));
	while (cut.size < f.size) {
		CHECK(replay(&cut, &result) == 0 && !result.complete && result.ncalls > 0, "prefix of %zu bytes",
		      cut.size);
		prefixes++;
		cut.size = block_end(&f, cut.size);
	}
	CHECK(prefixes >= 3, "only %u blocks", prefixes);
	free(f.data);
}

/* The offset that a refusal names is that of the damaged block. */
static void expect_damage(const struct file *f, size_t at)
{
	static const struct replay_options plain = { 0 };
	struct replay_result result;
	char err[256];
	size_t named = 0;
	int rc = replay_as(f, &plain, &result, err, sizeof(err));

	CHECK(rc == -EPROTO, "damage at %zu: code %d", at, rc);
	if (at < sizeof(struct trace_header))
		return;
	CHECK(sscanf(err, "damaged at offset %zu:", &named) == 1, "no offset in: %s", err);
	CHECK(named <= at && at < block_end(f, named), "damage at %zu: %s", at, err);
}

sp_test(poold_trace, damage_is_refused_with_its_offset)
{
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct file f, cut;
	size_t first;

	begin(&p, &t);
	work(&t, 300);
	f = end(&p, &t);
	cut = f;
	first = block_end(&f, sizeof(struct trace_header));
	for (cut.size = 0; cut.size < f.size; cut.size += 1 + f.size / 60)
		if (cut.size != first && cut.size != sizeof(struct trace_header))
			CHECK(replay(&cut, &result) == -EPROTO, "cut at %zu of %zu", cut.size, f.size);
	for (size_t at = 0; at < f.size; at += at < 200 ? 1 : 1 + f.size / 300) {
		struct file head = f;
		uint8_t old = f.data[at];

		f.data[at] ^= 0x10;
		CHECK(replay(&head, &result) == -EPROTO, "the flip at %zu is not noticed", at);
		f.data[at] = old;
	}
	for (size_t at = first; at < f.size; at += 1 + f.size / 50) {
		size_t block = sizeof(struct trace_header);
		uint8_t old = f.data[at];

		/* The sizes in heads are needed to find the block again: payload only. */
		while (block_end(&f, block) <= at)
			block = block_end(&f, block);
		if (at < block + sizeof(struct trace_block))
			continue;
		f.data[at] ^= 0x10;
		expect_damage(&f, at);
		f.data[at] = old;
	}
	CHECK(replay(&f, &result) == 0, "the whole one again");
	free(f.data);
}

/* A pool of another size or policy sees the same guest: no error of its own, counters that move. */
sp_test(poold_trace, other_pools_replay_the_same_guest)
{
	static const struct replay_options others[] = {
		{ .pool_bytes = 2u << 20 }, { .pool_bytes = 64u << 20 },
		{ .policy = "prefetch=1" }, { .policy = "prefetch=64" },
		{ .policy = "cache=off" }, { .policy = "hot-limit=2,cached-roots=1" },
		{ .policy = "users=16,extents=1,rmap-nodes=1" },
		{ .policy = "format=f32" },
		{ .policy = "large-leaves=on" }, { .policy = "hot-limit=2,unsync=4" },
	};
	static const char *const bad[] = {
		"prefetch", "prefetch=x", "prefetch=3", "cache=maybe", "colour=red", "users=1",
	};
	struct replay_result as_was, result;
	struct replay_options options = { 0 };
	struct fake_poold p;
	struct fake_trapd t;
	struct file f;
	char err[256];

	begin(&p, &t);
	work(&t, 1500);
	f = end(&p, &t);
	CHECK(replay(&f, &as_was) == 0, "as it was");
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		options = others[i];
		options.compare = true;
		CHECK(replay_as(&f, &options, &result, err, sizeof(err)) == 0, "pool %u: %s", i, err);
		CHECK(result.ncompared > 50 && result.ntranslations > 1000, "pool %u: %llu comparisons, %llu addresses", i,
		      (unsigned long long)result.ncompared, (unsigned long long)result.ntranslations);
		CHECK(result.complete && result.ncalls == as_was.ncalls, "pool %u: %llu calls", i,
		      (unsigned long long)result.ncalls);
		CHECK(!result.stats[POOL_STAT_audit_violations] && !result.stats[POOL_STAT_errors_corrupt] &&
		      !result.stats[POOL_STAT_errors_inval] && !result.stats[POOL_STAT_errors_range],
		      "pool %u: %llu violations, %llu times corrupt", i,
		      (unsigned long long)result.stats[POOL_STAT_audit_violations],
		      (unsigned long long)result.stats[POOL_STAT_errors_corrupt]);
		if (i == 2)
			CHECK(!result.stats[POOL_STAT_prefetch_installed] && as_was.stats[POOL_STAT_prefetch_installed],
			      "prefetch=1 prefetches");
		/* The recorded pool found no table hot and was not asked; these find some, and trapd would ask them. */
		if (i == 5)
			CHECK(result.stats[POOL_STAT_flush_hot] && !as_was.stats[POOL_STAT_flush_hot],
			      "hot-limit=2 lets %llu tables go", (unsigned long long)result.stats[POOL_STAT_flush_hot]);
		if (i == 9)
			CHECK(result.stats[POOL_STAT_unsync_grants] && result.stats[POOL_STAT_resync_changed],
			      "unsync=4 leaves %llu tables", (unsigned long long)result.stats[POOL_STAT_unsync_grants]);
	}
	options = (struct replay_options){ .compare = true };
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		options.policy = bad[i];
		CHECK(replay_as(&f, &options, &result, err, sizeof(err)) == -EINVAL, "policy %s is taken", bad[i]);
		if (i >= 5)
			CHECK(strstr(err, "max_users must be"), "a limit is refused without its name: %s", err);
	}
	free(f.data);
}

/*
 * One leaf of the recorded pool is broken on purpose, and another one, or none, of the other pool: as recorded it replays,
 * side by side it shows, with the call after which it does.
 */
sp_test(poold_trace, a_wrong_translation_is_found_side_by_side)
{
	const struct replay_options other = { .policy = "prefetch=1", .compare = true };
	struct replay_result result;
	const struct replay_difference *d = &result.difference;
	struct link_rep rep;
	struct fake_poold p;
	struct fake_trapd t;
	struct file f;
	char path[128], err[256];

	fake_poold_init(&p);
	trace_path(&p, path, sizeof(path));
	fake_poold_start(&p, "--trace", path, "--allow-inject");
	fake_trapd_init(&t);
	fake_tables(&t);
	t.hello.poison = 60;
	CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
	CHECK(fake_set_root(&t, &rep) == POOL_OK, "SET_ROOT");
	for (uint64_t i = 0; i < 300; i++)
		fake_map(&t, FAKE_GVA + i * PAGE_SIZE, false, &rep);
	f = end(&p, &t);
	CHECK(replay(&f, &result) == 0, "as recorded");
	CHECK(replay_as(&f, &other, &result, err, sizeof(err)) == -EILSEQ, "a broken leaf is not found: %s", err);
	CHECK(strstr(err, "call ") && (d->kind == REPLAY_TRANSLATION || d->kind == REPLAY_NOT_GUESTS) && d->call &&
	      d->agree < d->calls && d->calls - d->agree < 16, "kind %d, %llu to %llu: %s", (int)d->kind,
	      (unsigned long long)d->agree, (unsigned long long)d->calls, err);
	free(f.data);
}

/* Make the checksums right again after a change, as somebody would who does not want it to be noticed. */
static void seal(struct file *f)
{
	size_t pos = sizeof(struct trace_header);

	while (pos < f->size) {
		struct trace_block b;

		memcpy(&b, f->data + pos, sizeof(b));
		b.check = trace_hash(trace_hash(0, &b, offsetof(struct trace_block, check)), f->data + pos + sizeof(b),
				     b.size);
		memcpy(f->data + pos, &b, sizeof(b));
		pos += sizeof(b) + b.size;
	}
}

/* Offset of what follows the head of the n-th record of a type in the first block; 0: there is none. */
static size_t find_record(const struct file *f, enum trace_type type, unsigned n)
{
	size_t pos = sizeof(struct trace_header) + sizeof(struct trace_block);
	size_t end = block_end(f, sizeof(struct trace_header));
	struct trace_item item;

	for (; pos < end; pos += sizeof(item) + item.size) {
		memcpy(&item, f->data + pos, sizeof(item));
		if (item.type == type && !n--)
			return pos + sizeof(item);
	}
	return 0;
}

static int run_check(const struct fake_poold *p, const struct file *f)
{
	const char *top = sp_builddir();
	char path[128], command[512];
	int fd, status;

	trace_path(p, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, f->data, f->size) == (ssize_t)f->size && !close(fd), "%s", path);
	snprintf(command, sizeof(command), "%s/ctl/shadowctl replay --check %s >/dev/null", top, path);
	status = system(command);
	CHECK(WIFEXITED(status), "status %d", status);
	return WEXITSTATUS(status);
}

/* The states around a difference can be had, and are those after so many calls. */
static void check_states(const struct file *f, const struct replay_difference *d)
{
	static const struct replay_options plain = { 0 };
	const uint64_t calls[2] = { d->agree, d->calls };
	struct replay_state states[2];

	CHECK((d->kind == REPLAY_ANSWER && d->calls == d->agree + 1) || (d->kind == REPLAY_DIGEST && d->calls >= d->agree),
	      "kind %d, %llu to %llu", (int)d->kind, (unsigned long long)d->agree, (unsigned long long)d->calls);
	CHECK(!replay_states(f->data, f->size, &plain, calls, states), "no states");
	for (unsigned i = 0; i < 2; i++) {
		CHECK(states[i].calls == calls[i] && states[i].npages && states[i].used < states[i].npages,
		      "state %u after %llu calls", i, (unsigned long long)states[i].calls);
		replay_state_free(&states[i]);
	}
}

/* Differences behind right checksums: another answer, other arguments, another word read, another digest. */
sp_test(poold_trace, the_first_call_that_differs_is_named)
{
	static const struct {
		enum trace_type type;
		unsigned n, at;
		const char *named;
	} changes[] = {
		{ TRACE_RESULT, 20, 0, "call 20 (" },
		{ TRACE_RESULT, 30, 8, "call 30 (" },
		{ TRACE_CALL, 25, offsetof(struct pool_call, gpa) + 2, "call " },
		{ TRACE_PAGE, 0, offsetof(struct trace_page, bytes) + 2, "call " },
		{ TRACE_DIGEST, 0, 0, "digest" },
	};
	static const struct replay_options check = { .check = true };
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct file f;
	char err[256];

	begin(&p, &t);
	work(&t, 60);
	fake_trapd_destroy(&t);
	CHECK(fake_poold_end(&p, SIGTERM) == 0, "SIGTERM");
	f = trace_load(&p);
	CHECK(run_check(&p, &f) == 0, "as recorded");
	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		size_t at = find_record(&f, changes[i].type, changes[i].n);

		CHECK(at, "record %u is not there", i);
		f.data[at + changes[i].at] ^= 1;
		seal(&f);
		CHECK(replay_as(&f, &check, &result, err, sizeof(err)) == -EILSEQ && strstr(err, changes[i].named),
		      "change %u: %s", i, err);
		CHECK(run_check(&p, &f) == 7, "exit code of change %u", i);
		check_states(&f, &result.difference);
		f.data[at + changes[i].at] ^= 1;
	}
	seal(&f);
	CHECK(run_check(&p, &f) == 0, "as recorded, again");
	free(f.data);
	fake_poold_remove(&p);
}

/* A file of something else, or of another version of the format: refused for what it is, not called damaged. */
sp_test(poold_trace, another_format_is_refused_by_its_name)
{
	static const struct {
		uint64_t magic;
		uint32_t version;
		const char *said;
	} headers[] = {
		{ 0, TRACE_VERSION, "not a trace: its first bytes are others" },
		{ TRACE_MAGIC + 1, TRACE_VERSION, "not a trace: its first bytes are others" },
		{ TRACE_MAGIC, TRACE_VERSION - 1, "a trace of version 1; this program reads version 2" },
		{ TRACE_MAGIC, TRACE_VERSION + 1, "a trace of version 3; this program reads version 2" },
		{ TRACE_MAGIC, UINT32_MAX, "a trace of version 4294967295; this program reads version 2" },
	};
	struct trace_header good, h;
	struct replay_result result;
	struct fake_poold p;
	struct fake_trapd t;
	struct file f;
	char err[256];

	_Static_assert(TRACE_VERSION == 2, "the texts above");
	begin(&p, &t);
	work(&t, 10);
	fake_trapd_destroy(&t);
	CHECK(fake_poold_end(&p, SIGTERM) == 0, "SIGTERM");
	f = trace_load(&p);
	memcpy(&good, f.data, sizeof(good));
	for (unsigned i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		h = good;
		h.magic = headers[i].magic;
		h.version = headers[i].version;
		h.check = trace_hash(0, &h, offsetof(struct trace_header, check));
		memcpy(f.data, &h, sizeof(h));
		CHECK(replay_as(&f, &(struct replay_options){ 0 }, &result, err, sizeof(err)) == -EPROTO &&
		      !strcmp(err, headers[i].said), "header %u: %s", i, err);
		CHECK(run_check(&p, &f) == 1, "exit code of header %u", i);
	}
	memcpy(f.data, &good, sizeof(good));
	CHECK(run_check(&p, &f) == 0, "as recorded");
	for (f.size = 1; f.size < sizeof(h); f.size += 5)
		CHECK(replay_as(&f, &(struct replay_options){ 0 }, &result, err, sizeof(err)) == -EPROTO &&
		      strstr(err, "not a trace: "), "%zu bytes: %s", f.size, err);
	free(f.data);
	fake_poold_remove(&p);
}
