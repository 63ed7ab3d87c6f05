/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl stop: end a VM; with --wait answer only when it has ended. */
#include "ctl/cmd_table.h"
#include "ctl/daemon.h"
#include "ctl/vm_info.h"

static int wait_for_end(const struct cmd *cmd, struct control_client *client, Shadowpool__Reply **reply)
{
	Shadowpool__WaitRequest wait;
	Shadowpool__Request request;

	shadowpool__wait_request__init(&wait);
	shadowpool__request__init(&request);
	wait.name = cmd->args[0];
	request.op_case = SHADOWPOOL__REQUEST__OP_WAIT;
	request.wait = &wait;
	shadowpool__reply__free_unpacked(*reply, NULL);
	*reply = NULL;
	return daemon_request(cmd, client, &request, reply);
}

static int run(struct cmd *cmd)
{
	struct control_client client;
	Shadowpool__StopRequest stop;
	Shadowpool__Request request;
	Shadowpool__Reply *reply;
	int rc;

	shadowpool__stop_request__init(&stop);
	shadowpool__request__init(&request);
	stop.name = cmd->args[0];
	stop.force = cmd_value(cmd, "force") != NULL;
	request.op_case = SHADOWPOOL__REQUEST__OP_STOP;
	request.stop = &stop;
	rc = daemon_open(cmd, DAEMON_TRAPD, &client);
	if (rc)
		return rc;
	rc = daemon_request(cmd, &client, &request, &reply);
	if (!rc && cmd_value(cmd, "wait"))
		rc = wait_for_end(cmd, &client, &reply);
	control_close(&client);
	if (rc)
		return rc;
	if (reply->result_case != SHADOWPOOL__REPLY__RESULT_VM)
		rc = cmd_fail(cmd, CONTROL_VERSION, "install matching versions",
			      "trapd gave an answer of another kind");
	else if (cmd->json)
		rc = cmd_json(vm_info_json(reply->vm));
	else
		printf("%s: %s\n", reply->vm->name, reply->vm->state);
	shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

static const struct cmd_option options[] = {
	{ "force", NULL, "do not ask the guest" },
	{ "wait", NULL, "answer when the VM has ended" },
	{ NULL }
};

const struct cmd_entry cmd_stop = {
	.name = "stop", .args = "NAME", .summary = "end a VM",
	.options = options, .min_args = 1, .max_args = 1, .timeout_ms = 5000, .run = run,
};
