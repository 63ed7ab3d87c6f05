/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl screen: what stands on the VGA text screen of a VM; of a stopped one what stood there last. */
#include "ctl/cmd_table.h"
#include "ctl/daemon.h"

static int run(struct cmd *cmd)
{
	Shadowpool__NameRequest name;
	Shadowpool__Request request;
	Shadowpool__Reply *reply;
	int rc;

	shadowpool__name_request__init(&name);
	shadowpool__request__init(&request);
	name.name = cmd->args[0];
	request.op_case = SHADOWPOOL__REQUEST__OP_SCREEN;
	request.screen = &name;
	rc = daemon_call(cmd, DAEMON_TRAPD, &request, SHADOWPOOL__REPLY__RESULT_SCREEN, &reply);
	if (rc)
		return rc;
	if (cmd->json)
		rc = cmd_json(json_pack("{s:o,s:I,s:I,s:o}", "name", cmd_json_string(reply->screen->name),
					"columns", (json_int_t)reply->screen->columns, "rows", (json_int_t)reply->screen->rows,
					"text", cmd_json_string(reply->screen->text)));
	else
		cmd_print(stdout, reply->screen->text);
	shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

const struct cmd_entry cmd_screen = {
	.name = "screen", .args = "NAME", .summary = "the text on the VGA screen of a VM",
	.min_args = 1, .max_args = 1, .timeout_ms = 5000, .run = run,
};
