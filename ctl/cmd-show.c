/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl show: everything about one VM; of a stopped one why it stopped, until its name is used again. */
#include "ctl/cmd_table.h"
#include "ctl/vm_info.h"

static int run(struct cmd *cmd)
{
	Shadowpool__NameRequest name;
	Shadowpool__Request request;

	shadowpool__name_request__init(&name);
	shadowpool__request__init(&request);
	name.name = cmd->args[0];
	request.op_case = SHADOWPOOL__REQUEST__OP_SHOW;
	request.show = &name;
	return vm_info_request(cmd, &request);
}

const struct cmd_entry cmd_show = {
	.name = "show", .args = "NAME", .summary = "everything about one VM",
	.min_args = 1, .max_args = 1, .timeout_ms = 5000, .run = run,
};
