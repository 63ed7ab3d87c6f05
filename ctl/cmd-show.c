/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl show: everything about one VM; of a stopped one why it stopped, until its name is used again. */
#include "ctl/cmd_call.h"
#include "ctl/cmd_table.h"

static int run(struct cmd *cmd)
{
	static const struct cmd_call call = {
		.request = vm_request_show, .want = SHADOWPOOL__REPLY__RESULT_VM, .json = cmd_call_vm_json, .text = cmd_call_vm_text,
	};

	return cmd_call_run(cmd, &call);
}

const struct cmd_entry cmd_show = {
	.name = "show", .args = "NAME", .summary = "everything about one VM",
	.min_args = 1, .max_args = 1, .timeout_ms = 5000, .run = run,
};
