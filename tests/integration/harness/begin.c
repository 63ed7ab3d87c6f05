/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Begin and end of a test, its failures and skips, and the memory that lives as long as it does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/integration/harness/harness_priv.h"

#define GONE_S	5	/* for what is on its way out when a test ends */

bool sp_failed;
static bool begun;

static struct kept {
	struct kept *next;
	void *what;
	void (*release)(void *);
} *all_kept;

void *sp_keep_with(void *what, void (*release)(void *))
{
	struct kept *k = malloc(sizeof(*k));

	if (!k || !what) {
		fprintf(stderr, "harness: out of memory\n");
		abort();
	}
	*k = (struct kept){ all_kept, what, release };
	all_kept = k;
	return what;
}

void *sp_keep(void *what)
{
	return sp_keep_with(what, free);
}

void *sp_new(size_t size)
{
	return sp_keep(calloc(1, size));
}

void sp_forget_all(void)
{
	while (all_kept) {
		struct kept *k = all_kept;

		all_kept = k->next;
		k->release(k->what);
		free(k);
	}
}

void sp_begin(void)
{
	sp_failed = false;
	/* What shadowctl run leaves alone when it is killed comes to us, so that it is found. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	unsetenv("SHADOWCTL_SOCKET");
	unsetenv("NOTIFY_SOCKET");
	sp_folder_create();
	/* Embedded runs put their folders here. */
	setenv("XDG_RUNTIME_DIR", sp_folder(), 1);
	sp_kernel_log_note();
	sp_leftovers_note();
	sp_limit(0);
	begun = true;
}

void sp_begin_kvm(void)
{
	sp_begin();
	sp_need_kvm();
}

static void end_all(void)
{
	sp_vms_end();
	sp_daemons_end_all();
	sp_processes_end();
}

void sp_check(void)
{
	const char *line;

	if (sp_failed)
		return;
	end_all();
	line = sp_leftovers(GONE_S);
	sp_expect(!line, "left behind: %s", line);
	line = sp_kernel_bug();
	sp_expect(!line, "the kernel's log: %s", line);
}

void sp_end(void)
{
	if (!begun)
		return;
	begun = false;
	if (sp_failed) {
		sp_vms_print();
		sp_processes_print();
	}
	end_all();
	sp_leftovers_forget();
	sp_kernel_log_forget();
	sp_folder_remove();
	sp_watchdog_stop();
	sp_forget_all();
}

void sp_skip(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0)
		sp_keep(text);
	va_end(ap);
	cr_skip("%s", text ? text : "");
	abort();	/* not reached: cr_skip() does not return */
}

void sp_need_kvm(void)
{
	if (access("/dev/kvm", R_OK | W_OK))
		sp_skip("no /dev/kvm that this user may write");
}

void sp_need_root(void)
{
	if (geteuid())
		sp_skip("needs root");
}

void sp_fail(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	sp_failed = true;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0)
		sp_keep(text);
	va_end(ap);
	cr_assert(false, "%s", text ? text : "");
	abort();	/* not reached: cr_assert() does not return */
}

void sp_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

uint64_t sp_knob(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	char *end;
	uint64_t n;

	if (!text || !*text)
		return otherwise;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || *end)
		sp_fail("%s=%s: not a number", name, text);
	return n;
}

int sp_tcg(void)
{
	return getenv("SHADOWPOOL_HOST_BOX") != NULL;
}

void sp_print_tail(const char *title, const char *text)
{
	const char *from = text + strlen(text);
	unsigned lines = 0;

	if (!*text)
		return;
	while (from > text && lines < 40)
		lines += *--from == '\n' && from[1];
	fprintf(stderr, "---- %s:\n%s%s", title, *from == '\n' ? from + 1 : from, text[strlen(text) - 1] == '\n' ? "" : "\n");
}
