/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * poold: builds and keeps the shadow tables of virtual machines, for trapd. It holds no device and cannot write guest
 * RAM. Main thread: sockets; one further thread per attached VM. Exit codes: 0, 1 (could not start), 2 (usage,
 * configuration), 86 (forbidden system call). What is started, in which order: daemon.c.
 */
#include "poold/daemon.h"

int main(int argc, char **argv)
{
	static struct poold d;
	struct daemon_shell shell = { .program = &poold_program, .config = &d.config, .own = &d };

	return daemon_shell_main(&shell, argc, argv);
}
