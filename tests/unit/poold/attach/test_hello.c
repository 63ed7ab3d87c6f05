/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attach message against poold's limits: a good one, then each field bad in turn; the error names the field. */
#include "poold/attach/hello.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static struct attach_hello good_hello(void)
{
	return (struct attach_hello){
		.protocol = ATTACH_PROTOCOL, .layout_hash = shm_layout_hash(), .vm_id = 7, .vm_name = "box-1",
		.nvcpu = 1, .nslots = LINK_DEFAULT_SLOTS,
		.ram_low_end = 64 * MIB, .ram_maddr = 64 * GIB, .pool_maddr = GIB,
		.pool_bytes = 4 * MIB, .pool_pages = ATTACH_PAGES_4K, .maxphyaddr = 40, .stub_slot = 271,
		.stub_entry = 0x3003,
	};
}

static struct poold_config limits(void)
{
	return (struct poold_config){ .pool_pages = ATTACH_PAGES_2M, .max_vm_pool = GIB, .max_vm_ram = 16 * GIB };
}

struct out {
	struct pool_config config;
	struct objects_wanted wanted;
	char err[512];
};

static int check(const struct attach_hello *h, struct out *o)
{
	struct poold_config l = limits();

	memset(o, 0, sizeof(*o));
	return hello_check(h, &l, &o->config, &o->wanted, o->err, sizeof(o->err));
}

static void expect(const struct attach_hello *h, int rc, const char *word)
{
	struct out o;
	int got = check(h, &o);

	cr_assert_eq(got, rc, "%s: %d instead of %d (%s)", word, got, rc, o.err);
	cr_assert(strstr(o.err, word), "'%s' does not mention '%s'", o.err, word);
}

Test(hello, a_good_one_becomes_a_pool_configuration)
{
	struct attach_hello h = good_hello();
	struct out o;

	cr_assert_eq(check(&h, &o), 0, "%s", o.err);
	cr_assert_eq(o.config.max_pages, 1024);
	cr_assert_eq(o.config.ram_maddr, 64 * GIB);
	cr_assert_eq(o.config.stub_slot, 271);
	cr_assert_eq(o.wanted.ram_span, 64 * MIB);
	cr_assert_eq(o.wanted.pool_bytes, 4 * MIB);
	cr_assert_eq(o.wanted.pool_pages, ATTACH_PAGES_4K);
	cr_assert_gt(o.wanted.tracking_bytes, 0);
}

Test(hello, defaults_come_from_poold)
{
	struct attach_hello h = good_hello();
	struct out o;

	h.pool_bytes = 0;
	h.pool_pages = ATTACH_PAGES_AUTO;
	cr_assert_eq(check(&h, &o), 0, "%s", o.err);
	cr_assert_eq(o.wanted.pool_bytes, 16 * MIB);
	cr_assert_eq(o.wanted.pool_pages, ATTACH_PAGES_2M, "pool-pages of the configuration");
	h.ram_low_end = GUEST_RAM_LOW_MAX;
	h.ram_high_end = GUEST_RAM_HIGH_BASE + GIB;
	cr_assert_eq(check(&h, &o), 0, "%s", o.err);
	cr_assert_eq(o.wanted.pool_bytes, 128 * MIB, "RAM / 32");
	cr_assert_eq(o.wanted.ram_span, 5 * GIB, "the hole counts");
}

Test(hello, other_versions_are_refused_with_both_numbers)
{
	struct attach_hello h = good_hello();
	char number[24];

	h.protocol = ATTACH_PROTOCOL + 1;
	expect(&h, -EPROTONOSUPPORT, "protocol");
	snprintf(number, sizeof(number), "speaks %u", ATTACH_PROTOCOL + 1);
	expect(&h, -EPROTONOSUPPORT, number);
	h = good_hello();
	h.layout_hash ^= 1;
	expect(&h, -EPROTONOSUPPORT, "layout");
}

Test(hello, names_follow_the_rule)
{
	static const char *const bad[] = { "", "Box", "-a", "a b", "a/b", "a\nb", "\xff",
					   "abcdefghijklmnopqrstuvwxyz0123456" };
	struct attach_hello h = good_hello();

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(h.vm_name, 0, sizeof(h.vm_name));
		memcpy(h.vm_name, bad[i], strlen(bad[i]));
		expect(&h, -EINVAL, "VM name");
	}
	memset(h.vm_name, 'a', sizeof(h.vm_name));
	expect(&h, -EINVAL, "VM name");
}

