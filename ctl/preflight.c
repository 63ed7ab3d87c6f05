/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would make an embedded run fail and can be told at once, with its remedy. Starts nothing, leaves nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/run.h"

static int check_file(const struct run *run, const char *what, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return cmd_fail(run->cmd, CONTROL_FAILED, errno == ENOENT ? "check the path" : "check its permissions",
				"cannot read %s %s: %s", what, path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return cmd_fail(run->cmd, CONTROL_FAILED, "name a file", "%s %s is no regular file", what, path);
	}
	close(fd);
	return 0;
}

static int check_kvm(const struct run *run)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == EACCES || errno == EPERM)
		return cmd_fail(run->cmd, CONTROL_NOT_PERMITTED, "become a member of group kvm, or use sudo",
				"no permission to open /dev/kvm");
	return cmd_fail(run->cmd, CONTROL_FAILED,
			"load the module kvm_intel or kvm_amd; a virtual machine needs nested virtualisation",
			"cannot open /dev/kvm: %s", strerror(errno));
}

/* FILE[,ARGS] */
static int check_module(const struct run *run, const char *word)
{
	char *name = strndup(word, strcspn(word, ","));
	int rc;

	if (!name)
		return cmd_fail(run->cmd, CONTROL_FAILED, NULL, "out of memory");
	rc = check_file(run, "module", name);
	free(name);
	return rc;
}

/* Better to learn now than after an hour that the result cannot be written. */
static int check_output(const struct run *run, const char *path)
{
	int fd;

	if (!path || !strcmp(path, "-"))
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0)
		return cmd_fail(run->cmd, CONTROL_FAILED, "name a file that can be written", "cannot write %s: %s",
				path, strerror(errno));
	close(fd);
	return 0;
}

int run_preflight(const struct run *run)
{
	size_t i;
	int rc;

	rc = check_file(run, "image", run->conf.image);
	for (i = 0; !rc && i < run->conf.nmodules; i++)
		rc = check_module(run, run->conf.modules[i]);
	if (!rc && run->conf.initrd)
		rc = check_file(run, "initrd", run->conf.initrd);
	for (i = 0; !rc && i < run->conf.ndisks; i++)
		rc = check_file(run, "disk", run->conf.disks[i]);
	if (!rc)
		rc = check_kvm(run);
	if (!rc)
		rc = check_output(run, run->stats_file);
	if (!rc)
		rc = check_output(run, run->status_file);
	return rc;
}
