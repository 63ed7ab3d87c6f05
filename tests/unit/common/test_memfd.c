// SPDX-License-Identifier: GPL-2.0-or-later
/* Sealed shared memory: what the owner may do, and that a receiver, or a hostile owner, may not do more. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memfd.h"

#define SIZE 16384u

static int plain_memfd(uint64_t size, int seals)
{
	int fd = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)size), 0);
	if (seals)
		cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void expect_refused(int fd, uint64_t size, bool writable, int error, const char *what)
{
	struct memfd m;
	int rc = memfd_open_sealed(&m, fd, size, writable);

	cr_assert_eq(rc, error, "%s: %d", what, rc);
	cr_assert_eq(m.fd, -1, "%s", what);
	cr_assert_null(m.base, "%s", what);
	cr_assert_not(is_open(fd), "%s: the descriptor is still open", what);
}

Test(memfd, owner_writes_and_receiver_sees_it)
{
	struct memfd own, seen;

	cr_assert_eq(memfd_create_sealed(&own, "test", SIZE, MEMFD_4K, true, false), 0);
	cr_assert_eq(memfd_open_sealed(&seen, dup(own.fd), SIZE, false), 0);
	cr_assert_eq(seen.size, SIZE);
	((char *)own.base)[SIZE - 1] = 42;
	cr_assert_eq(((char *)seen.base)[SIZE - 1], 42);
	memfd_close(&own);
	cr_assert_eq(((char *)seen.base)[SIZE - 1], 42, "the object outlives its owner");
	memfd_close(&seen);
	memfd_close(&seen);
}

Test(memfd, receiver_can_neither_write_nor_resize_in_any_way)
{
	struct memfd own, seen;
	char path[64];
	int fd;

	cr_assert_eq(memfd_create_sealed(&own, "test", SIZE, MEMFD_4K, false, false), 0);
	cr_assert_eq(memfd_open_sealed(&seen, dup(own.fd), SIZE, false), 0);
	cr_assert_eq(ftruncate(seen.fd, 0), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(ftruncate(seen.fd, 2 * SIZE), -1);
	cr_assert_eq(pwrite(seen.fd, "x", 1, 0), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(fallocate(seen.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, seen.fd, 0), MAP_FAILED);
	cr_assert_eq(mprotect(seen.base, SIZE, PROT_READ | PROT_WRITE), -1);
	cr_assert_eq(fcntl(seen.fd, F_ADD_SEALS, F_SEAL_WRITE), -1, "sealed against more seals");
	/* A descriptor is no boundary: the file can be opened anew, for writing. The seal holds there as well. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", seen.fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	cr_assert_eq(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	cr_assert_eq(pwrite(fd, "x", 1, 0), -1);
	cr_assert_eq(ftruncate(fd, 0), -1);
	close(fd);
	/* The owner keeps the mapping it has, and gets no second one. */
	*(volatile char *)own.base = 1;
	cr_assert_eq(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, own.fd, 0), MAP_FAILED);
	memfd_close(&own);
	memfd_close(&seen);
}

Test(memfd, pool_like_object_is_writable_on_both_sides_but_keeps_its_size)
{
	struct memfd own, seen;

	cr_assert_eq(memfd_create_sealed(&own, "test", SIZE, MEMFD_4K, true, true), 0);
	cr_assert_eq(memfd_open_sealed(&seen, dup(own.fd), SIZE, true), 0);
	*(volatile char *)seen.base = 9;
	cr_assert_eq(*(volatile char *)own.base, 9);
	cr_assert_eq(ftruncate(seen.fd, 0), -1);
	cr_assert_eq(ftruncate(seen.fd, 2 * SIZE), -1);
	/* It must not pass for an object that only its owner writes. */
	expect_refused(dup(own.fd), SIZE, false, -EPERM, "writable pool as a read-only object");
	memfd_close(&own);
	memfd_close(&seen);
}

