/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Talking to a daemon from a verb: find its socket, connect, call, turn every failure into message, hint and exit
 * code.
 */
#ifndef SHADOWPOOL_CTL_DAEMON_H
#define SHADOWPOOL_CTL_DAEMON_H

#include "common/control_client.h"
#include "ctl/cmd.h"

enum daemon { DAEMON_TRAPD, DAEMON_POOLD };

/* Path of the daemon's control socket: --socket (a socket or a runtime directory), or the service's. */
void daemon_socket(const struct cmd *cmd, enum daemon daemon, char *path, size_t size);

/* Connect within the call's deadline. 0, or the exit code after it has been reported. */
int daemon_open(const struct cmd *cmd, enum daemon daemon, struct control_client *client);
/* One request on it. 0 and *reply (no error in it; the caller's), or the exit code after it has been reported. */
int daemon_request(const struct cmd *cmd, struct control_client *client, const Shadowpool__Request *request,
		   Shadowpool__Reply **reply);
/* The next reply of a request that is answered in parts, as daemon_request(). */
int daemon_next(const struct cmd *cmd, struct control_client *client, Shadowpool__Reply **reply);
/* Both, and close. want: the result that is expected. */
int daemon_call(const struct cmd *cmd, enum daemon daemon, const Shadowpool__Request *request,
		Shadowpool__Reply__ResultCase want, Shadowpool__Reply **reply);
/* Report what control_open() or control_call() returned. Returns the exit code. */
int daemon_fail(const struct cmd *cmd, const char *path, const struct control_client *client, const char *program,
		int rc);

#endif
