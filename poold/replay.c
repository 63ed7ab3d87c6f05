/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Offline replay of a record. Tests only (no daemon calls it). It may not trust any number in the record: sizes, ranges
 * and order are checked before they are used.
 */
#include "poold/replay.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "poold/record.h"

#define REPLAY_MAX_PAGES (16u << 20)	/* 64 GiB of arena, the pool's own limit */

struct replay {
	const uint8_t *data;
	size_t size, pos;
	uint32_t seq;
	struct pool *pool;
	uint64_t arena_bytes;
	uint8_t *arena, *expected;
	void *tracking;
	uint64_t *stats;
	/* Reads of the call that is running: records in [reads_pos, reads_end). */
	size_t reads_pos, reads_end;
	const char *read_error;
	uint64_t read_gpa;
	struct replay_result *result;
	char *err;
	size_t err_size;
};

static int __attribute__((format(printf, 3, 4))) replay_fail(struct replay *r, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->err, r->err_size, fmt, ap);
	va_end(ap);
	return code;
}

static const uint16_t payload_size[RECORD_TYPE_COUNT] = {
	[RECORD_CONFIG] = sizeof(struct record_config), [RECORD_CALL] = sizeof(struct record_call),
	[RECORD_READ] = sizeof(struct record_read), [RECORD_ARENA] = sizeof(struct record_arena),
	[RECORD_END] = sizeof(struct record_end),
};

/* The next record's type, its payload copied into *payload (at least sizeof(struct record_arena) bytes). */
static int record_next(struct replay *r, void *payload)
{
	struct record_item item;

	if (r->size - r->pos < sizeof(item))
		return replay_fail(r, -EPROTO, "record ends at byte %zu without its end mark", r->pos);
	memcpy(&item, r->data + r->pos, sizeof(item));
	if (!item.type || item.type >= RECORD_TYPE_COUNT || item.size != payload_size[item.type] || item.seq != r->seq)
		return replay_fail(r, -EPROTO, "bad record at byte %zu: type %u, size %u, sequence %u (expected %u)",
				   r->pos, item.type, item.size, item.seq, r->seq);
	if (r->size - r->pos - sizeof(item) < item.size)
		return replay_fail(r, -EPROTO, "record at byte %zu is cut off", r->pos);
	memcpy(payload, r->data + r->pos + sizeof(item), item.size);
	r->pos += sizeof(item) + item.size;
	r->seq++;
	return item.type;
}

/* struct pool_callbacks.read: answers from the record, in its order. */
static uint64_t replay_read(void *ctx, uint64_t gpa, unsigned size)
{
	struct replay *r = ctx;
	struct record_read rec;

	if (r->reads_pos >= r->reads_end) {
		r->read_error = "reads more words than the recorded call";
		r->read_gpa = gpa;
		return 0;
	}
	memcpy(&rec, r->data + r->reads_pos + sizeof(struct record_item), sizeof(rec));
	if (rec.gpa != gpa || rec.size != size) {
		r->read_error = "reads another word than the recorded call";
		r->read_gpa = gpa;
		return 0;
	}
	r->reads_pos += sizeof(struct record_item) + sizeof(rec);
	r->result->nreads++;
	return rec.value;
}

static void replay_state_changed(void *ctx, uint64_t gfn, uint8_t bits)
{
}

static int replay_begin(struct replay *r)
{
	struct pool_callbacks callbacks = { .ctx = r, .state_changed = replay_state_changed, .read = replay_read };
	struct record_header header;
	struct record_arena payload;
	struct record_config packed;
	struct pool_config config;
	uint64_t need;

	if (r->size < sizeof(header))
		return replay_fail(r, -EPROTO, "too short for a record: %zu bytes", r->size);
	memcpy(&header, r->data, sizeof(header));
	if (header.magic != RECORD_MAGIC || header.version != RECORD_VERSION || header.header_size != sizeof(header) ||
	    header.call_size != sizeof(struct record_call) || header.config_size != sizeof(struct record_config))
		return replay_fail(r, -EPROTO, "not a record of version %u", RECORD_VERSION);
	r->pos = sizeof(header);
	if (record_next(r, &payload) != RECORD_CONFIG)
		return replay_fail(r, -EPROTO, "the first record is not the configuration");
	memcpy(&packed, &payload, sizeof(packed));
	if (packed.maxphyaddr > 52 || packed.nvcpu > POOL_MAX_VCPUS || packed.stub_slot > 511 ||
	    packed.max_pages > REPLAY_MAX_PAGES)
		return replay_fail(r, -EPROTO, "configuration out of range");
	record_config_unpack(&config, &packed);
	need = pool_memory_needed(&config);
	if (!need)
		return replay_fail(r, -EPROTO, "configuration refused by the library");

	r->arena_bytes = config.max_pages * 4096ull;
	/* page 0 of the arena must be 2 MiB aligned in machine space only, but the same here does no harm */
	r->arena = aligned_alloc(2u << 20, (r->arena_bytes + (2u << 20) - 1) & ~((2ull << 20) - 1));
	r->expected = calloc(1, r->arena_bytes);
	r->tracking = aligned_alloc(4096, (need + 4095) & ~4095ull);
	r->stats = calloc(POOL_STAT_COUNT, sizeof(uint64_t));
	if (!r->arena || !r->expected || !r->tracking || !r->stats)
		return replay_fail(r, -ENOMEM, "not enough memory for a pool of %u pages", config.max_pages);
	memset(r->arena, 0, r->arena_bytes);
	memset(r->tracking, 0, need);
	if (pool_create(&r->pool, &config, &callbacks, r->arena, r->tracking, r->stats, r->err, r->err_size))
		return -EPROTO;
	return 0;
}

