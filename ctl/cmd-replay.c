/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shadowctl replay: the calls of a trace once more, with a pool of our own. Asks no daemon and needs no privilege. As
 * recorded it can be checked bit by bit; with another size or policy the counters tell what that pool would have done.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf.h"
#include "ctl/cmd_table.h"
#include "ctl/replay_diff.h"
#include "poold/trace/replay/replay.h"

struct file {
	void *data;
	size_t size;
};

static int open_file(const struct cmd *cmd, const char *path, struct file *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (!rc && st.st_size) {
		f->size = (size_t)st.st_size;
		f->data = mmap(NULL, f->size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (f->data == MAP_FAILED)
			rc = -errno;
	}
	if (fd >= 0)
		close(fd);
	if (!rc)
		return 0;
	return cmd_fail(cmd, CONTROL_FAILED, "name a file that was written by run --trace", "cannot read %s: %s", path,
			strerror(-rc));
}

/* What is around a difference, beside its one line. states: NULL if they could not be had. */
static json_t *around_json(const struct replay_result *r, const struct replay_state *states)
{
	const struct replay_difference *d = &r->difference;
	json_t *o;

	if (d->kind == REPLAY_TRANSLATION)
		o = replay_walks_json(d);
	else if (states)
		o = replay_diff_json(&states[0], &states[1]);
	else
		o = json_object();
	json_object_set_new(o, "calls_agree", json_integer((json_int_t)d->agree));
	json_object_set_new(o, "calls_differ", json_integer((json_int_t)d->calls));
	json_object_set_new(o, "call", d->call ? json_string(d->call) : json_null());
	return o;
}

static void print_around(const struct replay_result *r, const struct replay_state *states)
{
	if (r->difference.kind == REPLAY_TRANSLATION)
		replay_walks_print(&r->difference);
	else if (states)
		replay_diff_print(&states[0], &states[1]);
}

static json_t *result_json(const struct cmd *cmd, const struct replay_result *r, bool checked, const char *difference,
			   const struct replay_state *states)
{
	json_t *pool = json_object(), *o;

	for (unsigned i = 0; i < POOL_STAT_COUNT; i++)
		json_object_set_new(pool, pool_stat_name[i], json_integer((json_int_t)r->stats[i]));
	o = json_pack("{s:o,s:o,s:b,s:b,s:o}", "file", cmd_json_string(cmd->args[0]), "recorded_by",
		      cmd_json_string(r->program), "complete", r->complete, "checked", checked, "pool", pool);
	if (!o)
		return NULL;
	json_object_set_new(o, "records", json_integer((json_int_t)r->nrecords));
	json_object_set_new(o, "calls", json_integer((json_int_t)r->ncalls));
	json_object_set_new(o, "words_read", json_integer((json_int_t)r->nreads));
	json_object_set_new(o, "guest_pages", json_integer((json_int_t)r->npages));
	json_object_set_new(o, "guest_changes", json_integer((json_int_t)r->ndeltas));
	json_object_set_new(o, "digests", json_integer((json_int_t)r->ndigests));
	json_object_set_new(o, "other_answers", json_integer((json_int_t)r->other_answers));
	json_object_set_new(o, "unknown_words", json_integer((json_int_t)r->unknown_reads));
	json_object_set_new(o, "corrections", json_integer((json_int_t)r->corrections));
	json_object_set_new(o, "digest", json_sprintf("0x%016" PRIx64 "%016" PRIx64, r->digest[0], r->digest[1]));
	json_object_set_new(o, "translations", json_sprintf("0x%016" PRIx64 "%016" PRIx64, r->translations[0],
							    r->translations[1]));
	json_object_set_new(o, "comparisons", json_integer((json_int_t)r->ncompared));
	json_object_set_new(o, "compared_addresses", json_integer((json_int_t)r->ntranslations));
	json_object_set_new(o, "around", difference ? around_json(r, states) : json_null());
	json_object_set_new(o, "difference", difference ? cmd_json_string(difference) : json_null());
	return o;
}

static void print_count(const char *name, uint64_t value)
{
	printf("%-28s %16" PRIu64 "\n", name, value);
}

static void print_result(const struct replay_result *r)
{
	print_count("calls", r->ncalls);
	print_count("guest words read", r->nreads);
	print_count("guest pages", r->npages);
	print_count("guest changes", r->ndeltas);
	print_count("calls answered otherwise", r->other_answers);
	print_count("words not in the trace", r->unknown_reads);
	print_count("changes told to this pool", r->corrections);
	print_count("comparisons", r->ncompared);
	print_count("addresses compared", r->ntranslations);
	printf("digest %016" PRIx64 "%016" PRIx64 "\n", r->digest[0], r->digest[1]);
	for (unsigned i = 0; i < POOL_STAT_COUNT; i++)
		if (r->stats[i])
			print_count(pool_stat_name[i], r->stats[i]);
}

/* Equal or different: a result either way, not an error. */
static int report(struct cmd *cmd, const struct replay_result *r, bool checked, const char *difference,
		  const struct replay_state *states)
{
	if (cmd->json) {
		if (cmd_json(result_json(cmd, r, checked, difference, states)))
			return CONTROL_FAILED;
	} else if (difference) {
		cmd_print(stdout, difference);
		putchar('\n');
		print_around(r, states);
	} else if (checked) {
		printf("equal: %" PRIu64 " calls, %" PRIu64 " guest words, %" PRIu64 " digests\n", r->ncalls,
		       r->nreads, r->ndigests);
	} else {
		print_result(r);
	}
	if (!difference && !r->complete)
		fprintf(stderr, "shadowctl: the trace has no end mark: its writer was stopped, or it is cut off\n");
	return difference ? CONTROL_DIFFERENCES : CONTROL_DONE;
}

static int take_options(const struct cmd *cmd, struct replay_options *o)
{
	const char *pool = cmd_value(cmd, "pool");

	o->check = cmd_value(cmd, "check") != NULL;
	o->policy = cmd_value(cmd, "policy");
	o->compare = true;
	o->max_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	if (pool && (conf_parse_size(pool, &o->pool_bytes) || !o->pool_bytes || o->pool_bytes % (2u << 20)))
		return cmd_fail(cmd, CONTROL_USAGE, "give a multiple of 2M", "not a size for a pool: %s", pool);
	if (o->check && (pool || o->policy))
		return cmd_fail(cmd, CONTROL_USAGE, "leave --check away",
				"with another pool there is nothing to compare");
	return 0;
}

/* The recorded pool once more, to the call that differs: the state before it, or at the last equal digest, and after. */
static int report_difference(struct cmd *cmd, const struct replay_options *o, const struct file *f,
			     const struct replay_result *r, const char *difference)
{
	const uint64_t calls[2] = { r->difference.agree, r->difference.calls };
	struct replay_state states[2];
	bool have = r->difference.kind != REPLAY_TRANSLATION && !replay_states(f->data, f->size, o, calls, states);
	int rc = report(cmd, r, o->check, difference, have ? states : NULL);

	for (unsigned i = 0; have && i < 2; i++)
		replay_state_free(&states[i]);
	return rc;
}

static int replay(struct cmd *cmd, const struct replay_options *o, const struct file *f)
{
	static struct replay_result result;
	char err[512];

	switch (replay_trace(f->data, f->size, o, &result, err, sizeof(err))) {
	case 0:
		return report(cmd, &result, o->check, NULL, NULL);
	case -EILSEQ:
		return report_difference(cmd, o, f, &result, err);
	case -EINVAL:
		return cmd_fail(cmd, CONTROL_USAGE, "see shadowctl replay --help", "%s", err);
	case -ENOMEM:
		return cmd_fail(cmd, CONTROL_FAILED, "free memory", "%s", err[0] ? err : "out of memory");
	default:
		return cmd_fail(cmd, CONTROL_FAILED, "record it anew", "%s: %s", cmd->args[0], err);
	}
}

static int run(struct cmd *cmd)
{
	struct replay_options options = { 0 };
	struct file f = { 0 };
	int rc = take_options(cmd, &options);

	if (!rc)
		rc = open_file(cmd, cmd->args[0], &f);
	if (!rc)
		rc = replay(cmd, &options, &f);
	if (f.size)
		munmap(f.data, f.size);
	return rc;
}

static const struct cmd_option options[] = {
	{ "check", NULL, "compare every answer and digest with what was recorded" },
	{ "pool", "SIZE", "replay with a pool of another size" },
	{ "policy", "KEY=VALUE,...",
	  "prefetch, cached-roots, hot-limit, users, extents, rmap-nodes, unsync, cache=on|off" },
	{ NULL }
};

const struct cmd_entry cmd_replay = {
	.name = "replay", .args = "FILE", .summary = "make the calls of a trace again, with a pool of any size or policy",
	.options = options, .min_args = 1, .max_args = 1, .timeout_ms = -1, .run = run,
};
