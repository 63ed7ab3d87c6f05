/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl stats: the counters of one VM, trapd's and the pool's, as totals since it started. */
#include "ctl/cmd_table.h"
#include "ctl/daemon.h"
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

static int run(struct cmd *cmd)
{
	const char *file = cmd_value(cmd, "from");
	Shadowpool__NameRequest name;
	Shadowpool__Request request;
	Shadowpool__Reply *reply;
	int rc;

	if (file)
		return from_file(cmd, file);
	if (!cmd->nargs)
		return cmd_fail(cmd, CONTROL_USAGE, "shadowctl list names the VMs",
				"stats needs the NAME of a VM, or --from FILE");
	shadowpool__name_request__init(&name);
	shadowpool__request__init(&request);
	name.name = cmd->args[0];
	request.op_case = SHADOWPOOL__REQUEST__OP_STATS;
	request.stats = &name;
	rc = daemon_call(cmd, DAEMON_TRAPD, &request, SHADOWPOOL__REPLY__RESULT_STATS, &reply);
	if (rc)
		return rc;
	if (cmd->json)
		rc = cmd_json(stats_json(reply->stats));
	else
		stats_print(stdout, reply->stats);
	shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

static const struct cmd_option options[] = {
	{ "from", "FILE", "show the file that run --stats wrote, without counters that are 0" },
	{ NULL }
};

const struct cmd_entry cmd_stats = {
	.name = "stats", .args = "[NAME]", .summary = "counters of one VM", .options = options,
	.min_args = 0, .max_args = 1, .timeout_ms = 5000, .run = run,
};