static int replay_call(struct replay *r, const struct record_call *rec, struct pool_call_out *out)
{
	const char *name = pool_call_name(rec->call.op);
	uint32_t status;

	if (!name || rec->call.flags & ~POOL_CALLF_KNOWN || rec->call.nwalk > 4)
		return replay_fail(r, -EPROTO, "call %llu has no valid number or arguments",
				   (unsigned long long)r->result->ncalls);
	r->read_error = NULL;
	pool_call_run(r->pool, &rec->call, out);
	status = rec->call.op == POOL_CALL_AUDIT ? out->nviolations : (uint32_t)out->result.status;
	if (!r->read_error && r->reads_pos != r->reads_end)
		r->read_error = "reads fewer words than the recorded call";
	if (r->read_error)
		return replay_fail(r, -EILSEQ, "call %llu (%s) %s, gpa 0x%llx", (unsigned long long)r->result->ncalls,
				   name, r->read_error, (unsigned long long)r->read_gpa);
	if (status != rec->status)
		return replay_fail(r, -EILSEQ, "call %llu (%s) answers %u, recorded was %u",
				   (unsigned long long)r->result->ncalls, name, status, rec->status);
	r->result->ncalls++;
	return 0;
}

static int replay_compare(struct replay *r)
{
	for (uint64_t at = 0; at < r->arena_bytes; at += sizeof(uint64_t)) {
		uint64_t got, want;

		memcpy(&got, r->arena + at, sizeof(got));
		memcpy(&want, r->expected + at, sizeof(want));
		if (got != want)
			return replay_fail(r, -EILSEQ, "arena page %llu slot %llu: replayed 0x%llx, recorded 0x%llx",
					   (unsigned long long)(at / 4096), (unsigned long long)(at % 4096 / 8),
					   (unsigned long long)got, (unsigned long long)want);
	}
	return 0;
}

static int replay_arena_page(struct replay *r, const struct record_arena *rec)
{
	if (rec->page >= r->arena_bytes / 4096)
		return replay_fail(r, -EPROTO, "arena page %u is outside the arena", rec->page);
	memcpy(r->expected + rec->page * 4096ull, rec->bytes, sizeof(rec->bytes));
	r->result->arena_pages++;
	return 0;
}

/* at: where the end mark begins. */
static int replay_end(struct replay *r, const struct record_end *end, size_t at)
{
	if (end->nrecords != r->seq - 1 || end->hash != record_hash(0, r->data, at) || end->zero ||
	    end->narena != r->result->arena_pages || r->pos != r->size)
		return replay_fail(r, -EPROTO, "the end mark does not fit what precedes it");
	return replay_compare(r);
}

static int replay_run(struct replay *r)
{
	union {
		struct record_call call;
		struct record_arena arena;
		struct record_end end;
	} payload;
	struct pool_call_out out = { 0 };
	size_t at = r->pos;
	int type, rc = 0;

	r->reads_pos = r->pos;
	while ((type = record_next(r, &payload)) > 0) {
		if (type == RECORD_CALL) {
			r->reads_end = at;
			rc = replay_call(r, &payload.call, &out);
			r->reads_pos = r->pos;
		} else if (type == RECORD_ARENA) {
			rc = replay_arena_page(r, &payload.arena);
		} else if (type == RECORD_END) {
			return replay_end(r, &payload.end, at);
		} else if (type != RECORD_READ) {
			rc = replay_fail(r, -EPROTO, "second configuration at byte %zu", at);
		}
		if (rc)
			return rc;
		at = r->pos;
	}
	return type;
}

int replay_record(const uint8_t *data, size_t size, struct replay_result *result, char *err, size_t err_size)
{
	struct replay r = { .data = data, .size = size, .result = result, .err = err, .err_size = err_size };
	int rc;

	memset(result, 0, sizeof(*result));
	if (err_size)
		err[0] = 0;
	rc = replay_begin(&r);
	if (!rc)
		rc = replay_run(&r);
	free(r.arena);
	free(r.expected);
	free(r.tracking);
	free(r.stats);
	return rc;
}
