/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl flush: what the pool of a running VM has made goes, all of it or a part, and is made anew as the guest needs it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ctl/cmd_call.h"
#include "ctl/cmd_table.h"

static json_t *flush_json(const Shadowpool__Reply *reply)
{
	return json_pack("{s:I,s:I}", "tables", (json_int_t)reply->flush->tables, "entries", (json_int_t)reply->flush->entries);
}

static void flush_text(const Shadowpool__Reply *reply)
{
	printf("%" PRIu64 " tables and %" PRIu64 " entries went\n", reply->flush->tables, reply->flush->entries);
}

static const struct cmd_call flush_call = {
	.daemon = DAEMON_POOLD, .want = SHADOWPOOL__REPLY__RESULT_FLUSH, .json = flush_json, .text = flush_text,
};

/* 0 or -EINVAL. */
static int parse_address(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return errno || end == text || *end || *text == '-' ? -EINVAL : 0;
}

static int run(struct cmd *cmd)
{
	static const char *const parts[] = { NULL, "leaves", "root", "gpa" };	/* by FlushRequest.what */
	struct vm_request r;
	uint64_t address = 0;
	uint32_t what = 0;

	for (uint32_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!cmd_value(cmd, parts[i]))
			continue;
		if (what)
			return cmd_fail(cmd, CONTROL_USAGE, "call flush once for each", "--%s and --%s cannot both be given",
					parts[what], parts[i]);
		what = i;
	}
	if (what > 1 && parse_address(cmd_value(cmd, parts[what]), &address))
		return cmd_fail(cmd, CONTROL_USAGE, "give a guest-physical address such as 0x101000", "not an address: %s",
				cmd_value(cmd, parts[what]));
	return cmd_call_send(cmd, &flush_call, vm_request_flush(&r, cmd->args[0], what, address));
}

static const struct cmd_option options[] = {
	{ "leaves", NULL, "the leaves of all tables; the tables stay" },
	{ "root", "CR3", "the tables of this CR3 value alone, not those below them" },
	{ "gpa", "ADDRESS", "what maps the guest page at ADDRESS, and the tables that were made from it" },
	{ NULL }
};

const struct cmd_entry cmd_flush = {
	.name = "flush", .args = "NAME", .summary = "let the pool of a running VM make its tables anew",
	.options = options, .min_args = 1, .max_args = 1, .timeout_ms = 20000, .run = run,
};