Test(hello, numbers_out_of_range_are_refused)
{
	static const struct {
		size_t offset, size;
		uint64_t value;
		int rc;
		const char *word;
	} bad[] = {
#define BAD(member, value, rc, word) { offsetof(struct attach_hello, member), \
				       sizeof(((struct attach_hello *)0)->member), \
				       value, rc, word }
		BAD(nvcpu, 0, -EINVAL, "nvcpu"),
		BAD(nvcpu, 17, -EINVAL, "nvcpu"),
		BAD(nvcpu, UINT32_MAX, -EINVAL, "nvcpu"),
		BAD(nslots, 0, -EINVAL, "nslots"),
		BAD(nslots, 1000, -EINVAL, "nslots"),
		BAD(nslots, 1u << 31, -EINVAL, "nslots"),
		BAD(last_epoch, UINT64_MAX, -EINVAL, "last_epoch"),
		BAD(ram_low_end, 0, -EINVAL, "RAM end"),
		BAD(ram_low_end, 4097, -EINVAL, "RAM end"),
		BAD(ram_low_end, 4 * GIB, -EINVAL, "RAM end"),
		BAD(ram_low_end, UINT64_MAX, -EINVAL, "RAM end"),
		BAD(ram_high_end, 5 * GIB, -EINVAL, "RAM end"),
		BAD(ram_high_end, GIB, -EINVAL, "RAM end"),
		BAD(pool_bytes, MIB, -EINVAL, "pool size"),
		BAD(pool_bytes, 3 * MIB, -EINVAL, "pool size"),
		BAD(pool_bytes, 2 * GIB, -E2BIG, "max-vm-pool"),
		BAD(pool_bytes, ~(2 * MIB - 1), -E2BIG, "max-vm-pool"),
		BAD(pool_pages, 3, -EINVAL, "pool_pages"),
		BAD(ram_maddr, 64 * GIB + 1, -EINVAL, "RAM window"),
		BAD(ram_maddr, 1ull << 53, -EINVAL, "RAM window"),
		BAD(ram_maddr, (1ull << 52) - 4096, -EINVAL, "RAM window"),
		BAD(ram_maddr, GIB, -EINVAL, "overlap"),
		BAD(pool_maddr, GIB + 4096, -EINVAL, "pool window"),
		BAD(pool_maddr, ~(2 * MIB - 1), -EINVAL, "pool window"),
		BAD(pool_maddr, 64 * GIB + 2 * MIB, -EINVAL, "overlap"),
		BAD(copies_maddr, 128 * GIB + 1, -EINVAL, "copies"),
		BAD(copies_maddr, 1ull << 53, -EINVAL, "copies"),
		BAD(copies_maddr, (1ull << 52) - 4096, -EINVAL, "copies"),
		BAD(copies_maddr, 64 * GIB, -EINVAL, "overlap"),
		BAD(copies_maddr, 64 * GIB - 4096, -EINVAL, "overlap"),
		BAD(copies_maddr, GIB, -EINVAL, "overlap"),
		BAD(maxphyaddr, 35, -EINVAL, "maxphyaddr"),
		BAD(maxphyaddr, 53, -EINVAL, "maxphyaddr"),
		BAD(stub_slot, 512, -EINVAL, "stub slot"),
		BAD(audit, 3, -EINVAL, "audit"),
		BAD(poison, 1, -EPERM, "allow-inject"),
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct attach_hello h = good_hello();

		memcpy((char *)&h + bad[i].offset, &bad[i].value, bad[i].size);
		expect(&h, bad[i].rc, bad[i].word);
	}
}

Test(hello, more_ram_than_allowed_is_refused)
{
	struct attach_hello h = good_hello();

	h.ram_low_end = GUEST_RAM_LOW_MAX;
	h.ram_high_end = 17 * GIB;
	expect(&h, -E2BIG, "max-vm-ram");
}

Test(hello, test_hooks_need_permission)
{
	struct attach_hello h = good_hello();
	struct poold_config l = limits();
	struct out o;

	h.poison = 3;
	l.allow_inject = true;
	cr_assert_eq(hello_check(&h, &l, &o.config, &o.wanted, o.err, sizeof(o.err)), 0);
}
