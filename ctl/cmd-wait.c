/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl wait: block until a VM has stopped, as long as it takes or as --timeout allows. */
#include "ctl/cmd_table.h"
#include "ctl/vm_info.h"

static int run(struct cmd *cmd)
{
	Shadowpool__WaitRequest wait;
	Shadowpool__Request request;

	shadowpool__wait_request__init(&wait);
	shadowpool__request__init(&request);
	wait.name = cmd->args[0];
	request.op_case = SHADOWPOOL__REQUEST__OP_WAIT;
	request.wait = &wait;
	return vm_info_request(cmd, &request);
}

const struct cmd_entry cmd_wait = {
	.name = "wait", .args = "NAME", .summary = "block until a VM has stopped",
	.min_args = 1, .max_args = 1, .timeout_ms = -1, .run = run,
};
