/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl wait: block until a VM has stopped, as long as it takes or as --timeout allows. */
#include "ctl/cmd_call.h"
#include "ctl/cmd_table.h"

static int run(struct cmd *cmd)
{
	static const struct cmd_call call = {
		.request = vm_request_wait, .want = SHADOWPOOL__REPLY__RESULT_VM, .json = cmd_call_vm_json, .text = cmd_call_vm_text,
	};

	return cmd_call_run(cmd, &call);
}

const struct cmd_entry cmd_wait = {
	.name = "wait", .args = "NAME", .summary = "block until a VM has stopped",
	.min_args = 1, .max_args = 1, .timeout_ms = -1, .run = run,
};
