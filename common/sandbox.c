/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns a table of allowed system calls into a filter. Either daemon, main thread at start-up; the handler on any thread. */
#include "common/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZER 1
#endif
#endif

static const char *sandbox_program = "";	/* for the signal handler, which has no other way to know */

static size_t append(char *line, size_t at, size_t size, const char *text)
{
	size_t n = strnlen(text, size - at);

	memcpy(line + at, text, n);
	return at + n;
}

/* Async-signal-safe: the thread may hold any lock. */
static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	char line[128], digits[12];
	unsigned nr = (unsigned)info->si_syscall;
	size_t n = append(line, 0, sizeof(line), sandbox_program), nd = sizeof(digits);

	digits[--nd] = '\0';
	do
		digits[--nd] = (char)('0' + nr % 10);
	while ((nr /= 10) && nd);
	n = append(line, n, sizeof(line), ": error: system call ");
	n = append(line, n, sizeof(line), digits + nd);
	n = append(line, n, sizeof(line), " is not allowed after start-up (sandbox)\n");
	if (write(STDERR_FILENO, line, n) < 0)
		_exit(SANDBOX_EXIT_SIGSYS);
	_exit(SANDBOX_EXIT_SIGSYS);
}

#ifndef SANDBOX_SANITIZER
static int add_rules(scmp_filter_ctx ctx, const struct sandbox *s)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < s->nrules; i++) {
		const struct sandbox_rule *r = &s->rules[i];

		if (r->mask)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, r->nr, 1,
					      SCMP_CMP(r->arg, SCMP_CMP_MASKED_EQ, r->mask, r->value));
		else
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, r->nr, 0);
	}
	for (size_t i = 0; !rc && i < s->nanswers; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)s->answers[i].error), s->answers[i].nr, 0);
	return rc;
}

static int load_filter(const struct sandbox *s)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int rc;

	if (!ctx)
		return -ENOMEM;
	rc = add_rules(ctx, s);
	if (!rc)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}
#else
static int load_filter(const struct sandbox *s)
{
	return 1;
}
#endif

int sandbox_install(const struct sandbox *s, char *err, size_t err_size)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	int rc;

	sandbox_program = s->program;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || sigaction(SIGSYS, &action, NULL))
		rc = -errno;
	else
		rc = load_filter(s);
	if (rc < 0)
		snprintf(err, err_size, "sandbox: %s; is seccomp in this kernel?", strerror(-rc));
	return rc;
}
