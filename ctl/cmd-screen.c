/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl screen: what stands on the VGA text screen of a VM; of a stopped one what stood there last. */
#include "ctl/cmd_call.h"
#include "ctl/cmd_table.h"

static json_t *screen_json(const Shadowpool__Reply *reply)
{
	return json_pack("{s:o,s:I,s:I,s:o}", "name", cmd_json_string(reply->screen->name), "columns",
			 (json_int_t)reply->screen->columns, "rows", (json_int_t)reply->screen->rows, "text",
			 cmd_json_string(reply->screen->text));
}

static void screen_text(const Shadowpool__Reply *reply)
{
	cmd_print(stdout, reply->screen->text);
}

static int run(struct cmd *cmd)
{
	static const struct cmd_call call = {
		.request = vm_request_screen, .want = SHADOWPOOL__REPLY__RESULT_SCREEN, .json = screen_json, .text = screen_text,
	};

	return cmd_call_run(cmd, &call);
}

const struct cmd_entry cmd_screen = {
	.name = "screen", .args = "NAME", .summary = "the text on the VGA screen of a VM",
	.min_args = 1, .max_args = 1, .timeout_ms = 5000, .run = run,
};
