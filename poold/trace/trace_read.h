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
	size_t block, end;		/* offsets of the block in hand and of its end */
	size_t pos;			/* of the next record */
	uint64_t seq;			/* of the next record */
	char *err;
	size_t err_size;
};

struct trace_record {
	enum trace_type type;
	uint16_t size;			/* bytes of the union that the trace has */
	size_t block;			/* offset of its block in the file */
	union {
		struct trace_config config;
		struct trace_page page;	/* size 8: all zero, and bytes[] is zeroed */
		struct trace_delta delta;
		struct pool_call call;
		struct trace_result result;
		struct trace_digest digest;
		struct trace_end end;
	};
};

/* data stays the caller's. Returns 0, or -EPROTO with one line in err: no trace, or one of another version. */
int trace_open(struct trace_reader *r, const uint8_t *data, size_t size, char *err, size_t err_size);
/* 1 and the next record; 0: the trace ends here, with a block; -EPROTO with one line in err that names the offset. */
int trace_next(struct trace_reader *r, struct trace_record *record);
/* Is there nothing behind the record that trace_next gave last? */
int trace_at_end(const struct trace_reader *r);

#endif
