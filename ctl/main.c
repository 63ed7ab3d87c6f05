/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl: the client of both daemons. One process, one thread, the caller's privileges. */
#include <stdio.h>

#include "ctl/cmd.h"

int main(int argc, char **argv)
{
	struct cmd cmd = { 0 };
	int code;

	if (cmd_parse(&cmd, argc, argv, &code) == 0)
		code = cmd.entry->run(&cmd);
	/* Output that did not arrive (a full disk) must not look like success. */
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "shadowctl: cannot write to standard output\n");
		if (!code)
			code = cmd.entry && cmd.entry->error_code ? cmd.entry->error_code : CONTROL_FAILED;
	}
	return code;
}
