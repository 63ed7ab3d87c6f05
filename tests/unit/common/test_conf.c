/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration keys and files: every type, what errors say, and files that are hostile or no text at all. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf.h"

struct config {
	char *cmdline, *socket;
	uint64_t mem, cpus;
	bool audit;
	int pages;
};

static const char *const page_names[] = { "auto", "2m", "4k", NULL };

static const struct conf_key keys[] = {
	{ "cmdline", CONF_STRING, offsetof(struct config, cmdline) },
	{ "socket", CONF_STRING, offsetof(struct config, socket) },
	{ "mem", CONF_SIZE, offsetof(struct config, mem), .min = 1u << 20, .max = 1ull << 36 },
	{ "cpus", CONF_UINT, offsetof(struct config, cpus), .min = 1 },
	{ "audit", CONF_BOOL, offsetof(struct config, audit) },
	{ "pool-pages", CONF_ENUM, offsetof(struct config, pages), .values = page_names },
	{ NULL }
};

static struct config config;
static char err[256], dir[] = "/tmp/test_conf.XXXXXX", path[64];

static void setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
}

static void teardown(void)
{
	conf_free(keys, &config);
	unlink(path);
	rmdir(dir);
}

static int set(const char *key, const char *value)
{
	return conf_set(keys, &config, key, value, err, sizeof(err));
}

static int read_bytes(const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(data, 1, len, f), len);
	fclose(f);
	err[0] = 0;
	return conf_read(keys, &config, path, err, sizeof(err));
}

static int read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

TestSuite(conf, .init = setup, .fini = teardown);

