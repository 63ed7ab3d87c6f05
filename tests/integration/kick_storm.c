// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kick_storm PID HZ SIGNAL: send SIGNAL to each thread of process PID whose name begins with "vcpu", HZ times a second, until the
 * process is gone. Prints how many were sent. Test program, one process.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define MAX_THREADS 16u

static unsigned find_vcpus(int pid, int *tids)
{
	char path[64], name[32];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d)) && n < MAX_THREADS) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/comm", pid, e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && !strncmp(name, "vcpu", 4))
			tids[n++] = atoi(e->d_name);
		fclose(f);
	}
	if (d)
		closedir(d);
	return n;
}

/* False when the process or the thread is gone. */
static int storm(int pid, int sig, const int *tids, unsigned n, long period_ns, unsigned long *sent)
{
	int64_t next_ns = clock_ns();

	for (;;) {
		struct timespec next = clock_timespec(next_ns += period_ns);

		for (unsigned i = 0; i < n; i++) {
			if (syscall(SYS_tgkill, pid, tids[i], sig))
				return errno != ESRCH;
			++*sent;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}

int main(int argc, char **argv)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	unsigned long sent = 0;
	int tids[MAX_THREADS];
	unsigned n = 0;
	int pid, hz, sig;

	if (argc != 4)
		return 2;
	pid = atoi(argv[1]);
	hz = atoi(argv[2]);
	sig = atoi(argv[3]);
	if (pid <= 0 || hz <= 0 || sig <= 0)
		return 2;
	while (!(n = find_vcpus(pid, tids)) && !syscall(SYS_tgkill, pid, pid, 0))
		nanosleep(&moment, NULL);
	if (n && storm(pid, sig, tids, n, 1000000000L / hz, &sent))
		perror("kick_storm");
	printf("%lu\n", sent);
	return !sent;
}
