/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See cmd_call.h. */
#include "ctl/cmd_call.h"

#include "ctl/vm_info.h"

int cmd_call_run(struct cmd *cmd, const struct cmd_call *call)
{
	struct vm_request r;

	return cmd_call_send(cmd, call, call->request(&r, cmd->args[0]));
}

int cmd_call_send(struct cmd *cmd, const struct cmd_call *call, const Shadowpool__Request *request)
{
	Shadowpool__Reply *reply;
	int rc = daemon_call(cmd, call->daemon, request, call->want, &reply);

	if (rc)
		return rc;
	if (cmd->json)
		rc = cmd_json(call->json(reply));
	else
		call->text(reply);
	shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

json_t *cmd_call_vm_json(const Shadowpool__Reply *reply)
{
	return vm_info_json(reply->vm);
}

void cmd_call_vm_text(const Shadowpool__Reply *reply)
{
	vm_info_print(stdout, reply->vm);
}
