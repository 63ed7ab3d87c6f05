/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: any bytes as a trace. Once as they are, which mostly tests what checks come first, and once with the
 * checksums and sequence numbers made right, so that what is behind them meets hostile numbers too.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "poold/trace/replay/replay.h"
#include "poold/trace/trace.h"

#define MEMORY	(2u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

static void replay(const uint8_t *data, size_t size, bool check)
{
	static struct replay_result result;
	struct replay_options options = { .check = check, .max_bytes = MEMORY };
	char err[256];
	int rc = replay_trace(data, size, &options, &result, err, sizeof(err));

	must(!rc || rc == -EILSEQ || rc == -EPROTO || rc == -ENOMEM, "one of the codes that are promised");
	must(!rc == !err[0], "a refusal says why");
	must(check || rc != -EILSEQ, "nothing is compared without being asked");
	if (rc || check)
		return;
	options.policy = "cache=off,prefetch=1";
	rc = replay_trace(data, size, &options, &result, err, sizeof(err));
	must(!rc, "what replays as recorded replays with another policy");
}

/* Number the records of one block; returns how many there are. */
static uint64_t seal_records(uint8_t *payload, size_t size, uint64_t seq)
{
	uint64_t n = 0, library = trace_library();
	size_t pos = 0;

	while (size - pos >= sizeof(struct trace_item)) {
		struct trace_item item;

		memcpy(&item, payload + pos, sizeof(item));
		item.seq = (uint32_t)(seq + n++);
		memcpy(payload + pos, &item, sizeof(item));
		pos += sizeof(item);
		if (item.size > size - pos)
			break;
		if (item.type == TRACE_CONFIG && item.size >= TRACE_CONFIG_SIZE(0))
			memcpy(payload + pos + offsetof(struct trace_config, library), &library, sizeof(library));
		pos += item.size;
	}
	return n;
}

static void seal(uint8_t *data, size_t size)
{
	struct trace_header h;
	size_t pos = sizeof(h);
	uint64_t seq = 0;

	if (size < sizeof(h))
		return;
	memcpy(&h, data, sizeof(h));
	h.check = trace_hash(0, &h, offsetof(struct trace_header, check));
	memcpy(data, &h, sizeof(h));
	while (size - pos >= sizeof(struct trace_block)) {
		struct trace_block b;
		uint8_t *payload = data + pos + sizeof(b);

		memcpy(&b, data + pos, sizeof(b));
		if (b.size % 8 || b.size > size - pos - sizeof(b))
			return;
		b.first = seq;
		seq += seal_records(payload, b.size, seq);
		b.check = trace_hash(trace_hash(0, &b, offsetof(struct trace_block, check)), payload, b.size);
		memcpy(data + pos, &b, sizeof(b));
		pos += sizeof(b) + b.size;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	replay(data, size, true);
	copy = malloc(size + 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	seal(copy, size);
	replay(copy, size, true);
	replay(copy, size, false);
	free(copy);
	return 0;
}
