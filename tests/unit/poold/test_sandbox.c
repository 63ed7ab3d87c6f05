/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system-call filter: each class of call that poold must not make ends the process with its own code and a line
 * that names it, and what poold needs after start-up goes on working. Each try runs in a child.
 */
#include "common/inherit.h"
#include "common/sandbox.h"
#include "poold/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_NO_FILTER	77	/* sanitizer build */
#define EXIT_SURVIVED	3

static int some_fd;

/* Returns the exit code; what was written to stderr is in text. */
static int run_sandboxed(int (*call)(void), char *text, size_t size)
{
	int out[2], status;
	char err[256];
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe(out), 0);
	some_fd = open("/dev/zero", O_RDWR);
	pid = fork();
	if (!pid) {
		int rc;

		dup2(out[1], STDERR_FILENO);
		rc = sandbox_close(err, sizeof(err));
		if (rc)
			_exit(rc > 0 ? EXIT_NO_FILTER : 1);
		_exit(call());
	}
	close(out[1]);
	n = read(out[0], text, size - 1);
	text[n > 0 ? n : 0] = 0;
	close(out[0]);
	close(some_fd);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "ended by a signal: 0x%x", status);
	return WEXITSTATUS(status);
}

static void expect_trap(int (*call)(void), long nr)
{
	char text[256], number[32];
	int code = run_sandboxed(call, text, sizeof(text));

	if (code == EXIT_NO_FILTER)
		cr_skip_test("built with a sanitizer: there is no filter");
	cr_assert_eq(code, SANDBOX_EXIT_SIGSYS, "exit code %d", code);
	snprintf(number, sizeof(number), "system call %ld ", nr);
	cr_assert(strstr(text, number), "'%s' does not name call %ld", text, nr);
}

#define FORBIDDEN(name, number, expression) \
	static int name(void) { return (expression) ? EXIT_SURVIVED : EXIT_SURVIVED; } \
	Test(sandbox, name) { expect_trap(name, number); }

FORBIDDEN(opening_a_file, SYS_openat, open("/etc/hostname", O_RDONLY))
FORBIDDEN(opening_a_file_the_old_way, SYS_open, syscall(SYS_open, "/etc/hostname", O_RDONLY))
FORBIDDEN(creating_a_file, SYS_openat, open("/tmp/poold-must-not", O_WRONLY | O_CREAT, 0600))
FORBIDDEN(looking_at_a_path, SYS_newfstatat, syscall(SYS_newfstatat, AT_FDCWD, "/etc/hostname", NULL, 0))
FORBIDDEN(creating_a_socket, SYS_socket, socket(AF_UNIX, SOCK_STREAM, 0))
FORBIDDEN(connecting, SYS_connect, connect(some_fd, NULL, 0))
FORBIDDEN(listening, SYS_bind, bind(some_fd, NULL, 0))
FORBIDDEN(controlling_kvm, SYS_ioctl, ioctl(some_fd, KVM_CREATE_VM, 0))
FORBIDDEN(executing, SYS_execve, execl("/bin/true", "true", (char *)NULL))
FORBIDDEN(forking, SYS_clone, fork())
FORBIDDEN(a_namespace_of_its_own, SYS_unshare, unshare(CLONE_NEWUSER))
FORBIDDEN(executable_memory, SYS_mmap, mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == NULL)
FORBIDDEN(memory_made_executable, SYS_mprotect, mprotect(&some_fd, 1, PROT_READ | PROT_EXEC))
FORBIDDEN(tracing, SYS_ptrace, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
FORBIDDEN(another_process_memory, SYS_process_vm_readv, process_vm_readv(1, NULL, 0, NULL, 0, 0))
FORBIDDEN(killing, SYS_kill, kill(1, 0))
FORBIDDEN(another_user, SYS_setuid, setuid(0))
FORBIDDEN(a_terminal, SYS_ioctl, isatty(0))
FORBIDDEN(privileges_back, SYS_prctl, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))

static void *thread(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

/* What a link's thread does, in short. */
static int what_is_needed(void)
{
	struct pollfd fd = { .fd = some_fd, .events = POLLIN };
	pthread_t t;
	struct stat st;
	void *at;
	int ran = 0, m;

	if (pthread_create(&t, NULL, thread, &ran) || pthread_join(t, NULL) || !ran)
		return 10;
	m = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m < 0 || ftruncate(m, 4096) || fallocate(m, 0, 0, 4096) || fstat(m, &st) || st.st_size != 4096)
		return 11;
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	if (at == MAP_FAILED || fcntl(m, F_ADD_SEALS, F_SEAL_SHRINK) || fcntl(m, F_GET_SEALS) != F_SEAL_SHRINK)
		return 12;
	if (poll(&fd, 1, 0) < 0 || munmap(at, 4096) || close(m))
		return 13;
	return unlink("/tmp/poold-must-not") == -1 && errno == EPERM ? 0 : 14;
}

/* The calls themselves: the vDSO makes them where the host's clock is none that user mode can read. */
static int ask_the_clocks(void)
{
	struct timespec ts;
	struct timeval tv;

	return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) || syscall(SYS_gettimeofday, &tv, NULL);
}

Test(sandbox, the_time_is_told_on_hosts_whose_clock_needs_the_kernel)
{
	char text[256];
	int code = run_sandboxed(ask_the_clocks, text, sizeof(text));

	if (code == EXIT_NO_FILTER)
		cr_skip_test("built with a sanitizer: there is no filter");
	cr_assert_eq(code, 0, "exit code %d, %s", code, text);
}

Test(sandbox, what_poold_needs_still_works)
{
	char text[256];
	int code = run_sandboxed(what_is_needed, text, sizeof(text));

	if (code == EXIT_NO_FILTER)
		cr_skip_test("built with a sanitizer: there is no filter");
	cr_assert_eq(code, 0, "exit code %d, %s", code, text);
}

Test(sandbox, inherited_descriptors_are_closed)
{
	int fd = open("/dev/null", O_RDONLY), high = dup2(fd, 200);

	cr_assert_geq(high, 0);
	if (fork() == 0) {
		inherit_close_others(NULL, 0);
		_exit(fcntl(fd, F_GETFD) < 0 && fcntl(high, F_GETFD) < 0 && fcntl(2, F_GETFD) >= 0 ? 0 : 1);
	} else {
		int status;

		wait(&status);
		cr_assert_eq(status, 0);
	}
}
