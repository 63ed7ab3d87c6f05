/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl version: the client's version and, of each daemon that listens, the daemon's. */
#include <errno.h>
#include <stdio.h>

#include "config.h"
#include "ctl/cmd_table.h"
#include "ctl/daemon.h"

/* Version and protocol of one daemon, or null. *code becomes CONTROL_VERSION if its protocol is another one. */
static json_t *ask(const struct cmd *cmd, enum daemon daemon, int *code)
{
	struct control_client client;
	char path[256];
	int rc;

	daemon_socket(cmd, daemon, path, sizeof(path));
	rc = control_open(&client, path, "shadowctl", PACKAGE_VERSION, cmd->deadline);
	if (rc && rc != -EPROTONOSUPPORT)
		return json_null();
	control_close(&client);
	if (rc)
		*code = CONTROL_VERSION;
	return json_pack("{s:o,s:o,s:i}", "program", cmd_json_string(client.peer_program),
			 "version", cmd_json_string(client.peer_version), "protocol", (int)client.peer_protocol);
}

static void print(const char *name, const json_t *daemon)
{
	if (json_is_null(daemon))
		printf("%-10s not reachable\n", name);
	else
		printf("%-10s %s protocol %d\n", name, json_string_value(json_object_get(daemon, "version")),
		       (int)json_integer_value(json_object_get(daemon, "protocol")));
}

static int run(struct cmd *cmd)
{
	int code = CONTROL_DONE;
	json_t *trapd = ask(cmd, DAEMON_TRAPD, &code), *poold = ask(cmd, DAEMON_POOLD, &code);

	if (cmd->json) {
		if (cmd_json(json_pack("{s:{s:s,s:i},s:o,s:o}", "shadowctl", "version", PACKAGE_VERSION, "protocol",
				       (int)CONTROL_PROTOCOL, "trapd", trapd, "poold", poold)))
			return CONTROL_FAILED;
		return code;
	}
	printf("%-10s %s protocol %u\n", "shadowctl", PACKAGE_VERSION, CONTROL_PROTOCOL);
	print("trapd", trapd);
	print("poold", poold);
	json_decref(trapd);
	json_decref(poold);
	return code;
}

const struct cmd_entry cmd_version = {
	.name = "version", .args = "", .summary = "versions and protocol numbers of client and daemons",
	.max_args = 0, .timeout_ms = 5000, .run = run,
};
