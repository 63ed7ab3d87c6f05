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
	uint64_t check;			/* trace_hash() of all fields before it */
};

struct trace_block {			/* before each payload */
	uint32_t magic;
	uint32_t size;			/* bytes of the payload: a multiple of 8 */
	uint64_t first;			/* sequence number of the first record in the block */
	uint64_t check;			/* trace_hash() of all fields before it, then of the payload */
};

enum trace_type {
	TRACE_CONFIG = 1, TRACE_PAGE, TRACE_DELTA, TRACE_CALL, TRACE_RESULT, TRACE_DIGEST, TRACE_END, TRACE_TYPE_COUNT
};

struct trace_item {			/* before each record */
	uint16_t type;			/* enum trace_type */
	uint16_t size;			/* bytes of the record behind this: a multiple of 8 */
	uint32_t seq;			/* low half of its sequence number, which counts from 0 */
};

/* A field of struct pool_config; trace_config.c has the table of them, and says how to add one. */
#define TRACE_NAME_SIZE		24
#define TRACE_MAX_VALUES	64u
struct trace_value {
	char name[TRACE_NAME_SIZE];	/* filled up with zeros */
	uint64_t value;
};

struct trace_config {			/* the first record */
	uint64_t library;		/* trace_library() of the program that has recorded */
	char program[24];		/* version of that program, for people */
	struct trace_value value[TRACE_MAX_VALUES];	/* the record ends behind the last one that is used */
};

#define TRACE_CONFIG_SIZE(nvalues) (offsetof(struct trace_config, value) + (nvalues) * sizeof(struct trace_value))

/*
 * The content of a guest page, before the call in which the library reads the page for the first time. A page of zeros is the gfn
 * alone.
 */
struct trace_page {
	uint64_t gfn;
	uint8_t bytes[4096];
};

/*
 * A guest word that has another value than the trace last had for it. read: 0: it had this value before the next call; n: the
 * n-th word that the next call reads, counted from 1, is this one, with this value.
 */
struct trace_delta {
	uint64_t gpa, value;
	uint32_t read;
	uint32_t size;			/* 4 or 8 */
};

/* The outcome of the call in the TRACE_CALL (a struct pool_call) before it. */
struct trace_result {
	uint32_t status;		/* enum pool_status; AUDIT: number of violations */
	uint32_t flush;			/* enum pool_flush */
	uint64_t hash;			/* over the rest of the outcome and over what changed: trace_result_pack() */
};

#define TRACE_DIGEST_EVERY	4096u	/* calls between two digests */
struct trace_digest {			/* after each full audit, after every TRACE_DIGEST_EVERY calls, and before the end */
	uint64_t digest[2];		/* pool_digest() */
	uint64_t arena;			/* before the end: trace_arena_hash(); else 0 */
};

struct trace_end {
	uint64_t nrecords;		/* number of records before this one */
	uint64_t ncalls;
};

_Static_assert(sizeof(struct pool_call) == 112 && sizeof(struct trace_header) == 32 &&
	       sizeof(struct trace_block) == 24 && sizeof(struct trace_item) == 8 &&
	       sizeof(struct trace_value) == 32 && TRACE_CONFIG_SIZE(0) == 32 && sizeof(struct trace_page) == 4104 &&
	       sizeof(struct trace_delta) == 24 && sizeof(struct trace_result) == 16 &&
	       sizeof(struct trace_digest) == 24 && sizeof(struct trace_end) == 16, "layout of a trace");

/*
 * Add data to a hash that begins with 0: it finds damage, and is no defence against an attacker. size: a multiple of 8, as of
 * every part of a trace.
 */
uint64_t trace_hash(uint64_t hash, const void *data, size_t size);
/* A number that stands for the kinds, calls and counters of this library: traces of another number are refused. */
uint64_t trace_library(void);
/* Fill a CONFIG record from a configuration. Returns the size of the record in bytes. */
size_t trace_config_pack(struct trace_config *out, const struct pool_config *config);
/*
 * Fill a configuration from a CONFIG record; out->ram.base is NULL afterwards. Returns 0, or -EPROTO with one line in err: a name
 * is unknown, or a value does not fit its field.
 */
int trace_config_unpack(struct pool_config *out, const struct trace_config *config, size_t nvalues, char *err,
			size_t err_size);
/*
 * Fill a RESULT record. states: hash of what the call has changed, made with trace_state_hash() and trace_entry_hash() from 0 on.
 */
void trace_result_pack(struct trace_result *out, const struct pool_call *call, const struct pool_call_out *from,
		       uint64_t states);
uint64_t trace_state_hash(uint64_t states, uint64_t gfn, uint8_t bits);
/* Add a store over an entry that was present. */
uint64_t trace_entry_hash(uint64_t states, uint32_t page, uint32_t slot, uint64_t old, uint64_t new);
/* Hash over the whole arena, free pages included: shows that nobody but the library has written there. Never 0. */
uint64_t trace_arena_hash(const void *arena, uint32_t npages);

struct recorder;

/*
 * Make a recorder. fd: a file open for writing, which belongs to the recorder from now on, also on error. One session is recorded
 * at a time; a later session starts the file anew. Returns 0 or -errno.
 */
int recorder_create(struct recorder **out, int fd);
void recorder_destroy(struct recorder *r);
/*
 * Begin to record a session. The recorder reads guest RAM at config->ram.base from now on. Returns 0; -EBUSY: another session is
 * recorded; -ENOMEM. Thread: any.
 */
int recorder_begin(struct recorder *r, const struct pool_config *config);

/*
 * The functions from here on are called with the session's lock held. Around each library call: recorder_before();
 * recorder_read() for every word that the library reads; recorder_state() for every page_state, and recorder_entry() for every
 * present entry, that it changes; recorder_after(). A write that fails spoils the trace and no call: recorder_end() tells of it.
 */
void recorder_before(struct recorder *r, const struct pool_call *call);
/* Load a word of guest RAM, write it down if the trace needs it, and return it. */
uint64_t recorder_read(struct recorder *r, uint64_t gpa, unsigned size);
void recorder_state(struct recorder *r, uint64_t gfn, uint8_t bits);
void recorder_entry(struct recorder *r, uint32_t page, uint32_t slot, uint64_t old, uint64_t new);
void recorder_after(struct recorder *r, const struct pool *pool, const struct pool_call *call,
		    const struct pool_call_out *out);
struct trace_totals {			/* since recorder_begin() */
	uint64_t records, calls, bytes;	/* written, or in the block that is written next */
	uint64_t dropped;		/* records that were lost because a write failed */
};
void recorder_totals(const struct recorder *r, struct trace_totals *out);
/* The trace is full after the call that makes the n-th record; 0: it never is. Called before recorder_begin(). */
void recorder_limit(struct recorder *r, uint64_t n);
bool recorder_is_full(const struct recorder *r);
/* -errno of the first write that failed; 0: none has. */
int recorder_error(const struct recorder *r);
/*
 * End the recording, with a last digest and the end mark; pool NULL: without these two. Returns 0 or recorder_error(): then the
 * file was cut back to its last whole block, and is a trace without an end mark.
 */
int recorder_end(struct recorder *r, const struct pool *pool, const void *arena, uint32_t npages);

#endif
