/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace of one session: every library call with its arguments and its outcome, and every guest word that the library
 * read. Replayed offline it makes the same shadow tables, bit for bit. The recorder (trace_write.c) lives in poold, the
 * reader (trace_read.h) anywhere. Byte by byte: doc/trace.md.
 *
 * Little endian. A header, then blocks with a checksum of their own, each with whole records {type, size, sequence}. Any
 * prefix of whole blocks is a trace. Guest pages and changed words stand before the call that reads them.
 */
#ifndef SHADOWPOOL_POOLD_TRACE_H
#define SHADOWPOOL_POOLD_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "poold/trace/call.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "structures are written as they are");

#define TRACE_MAGIC		0x6563617274707353ull	/* "Ssptrace" as bytes */
#define TRACE_VERSION		2u
#define TRACE_BLOCK_MAGIC	0x6b6c6274u		/* "tblk" as bytes */
#define TRACE_BLOCK_MAX		(64u << 10)		/* payload of a block, bytes */

struct trace_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;
	uint32_t call_size;		/* sizeof(struct pool_call) */
	uint32_t value_size;		/* sizeof(struct trace_value) */
	uint64_t check;			/* trace_hash() of what precedes */
};

struct trace_block {			/* before each payload */
	uint32_t magic;
	uint32_t size;			/* of the payload: a multiple of 8 */
	uint64_t first;			/* sequence number of the first record */
	uint64_t check;			/* trace_hash() of what precedes, then of the payload */
};

enum trace_type {
	TRACE_CONFIG = 1, TRACE_PAGE, TRACE_DELTA, TRACE_CALL, TRACE_RESULT, TRACE_DIGEST, TRACE_END, TRACE_TYPE_COUNT
};

struct trace_item {			/* before each record */
	uint16_t type;			/* enum trace_type */
	uint16_t size;			/* of what follows: a multiple of 8 */
	uint32_t seq;			/* counts from 0, low half */
};

/* A field of struct pool_config; trace_config.c has the table of them, and says how to add one. */
#define TRACE_NAME_SIZE		24
#define TRACE_MAX_VALUES	64u
struct trace_value {
	char name[TRACE_NAME_SIZE];	/* zeros behind it */
	uint64_t value;
};

struct trace_config {			/* the first record */
	uint64_t library;		/* trace_library() of the recorder */
	char program[24];		/* version of the program, for people */
	struct trace_value value[TRACE_MAX_VALUES];	/* the record ends with the last one that there is */
};

#define TRACE_CONFIG_SIZE(nvalues) (offsetof(struct trace_config, value) + (nvalues) * sizeof(struct trace_value))

/* A guest page, before the call in which the library first reads it. All zero: no bytes follow gfn. */
struct trace_page {
	uint64_t gfn;
	uint8_t bytes[4096];
};

/*
 * A guest word that is no longer as the trace had it. read: the how-many-th word that the next call reads (from 1) has
 * this value; 0: it had changed before the call.
 */
struct trace_delta {
	uint64_t gpa, value;
	uint32_t read;
	uint32_t size;			/* 4 or 8 */
};

/* After the TRACE_CALL (a struct pool_call). */
struct trace_result {
	uint32_t status;		/* enum pool_status; AUDIT: number of violations */
	uint32_t flush;			/* enum pool_flush */
	uint64_t hash;			/* of the rest: trace_result_hash() */
};

#define TRACE_DIGEST_EVERY	4096u	/* calls */
struct trace_digest {			/* after each full audit, every so many calls, and before the end */
	uint64_t digest[2];		/* pool_digest() */
	uint64_t arena;			/* trace_arena_hash(); 0: not at the end */
};

struct trace_end {
	uint64_t nrecords;		/* before this one */
	uint64_t ncalls;
};

_Static_assert(sizeof(struct pool_call) == 112 && sizeof(struct trace_header) == 32 &&
	       sizeof(struct trace_block) == 24 && sizeof(struct trace_item) == 8 &&
	       sizeof(struct trace_value) == 32 && TRACE_CONFIG_SIZE(0) == 32 && sizeof(struct trace_page) == 4104 &&
	       sizeof(struct trace_delta) == 24 && sizeof(struct trace_result) == 16 &&
	       sizeof(struct trace_digest) == 24 && sizeof(struct trace_end) == 16, "layout of a trace");

/* Against damage, not against malice. size: a multiple of 8, as every part of a trace is. Start with hash 0. */
uint64_t trace_hash(uint64_t hash, const void *data, size_t size);
/* Names the meaning of numbers in a trace: kinds, calls and counters of this library. */
uint64_t trace_library(void);
/* Returns the size of the record. */
size_t trace_config_pack(struct trace_config *out, const struct pool_config *config);
/* 0, or -EPROTO with one line in err: a value that has no field, or does not fit it. ram.base is NULL afterwards. */
int trace_config_unpack(struct pool_config *out, const struct trace_config *config, size_t nvalues, char *err,
			size_t err_size);
/* What a call answered. states: hash of what changed during the call, from trace_state_hash() and trace_entry_hash(). */
void trace_result_pack(struct trace_result *out, const struct pool_call *call, const struct pool_call_out *from,
		       uint64_t states);
uint64_t trace_state_hash(uint64_t states, uint64_t gfn, uint8_t bits);
/* The same for a store over an entry that was present. */
uint64_t trace_entry_hash(uint64_t states, uint32_t page, uint32_t slot, uint64_t old, uint64_t new);
/* Of the whole arena, free pages too: that nobody but the library wrote there. Never 0. */
uint64_t trace_arena_hash(const void *arena, uint32_t npages);

struct recorder;

/*
 * fd: a file open for writing, the recorder's from now on (also on error). One session is recorded at a time; a later one
 * starts the file anew. Returns 0 or -errno.
 */
int recorder_create(struct recorder **out, int fd);
void recorder_destroy(struct recorder *r);
/* Begin: -EBUSY while another session is recorded, -ENOMEM, else 0. Thread: any. config->ram.base is read from now on. */
int recorder_begin(struct recorder *r, const struct pool_config *config);

/*
 * The rest under the VM's lock. A failed write spoils the trace, never a call; recorder_end tells. Around each call:
 * recorder_before, then recorder_read for every word that the library reads, recorder_state for every page_state and
 * recorder_entry for every present entry that it changes, then recorder_after.
 */
void recorder_before(struct recorder *r, const struct pool_call *call);
/* Loads the word, notes it, returns it. */
uint64_t recorder_read(struct recorder *r, uint64_t gpa, unsigned size);
void recorder_state(struct recorder *r, uint64_t gfn, uint8_t bits);
void recorder_entry(struct recorder *r, uint32_t page, uint32_t slot, uint64_t old, uint64_t new);
void recorder_after(struct recorder *r, const struct pool *pool, const struct pool_call *call,
		    const struct pool_call_out *out);
struct trace_totals {			/* since the begin */
	uint64_t records, calls, bytes;	/* written, or that will be */
	uint64_t dropped;		/* records that were lost */
};
void recorder_totals(const struct recorder *r, struct trace_totals *out);
/* Enough after the call that makes the n-th record; 0: never. Before recorder_begin(). */
void recorder_limit(struct recorder *r, uint64_t n);
bool recorder_is_full(const struct recorder *r);
/* -errno of the first write that failed, 0: none. */
int recorder_error(const struct recorder *r);
/*
 * Last digest and end mark; pool NULL: without them. Returns 0, or what recorder_error() says: then the file ends with the
 * last whole block, so that it is a trace without its end.
 */
int recorder_end(struct recorder *r, const struct pool *pool, const void *arena, uint32_t npages);

#endif
