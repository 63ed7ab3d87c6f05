/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest is given besides memory: modules with arguments, the clock, disks that it reads and writes by programmed I/O, also
 * into a page table in use; a reset ends it; files that are no disk or no image are refused in one line.
 */
#include <string.h>
#include <time.h>

#include "tests/integration/harness/harness.h"

#define SECTOR	512u
#define SECTORS	64u

sp_suite_kvm(devices);

/* A disk whose first sector begins with a text. */
static const char *disk(const char *name, const char *text)
{
	char sectors[SECTORS * SECTOR] = { 0 };

	memcpy(sectors, text, strlen(text));
	return sp_write(name, sectors, sizeof(sectors));
}

static void expect_line(struct sp_vm *vm, const char *regex)
{
	sp_expect(sp_match(sp_console(vm), regex), "no line %s", regex);
}

/* The guest platform with two modules and two disks. */
static struct sp_vm *run_platform(void)
{
	struct sp_vm *vm;
	char ones[5000];

	memset(ones, 1, sizeof(ones));
	vm = sp_run(&(struct sp_guest){
		.image = "platform", .audit = "cheap",
		.modules = { sp_text("%s,root=1 quiet", sp_write("one", "abc", 3)), sp_write("two", ones, sizeof(ones)) },
		.disks = { disk("master", "master"), disk("slave", "slave ") },
	}, 60);
	sp_expect_exit(vm, 0, 0);
	expect_line(vm, "^platform: ok$");
	return vm;
}

sp_test(devices, modules_come_with_their_arguments)
{
	struct sp_vm *vm = run_platform();

	expect_line(vm, "^module 0: 3 bytes, sum 294, \".*/one root=1 quiet\"$");
	expect_line(vm, "^module 1: 5000 bytes, sum 5000, \".*/two\"$");
	expect_line(vm, "^modules: 2$");
}

sp_test(devices, disks_are_read_and_written_also_into_page_tables_in_use)
{
	struct sp_vm *vm = run_platform();
	const uint8_t *word;
	size_t size;

	expect_line(vm, "^disk 1: 64 sectors, 32-bit paging$");
	expect_line(vm, "^disk: a sector became a page table, 32-bit paging$");
	expect_line(vm, "^disk: a sector became a page table, 4-level paging$");
	sp_expect_counter(vm, "pool.mon_write_events", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
	/* The guest's words in sector 3 are i * 17, little endian: the tenth is 170. */
	word = (const uint8_t *)sp_read("slave", &size) + 3 * SECTOR + 20;
	sp_assert(size == SECTORS * SECTOR, "the slave has %zu bytes", size);
	sp_expect(word[0] == 170 && !word[1], "what the guest wrote is not in the file");
	sp_expect(!strncmp(sp_read("master", NULL), "master", 6), "the master's first sector has changed");
}

/* The guest prints "time: 2026-01-02 03:04:05". */
sp_test(devices, the_clock_tells_the_time)
{
	const time_t before = time(NULL);
	struct sp_vm *vm = run_platform();
	const char *text = sp_match_group(sp_console(vm), "^time: (.*)$"), *rest;
	struct tm tm = { 0 };
	time_t told;

	sp_assert(text, "the guest tells no time");
	rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	sp_assert(rest, "time: %s", text);
	told = timegm(&tm);
	sp_expect(told >= before && told <= time(NULL), "the guest's clock says %s", text);
}

/* A pool that dies while a word is on its way from the disk to a page that is mapped: the word arrives all the same. */
sp_test(devices, poold_is_killed_while_a_disk_is_read)
{
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = "platform", .cmdline = "seconds=3", .disks = { disk("master", "master"), disk("slave", "slave ") },
	});

	sp_expect(sp_kill_poold(vm, 6, 3) >= 1, "the guest ended before poold could be killed");
	sp_expect_exit(vm, 0, 60);
	expect_line(vm, "^platform: ok$");
}

sp_test(devices, a_reset_ends_the_guest)
{
	sp_expect_stop(sp_boot(NULL, &(struct sp_guest){ .image = "platform", .cmdline = "reset=1" }), "reset", 20);
}

/* Exit code 125, one line with the text, and the guest has not run. Further arguments are those of shadowctl run. */
#define expect_refused(regex, ...) refused(regex, sp_call("shadowctl", "run", __VA_ARGS__))
static void refused(const char *regex, struct sp_process *p)
{
	sp_expect(p->code == 125, "'%s': exit code %d, not 125", regex, p->code);
	sp_expect(sp_match(sp_err(p), sp_text("^shadowctl: .*(%s)", regex)), "not refused with '%s': %s", regex, sp_err(p));
	sp_expect(!*sp_out(p), "'%s': the guest has run", regex);
}

sp_test(devices, what_is_no_disk_is_refused)
{
	const char *hello = sp_image("hello"), *master = disk("master", "master");

	expect_refused("less than one sector", "--disk", sp_write("short", "x", 1), hello);
	expect_refused("no regular file", "--disk", "/dev/null", hello);
	expect_refused("more disks than 2", "--disk", master, "--disk", disk("slave", "slave"), "--disk", sp_write("one", "abc", 3), hello);
	expect_refused("in use", "--disk", master, "--disk", master, hello);
}

sp_test(devices, what_is_no_image_is_refused)
{
	char bzimage[0x206] = { 0 }, ones[5000];

	memset(ones, 1, sizeof(ones));
	memcpy(bzimage + 0x202, "HdrS", 4);
	expect_refused("no Linux kernel", "--initrd", sp_write("one", "abc", 3), sp_image("hello"));
	expect_refused("neither a Multiboot 1 image nor a Linux bzImage", sp_write("two", ones, sizeof(ones)));
	expect_refused("no boot signature|truncated", sp_write("bzimage", bzimage, sizeof(bzimage)));
	expect_refused("cannot read module", "--module", sp_text("%s,x", sp_path("none")), sp_image("hello"));
}