Test(conf, sizes)
{
	static const struct { const char *text; int rc; uint64_t bytes; } cases[] = {
		{ "4096", 0, 4096 }, { "4k", 0, 4096 }, { "256M", 0, 256ull << 20 }, { "1G", 0, 1ull << 30 },
		{ "16T", 0, 16ull << 40 }, { "0", 0, 0 }, { "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 }, { "16777216T", -ERANGE, 0 }, { "99999999999999999999G", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "M", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { "+1", -EINVAL, 0 }, { " 1", -EINVAL, 0 },
		{ "1 M", -EINVAL, 0 }, { "1MB", -EINVAL, 0 }, { "1Q", -EINVAL, 0 }, { "0x10", -EINVAL, 0 }, { "1.5G", -EINVAL, 0 },
		{ "1\v", -EINVAL, 0 }, { "1K\n", -EINVAL, 0 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes = 0;

		cr_assert_eq(conf_parse_size(cases[i].text, &bytes), cases[i].rc, "'%s'", cases[i].text);
		cr_assert_eq(bytes, cases[i].bytes, "'%s'", cases[i].text);
	}
}

Test(conf, every_type_is_stored)
{
	cr_assert_eq(set("cmdline", "a"), 0);
	cr_assert_eq(set("cmdline", "edits=7"), 0);
	cr_assert_eq(set("mem", "64M"), 0);
	cr_assert_eq(set("cpus", "0x10"), 0);
	cr_assert_eq(set("audit", "yes"), 0);
	cr_assert_eq(set("pool-pages", "4k"), 0);
	cr_assert_str_eq(config.cmdline, "edits=7");
	cr_assert_null(config.socket);
	cr_assert_eq(config.mem, 64u << 20);
	cr_assert_eq(config.cpus, 16);
	cr_assert(config.audit);
	cr_assert_eq(config.pages, 2);
	cr_assert_eq(set("audit", "off"), 0);
	cr_assert_not(config.audit);
	conf_free(keys, &config);
	cr_assert_null(config.cmdline);
}

Test(conf, bad_values_name_key_value_and_what_is_allowed)
{
	static const struct { const char *key, *value; int rc; const char *want; } cases[] = {
		{ "mem", "much", -EINVAL, "mem: 'much' is not valid; allowed is a size such as 256M, from 1M to 64G" },
		{ "mem", "1", -ERANGE, "mem: '1' is out of range; allowed is a size such as 256M, from 1M to 64G" },
		{ "mem", "65G", -ERANGE, "mem: '65G' is out of range; allowed is a size such as 256M, from 1M to 64G" },
		{ "cpus", "0", -ERANGE, "cpus: '0' is out of range; allowed is a number, at least 1" },
		{ "cpus", "0x", -EINVAL, "cpus: '0x' is not valid; allowed is a number, at least 1" },
		{ "cpus", "0x1ffffffffffffffff", -ERANGE, "cpus: '0x1ffffffffffffffff' is out of range; allowed is a number, at least 1" },
		{ "cpus", "-2", -EINVAL, "cpus: '-2' is not valid; allowed is a number, at least 1" },
		{ "audit", "maybe", -EINVAL, "audit: 'maybe' is not valid; allowed is yes or no" },
		{ "pool-pages", "1g", -EINVAL, "pool-pages: '1g' is not valid; allowed is one of auto, 2m, 4k" },
	};

	config.mem = 5;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(set(cases[i].key, cases[i].value), cases[i].rc, "case %u", i);
		cr_assert_str_eq(err, cases[i].want);
	}
	cr_assert_eq(config.mem, 5, "a refused value changes nothing");
}

Test(conf, unknown_keys_get_the_nearest_one)
{
	cr_assert_eq(set("poolpages", "4k"), -ENOENT);
	cr_assert_str_eq(err, "unknown key 'poolpages', did you mean 'pool-pages'?");
	cr_assert_eq(set("men", "1M"), -ENOENT);
	cr_assert_str_eq(err, "unknown key 'men', did you mean 'mem'?");
	cr_assert_eq(set("cmd-lien", "x"), -ENOENT);
	cr_assert_str_eq(err, "unknown key 'cmd-lien'", "three edits are another word");
	cr_assert_eq(set("sokcet", "x"), -ENOENT);
	cr_assert_str_eq(err, "unknown key 'sokcet', did you mean 'socket'?");
	cr_assert_eq(set("frobnicate", "x"), -ENOENT);
	cr_assert_str_eq(err, "unknown key 'frobnicate'");
	cr_assert_eq(set("", "x"), -ENOENT);
}

Test(conf, file_with_comments_blanks_and_quotes)
{
	cr_assert_eq(read_text("# comment\n\n  mem=128M\t# in the line\r\n\tcmdline = \"a=b # c \" # d\n   # indented\n"
			       "socket = /run/x#y\ncpus\t=\t2"), 0, "%s", err);
	cr_assert_eq(config.mem, 128u << 20);
	cr_assert_str_eq(config.cmdline, "a=b # c ");
	cr_assert_str_eq(config.socket, "/run/x#y");
	cr_assert_eq(config.cpus, 2, "no newline at the end");
	cr_assert_eq(read_text("cmdline =\n"), 0);
	cr_assert_str_eq(config.cmdline, "");
	cr_assert_eq(read_text(""), 0);
}

static void expect(const char *text, int rc, const char *want)
{
	char line[512];

	cr_assert_eq(read_text(text), rc, "%s", err);
	snprintf(line, sizeof(line), "%s%s", path, want);
	cr_assert_str_eq(err, line);
}

Test(conf, file_errors_name_the_line)
{
	expect("mem = 1M\n\nmme = 2M\n", -EINVAL, ":3: unknown key 'mme', did you mean 'mem'?");
	expect("# x\nmem\n", -EINVAL, ":2: 'mem' is not 'key = value'");
	expect("mem = 1M\ncpus = 1\nmem = 2M\n", -EINVAL, ":3: mem is set twice, first in line 1");
	expect("mem = 1\n", -ERANGE, ":1: mem: '1' is out of range; allowed is a size such as 256M, from 1M to 64G");
	expect("= 1\n", -EINVAL, ":1: unknown key ''");
	expect("cmdline = \"a\n", -EINVAL, ":1: cmdline: a value in double quotes must end with one, and nothing may follow it");
	expect("cmdline = \"a\" b\n", -EINVAL, ":1: cmdline: a value in double quotes must end with one, and nothing may follow it");
	expect("me\033[2Jm = 1\n", -EINVAL, ":1: unknown key 'me?[2Jm'");
}

Test(conf, missing_file_is_enoent_and_an_unknown_key_is_not)
{
	cr_assert_eq(conf_read(keys, &config, path, err, sizeof(err)), -ENOENT);
	cr_assert_not_null(strstr(err, "cannot open: No such file"));
	cr_assert_neq(read_text("unknown = 1\n"), -ENOENT);
}

Test(conf, files_that_are_no_files)
{
	cr_assert_eq(conf_read(keys, &config, dir, err, sizeof(err)), -EINVAL);
	cr_assert_not_null(strstr(err, "not a regular file"));
	cr_assert_eq(conf_read(keys, &config, "/dev/null", err, sizeof(err)), 0);
	cr_assert_eq(conf_read(keys, &config, "/dev/zero", err, sizeof(err)), -EFBIG);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(conf_read(keys, &config, path, err, sizeof(err)), -EINVAL, "and does not wait for a writer");
}

Test(conf, limits_of_length)
{
	static char big[(64 << 10) + 2];

	memset(big, '\n', sizeof(big));
	cr_assert_eq(read_bytes(big, 64 << 10), 0);
	cr_assert_eq(read_bytes(big, (64 << 10) + 1), -EFBIG);
	memset(big, 'k', 64 << 10);
	cr_assert_eq(read_bytes(big, 64 << 10), -EINVAL);
	memcpy(big, "cmdline = ", 10);
	cr_assert_eq(read_bytes(big, 64 << 10), 0);
	cr_assert_eq(strlen(config.cmdline), (64 << 10) - 10);
	cr_assert_eq(read_bytes("mem = 1M\0\nmem", 13), -EINVAL);
	cr_assert_not_null(strstr(err, ":1: a 0 byte"));
	big[60] = 0;
	cr_assert_eq(conf_set(keys, &config, "mem", big + 20, NULL, 0), -EINVAL, "no error line wanted");
}

Test(conf, random_bytes_never_crash)
{
	static const char alphabet[] = "mempcus= \t\n\n\r\"#0123456789KMG-x\x00\xff\x1b";
	char bytes[200];
	unsigned random = 12345;

	for (unsigned i = 0; i < 1500; i++) {
		size_t len;
		int rc;

		random = random * 1664525 + 1013904223;
		len = (random >> 8) % sizeof(bytes);
		for (size_t j = 0; j < len; j++) {
			random = random * 1664525 + 1013904223;
			bytes[j] = alphabet[(random >> 8) % (sizeof(alphabet) - 1)];
		}
		rc = read_bytes(bytes, len);
		cr_assert(rc == 0 || rc == -EINVAL || rc == -ERANGE);
		cr_assert_eq(rc != 0, err[0] != 0);
		cr_assert_null(strchr(err, '\n'));
	}
}
