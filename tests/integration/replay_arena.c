/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay_arena FILE: makes the calls of a record (poold --record FILE) again and compares the arena byte for byte.
 * Exit code 0: equal; 1: different, or no record. Proves after a run that nobody but the library wrote shadow entries.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "poold/replay.h"

int main(int argc, char **argv)
{
	struct replay_result result;
	char err[256];
	struct stat st;
	void *data;
	int fd, rc;

	if (argc != 2) {
		fprintf(stderr, "usage: replay_arena FILE\n");
		return 1;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || !st.st_size) {
		fprintf(stderr, "replay_arena: %s: cannot be read, or is empty\n", argv[1]);
		return 1;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		perror("replay_arena: mmap");
		return 1;
	}
	rc = replay_record(data, (size_t)st.st_size, &result, err, sizeof(err));
	if (rc)
		fprintf(stderr, "replay_arena: %s: %s\n", argv[1], err);
	else
		printf("replay_arena: %llu calls, %llu guest words, %llu arena pages: equal\n",
		       (unsigned long long)result.ncalls, (unsigned long long)result.nreads,
		       (unsigned long long)result.arena_pages);
	munmap(data, (size_t)st.st_size);
	close(fd);
	return rc ? 1 : 0;
}
