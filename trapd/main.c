/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trapd: runs virtual machines whose shadow tables poold builds. It holds /dev/kvm and writes no shadow entry. Main
 * thread: control socket and the table of VMs; further threads per VM. Exit codes: 0, 1 (could not start), 2 (usage,
 * configuration), 86 (forbidden system call). What is started, in which order: daemon.c.
 */
#include "trapd/daemon.h"

int main(int argc, char **argv)
{
	static struct trapd d;
	struct daemon_shell shell = { .program = &trapd_program, .config = &d.config, .own = &d };

	return daemon_shell_main(&shell, argc, argv);
}
