/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a trace record by record. The file is hostile: every block is checked before a byte of it is used, every record
 * before it is handed out. No I/O; any thread.
 */
#ifndef SHADOWPOOL_POOLD_TRACE_READ_H
#define SHADOWPOOL_POOLD_TRACE_READ_H

#include <stddef.h>
#include <stdint.h>

#include "poold/trace/trace.h"

struct trace_reader {
	const uint8_t *data;
	size_t size;
	size_t block, end;		/* offsets in the file where the present block begins and ends */
	size_t pos;			/* offset of the next record */
	uint64_t seq;			/* sequence number of the next record */
	char *err;
	size_t err_size;
};

struct trace_record {
	enum trace_type type;
	uint16_t size;			/* bytes of the union that the trace holds */
	size_t block;			/* offset in the file of the block that the record is in */
	union {
		struct trace_config config;
		struct trace_page page;	/* size 8: a page of zeros; bytes[] is zeroed then */
		struct trace_delta delta;
		struct pool_call call;
		struct trace_result result;
		struct trace_digest digest;
		struct trace_end end;
	};
};

/*
 * Begin to read the file in data, which stays the caller's. Returns 0, or -EPROTO with one line in err: no trace, or of another
 * version.
 */
int trace_open(struct trace_reader *r, const uint8_t *data, size_t size, char *err, size_t err_size);
/*
 * Returns 1: *record is the next record; 0: the trace ends behind a whole block; -EPROTO with one line in err that names the
 * offset.
 */
int trace_next(struct trace_reader *r, struct trace_record *record);
/* Is there nothing behind the last record that trace_next() has returned? */
int trace_at_end(const struct trace_reader *r);

#endif
