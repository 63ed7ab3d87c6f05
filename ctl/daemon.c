/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls to the daemons, see daemon.h. Blocking, bounded by --timeout. */
#include "config.h"
#include "ctl/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/frame.h"

#define RUNTIME_DIR	"/run/shadowpool"

static const char *const daemon_name[] = { [DAEMON_TRAPD] = "trapd", [DAEMON_POOLD] = "poold" };

/* dir belongs to the services (trapd/control.sock) or to an embedded run (trapd-control.sock). */
static void socket_in(const char *dir, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s-control.sock", dir, name);
	if (access(path, F_OK))
		snprintf(path, size, "%s/%s/control.sock", dir, name);
}

void daemon_socket(const struct cmd *cmd, enum daemon daemon, char *path, size_t size)
{
	struct stat st;

	if (!cmd->socket)
		snprintf(path, size, RUNTIME_DIR "/%s/control.sock", daemon_name[daemon]);
	else if (!stat(cmd->socket, &st) && S_ISDIR(st.st_mode))
		socket_in(cmd->socket, daemon_name[daemon], path, size);
	else
		snprintf(path, size, "%s", cmd->socket);
}

int daemon_fail(const struct cmd *cmd, const char *path, const struct control_client *client, const char *program,
		int rc)
{
	char hint[160];

	switch (rc) {
	case -ENOENT:
	case -ECONNREFUSED:
	case -ENOTDIR:
		snprintf(hint, sizeof(hint),
			 "start it with: systemctl start %s.service, or name its socket with --socket", program);
		return cmd_fail(cmd, CONTROL_UNREACHABLE, hint, "%s does not listen on %s", program, path);
	case -EACCES:
	case -EPERM:
		snprintf(hint, sizeof(hint), "become a member of group %s, or use sudo",
			 strcmp(program, "poold") ? "shadowpool" : "shadowpool-admin");
		return cmd_fail(cmd, CONTROL_NOT_PERMITTED, hint, "no permission to connect to %s at %s", program,
				path);
	case -ETIMEDOUT:
		return cmd_fail(cmd, CONTROL_TIMED_OUT, "try again with a larger --timeout",
				"%s at %s did not answer in time", program, path);
	case -ENAMETOOLONG:
		return cmd_fail(cmd, CONTROL_USAGE, "a socket address holds 107 bytes", "socket path too long: %s",
				path);
	case -EPROTONOSUPPORT:
		return cmd_fail(cmd, CONTROL_VERSION, "install matching versions",
				"%s %s at %s speaks control protocol %u, shadowctl " PACKAGE_VERSION " speaks %u",
				client->peer_program, client->peer_version, path, client->peer_protocol,
				CONTROL_PROTOCOL);
	case -ENOTCONN:
		snprintf(hint, sizeof(hint), "see journalctl -u %s.service", program);
		return cmd_fail(cmd, CONTROL_UNREACHABLE, hint, "%s at %s closed the connection", program, path);
	case -EBADMSG:
	case -EMSGSIZE:
		return cmd_fail(cmd, CONTROL_VERSION, "install matching versions, and check --socket",
				"what answers at %s does not keep to the control protocol", path);
	default:
		return cmd_fail(cmd, CONTROL_UNREACHABLE, NULL, "cannot talk to %s at %s: %s", program, path,
				strerror(-rc));
	}
}

int daemon_open(const struct cmd *cmd, enum daemon daemon, struct control_client *client)
{
	char path[256];
	int rc;

	daemon_socket(cmd, daemon, path, sizeof(path));
	rc = control_open(client, path, "shadowctl", PACKAGE_VERSION, cmd->deadline);
	return rc ? daemon_fail(cmd, path, client, daemon_name[daemon], rc) : 0;
}

/* What was received with code rc. */
static int take_reply(const struct cmd *cmd, struct control_client *client, int rc, Shadowpool__Reply **reply)
{
	const Shadowpool__Error *e;

	if (rc)
		return daemon_fail(cmd, "its socket", client, client->peer_program, rc);
	if ((*reply)->result_case != SHADOWPOOL__REPLY__RESULT_ERROR)
		return 0;
	e = (*reply)->error;
	rc = e->code >= CONTROL_FAILED && e->code <= CONTROL_VERSION ? (int)e->code : CONTROL_FAILED;
	rc = cmd_fail(cmd, (enum control_code)rc, e->hint, "%s", e->message);
	shadowpool__reply__free_unpacked(*reply, NULL);
	*reply = NULL;
	return rc;
}

int daemon_request(const struct cmd *cmd, struct control_client *client, const Shadowpool__Request *request,
		   Shadowpool__Reply **reply)
{
	return take_reply(cmd, client, control_call(client, request, cmd->deadline, reply), reply);
}

int daemon_next(const struct cmd *cmd, struct control_client *client, Shadowpool__Reply **reply)
{
	return take_reply(cmd, client, control_next(client, cmd->deadline, reply), reply);
}

int daemon_call(const struct cmd *cmd, enum daemon daemon, const Shadowpool__Request *request,
		Shadowpool__Reply__ResultCase want, Shadowpool__Reply **reply)
{
	struct control_client client;
	int rc;

	rc = daemon_open(cmd, daemon, &client);
	if (rc)
		return rc;
	rc = daemon_request(cmd, &client, request, reply);
	control_close(&client);
	if (rc || (*reply)->result_case == want)
		return rc;
	shadowpool__reply__free_unpacked(*reply, NULL);
	*reply = NULL;
	return cmd_fail(cmd, CONTROL_VERSION, "install matching versions", "%s gave an answer of another kind",
			daemon_name[daemon]);
}
