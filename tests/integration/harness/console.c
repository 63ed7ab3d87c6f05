/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial line of the first VM of private daemons: a file that trapd writes, and a pipe that it reads. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/harness/harness_priv.h"

const char *sp_console_raw(struct sp_vm *vm)
{
	if (!vm->console_path)
		sp_fail("%s: its console is not the harness's", vm->what);
	return sp_read(vm->console_path, NULL);
}

const char *sp_console(struct sp_vm *vm)
{
	char *text = (char *)(uintptr_t)sp_console_raw(vm), *to = text;

	for (const char *from = text; *from; from++)
		if (*from != '\r')
			*to++ = *from;
	*to = 0;
	return text;
}

/* Does text stand behind what was seen? Then all up to its end has been seen. */
static bool shows(struct sp_vm *vm, const char *text)
{
	const char *console = sp_console(vm), *found;

	if (strlen(console) < vm->console_seen)
		return false;
	found = strstr(console + vm->console_seen, text);
	if (found)
		vm->console_seen = (size_t)(found - console) + strlen(text);
	return found != NULL;
}

void sp_console_await(struct sp_vm *vm, const char *text, double seconds)
{
	bool ended = false;

	/* Once more after the end: what is asked first may be older than it. */
	if (!sp_await(seconds, shows(vm, text) || ended || (ended = sp_vm_ended(vm), false)) || (ended && !shows(vm, text)))
		sp_fail("%s: %s before the console shows '%s'", vm->what, ended ? "ended" : "time is over", text);
}

void sp_console_type(struct sp_vm *vm, const char *text)
{
	int keys = sp_private_of(vm->daemons)->keys;
	ssize_t n;

	if (!vm->console_path || keys < 0)
		sp_fail("%s: its console is not the harness's", vm->what);
	n = write(keys, text, strlen(text));
	if (n != (ssize_t)strlen(text))
		sp_fail("%s: cannot type: %s", vm->what, strerror(errno));
}

void sp_expect_verdict(struct sp_vm *vm, const char *begin)
{
	const char *line = sp_last_line(sp_console(vm));

	sp_expect(!strncmp(line, begin, strlen(begin)), "%s: the last line is '%s', not '%s'", vm->what, line, begin);
}

/* The first line in which two texts differ. */
static const char *difference(const char *a, const char *b)
{
	size_t at = 0, begin = 0;

	while (a[at] && a[at] == b[at])
		if (a[at++] == '\n')
			begin = at;
	return sp_text("'%.*s' and '%.*s'", (int)strcspn(a + begin, "\n"), a + begin, (int)strcspn(b + begin, "\n"), b + begin);
}

void sp_expect_same_console(struct sp_vm *vm, const char *text)
{
	const char *console = sp_console_raw(vm);

	sp_expect(*console && !strcmp(console, text), "%s: the consoles differ: %s", vm->what, difference(console, text));
}
