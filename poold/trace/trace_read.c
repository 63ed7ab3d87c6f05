/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks and records of a trace, see trace_read.h. A checksum finds damage; sizes and order are checked all the same. */
#include "poold/trace/trace_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int __attribute__((format(printf, 2, 3))) refuse(struct trace_reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->err, r->err_size, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

int trace_open(struct trace_reader *r, const uint8_t *data, size_t size, char *err, size_t err_size)
{
	struct trace_header h;

	*r = (struct trace_reader){ .data = data, .size = size, .err = err, .err_size = err_size };
	if (size < sizeof(h))
		return refuse(r, "not a trace: %zu bytes are too few", size);
	memcpy(&h, data, sizeof(h));
	if (h.magic != TRACE_MAGIC)
		return refuse(r, "not a trace: its first bytes are others");
	if (h.check != trace_hash(0, &h, offsetof(struct trace_header, check)))
		return refuse(r, "damaged at offset 0: the header's checksum is wrong");
	if (h.version != TRACE_VERSION)
		return refuse(r, "a trace of version %u; this program reads version %u", h.version, TRACE_VERSION);
	if (h.header_size != sizeof(h) || h.call_size != sizeof(struct pool_call) ||
	    h.value_size != sizeof(struct trace_value))
		return refuse(r, "damaged at offset 0: sizes that version %u does not have", TRACE_VERSION);
	r->block = r->end = r->pos = sizeof(h);
	return 0;
}

static int block_open(struct trace_reader *r)
{
	struct trace_block b;
	size_t at = r->end, left = r->size - at;

	if (left < sizeof(b))
		return refuse(r, "damaged at offset %zu: the file ends within the head of a block", at);
	memcpy(&b, r->data + at, sizeof(b));
	if (b.magic != TRACE_BLOCK_MAGIC || !b.size || b.size > TRACE_BLOCK_MAX || b.size % 8)
		return refuse(r, "damaged at offset %zu: no block begins there", at);
	if (left - sizeof(b) < b.size)
		return refuse(r, "damaged at offset %zu: the file ends within a block", at);
	if (b.check != trace_hash(trace_hash(0, &b, offsetof(struct trace_block, check)), r->data + at + sizeof(b),
				  b.size))
		return refuse(r, "damaged at offset %zu: the block's checksum is wrong", at);
	if (b.first != r->seq)
		return refuse(r, "damaged at offset %zu: a block is missing or in the wrong place", at);
	r->block = at;
	r->pos = at + sizeof(b);
	r->end = r->pos + b.size;
	return 0;
}

static bool size_is_right(const struct trace_item *item)
{
	static const uint16_t sizes[TRACE_TYPE_COUNT] = {
		[TRACE_CONFIG] = sizeof(struct trace_value), [TRACE_PAGE] = sizeof(struct trace_page),
		[TRACE_DELTA] = sizeof(struct trace_delta), [TRACE_CALL] = sizeof(struct pool_call),
		[TRACE_RESULT] = sizeof(struct trace_result), [TRACE_DIGEST] = sizeof(struct trace_digest),
		[TRACE_END] = sizeof(struct trace_end),
	};

	if (!item->type || item->type >= TRACE_TYPE_COUNT)
		return false;
	if (item->type == TRACE_CONFIG)
		return item->size >= TRACE_CONFIG_SIZE(0) && item->size <= sizeof(struct trace_config) &&
		       (item->size - TRACE_CONFIG_SIZE(0)) % sizes[TRACE_CONFIG] == 0;
	return item->size == sizes[item->type] || (item->type == TRACE_PAGE && item->size == sizeof(uint64_t));
}

int trace_next(struct trace_reader *r, struct trace_record *record)
{
	struct trace_item item;

	if (r->pos == r->end) {
		if (r->end == r->size)
			return 0;
		if (block_open(r))
			return -EPROTO;
	}
	if (r->end - r->pos < sizeof(item))
		return refuse(r, "damaged at offset %zu: half a record in the block", r->block);
	memcpy(&item, r->data + r->pos, sizeof(item));
	if (!size_is_right(&item) || item.seq != (uint32_t)r->seq || r->end - r->pos - sizeof(item) < item.size)
		return refuse(r, "damaged at offset %zu: no valid record at offset %zu", r->block, r->pos);
	record->type = (enum trace_type)item.type;
	record->size = item.size;
	record->block = r->block;
	memset(&record->page, 0, sizeof(record->page));
	memcpy(&record->page, r->data + r->pos + sizeof(item), item.size);
	r->pos += sizeof(item) + item.size;
	r->seq++;
	return 1;
}

int trace_at_end(const struct trace_reader *r)
{
	return r->pos == r->size;
}
