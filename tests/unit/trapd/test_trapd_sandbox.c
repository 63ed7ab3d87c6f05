/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trapd's system-call filter: one test per forbidden class, and what a VM needs stays allowed. Each call is made in a
 * child that has closed the sandbox; a denial ends it with SANDBOX_EXIT_SIGSYS.
 */
#include "common/sandbox.h"
#include "trapd/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SKIPPED	77

/* Exit code of a child that closes the sandbox and then does this. */
static int in_sandbox(int (*act)(void))
{
	int status, rc;
	pid_t pid = fork();

	if (!pid) {
		char err[256];

		rc = trapd_sandbox_close(err, sizeof(err));
		if (rc)
			_exit(rc > 0 ? SKIPPED : 1);
		_exit(act());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "the child ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void denied(const char *what, int (*act)(void))
{
	int code = in_sandbox(act);

	cr_assert(code == SANDBOX_EXIT_SIGSYS || code == SKIPPED, "%s was let through (%d)", what, code);
}

static void allowed(const char *what, int (*act)(void))
{
	int code = in_sandbox(act);

	cr_assert(code == 0 || code == SKIPPED, "%s ended with %d", what, code);
}

static int do_exec(void)
{
	execl("/bin/true", "true", NULL);
	return 0;
}

static int do_fork(void)
{
	return fork() < 0;
}

static int do_unshare(void)
{
	return syscall(SYS_unshare, CLONE_NEWUSER) != 0;
}

static int do_clone_namespace(void)
{
	return syscall(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_NEWNET, 0, 0, 0, 0) < 0;
}

Test(trapd_sandbox, no_process_and_no_namespace)
{
	denied("execve", do_exec);
	denied("fork", do_fork);
	denied("unshare", do_unshare);
	denied("clone of a namespace", do_clone_namespace);
}

static int do_internet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int do_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) < 0;
}

static int do_bind(void)
{
	return syscall(SYS_bind, 0, NULL, 0) != 0;
}

Test(trapd_sandbox, no_network_and_no_new_listener)
{
	denied("an internet socket", do_internet);
	denied("a netlink socket", do_netlink);
	denied("bind", do_bind);
}

static int do_create(void)
{
	return open("/tmp/trapd_sandbox_test", O_WRONLY | O_CREAT, 0600) < 0;
}

static int do_rename(void)
{
	return rename("/nonexistent/a", "/nonexistent/b") && errno == ENOENT;
}

static int do_mkdir(void)
{
	return mkdir("/nonexistent/a", 0700) && errno == ENOENT;
}

static int do_chmod(void)
{
	return chmod("/nonexistent/a", 0700) && errno == ENOENT;
}

Test(trapd_sandbox, no_file_is_created_or_changed)
{
	denied("open with O_CREAT", do_create);
	denied("rename", do_rename);
	denied("mkdir", do_mkdir);
	denied("chmod", do_chmod);
}

static int do_map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int do_protect_code(void)
{
	static char page[8192] __attribute__((aligned(4096)));

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

Test(trapd_sandbox, no_memory_becomes_executable)
{
	denied("mmap of code", do_map_code);
	denied("mprotect to code", do_protect_code);
}

static int do_kvm_unlisted(void)
{
	return ioctl(-1, KVM_CREATE_IRQCHIP, 0) != 0;
}

static int do_terminal(void)
{
	return ioctl(0, TIOCSTI, "x") != 0;
}

static int do_device(void)
{
	return ioctl(0, SIOCGIFCONF, NULL) != 0;
}

Test(trapd_sandbox, no_ioctl_that_a_vm_does_not_need)
{
	denied("KVM_CREATE_IRQCHIP", do_kvm_unlisted);
	denied("TIOCSTI", do_terminal);
	denied("SIOCGIFCONF", do_device);
}

static int do_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, 0, 0) != 0;
}

static int do_kill(void)
{
	return kill(getpid(), 0);
}

static int do_setuid(void)
{
	return setuid(getuid());
}

Test(trapd_sandbox, no_reach_for_other_processes_or_identities)
{
	denied("ptrace", do_ptrace);
	denied("kill", do_kill);
	denied("setuid", do_setuid);
}

static void *thread(void *arg)
{
	return arg;
}

static int do_what_a_vm_does(void)
{
	pthread_t id;
	void *p, *out;
	int fd, s;

	/* a second use of what start-up used before the filter: threads, memory, files read-only, a socket to poold */
	if (pthread_create(&id, NULL, thread, &fd) || pthread_join(id, &out) || out != &fd)
		return 10;
	fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, 4096) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return 11;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || munmap(p, 4096) || close(fd))
		return 12;
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0 || close(s))
		return 13;
	fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || close(fd))
		return 14;
	p = malloc(64 << 20);
	if (!p)
		return 15;
	free(p);
	return 0;
}

static int do_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return 0;	/* no KVM here: nothing to learn */
	return ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION;
}

/* The calls themselves: the vDSO makes them where the host's clock is none that user mode can read. */
static int do_clocks(void)
{
	struct timespec ts;
	struct timeval tv;

	if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) || syscall(SYS_gettimeofday, &tv, NULL))
		return 10;
	return syscall(SYS_time, NULL) < 0 ? 11 : 0;
}

Test(trapd_sandbox, the_time_is_told_on_hosts_whose_clock_needs_the_kernel)
{
	allowed("clock_gettime, gettimeofday, time", do_clocks);
}

Test(trapd_sandbox, what_a_vm_needs_is_allowed)
{
	allowed("threads, memory, files, sockets", do_what_a_vm_does);
	allowed("/dev/kvm", do_kvm);
}

static int do_denied_loudly(void)
{
	return setuid(getuid());
}

Test(trapd_sandbox, denial_names_the_call)
{
	char text[256] = "";
	ssize_t n;
	int p[2], old = dup(STDERR_FILENO), code;

	cr_assert(!pipe(p));
	dup2(p[1], STDERR_FILENO);
	close(p[1]);
	code = in_sandbox(do_denied_loudly);
	dup2(old, STDERR_FILENO);
	if (code == SKIPPED)
		return;
	n = read(p[0], text, sizeof(text) - 1);
	cr_assert_gt(n, 0);
	cr_assert_str_eq(text, "trapd: error: system call 105 is not allowed after start-up (sandbox)\n");
}
