/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a test may leave behind: processes, descriptors, sockets and folders of daemons, hugepages. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memfd.h"
#include "tests/integration/harness/harness_priv.h"

#define FDS	1024

static bool fds_before[FDS];
static int lock_fd = -1;
static uint64_t hugepages_before;
static const char *found;

/*
 * Hugepages are the machine's, and other tests take some meanwhile. All hold a common lock on the kernel's folder of them; who can have
 * it alone is alone, and only numbers from such moments are compared.
 */
static bool alone(void)
{
	bool yes = lock_fd >= 0 && !flock(lock_fd, LOCK_EX | LOCK_NB);

	if (lock_fd >= 0)
		flock(lock_fd, LOCK_SH);
	return yes;
}

static uint64_t free_hugepages(void)
{
	uint64_t nfree = 0, total = 0;

	memfd_hugepages(&nfree, &total);
	return nfree;
}

static void note_hugepages(void)
{
	lock_fd = open("/sys/kernel/mm/hugepages", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	hugepages_before = alone() ? free_hugepages() : 0;
}

static bool hugepages_are_back(void)
{
	return free_hugepages() >= hugepages_before || !alone();
}

/* Calls look() for each descriptor of this process but the one that reads the list; true if one of them says so. */
static bool each_fd(bool (*look)(int fd))
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	bool stop = false;

	while (d && !stop && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (*e->d_name != '.' && fd != dirfd(d) && fd < FDS)
			stop = look(fd);
	}
	if (d)
		closedir(d);
	return stop;
}

static bool note_fd(int fd)
{
	fds_before[fd] = true;
	return false;
}

static bool is_new_fd(int fd)
{
	char target[256];
	ssize_t n;

	if (fds_before[fd])
		return false;
	n = readlink(sp_text("/proc/self/fd/%d", fd), target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = 0;
	/* Criterion's connection to its runner is made when it is first needed. */
	if (n <= 0 || !strncmp(target, "socket:", 7) || !strncmp(target, "anon_inode:[event", 17))
		return false;
	found = sp_text("descriptor %d of the test: %s", fd, target);
	return true;
}

void sp_leftovers_note(void)
{
	note_hugepages();
	memset(fds_before, 0, sizeof(fds_before));
	each_fd(note_fd);
}

void sp_leftovers_forget(void)
{
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
}

/* Children, and what was theirs before they died: the test is their subreaper. */
static bool is_process_left(void)
{
	const char *list = sp_read("/proc/thread-self/children", NULL);
	char *end;

	for (long pid = strtol(list, &end, 10); pid > 0; list = end, pid = strtol(list, &end, 10)) {
		const char *command = sp_read(sp_text("/proc/%ld/cmdline", pid), NULL);

		if (pid == sp_folder_keeper() || waitpid((pid_t)pid, NULL, WNOHANG) == pid)
			continue;
		found = sp_text("process %ld: %s", pid, *command ? command : sp_read(sp_text("/proc/%ld/comm", pid), NULL));
		return true;
	}
	return false;
}

static int look_at_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (!S_ISSOCK(st->st_mode) && strncmp(path + ftw->base, "shadowpool-", 11))
		return 0;
	found = sp_text("%s", path);
	return 1;
}

static bool is_file_left(void)
{
	return nftw(sp_folder(), look_at_file, 16, FTW_PHYS) > 0;
}

const char *sp_leftovers(double seconds)
{
	found = NULL;
	if (!sp_await(seconds, !is_process_left()) || !sp_await(seconds, !is_file_left()) || each_fd(is_new_fd))
		return found;
	if (!sp_await(seconds, hugepages_are_back()))
		return sp_text("hugepages: %llu are free, %llu were before", (unsigned long long)free_hugepages(),
			       (unsigned long long)hugepages_before);
	return NULL;
}
