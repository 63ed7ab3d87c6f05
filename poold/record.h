/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of one link: every library call with its arguments, every guest word that the library read, and at the end
 * the arena. Replayed offline it proves that nobody but the library wrote shadow entries. Test-only.
 * Little endian, versioned header, then records {type, size, sequence} with their payload. A call's reads precede it.
 */
#ifndef SHADOWPOOL_POOLD_RECORD_H
#define SHADOWPOOL_POOLD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "poold/call.h"

#define RECORD_MAGIC	0x31636572706f6f6cull	/* "loprec1" as bytes */
#define RECORD_VERSION	1u

struct record_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;
	uint32_t call_size;		/* sizeof(struct pool_call) */
	uint32_t config_size;		/* sizeof(struct record_config) */
};

enum record_type { RECORD_CONFIG = 1, RECORD_CALL, RECORD_READ, RECORD_ARENA, RECORD_END, RECORD_TYPE_COUNT };

struct record_item {			/* before each payload */
	uint16_t type;
	uint16_t size;			/* of the payload */
	uint32_t seq;			/* counts from 0 */
};

struct record_config {			/* struct pool_config without its pointer and padding */
	uint64_t ram_low_end, ram_high_end, ram_maddr, pool_maddr, stub_entry;
	uint32_t max_pages, maxphyaddr, nvcpu, stub_slot;
	uint32_t max_users, max_extents, rmap_nodes_per_gfn, cached_roots, prefetch, hot_limit;
	uint32_t unsync_tables, cache_off;
};

struct record_call {
	struct pool_call call;
	uint32_t status;		/* what the library answered: enum pool_status; AUDIT: number of violations */
	uint32_t zero;
};

struct record_read {
	uint64_t gpa, value;
	uint32_t size;			/* 4 or 8 */
	uint32_t zero;
};

struct record_arena {			/* one page that is not all zero */
	uint32_t page, zero;
	uint8_t bytes[4096];
};

struct record_end {
	uint64_t nrecords;		/* before this one */
	uint64_t hash;			/* record_hash() over all bytes before this record, the header's included */
	uint32_t narena, zero;
};

_Static_assert(sizeof(struct pool_call) == 112 && sizeof(struct record_item) == 8 &&
	       sizeof(struct record_config) == 88 && sizeof(struct record_call) == 120 &&
	       sizeof(struct record_read) == 24 && sizeof(struct record_arena) == 4104 &&
	       sizeof(struct record_end) == 24 && sizeof(struct record_header) == 24, "record layout");

/* Against damage, not against malice. size: a multiple of 8, as every part of a record is. Start with hash 0. */
uint64_t record_hash(uint64_t hash, const void *data, size_t size);
void record_config_pack(struct record_config *out, const struct pool_config *config);
void record_config_unpack(struct pool_config *out, const struct record_config *config);

struct recorder;

/*
 * fd: a file open for writing, the recorder's from now on (also on error). One link is recorded at a time; a later one
 * starts the file anew. Returns 0 or -errno.
 */
int recorder_create(struct recorder **out, int fd);
void recorder_destroy(struct recorder *r);
/* Begin: -EBUSY while another link is recorded, else 0. Thread: any. */
int recorder_begin(struct recorder *r, const struct pool_config *config);
/* The rest: by the thread that began, under the VM's lock. A failed write spoils the record; recorder_end tells. */
void recorder_read(struct recorder *r, uint64_t gpa, unsigned size, uint64_t value);
void recorder_call(struct recorder *r, const struct pool_call *call, uint32_t status);
/* The final arena and the end mark. Returns 0, or the -errno of the first write that failed. */
int recorder_end(struct recorder *r, const void *arena, uint32_t npages);

#endif
