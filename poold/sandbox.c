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
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sandbox.h"

#define ANY		SANDBOX_ANY
#define WHEN		SANDBOX_WHEN
#define LOW		SANDBOX_LOW

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
	/* sessions sleep on two descriptors */
	ANY(poll), ANY(ppoll),
	/* the peer's eventfd, without waiting whatever its flags say */
	ANY(preadv2),
	/* rings and mailboxes: wake a vCPU; mutexes and condition variables */
	ANY(futex),
	/* pool, link-p, page_state and stats-p of each new VM */
	ANY(memfd_create), ANY(ftruncate), ANY(fallocate),
	/* seals and flags of received and own descriptors */
	WHEN(fcntl, 1, LOW, F_ADD_SEALS), WHEN(fcntl, 1, LOW, F_GET_SEALS), WHEN(fcntl, 1, LOW, F_GETFL),
	WHEN(fcntl, 1, LOW, F_SETFL), WHEN(fcntl, 1, LOW, F_GETFD), WHEN(fcntl, 1, LOW, F_SETFD),
	/* sizes of received descriptors; glibc's fstat is this with an empty path, which names no file */
	ANY(fstat), WHEN(newfstatat, 3, LOW, AT_EMPTY_PATH),
	/* memory, never executable */
	WHEN(mmap, 2, PROT_EXEC, 0), WHEN(mprotect, 2, PROT_EXEC, 0), ANY(munmap), ANY(mremap), ANY(brk), ANY(madvise),
	/* connections: a thread of this process and nothing else, neither a process nor a namespace */
	WHEN(clone, 0, SANDBOX_CLONE_KINDS, CLONE_VM | CLONE_THREAD),
	ANY(set_robust_list), ANY(rseq), ANY(rt_sigprocmask), ANY(sched_getaffinity), ANY(gettid), ANY(exit),
	/* the name of a thread */
	WHEN(prctl, 0, LOW, PR_SET_NAME),
	/* spinning and its end; the vDSO tells the time in general, but not where the host's clock is the HPET, say */
	ANY(sched_yield), ANY(clock_gettime), ANY(gettimeofday), ANY(getcpu),
	/* free hugepages, through descriptors opened before; the recorder starts its file anew */
	ANY(pread64), ANY(lseek),
	/* libevent asks how much there is to read */
	WHEN(ioctl, 1, LOW, FIONREAD),
	/* the end: handlers, abort() of the C library, exit */
	ANY(rt_sigaction), ANY(rt_sigreturn), ANY(restart_syscall), ANY(getpid), ANY(tgkill), ANY(exit_group),
	/* malloc's hash seed, libevent's random numbers */
	ANY(getrandom),
};

static const struct sandbox_answer answers[] = {
	/* its flags lie in memory, where a filter cannot see them: the C library falls back to clone */
	{ SCMP_SYS(clone3), ENOSYS },
	/* own sockets stay behind when poold ends: unlinking takes a path; the next start or the manager does it */
	{ SCMP_SYS(unlink), EPERM }, { SCMP_SYS(unlinkat), EPERM },
};

int sandbox_die_with_parent(void)
{
	pid_t parent = getppid();

	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0))
		return -errno;
	/* It may have ended in between: then no signal comes. */
	return getppid() == parent ? 0 : -ESRCH;
}

int sandbox_close(char *err, size_t err_size)
{
	static const struct sandbox sandbox = {
		.program = "poold",
		.rules = rules, .nrules = sizeof(rules) / sizeof(rules[0]),
		.answers = answers, .nanswers = sizeof(answers) / sizeof(answers[0]),
	};

	/* The C library's arenas of other threads than the main one open a file in /proc when they shrink. */
	mallopt(M_ARENA_MAX, 1);
	return sandbox_install(&sandbox, err, err_size);
}
