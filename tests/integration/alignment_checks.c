// SPDX-License-Identifier: GPL-2.0-or-later
/* alignment_checks: exit code 0 if the processor that this runs on makes alignment checks, 1 if it makes none, as emulated ones. */
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/x86.h"

/* With AC set, and with CR0.AM, which Linux has set, a misaligned read is #AC (SDM vol. 3A 6.15), which is SIGBUS. */
static void read_misaligned(void)
{
	static uint64_t words[2];
	uint32_t value;

	__asm__ volatile("pushfq; orl %2, (%%rsp); popfq; mov 1(%1), %0; pushfq; andl %3, (%%rsp); popfq"
			 : "=&r"(value) : "r"(words), "i"((uint32_t)RFLAGS_AC), "i"(~(uint32_t)RFLAGS_AC) : "memory", "cc");
}

int main(void)
{
	pid_t child = fork();
	int status = 0;

	if (!child) {
		read_misaligned();
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 2;
	return !(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}
