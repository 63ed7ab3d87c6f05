/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of the kernel's log that tell of a bug, since the begin of the test. Tests that run at the same time see the same lines: each
 * of them fails then, which is right, because nobody knows whose they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/harness/harness_priv.h"

/* Of the kernel itself, and of our programs when they die of a fault or a forbidden system call. */
static const char *const bugs[] = {
	"BUG:", "WARNING:", "Oops", "general protection", "Call Trace:", "double fault", "bad page", "refcount_t",
	"list_add corruption", "list_del corruption", "trapd[", "poold[", "shadowctl[", "comm=\"trapd\"", "comm=\"poold\"",
	NULL
};

static int fd = -1;

void sp_kernel_log_note(void)
{
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
}

void sp_kernel_log_forget(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}

/* One record each read: "priority,number,time,flags;text" (Documentation/ABI/testing/dev-kmsg). EPIPE: some were overwritten. */
const char *sp_kernel_line(const char *const texts[])
{
	char record[8192];
	ssize_t n;

	while (fd >= 0 && ((n = read(fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE))) {
		const char *text;

		record[n > 0 ? n : 0] = 0;
		text = strchr(record, ';');
		for (unsigned i = 0; text && texts[i]; i++)
			if (strstr(text, texts[i]))
				return sp_text("%.*s", (int)strcspn(text + 1, "\n"), text + 1);
	}
	return NULL;
}

const char *sp_kernel_bug(void)
{
	return sp_kernel_line(bugs);
}
