/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon's seccomp filter as a table: what it may still ask of the kernel once it is up. A call that is not listed raises
 * SIGSYS; the handler says which on stderr and ends the process with a code of its own, so a denial is never silent.
 */
#ifndef SHADOWPOOL_COMMON_SANDBOX_H
#define SHADOWPOOL_COMMON_SANDBOX_H

#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#define SANDBOX_EXIT_SIGSYS 86	/* exit code after a system call that the filter does not know */

/* A call that is allowed; if mask is not 0 only with (argument number arg & mask) == value. */
struct sandbox_rule {
	int nr;
	unsigned arg;
	uint64_t mask, value;
};

/* A call that is answered with an errno instead of ending the process. */
struct sandbox_answer {
	int nr, error;
};

struct sandbox {
	const char *program;			/* for the message; static string */
	const struct sandbox_rule *rules;
	size_t nrules;
	const struct sandbox_answer *answers;
	size_t nanswers;
};

#define SANDBOX_ANY(name)			{ SCMP_SYS(name), 0, 0, 0 }
#define SANDBOX_WHEN(name, arg, mask, value)	{ SCMP_SYS(name), arg, mask, value }
#define SANDBOX_LOW				0xffffffffull	/* mask of a 32-bit argument */

/* Bits of clone(2) that decide what is made: a thread of this process has exactly CLONE_VM and CLONE_THREAD of them. */
#define SANDBOX_CLONE_KINDS (CLONE_VM | CLONE_THREAD | CLONE_VFORK | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
			     CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/*
 * No new privileges, then the filter, for this thread and all that it starts. Once per process, before other threads exist.
 * 0, or -errno with one line in err. In sanitizer builds, which need more than any list, the filter is left out: 1.
 */
int sandbox_install(const struct sandbox *s, char *err, size_t err_size);

#endif