Test(memfd, receiver_refuses_missing_seals_wrong_sizes_and_other_files)
{
	static const struct {
		int seals, error;
		uint64_t size;
		const char *what;
	} rows[] = {
		{ 0, -EPERM, SIZE, "no seal" },
		{ F_SEAL_GROW | F_SEAL_FUTURE_WRITE, -EPERM, SIZE, "can be truncated" },
		{ F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE, -EPERM, SIZE, "can grow" },
		{ F_SEAL_SHRINK | F_SEAL_GROW, -EPERM, SIZE, "can be written" },
		{ F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE, -EMSGSIZE, SIZE - 4096, "too small" },
		{ F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE, -EMSGSIZE, SIZE + 4096, "too large" },
		{ F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE, -EMSGSIZE, 0, "empty" },
	};
	int pipefd[2];
	FILE *disk = tmpfile();
	unsigned i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_refused(plain_memfd(rows[i].size, rows[i].seals), SIZE, false, rows[i].error, rows[i].what);
	expect_refused(plain_memfd(0, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE), 0, false, -EMSGSIZE, "nothing");
	cr_assert_eq(pipe(pipefd), 0);
	expect_refused(pipefd[0], SIZE, false, -EPERM, "pipe");
	close(pipefd[1]);
	cr_assert_not_null(disk);
	expect_refused(dup(fileno(disk)), SIZE, false, -EPERM, "file on a disk");
	fclose(disk);
	expect_refused(-1, SIZE, false, -EBADF, "no descriptor");
}

Test(memfd, owner_refuses_sizes_that_are_no_pages)
{
	struct memfd m;

	cr_assert_eq(memfd_create_sealed(&m, "test", 0, MEMFD_4K, true, false), -EINVAL);
	cr_assert_eq(memfd_create_sealed(&m, "test", 4097, MEMFD_4K, true, false), -EINVAL);
	cr_assert_eq(memfd_create_sealed(&m, "test", 4096, MEMFD_2M, true, false), -EINVAL);
	cr_assert_eq(memfd_create_sealed(&m, "test", 1ull << 63, MEMFD_4K, false, false), -EINVAL);
	cr_assert_eq(m.fd, -1);
	memfd_close(&m);
}

Test(memfd, reserve_takes_the_memory_at_once)
{
	struct memfd sparse, reserved;
	struct stat st;

	cr_assert_eq(memfd_create_sealed(&sparse, "test", 64 * 4096, MEMFD_4K, false, false), 0);
	cr_assert_eq(memfd_create_sealed(&reserved, "test", 64 * 4096, MEMFD_4K, true, false), 0);
	cr_assert_eq(fstat(sparse.fd, &st), 0);
	cr_assert_eq(st.st_blocks, 0);
	cr_assert_eq(fstat(reserved.fd, &st), 0);
	cr_assert_eq(st.st_blocks * 512, 64 * 4096);
	memfd_close(&sparse);
	memfd_close(&reserved);
}

Test(memfd, too_few_hugepages_is_an_error_that_leaves_nothing)
{
	uint64_t nr_free, nr_total, nr_after;
	struct memfd m;
	int rc;

	if (memfd_hugepages(&nr_free, &nr_total))
		cr_skip_test("the kernel has no 2 MiB hugepages");
	cr_assert_leq(nr_free, nr_total);
	rc = memfd_create_sealed(&m, "test", (nr_total + 1) << 21, MEMFD_2M, true, true);
	/* A machine with overcommitted hugepages may grant it. */
	if (rc) {
		cr_assert(rc == -ENOMEM || rc == -ENOSPC, "%d", rc);
		cr_assert_eq(m.fd, -1);
		cr_assert_null(m.base);
	}
	memfd_close(&m);
	cr_assert_eq(memfd_hugepages(&nr_after, &nr_total), 0);
	cr_assert_geq(nr_after, nr_free);
}
