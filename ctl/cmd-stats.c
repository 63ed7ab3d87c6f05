/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl stats: the counters of one VM, trapd's and the pool's, as totals since it started. */
#include "ctl/cmd_call.h"
#include "ctl/cmd_table.h"
#include "ctl/stats_file.h"
#include "ctl/vm_info.h"

static int from_file(struct cmd *cmd, const char *path)
{
	char err[256];
	json_t *doc;
	int rc = 0;

	if (cmd->nargs)
		return cmd_fail(cmd, CONTROL_USAGE, "leave one of them away",
				"NAME and --from FILE cannot both be given");
	doc = stats_file_load(path, err, sizeof(err));
	if (!doc)
		return cmd_fail(cmd, CONTROL_FAILED, "name a file that was written by run --stats",
				"cannot read counters from %s: %s", path, err);
	if (cmd->json)
		return cmd_json(doc);
	if (stats_file_print(stdout, doc))
		rc = cmd_fail(cmd, CONTROL_FAILED, NULL, "out of memory");
	json_decref(doc);
	return rc;
}

static json_t *counters_json(const Shadowpool__Reply *reply)
{
	return vm_info_stats_json(reply->stats);
}

static void counters_text(const Shadowpool__Reply *reply)
{
	vm_info_stats_print(stdout, reply->stats);
}

static int run(struct cmd *cmd)
{
	static const struct cmd_call call = {
		.request = vm_request_stats, .want = SHADOWPOOL__REPLY__RESULT_STATS, .json = counters_json, .text = counters_text,
	};
	const char *file = cmd_value(cmd, "from");

	if (file)
		return from_file(cmd, file);
	if (!cmd->nargs)
		return cmd_fail(cmd, CONTROL_USAGE, "shadowctl list names the VMs",
				"stats needs the NAME of a VM, or --from FILE");
	return cmd_call_run(cmd, &call);
}

static const struct cmd_option options[] = {
	{ "from", "FILE", "show the file that run --stats wrote, without counters that are 0" },
	{ NULL }
};

const struct cmd_entry cmd_stats = {
	.name = "stats", .args = "[NAME]", .summary = "counters of one VM", .options = options,
	.min_args = 0, .max_args = 1, .timeout_ms = 5000, .run = run,
};
