/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the record of a link into a file that was opened before the sandbox closed. poold, link thread, with the VM's
 * lock held; it never fails a call: a write error only spoils the record.
 */
#include "poold/record.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_BUFFER (64u << 10)

struct recorder {
	pthread_mutex_t lock;	/* guards busy */
	bool busy;
	int fd;
	int error;		/* of the first write that failed */
	uint32_t seq;
	uint64_t nrecords;
	uint64_t hash;
	size_t used;
	uint8_t buffer[RECORD_BUFFER];
};

uint64_t record_hash(uint64_t hash, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, (const char *)data + i, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return hash;
}

void record_config_pack(struct record_config *out, const struct pool_config *c)
{
	*out = (struct record_config){
		.ram_low_end = c->ram.low_end, .ram_high_end = c->ram.high_end, .ram_maddr = c->ram_maddr,
		.pool_maddr = c->pool_maddr, .stub_entry = c->stub_entry, .max_pages = c->max_pages,
		.maxphyaddr = c->maxphyaddr, .nvcpu = c->nvcpu, .stub_slot = c->stub_slot, .max_users = c->max_users,
		.max_extents = c->max_extents, .rmap_nodes_per_gfn = c->rmap_nodes_per_gfn,
		.cached_roots = c->cached_roots, .prefetch = c->prefetch, .hot_limit = c->hot_limit,
		.unsync_tables = c->unsync_tables, .cache_off = c->cache_off,
	};
}

void record_config_unpack(struct pool_config *out, const struct record_config *c)
{
	*out = (struct pool_config){
		.ram = { .base = NULL, .low_end = c->ram_low_end, .high_end = c->ram_high_end },
		.ram_maddr = c->ram_maddr, .pool_maddr = c->pool_maddr, .stub_entry = c->stub_entry,
		.max_pages = c->max_pages, .maxphyaddr = (uint8_t)c->maxphyaddr, .nvcpu = (uint8_t)c->nvcpu,
		.stub_slot = (uint16_t)c->stub_slot, .max_users = c->max_users, .max_extents = c->max_extents,
		.rmap_nodes_per_gfn = c->rmap_nodes_per_gfn, .cached_roots = c->cached_roots, .prefetch = c->prefetch,
		.hot_limit = c->hot_limit, .unsync_tables = c->unsync_tables, .cache_off = c->cache_off != 0,
	};
}

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

static void buffer_flush(struct recorder *r)
{
	size_t done = 0;

	while (!r->error && done < r->used) {
		ssize_t n = write(r->fd, r->buffer + done, r->used - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			r->error = -errno;
	}
	r->used = 0;
}

static void buffer_put(struct recorder *r, const void *data, size_t size)
{
	if (r->used + size > sizeof(r->buffer))
		buffer_flush(r);
	memcpy(r->buffer + r->used, data, size);
	r->hash = record_hash(r->hash, data, size);
	r->used += size;
}

static void record_put(struct recorder *r, enum record_type type, const void *payload, uint16_t size)
{
	struct record_item item = { .type = (uint16_t)type, .size = size, .seq = r->seq++ };

	buffer_put(r, &item, sizeof(item));
	buffer_put(r, payload, size);
	r->nrecords++;
}

int recorder_begin(struct recorder *r, const struct pool_config *config)
{
	struct record_header header = {
		.magic = RECORD_MAGIC, .version = RECORD_VERSION, .header_size = sizeof(header),
		.call_size = sizeof(struct record_call), .config_size = sizeof(struct record_config),
	};
	struct record_config packed;

	pthread_mutex_lock(&r->lock);
	if (r->busy) {
		pthread_mutex_unlock(&r->lock);
		return -EBUSY;
	}
	r->busy = true;
	pthread_mutex_unlock(&r->lock);

	r->seq = 0;
	r->nrecords = 0;
	r->hash = 0;
	r->used = 0;
	r->error = 0;
	if (ftruncate(r->fd, 0) || lseek(r->fd, 0, SEEK_SET) < 0)
		r->error = -errno;
	buffer_put(r, &header, sizeof(header));
	record_config_pack(&packed, config);
	record_put(r, RECORD_CONFIG, &packed, sizeof(packed));
	return 0;
}

void recorder_read(struct recorder *r, uint64_t gpa, unsigned size, uint64_t value)
{
	struct record_read rec = { .gpa = gpa, .value = value, .size = size };

	record_put(r, RECORD_READ, &rec, sizeof(rec));
}

void recorder_call(struct recorder *r, const struct pool_call *call, uint32_t status)
{
	struct record_call rec = { .call = *call, .status = status };

	record_put(r, RECORD_CALL, &rec, sizeof(rec));
}

static bool page_is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, 4095);
}

int recorder_end(struct recorder *r, const void *arena, uint32_t npages)
{
	struct record_end end = { 0 };
	struct record_arena rec = { 0 };
	int error;

	for (uint32_t i = 0; i < npages; i++) {
		const uint8_t *page = (const uint8_t *)arena + i * 4096ull;

		if (page_is_zero(page))
			continue;
		rec.page = i;
		memcpy(rec.bytes, page, sizeof(rec.bytes));
		record_put(r, RECORD_ARENA, &rec, sizeof(rec));
		end.narena++;
	}
	end.nrecords = r->nrecords;
	end.hash = r->hash;
	record_put(r, RECORD_END, &end, sizeof(end));
	buffer_flush(r);
	error = r->error;
	pthread_mutex_lock(&r->lock);
	r->busy = false;
	pthread_mutex_unlock(&r->lock);
	return error;
}
