/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl pool against a real poold: tables by kind, and each of them. */
#include <signal.h>

#include "tests/integration/fake_trapd.h"
#include "tests/integration/harness/harness.h"

sp_suite(poold_pool);

static struct fake_poold p;
static struct fake_trapd t;

static void begin(void)
{
	struct link_rep rep;

	fake_poold_init(&p);
	fake_poold_start(&p, NULL, NULL, NULL);
	fake_trapd_init(&t);
	fake_tables(&t);
	CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
	CHECK(fake_set_root(&t, &rep) == POOL_OK, "SET_ROOT");
	for (uint64_t i = 0; i < 5; i++)
		CHECK(fake_map(&t, FAKE_GVA + i * PAGE_SIZE, true, &rep) == POOL_OK, "MAP");
	fake_write_event(&t, FAKE_PT + 8 * 300, 0);
	CHECK(fake_simple(&t, LINK_OP_NOP, 0, &rep) == POOL_OK, "NOP");
}

static void end(void)
{
	fake_trapd_destroy(&t);
	CHECK(fake_poold_end(&p, SIGTERM) == 0, "SIGTERM");
	fake_poold_remove(&p);
}

static struct sp_process *pool(const char *a, const char *b, const char *c)
{
	return sp_call("shadowctl", "pool", "--socket", p.dir, t.hello.vm_name, a, b, c);
}

sp_test(poold_pool, tables_are_counted_by_kind)
{
	struct sp_process *r;

	begin();
	r = pool(NULL, NULL, NULL);
	sp_expect(!r->code && sp_match(sp_out(r), "^5 of [0-9]+ pages in use, 0 in limbo; [0-9]+ entries present; cache on$"), "%s",
		  sp_out(r));
	sp_expect(sp_match(sp_out(r), "^ *8 PAE_PT_FOR_PAE_PT +1$"), "%s", sp_out(r));
	r = pool("--json", NULL, NULL);
	sp_expect(!r->code, "code %d", r->code);
	sp_expect_json(sp_out(r), "pages_used=5", "cache=true");
	end();
}

sp_test(poold_pool, tables_are_listed)
{
	struct sp_process *r;

	begin();
	r = pool("--pages", NULL, NULL);
	sp_expect(!r->code && sp_count_lines(sp_out(r)) == 6, "%s", sp_out(r));
	sp_expect(sp_match(sp_out(r), "^ +[0-9]+ PAE_PT_FOR_PAE_PT +0x4000 +1 +0 +8 +1 +[0-9]+ +0 m-- supervisor"), "%s", sp_out(r));
	r = pool("--kind=8", NULL, NULL);
	sp_expect(!r->code && sp_count_lines(sp_out(r)) == 2, "%s", sp_out(r));
	r = pool("--kind=64BIT_PML4_FOR_64BIT_PML4", NULL, NULL);
	sp_expect(!r->code && sp_count_lines(sp_out(r)) == 3, "%s", sp_out(r));
	r = pool("--sort=mods", NULL, NULL);
	sp_expect(!r->code && sp_match(sp_out(r), "^ +PAGE"), "%s", sp_out(r));
	r = pool("--pages", "--sort=age", "--json");
	sp_expect(!r->code && sp_match(sp_out(r), "\"modifications\": ?1"), "%s", sp_out(r));
	end();
}

sp_test(poold_pool, what_is_no_kind_or_key_is_refused)
{
	begin();
	sp_expect(pool("--kind=1", NULL, NULL)->code == 2, "a kind that has no tables");
	sp_expect(pool("--kind=table", NULL, NULL)->code == 2, "no kind");
	sp_expect(pool("--sort=size", NULL, NULL)->code == 2, "no key");
	sp_expect(sp_call("shadowctl", "pool", "--socket", p.dir, "nobody")->code == 3, "no such VM");
	end();
}
