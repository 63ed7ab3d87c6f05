// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * map_writable FILE refused|possible: exit 0 if mapping FILE shared and writable is refused with EPERM (a seal), or possible,
 * as the word says. Test program, one process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0) {
		fprintf(stderr, "map_writable: %s: %s\n", argc > 1 ? argv[1] : "FILE", strerror(errno));
		return 2;
	}
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!strcmp(argv[2], "possible"))
		return p == MAP_FAILED;
	return !(p == MAP_FAILED && errno == EPERM);
}
