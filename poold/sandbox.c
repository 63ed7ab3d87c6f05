/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seccomp filter. A call that is not listed raises SIGSYS: the handler says which and ends the process with a code
 * of its own, so a denial is never silent. Each row carries its reason.
 */
#include "poold/sandbox.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZER 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZER 1
#endif
#endif

/* A rule: the call, and if mask is not 0 the condition (argument & mask) == value. */
struct sandbox_rule {
	int nr;
	unsigned arg;
	uint64_t mask, value;
};

#define ANY(name)			{ SCMP_SYS(name), 0, 0, 0 }
#define WHEN(name, arg, mask, value)	{ SCMP_SYS(name), arg, mask, value }
#define ALL_BITS			0xffffffffull

/* Bits of clone(2) that decide what is made; every namespace bit must be 0. */
#define CLONE_KINDS (CLONE_VM | CLONE_THREAD | CLONE_VFORK | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
		     CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static const struct sandbox_rule rules[] = {
	/* control connections and log lines (libevent reads and writes with vectors) */
	ANY(read), ANY(write), ANY(readv), ANY(writev),
	/* the attach handshake passes descriptors; the notification socket is connected */
	ANY(recvmsg), ANY(sendmsg), ANY(recvfrom), ANY(sendto),
	/* new clients of the two listening sockets, and their end */
	ANY(accept4), ANY(shutdown), ANY(close), ANY(setsockopt),
	/* SO_PEERCRED, SO_ERROR */
	ANY(getsockopt), ANY(getsockname), ANY(getpeername),
	/* the main loop, by any of the waits that versions of libevent use */
	ANY(epoll_wait), ANY(epoll_pwait), ANY(epoll_pwait2), ANY(epoll_ctl), ANY(timerfd_settime),
	/* link threads sleep on two descriptors */
	ANY(poll), ANY(ppoll),
	/* the peer's eventfd, without waiting whatever its flags say */
	ANY(preadv2),
	/* rings and mailboxes: wake a vCPU; mutexes and condition variables */
	ANY(futex),
	/* pool, link-p, page_state and stats-p of each new VM */
	ANY(memfd_create), ANY(ftruncate), ANY(fallocate),
	/* seals and flags of received and own descriptors */
	WHEN(fcntl, 1, ALL_BITS, F_ADD_SEALS), WHEN(fcntl, 1, ALL_BITS, F_GET_SEALS), WHEN(fcntl, 1, ALL_BITS, F_GETFL),
	WHEN(fcntl, 1, ALL_BITS, F_SETFL), WHEN(fcntl, 1, ALL_BITS, F_GETFD), WHEN(fcntl, 1, ALL_BITS, F_SETFD),
	/* sizes of received descriptors; glibc's fstat is this with an empty path, which names no file */
	ANY(fstat), WHEN(newfstatat, 3, ALL_BITS, AT_EMPTY_PATH),
	/* memory, never executable */
	WHEN(mmap, 2, PROT_EXEC, 0), WHEN(mprotect, 2, PROT_EXEC, 0), ANY(munmap), ANY(mremap), ANY(brk), ANY(madvise),
	/* link threads: a thread of this process and nothing else, neither a process nor a namespace */
	WHEN(clone, 0, CLONE_KINDS, CLONE_VM | CLONE_THREAD),
	ANY(set_robust_list), ANY(rseq), ANY(rt_sigprocmask), ANY(sched_getaffinity), ANY(gettid), ANY(exit),
	/* the name of a thread */
	WHEN(prctl, 0, ALL_BITS, PR_SET_NAME),
	/* spinning and its end; the vDSO answers these two in general, but not on every host */
	ANY(sched_yield), ANY(clock_gettime), ANY(getcpu),
	/* free hugepages, through descriptors opened before; the recorder starts its file anew */
	ANY(pread64), ANY(lseek),
	/* libevent asks how much there is to read */
	WHEN(ioctl, 1, ALL_BITS, FIONREAD),
	/* the end: handlers, abort() of the C library, exit */
	ANY(rt_sigaction), ANY(rt_sigreturn), ANY(restart_syscall), ANY(getpid), ANY(tgkill), ANY(exit_group),
	/* malloc's hash seed, libevent's random numbers */
	ANY(getrandom),
};

static const struct {
	int nr, error;
} answered[] = {
	/* its flags lie in memory, where a filter cannot see them: the C library falls back to clone */
	{ SCMP_SYS(clone3), ENOSYS },
	/* own sockets stay behind when poold ends: unlinking takes a path; the next start or the manager does it */
	{ SCMP_SYS(unlink), EPERM }, { SCMP_SYS(unlinkat), EPERM },
};

/* Async-signal-safe: the thread may hold any lock. */
static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	char line[96] = "poold: error: system call ";
	size_t n = strlen(line);
	char digits[12];
	int nd = 0;
	unsigned nr = (unsigned)info->si_syscall;

	do
		digits[nd++] = (char)('0' + nr % 10);
	while ((nr /= 10) && nd < (int)sizeof(digits));
	while (nd)
		line[n++] = digits[--nd];
	memcpy(line + n, " is not allowed after start-up (sandbox)\n", 41);
	n += 41;
	if (write(STDERR_FILENO, line, n) < 0)
		_exit(SANDBOX_EXIT_SIGSYS);
	_exit(SANDBOX_EXIT_SIGSYS);
}

void sandbox_close_inherited(void)
{
	/* Kernels before 5.9 have no close_range(2); none of them runs what trapd needs. */
	syscall(SYS_close_range, 3, ~0u, 0);
}

int sandbox_die_with_parent(void)
{
	pid_t parent = getppid();

	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0))
		return -errno;
	/* It may have ended in between: then no signal comes. */
	return getppid() == parent ? 0 : -ESRCH;
}

static int add_rules(scmp_filter_ctx ctx)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct sandbox_rule *r = &rules[i];

		if (r->mask)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, r->nr, 1,
					      SCMP_CMP(r->arg, SCMP_CMP_MASKED_EQ, r->mask, r->value));
		else
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, r->nr, 0);
	}
	for (size_t i = 0; !rc && i < sizeof(answered) / sizeof(answered[0]); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)answered[i].error), answered[i].nr, 0);
	return rc;
}

int sandbox_close(char *err, size_t err_size)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	scmp_filter_ctx ctx;
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || sigaction(SIGSYS, &action, NULL)) {
		snprintf(err, err_size, "sandbox: %s", strerror(errno));
		return -errno;
	}
#ifdef SANDBOX_SANITIZER
	return 1;
#endif
	ctx = seccomp_init(SCMP_ACT_TRAP);
	if (!ctx) {
		snprintf(err, err_size, "sandbox: libseccomp gives no filter");
		return -ENOMEM;
	}
	rc = add_rules(ctx);
	if (!rc)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc)
		snprintf(err, err_size, "sandbox: %s", strerror(-rc));
	return rc;
}
