/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A listening UNIX socket that takes the place of a dead daemon's, never of a live one's. Runs in the daemons at
 * start.
 */
#ifndef SHADOWPOOL_COMMON_CONTROL_SOCKET_H
#define SHADOWPOOL_COMMON_CONTROL_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Bind and listen on path, with exactly this file mode before anyone can connect. type: SOCK_STREAM or SOCK_SEQPACKET.
 * Returns a non-blocking CLOEXEC descriptor of the caller's; -EADDRINUSE if another process listens there, -EEXIST if
 * the path is no socket, -ENAMETOOLONG, -errno. err gets one line: what was attempted, why not, remedy.
 */
int control_socket_listen(const char *path, int type, mode_t mode, char *err, size_t err_size);

#endif
