/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * During a run: poold holds no /dev/kvm, sees guest RAM read-only and cannot get it otherwise; the pool is mapped once in trapd.
 * That its address reaches nothing but the memslot call: scripts/lint/pool-mapping.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/integration/harness/harness.h"

/* Descriptors of processes that are not dumpable are root's to see. */
static void begin(void)
{
	sp_begin_kvm();
	sp_need_root();
}

TestSuite(isolation, .init = begin, .fini = sp_end);

static struct sp_daemons *daemons_of_a_running_guest(void)
{
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){ .image = "spin" });

	sp_must(20, *sp_console(vm));
	return vm->daemons;
}

/* Calls look() for each descriptor of a process: its path below /proc, and what it leads to. Returns the number of descriptors. */
static unsigned each_fd(pid_t pid, void (*look)(const char *path, const char *target, void *arg), void *arg)
{
	DIR *d = opendir(sp_text("/proc/%d/fd", (int)pid));
	const struct dirent *e;
	unsigned n = 0;

	sp_assert(d, "/proc/%d/fd: %s", (int)pid, strerror(errno));
	while ((e = readdir(d))) {
		const char *path = sp_text("/proc/%d/fd/%s", (int)pid, e->d_name);
		char target[256];
		ssize_t size = readlink(path, target, sizeof(target) - 1);

		if (size <= 0)
			continue;
		target[size] = 0;
		n++;
		look(path, target, arg);
	}
	closedir(d);
	return n;
}

static void note_kvm(const char *path, const char *target, void *held)
{
	if (!strcmp(target, "/dev/kvm"))
		*(bool *)held = true;
}

static void refuse_devices(const char *path, const char *target, void *arg)
{
	sp_expect(!strstr(target, "kvm") && (strncmp(target, "/dev/", 5) || !strcmp(target, "/dev/null")), "poold holds %s", target);
}

sp_test(isolation, poold_holds_no_device)
{
	struct sp_daemons *d = daemons_of_a_running_guest();
	bool held = false;

	each_fd(d->trapd->pid, note_kvm, &held);
	sp_expect(held, "trapd holds no /dev/kvm: this test is blind");
	sp_expect(each_fd(d->poold->pid, refuse_devices, NULL) > 3, "poold holds nothing: this test is blind");
}

/* Mappings of a process whose name has this word; how many there are, and how many of them can be written. */
static unsigned mappings(pid_t pid, const char *word, unsigned *writable)
{
	unsigned n = 0;

	*writable = 0;
	for (const char *line = sp_read(sp_text("/proc/%d/maps", (int)pid), NULL); *line; line += strcspn(line, "\n") + 1) {
		const char *text = sp_text("%.*s", (int)strcspn(line, "\n"), line);
		char rights[8];

		if (!strstr(text, word) || sscanf(text, "%*s %7s", rights) != 1)
			continue;
		n++;
		*writable += rights[1] == 'w';
		sp_expect(rights[0] == 'r', "%s", text);
	}
	return n;
}

sp_test(isolation, poold_maps_guest_ram_read_only)
{
	struct sp_daemons *d = daemons_of_a_running_guest();
	unsigned writable;

	sp_expect(mappings(d->poold->pid, "memfd:shadowpool-ram", &writable), "poold does not map guest RAM?");
	sp_expect(!writable, "poold maps guest RAM writable");
	mappings(d->trapd->pid, "memfd:shadowpool-ram", &writable);
	sp_expect(writable, "trapd does not map guest RAM writable: this test is blind");
}

sp_test(isolation, poold_has_no_capabilities_unless_it_is_root)
{
	struct sp_daemons *d = daemons_of_a_running_guest();
	const char *status = sp_read(sp_text("/proc/%d/status", (int)d->poold->pid), NULL);
	const char *uid = sp_match_group(status, "^Uid:[[:space:]]+([0-9]+)"), *caps = sp_match_group(status, "^CapEff:[[:space:]]+([0-9a-f]+)");

	sp_assert(uid && caps, "%s", status);
	sp_expect(!strcmp(uid, "0") || !caps[strspn(caps, "0")], "poold has capabilities %s", caps);
}

/* Is mapping this file shared and writable refused by a seal? */
static bool is_sealed(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), error;
	void *p;

	sp_assert(fd >= 0, "%s: %s", path, strerror(errno));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	error = errno;
	close(fd);
	if (p != MAP_FAILED)
		munmap(p, 4096);
	return p == MAP_FAILED && error == EPERM;
}

static void try_ram(const char *path, const char *target, void *found)
{
	if (!strstr(target, "memfd:shadowpool-ram"))
		return;
	++*(unsigned *)found;
	sp_expect(is_sealed(path), "guest RAM can be mapped for writing through %s", path);
}

/* As root, from outside, with the daemons' own descriptors: trapd keeps its one even if poold has closed its own. */
sp_test(isolation, guest_ram_is_sealed_against_everybody_else)
{
	struct sp_daemons *d = daemons_of_a_running_guest();
	unsigned found = 0;

	each_fd(d->poold->pid, try_ram, &found);
	each_fd(d->trapd->pid, try_ram, &found);
	sp_expect(found, "no descriptor of guest RAM is found");
	sp_expect(!is_sealed(sp_write("plain", "plain", 5)), "all is called sealed: this test is blind");
}

sp_test(isolation, the_pool_is_mapped_once_in_trapd)
{
	struct sp_daemons *d = daemons_of_a_running_guest();
	unsigned writable, n = mappings(d->trapd->pid, "memfd:shadowpool-pool", &writable);

	sp_expect(n == 1, "it is mapped %u times", n);
}
