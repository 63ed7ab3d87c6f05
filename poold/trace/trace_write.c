/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the trace of a session into a file that was opened before the sandbox closed. poold: the session's thread, or the main
 * thread for an audit, with the session's lock held. It never fails a call: a write error only spoils the trace.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/x86.h"
#include "poold/trace/trace.h"
#include "poold/trace/trace_image.h"

struct recorder {
	pthread_mutex_t lock;	/* guards busy */
	bool busy;
	int fd;
	int error;		/* of the first write that failed */
	struct guest_ram ram;
	struct trace_image image;
	uint64_t nrecords, ncalls, dropped;
	uint64_t limit;		/* of records; 0: none */
	bool full;		/* it has been reached */
	uint64_t bytes;		/* of header and whole blocks, in the file */
	uint32_t nread;		/* words read by the call in hand */
	uint64_t states;	/* hash of what the call in hand changed */
	uint64_t first;		/* sequence number of the block's first record */
	size_t used;
	uint8_t buffer[TRACE_BLOCK_MAX];
};

int recorder_create(struct recorder **out, int fd)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (!r) {
		close(fd);
		return -ENOMEM;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->fd = fd;
	*out = r;
	return 0;
}

void recorder_destroy(struct recorder *r)
{
	if (!r)
		return;
	close(r->fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void file_put(struct recorder *r, const void *data, size_t size)
{
	size_t done = 0;

	while (!r->error && done < size) {
		ssize_t n = write(r->fd, (const char *)data + done, size - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			r->error = -errno;
	}
}

static void block_put(struct recorder *r)
{
	struct trace_block block = { .magic = TRACE_BLOCK_MAGIC, .size = (uint32_t)r->used, .first = r->first };

	if (!r->used)
		return;
	block.check = trace_hash(trace_hash(0, &block, offsetof(struct trace_block, check)), r->buffer, r->used);
	file_put(r, &block, sizeof(block));
	file_put(r, r->buffer, r->used);
	if (r->error)
		r->dropped += r->nrecords - r->first;
	else
		r->bytes += sizeof(block) + r->used;
	r->first = r->nrecords;
	r->used = 0;
}

static void record_put(struct recorder *r, enum trace_type type, const void *payload, size_t size)
{
	struct trace_item item = { .type = (uint16_t)type, .size = (uint16_t)size };

	if (r->used + sizeof(item) + size > sizeof(r->buffer))
		block_put(r);
	item.seq = (uint32_t)r->nrecords++;
	memcpy(r->buffer + r->used, &item, sizeof(item));
	memcpy(r->buffer + r->used + sizeof(item), payload, size);
	r->used += sizeof(item) + size;
}

static int recorder_take(struct recorder *r)
{
	bool busy;

	pthread_mutex_lock(&r->lock);
	busy = r->busy;
	r->busy = true;
	pthread_mutex_unlock(&r->lock);
	return busy ? -EBUSY : 0;
}

static void recorder_give(struct recorder *r)
{
	pthread_mutex_lock(&r->lock);
	r->busy = false;
	pthread_mutex_unlock(&r->lock);
}

int recorder_begin(struct recorder *r, const struct pool_config *config)
{
	struct trace_header header = {
		.magic = TRACE_MAGIC, .version = TRACE_VERSION, .header_size = sizeof(header),
		.call_size = sizeof(struct pool_call), .value_size = sizeof(struct trace_value),
	};
	struct trace_config packed;
	int rc = recorder_take(r);

	if (rc)
		return rc;
	rc = trace_image_init(&r->image, &config->ram, 0);
	if (rc) {
		recorder_give(r);
		return rc;
	}
	r->ram = config->ram;
	r->nrecords = r->ncalls = r->dropped = r->first = 0;
	r->used = 0;
	r->error = 0;
	r->full = false;
	if (ftruncate(r->fd, 0) || lseek(r->fd, 0, SEEK_SET) < 0)
		r->error = -errno;
	header.check = trace_hash(0, &header, offsetof(struct trace_header, check));
	file_put(r, &header, sizeof(header));
	r->bytes = sizeof(header);
	record_put(r, TRACE_CONFIG, &packed, trace_config_pack(&packed, config));
	return 0;
}

static uint64_t ram_load(const struct recorder *r, uint64_t gpa, unsigned size)
{
	const void *at = guest_ram_ptr(&r->ram, gpa);

	return size == 8 ? load_relaxed((const uint64_t *)at) : load_relaxed((const uint32_t *)at);
}

static void delta_put(struct recorder *r, uint8_t *page, uint64_t gpa, unsigned size, uint64_t value, uint32_t nread)
{
	struct trace_delta delta = { .gpa = gpa, .value = value, .read = nread, .size = size };

	trace_image_put(page, gpa, size, value);
	record_put(r, TRACE_DELTA, &delta, sizeof(delta));
}

/* The first time that a page is read: all of it, with the word in hand as it was read. */
static void page_put(struct recorder *r, uint64_t gpa, unsigned size, uint64_t value)
{
	uint8_t *page = trace_image_add(&r->image, gpa >> PAGE_SHIFT);
	struct trace_page record = { .gfn = gpa >> PAGE_SHIFT };
	bool zero;

	if (!page) {
		if (!r->error)
			r->error = -ENOMEM;
		return;
	}
	for (uint64_t at = 0; at < PAGE_SIZE; at += 8)
		trace_image_put(page, at, 8, ram_load(r, (gpa & ~(PAGE_SIZE - 1)) + at, 8));
	trace_image_put(page, gpa, size, value);
	zero = !page[0] && !memcmp(page, page + 1, PAGE_SIZE - 1);
	memcpy(record.bytes, page, sizeof(record.bytes));
	record_put(r, TRACE_PAGE, &record, zero ? sizeof(record.gfn) : sizeof(record));
}

/*
 * What the guest wrote, also where the library does not look at it now: with another size or policy it would. Pages that
 * the trace has not shown are not monitored.
 */
void recorder_before(struct recorder *r, const struct pool_call *call)
{
	uint64_t at = call->gpa & ~7ull, end = call->gpa + call->len;

	r->nread = 0;
	r->states = 0;
	if (call->op != POOL_CALL_GUEST_WRITE && call->op != POOL_CALL_RANGE_CHANGED)
		return;
	while (at < end) {
		uint8_t *page = trace_image_find(&r->image, at >> PAGE_SHIFT);
		uint64_t value;

		if (!page) {
			at = (at | (PAGE_SIZE - 1)) + 1;
			continue;
		}
		value = ram_load(r, at, 8);
		if (value != trace_image_get(page, at, 8))
			delta_put(r, page, at, 8, value, 0);
		at += 8;
	}
}

uint64_t recorder_read(struct recorder *r, uint64_t gpa, unsigned size)
{
	uint8_t *page = trace_image_find(&r->image, gpa >> PAGE_SHIFT);
	uint64_t value = ram_load(r, gpa, size);

	r->nread++;
	if (!page)
		page_put(r, gpa, size, value);
	else if (value != trace_image_get(page, gpa, size))
		delta_put(r, page, gpa, size, value, r->nread);
	return value;
}

void recorder_state(struct recorder *r, uint64_t gfn, uint8_t bits)
{
	r->states = trace_state_hash(r->states, gfn, bits);
}

void recorder_entry(struct recorder *r, uint32_t page, uint32_t slot, uint64_t old, uint64_t new)
{
	r->states = trace_entry_hash(r->states, page, slot, old, new);
}

void recorder_after(struct recorder *r, const struct pool *pool, const struct pool_call *call,
		    const struct pool_call_out *out)
{
	struct trace_digest digest = { 0 };
	struct trace_result result;

	record_put(r, TRACE_CALL, call, sizeof(*call));
	trace_result_pack(&result, call, out, r->states);
	record_put(r, TRACE_RESULT, &result, sizeof(result));
	r->ncalls++;
	if ((call->op == POOL_CALL_AUDIT && (call->flags & POOL_CALLF_ALL)) || r->ncalls % TRACE_DIGEST_EVERY == 0) {
		pool_digest(pool, digest.digest);
		record_put(r, TRACE_DIGEST, &digest, sizeof(digest));
	}
	r->full = r->limit && r->nrecords >= r->limit;
}

void recorder_limit(struct recorder *r, uint64_t n)
{
	r->limit = n;
}

bool recorder_is_full(const struct recorder *r)
{
	return r->full;
}

void recorder_totals(const struct recorder *r, struct trace_totals *out)
{
	*out = (struct trace_totals){
		.records = r->nrecords, .calls = r->ncalls, .bytes = r->bytes, .dropped = r->dropped,
	};
}

int recorder_error(const struct recorder *r)
{
	return r->error;
}

int recorder_end(struct recorder *r, const struct pool *pool, const void *arena, uint32_t npages)
{
	struct trace_digest digest = { 0 };
	struct trace_end end;
	int error;

	if (pool) {
		pool_digest(pool, digest.digest);
		digest.arena = trace_arena_hash(arena, npages);
		record_put(r, TRACE_DIGEST, &digest, sizeof(digest));
		end = (struct trace_end){ .nrecords = r->nrecords, .ncalls = r->ncalls };
		record_put(r, TRACE_END, &end, sizeof(end));
	}
	block_put(r);
	error = r->error;
	if (error && ftruncate(r->fd, (off_t)r->bytes))
		error = r->error;	/* the reader says where it breaks off */
	trace_image_fini(&r->image);
	recorder_give(r);
	return error;
}
