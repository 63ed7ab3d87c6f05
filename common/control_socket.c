/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Binding of daemon sockets, see control_socket.h. Runs in trapd and poold at start, in the main thread; may block
 * shortly.
 */
#include "common/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG	32

/*
 * Two daemons that start together must not both find the same stale file and remove each other's: the directory's lock
 * makes look, unlink and bind one step. It leaves no file behind. Returns the descriptor that holds it, or -errno.
 */
static int directory_lock(const char *path)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd, rc;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		rc = flock(fd, LOCK_EX);
	while (rc && errno == EINTR);
	if (rc) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* 0: nothing (any more) at the path. -EADDRINUSE: alive. -EEXIST: no socket. -errno. */
static int stale_remove(const struct sockaddr_un *sa, int type)
{
	struct stat st;
	int fd, rc;

	if (lstat(sa->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) ? -errno : 0;
	close(fd);
	/* Only a refused connection proves that nobody listens; success, a full backlog or a foreign type do not. */
	if (rc == -ENOENT)
		return 0;
	if (rc != -ECONNREFUSED)
		return rc == 0 || rc == -EAGAIN || rc == -EPROTOTYPE ? -EADDRINUSE : rc;
	return unlink(sa->sun_path) && errno != ENOENT ? -errno : 0;
}

static int bind_fresh(const struct sockaddr_un *sa, int type, mode_t mode)
{
	int fd, rc;

	rc = stale_remove(sa, type);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Nobody can connect before listen(): the mode is right by then, whatever the umask. */
	if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	if (chmod(sa->sun_path, mode) || listen(fd, BACKLOG)) {
		rc = -errno;
		unlink(sa->sun_path);
		close(fd);
		return rc;
	}
	return fd;
}

static const char *remedy(int rc)
{
	switch (rc) {
	case -EADDRINUSE:
		return "another daemon is listening there; stop it, or choose another runtime directory";
	case -EEXIST:
		return "something that is no socket lies there; move it away";
	case -ENAMETOOLONG:
		return "it is longer than a socket address allows (107 bytes); choose a shorter runtime directory";
	case -ENOENT:
		return "the directory does not exist; create it, or choose another runtime directory";
	case -EACCES:
	case -EPERM:
		return "no permission; choose a runtime directory that belongs to this user";
	default:
		return NULL;
	}
}

int control_socket_listen(const char *path, int type, mode_t mode, char *err, size_t err_size)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd, lock;

	if (len >= sizeof(sa.sun_path)) {
		fd = -ENAMETOOLONG;
	} else {
		memcpy(sa.sun_path, path, len + 1);
		lock = directory_lock(path);
		fd = lock;
		if (lock >= 0) {
			fd = bind_fresh(&sa, type, mode);
			close(lock);
		}
	}
	if (fd < 0)
		snprintf(err, err_size, "cannot listen on %s: %s", path, remedy(fd) ? remedy(fd) : strerror(-fd));
	return fd;
}
