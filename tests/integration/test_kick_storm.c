/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals at 10 kHz to the vCPU threads during churn change nothing but the time: same console, byte for byte, same exit code. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/harness/harness.h"

#define PERIOD_NS	100000
#define MAX_THREADS	16u

sp_suite_kvm(kick_storm);

static unsigned find_vcpus(pid_t trapd, pid_t *tids)
{
	DIR *d = opendir(sp_text("/proc/%d/task", (int)trapd));
	const struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d)) && n < MAX_THREADS)
		if (!strncmp(sp_read(sp_text("/proc/%d/task/%s/comm", (int)trapd, e->d_name), NULL), "vcpu", 4))
			tids[n++] = atoi(e->d_name);
	if (d)
		closedir(d);
	return n;
}

/* Until a thread is gone. The number of signals that were sent. */
static unsigned long storm(pid_t trapd, const pid_t *tids, unsigned n, const struct sp_limit *limit)
{
	unsigned long sent = 0;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	while (sp_limit_left_ms(limit)) {
		for (unsigned i = 0; i < n; i++, sent++)
			if (syscall(SYS_tgkill, trapd, tids[i], SIGUSR1)) {
				sp_expect(errno == ESRCH, "tgkill: %s", strerror(errno));
				return sent;
			}
		next.tv_nsec += PERIOD_NS;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return sent;
}

sp_test(kick_storm, changes_nothing_that_a_guest_sees)
{
	const struct sp_guest guest = {
		.image = "churn", .pool = "2M", .cmdline = sp_text("edits=%" PRIu64 " seed=7", sp_knob("CHURN_EDITS", 600)),
	};
	struct sp_vm *quiet = sp_run(&guest, 50), *vm;
	struct sp_limit limit;
	pid_t tids[MAX_THREADS];
	unsigned long sent;
	unsigned n = 0;

	sp_expect_exit(quiet, 0, 0);
	vm = sp_boot(NULL, &guest);
	sp_must(10, (n = find_vcpus(vm->daemons->trapd->pid, tids)));
	limit = sp_limit(50);
	sent = storm(vm->daemons->trapd->pid, tids, n, &limit);
	sp_expect_exit(vm, 0, 50);
	sp_expect_same_console(vm, sp_console_raw(quiet));
	sp_expect_counter(vm, "trapd.exit_interrupted", >, 0);
	sp_say("%lu signals sent", sent);
	sp_expect(sent > 1000, "no storm: %lu signals", sent);
}
