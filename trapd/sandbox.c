/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trapd's seccomp filter, for the control thread and every thread of a VM. A call that is not listed raises SIGSYS: the
 * handler says which and ends the process with a code of its own, so a denial is never silent. Each row has its reason.
 */
#include "trapd/sandbox.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "common/sandbox.h"

#define ANY		SANDBOX_ANY
#define WHEN		SANDBOX_WHEN
#define LOW		SANDBOX_LOW
#define IOCTL(number)	WHEN(ioctl, 1, LOW, (uint32_t)(number))

static const struct sandbox_rule rules[] = {
	/* control connections, log lines, serial lines, event descriptors (libevent reads and writes with vectors) */
	ANY(read), ANY(write), ANY(readv), ANY(writev),
	/* images, modules, disks, vm.d/NAME.conf and /dev/kvm of a new VM; nothing is ever created */
	WHEN(openat, 2, O_CREAT | O_TMPFILE, 0), ANY(close), ANY(pread64), ANY(lseek),
	/* disks */
	ANY(flock), ANY(pwrite64), ANY(fdatasync),
	/* the C library's fstat() is newfstatat() with an empty path */
	ANY(fstat), WHEN(newfstatat, 3, AT_EMPTY_PATH, AT_EMPTY_PATH),
	/* poold's attach socket, again after every loss of poold */
	WHEN(socket, 0, LOW, AF_UNIX), ANY(connect), ANY(recvmsg), ANY(sendmsg), ANY(recvfrom), ANY(sendto),
	ANY(shutdown),
	/* clients of the control socket: SO_PEERCRED, SO_ERROR */
	ANY(accept4), ANY(getsockopt), ANY(setsockopt), ANY(getsockname),
	/* the control socket's file goes away with the daemon */
	ANY(unlink),
	/* the control loop */
	ANY(epoll_wait), ANY(epoll_pwait), ANY(epoll_ctl),
	/* threads of a VM that wait for poold or for input */
	ANY(poll), ANY(ppoll), ANY(eventfd2),
	/* mailboxes shared with poold; mutexes */
	ANY(futex),
	/* guest RAM, stub window, statistics, link */
	ANY(memfd_create), ANY(ftruncate), ANY(fallocate),
	WHEN(fcntl, 1, LOW, F_ADD_SEALS), WHEN(fcntl, 1, LOW, F_GET_SEALS), WHEN(fcntl, 1, LOW, F_GETFL),
	WHEN(fcntl, 1, LOW, F_SETFL), WHEN(fcntl, 1, LOW, F_GETFD), WHEN(fcntl, 1, LOW, F_SETFD),
	/* memory, never executable */
	WHEN(mmap, 2, PROT_EXEC, 0), WHEN(mprotect, 2, PROT_EXEC, 0), ANY(munmap), ANY(mremap), ANY(brk), ANY(madvise),
	/* creation of a VM (vm.c, kcpu.c, cpuid.c) and its memory slots */
	IOCTL(KVM_GET_API_VERSION), IOCTL(KVM_CHECK_EXTENSION), IOCTL(KVM_CREATE_VM), IOCTL(KVM_CREATE_VCPU),
	IOCTL(KVM_GET_VCPU_MMAP_SIZE), IOCTL(KVM_GET_SUPPORTED_CPUID), IOCTL(KVM_GET_CPUID2), IOCTL(KVM_SET_CPUID2),
	IOCTL(KVM_SET_MSRS), IOCTL(KVM_GET_NR_MMU_PAGES), IOCTL(KVM_SET_NR_MMU_PAGES),
	IOCTL(KVM_SET_USER_MEMORY_REGION),
	/* a vCPU thread: run, and the state that the synced registers do not carry */
	IOCTL(KVM_RUN), IOCTL(KVM_GET_SREGS), IOCTL(KVM_SET_SREGS), IOCTL(KVM_GET_DEBUGREGS), IOCTL(KVM_SET_DEBUGREGS),
	/* an exception that KVM still holds when the guest is kicked */
	IOCTL(KVM_GET_VCPU_EVENTS), IOCTL(KVM_SET_VCPU_EVENTS),
	/* x87 instructions that KVM does not carry out */
	IOCTL(KVM_GET_XSAVE), IOCTL(KVM_SET_XSAVE),
	/* the guest's time-stamp counter, for RDMSR and for deadlines */
	IOCTL(KVM_GET_MSRS), IOCTL(KVM_GET_TSC_KHZ),
	/* libevent asks how much there is to read, the C library whether its output is a terminal */
	IOCTL(FIONREAD), IOCTL(TCGETS),
	/* threads of a VM: of this process and nothing else, neither a process nor a namespace; kicks between them */
	WHEN(clone, 0, SANDBOX_CLONE_KINDS, CLONE_VM | CLONE_THREAD), ANY(set_robust_list), ANY(rseq),
	ANY(gettid), ANY(getpid),
	ANY(sched_getaffinity), ANY(tgkill), ANY(exit), WHEN(prctl, 0, LOW, PR_SET_NAME),
	/* may a caller stop this VM? the other three tell no more */
	ANY(geteuid), ANY(getuid), ANY(getgid), ANY(getegid),
	/* more memory than the machine has? */
	ANY(sysinfo),
	/* spinning and its end; the vDSO tells the time in general, but not where the host's clock is the HPET, say */
	ANY(sched_yield), ANY(clock_gettime), ANY(gettimeofday), ANY(time), ANY(getcpu),
	/* handlers, interrupted calls, the end */
	ANY(rt_sigaction), ANY(rt_sigprocmask), ANY(rt_sigreturn), ANY(restart_syscall), ANY(exit_group),
	/* malloc's hash seed */
	ANY(getrandom),
};

static const struct sandbox_answer answers[] = {
	/* its flags lie in memory, where a filter cannot see them: the C library falls back to clone */
	{ SCMP_SYS(clone3), ENOSYS },
};

int trapd_sandbox_close(char *err, size_t err_size)
{
	static const struct sandbox sandbox = {
		.program = "trapd",
		.rules = rules, .nrules = sizeof(rules) / sizeof(rules[0]),
		.answers = answers, .nanswers = sizeof(answers) / sizeof(answers[0]),
	};

	return sandbox_install(&sandbox, err, err_size);
}
