/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code pages: when they are looked at, copied and given up, with the test in the part of poold and of KVM. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/code/code_pages.h"
#include "trapd/kvm/slots.h"
#include "trapd/kvm/windows.h"
#include "trapd/link/pool_request.h"
#include "trapd/link/world.h"

#define RAM	(1ull << 20)
#define TABLES	0x10000ull
#define CODE	0x8000ull
#define GFN	(CODE >> PAGE_SHIFT)
#define MAX_DROPS 512u

static struct fake_vcpu f;
static uint8_t *copies;
static enum pool_code_state asked[8];
static unsigned nasked, holds, shootdowns, held;
static int answer;			/* of the next request */
static bool is_table;			/* poold gives no copy */

/* ---- stand-ins */

int slots_set(int vm_fd, uint32_t id, uint64_t maddr, uint64_t size, const void *hva)
{
	cr_assert_eq(id, VM_SLOT_COPIES_LOW);
	cr_assert_eq(size, RAM);
	copies = (uint8_t *)(uintptr_t)hva;
	return 0;
}

int pool_request_code(struct vcpu *v, uint64_t gpa, enum pool_code_state code)
{
	static const uint8_t state[POOL_CODE_STATE_COUNT] = { 0, PAGE_STATE_TRACKED | PAGE_STATE_EXEC, PAGE_STATE_ASKED, PAGE_STATE_EXEC };
	int rc = answer;

	cr_assert_eq(holds, held + 1, "the world runs on while a page becomes another one");
	answer = 0;
	asked[nasked++ % 8] = code;
	if (rc)
		return rc;
	f.page_state[gpa >> PAGE_SHIFT] = state[code];
	if (is_table)
		f.page_state[gpa >> PAGE_SHIFT] = (uint8_t)((state[code] & ~PAGE_STATE_COPY) | PAGE_STATE_MONITORED);
	return 0;
}

void world_hold(struct vcpu *v) { holds++; }
void world_release(struct vcpu *v) { held++; }
void world_shootdown(struct vcpu *v) { shootdowns++; }

static void setup(void)
{
	char err[200] = "";

	fake_vcpu_init(&f, RAM);
	fake_vcpu_long_mode(&f, TABLES, false);
	f.v.link_up = true;
	cr_assert_eq(code_pages_create(&f.machine, -1, err, sizeof(err)), 0, "%s", err);
	cr_assert_not_null(f.machine.code);
	memset(fake_ram(&f, CODE, 2 * PAGE_SIZE), 0xcc, 2 * PAGE_SIZE);
	f.v.cpu.rip = CODE;
}

static void teardown(void)
{
	cr_assert_eq(holds, held, "the world is held for ever");
	code_pages_destroy(&f.machine);
	fake_vcpu_fini(&f);
}

TestSuite(code_pages, .init = setup, .fini = teardown);

static void put(uint64_t at, const char *bytes, unsigned n)
{
	memcpy(fake_ram(&f, at, n), bytes, n);
}
#define PUT(at, bytes) put(at, bytes, sizeof(bytes) - 1)

/* The guest fetches from gva, for the instruction at RIP. What was asked of poold since. */
static unsigned fetch(uint64_t rip, uint64_t gva)
{
	unsigned before = nasked;

	f.v.cpu.rip = rip;
	cr_assert_eq(code_before_fetch(&f.v, gva, gva), 0);
	return nasked - before;
}

static bool last(enum pool_code_state code) { return nasked && asked[(nasked - 1) % 8] == code; }

/* The copy is RAM but at these bytes, which are HLT; 0 ends. */
static void expect_copy(const uint64_t *sites)
{
	uint64_t page = sites[0] & PAGE_MASK;

	for (uint64_t a = page; a < page + PAGE_SIZE; a++) {
		bool site = *sites == a;

		cr_assert_eq(copies[a], site ? 0xf4 : *(uint8_t *)fake_ram(&f, a, 1), "0x%llx is 0x%02x", (unsigned long long)a, copies[a]);
		sites += site;
	}
	cr_assert_eq(*sites, 0);
}
#define EXPECT_COPY(...) expect_copy((const uint64_t[]){ __VA_ARGS__, 0 })

Test(code_pages, page_without_flags_is_executed_as_it_is)
{
	cr_assert_eq(fetch(CODE, CODE), 1);
	cr_assert(last(POOL_CODE_STATE_RAM));
	cr_assert_eq(shootdowns, 1, "others may still write by what they hold");
	cr_assert_eq(fetch(CODE, CODE), 0, "it is known");
	cr_assert_eq(f.stat[TRAP_STAT_code_pages], 1);
	cr_assert_eq(f.stat[TRAP_STAT_code_copies], 0);
}

Test(code_pages, page_with_flags_gets_a_copy)
{
	PUT(CODE + 0x10, "\x9c\x58\x50\x9d\xc3");
	cr_assert_eq(fetch(CODE + 0x10, CODE + 0x10), 2);
	cr_assert(last(POOL_CODE_STATE_COPY));
	EXPECT_COPY(CODE + 0x10, CODE + 0x13);
	cr_assert_eq(*(uint8_t *)fake_ram(&f, CODE + 0x10, 1), 0x9c, "RAM is the guest's");
	cr_assert_eq(f.stat[TRAP_STAT_code_sites], 2);
	cr_assert_eq(code_pages_maddr(&f.machine) % (1ull << 30), 0);
	cr_assert_geq(code_pages_maddr(&f.machine), VM_RAM_MADDR + RAM);
}

Test(code_pages, traps_make_more_of_it_known)
{
	PUT(CODE + 0x10, "\xfa\xc3");
	PUT(CODE + 0x20, "\xfa\x9c\xfb\xc3");
	PUT(CODE + 0x30, "\xfa\x9d\xfb\xc3");
	cr_assert_eq(fetch(CODE + 0x10, CODE + 0x10), 1);
	f.v.cpu.rip = CODE + 0x20;
	cr_assert_eq(code_executed(&f.v), 0);
	cr_assert(nasked == 2 && last(POOL_CODE_STATE_COPY));
	EXPECT_COPY(CODE + 0x21);
	f.v.cpu.rip = CODE + 0x30;
	cr_assert_eq(code_executed(&f.v), 0);
	cr_assert_eq(nasked, 2, "there is a copy already: poold has nothing to do with what is in it");
	EXPECT_COPY(CODE + 0x21, CODE + 0x31);
	holds = held = 0;
	cr_assert_eq(code_executed(&f.v), 0);
	cr_assert_eq(holds, 0, "what is known costs nothing");
}

Test(code_pages, write_gives_it_up)
{
	PUT(CODE, "\x9c\x58\xc3");
	fetch(CODE, CODE);
	shootdowns = 0;
	f.v.cpu.rip = CODE + PAGE_SIZE;
	cr_assert_eq(code_before_write(&f.v, CODE + 0x100, false), 0);
	cr_assert(last(POOL_CODE_STATE_UNKNOWN));
	cr_assert_eq(shootdowns, 1, "nobody may execute the copy of what is written now");
	cr_assert_eq(f.stat[TRAP_STAT_code_drops], 1);
	cr_assert_eq(code_before_write(&f.v, CODE + 0x100, false), 0);
	cr_assert_eq(nasked, 3, "it is no code any more");
	PUT(CODE, "\x90\x9c\xc3");
	cr_assert_eq(fetch(CODE, CODE), 2);
	EXPECT_COPY(CODE + 1);
	/* A step has it open: that write is meant. */
	cr_assert_eq(code_before_write(&f.v, CODE, true), 0);
	cr_assert(last(POOL_CODE_STATE_COPY));
}

Test(code_pages, own_stores_reach_the_copy_at_once)
{
	PUT(CODE, "\x9c\x58\xb8\x01\x02\x03\x04\xc3");
	fetch(CODE, CODE);
	PUT(CODE + 3, "\x9c\x9c");
	code_stored(&f.v, CODE + 3, 2);
	EXPECT_COPY(CODE);
	PUT(CODE, "\x90");
	code_stored(&f.v, CODE, 1);
	cr_assert_eq(copies[CODE], 0x90, "what is no PUSHF any more is executed as it is");
	/* The record is of no use: a trap may not bring its sites back. */
	f.v.cpu.rip = CODE + 7;
	cr_assert_eq(code_executed(&f.v), 0);
	cr_assert_eq(copies[CODE], 0x90);
	nasked = 0;
	cr_assert_eq(code_settle(&f.v), 0);
	cr_assert(nasked == 1 && last(POOL_CODE_STATE_UNKNOWN));
	cr_assert_eq(code_settle(&f.v), 0);
	cr_assert_eq(nasked, 1);
	/* Beside code nothing happens. */
	code_stored(&f.v, CODE + PAGE_SIZE, 8);
	cr_assert_eq(code_settle(&f.v), 0);
	cr_assert_eq(nasked, 1);
	cr_assert_eq(fetch(CODE, CODE), 1, "no flags are left");
}

Test(code_pages, store_and_write_of_the_same_page)
{
	PUT(CODE, "\x9c\x58\xc3");
	fetch(CODE, CODE);
	code_stored(&f.v, CODE + 0x80, 8);
	cr_assert_eq(code_before_write(&f.v, CODE, false), 0);
	cr_assert_eq(fetch(CODE, CODE), 2, "looked at again, in a record of its own");
	EXPECT_COPY(CODE);
	cr_assert_eq(code_settle(&f.v), 0);	/* late, and harmless */
	cr_assert_eq(fetch(CODE, CODE), 2);
	EXPECT_COPY(CODE);
}

Test(code_pages, code_beside_data_is_left_alone_in_the_end)
{
	unsigned n = 0;

	PUT(CODE, "\x9c\x58\xc3");
	for (; fetch(CODE, CODE) == 2 && n <= MAX_DROPS; n++) {
		f.v.cpu.rip = CODE + PAGE_SIZE;		/* somebody else writes */
		cr_assert_eq(code_before_write(&f.v, CODE, false), 0);
	}
	cr_assert_eq(n, MAX_DROPS);
	cr_assert(last(POOL_CODE_STATE_LOOSE));
	cr_assert_eq(f.stat[TRAP_STAT_code_loose], 1);
	cr_assert_eq(fetch(CODE, CODE), 0);
	cr_assert_eq(code_before_write(&f.v, CODE, false), 0);
	cr_assert_eq(code_executed(&f.v), 0);
	cr_assert(last(POOL_CODE_STATE_LOOSE));
	/* A page that writes to itself is through eight times sooner. */
	PUT(CODE + PAGE_SIZE, "\x9c\x58\xc3");
	for (n = 0; fetch(CODE + PAGE_SIZE, CODE + PAGE_SIZE) == 2 && n <= MAX_DROPS; n++)
		cr_assert_eq(code_before_write(&f.v, CODE + PAGE_SIZE, false), 0);
	cr_assert_eq(n, MAX_DROPS / 8);
}

Test(code_pages, instruction_across_pages)
{
	/* A prefix at the end, its opcode at the beginning, and PUSHF right behind an instruction that crosses. */
	PUT(CODE + PAGE_SIZE - 1, "\x48\x9c\x58\xc3");
	cr_assert_eq(fetch(CODE + PAGE_SIZE - 1, CODE + PAGE_SIZE), 2);
	EXPECT_COPY(CODE + PAGE_SIZE);
	cr_assert_eq(code_before_write(&f.v, CODE + PAGE_SIZE, false), 0);
	PUT(CODE + PAGE_SIZE - 1, "\xb8\x9c\x9c\x9c\x9c\x9d\xc3");
	cr_assert_eq(fetch(CODE + PAGE_SIZE - 1, CODE + PAGE_SIZE), 2);
	EXPECT_COPY(CODE + PAGE_SIZE + 4);
}

Test(code_pages, only_where_it_is_needed)
{
	PUT(CODE, "\x9c\x58\xc3");
	cr_assert(code_flags_trap(&f.v));
	cr_assert(code_is_watched(&f.v, EFER_LMA) && code_is_watched(&f.v, 0));
	f.v.cpu.cpl = 3;
	cr_assert_not(code_flags_trap(&f.v));
	cr_assert_eq(fetch(CODE, CODE), 0, "user code");
	f.v.cpu.cpl = 0;
	f.machine.if_native_64 = true;
	cr_assert_not(code_is_watched(&f.v, EFER_LMA));
	cr_assert(code_is_watched(&f.v, 0));
	cr_assert_eq(fetch(CODE, CODE), 0, "code whose IF is native");
	f.machine.if_native_64 = false;
	f.machine.if_native_32 = true;
	f.v.cpu.seg[SREG_CS].l = false;
	f.v.cpu.seg[SREG_CS].db = true;
	cr_assert_not(code_flags_trap(&f.v));
	cr_assert_eq(fetch(CODE, CODE), 1, "code of 32 bits in long mode: the root watches it, but it needs nothing");
	cr_assert(last(POOL_CODE_STATE_RAM));
	/* Then code of 64 bits traps there. */
	f.v.cpu.seg[SREG_CS].l = true;
	f.v.cpu.seg[SREG_CS].db = false;
	cr_assert_eq(code_executed(&f.v), 0);
	cr_assert(last(POOL_CODE_STATE_COPY));
	EXPECT_COPY(CODE);
}

Test(code_pages, code_of_two_widths_on_one_page)
{
	PUT(CODE, "\x9c\x58\xc3");
	PUT(CODE + 0x40, "\x40\x9c\x41\x58\xc3");	/* inc eax; pushf; inc ecx; pop eax, in 32 bits */
	fetch(CODE, CODE);
	f.v.cpu.seg[SREG_CS].l = false;
	f.v.cpu.seg[SREG_CS].db = true;
	f.v.cpu.rip = CODE + 0x40;
	cr_assert_eq(code_executed(&f.v), 0);
	EXPECT_COPY(CODE, CODE + 0x41);
}

/* What was looked at for one width is looked at as a whole for the other one, pairs included, when that comes. */
Test(code_pages, other_width_comes_later)
{
	unsigned at;

	for (at = 0x100; at < 0x1e0; at += 7)
		PUT(CODE + at, "\x48\x8b\x83\x10\x00\x00\x00");		/* mov rax, [rbx + 0x10] */
	PUT(CODE + at, "\x9c\x58\xc3");
	f.v.cpu.seg[SREG_CS].l = false;
	f.v.cpu.seg[SREG_CS].db = true;
	f.machine.if_native_32 = true;
	cr_assert_eq(fetch(CODE, CODE), 1);
	f.v.cpu.seg[SREG_CS].l = true;
	f.v.cpu.seg[SREG_CS].db = false;
	cr_assert_eq(fetch(CODE + 0x40, CODE + 0x40), 1, "a fetch of another root");
	EXPECT_COPY(CODE + at);
}

Test(code_pages, unpaged_code_of_the_user)
{
	f.v.cpu.cr0 = CR0_PE;
	f.v.cpu.efer = 0;
	f.v.cpu.seg[SREG_CS].l = false;
	f.v.cpu.seg[SREG_CS].db = true;
	f.v.cpu.cpl = 3;
	fake_vcpu_sync(&f);
	PUT(CODE, "\x9c\x58\xc3");
	cr_assert_eq(fetch(CODE, CODE), 2, "both views are one");
}

Test(code_pages, table_has_no_copy)
{
	PUT(CODE, "\x9c\x58\xc3");
	is_table = true;
	cr_assert_eq(fetch(CODE, CODE), 2);
	cr_assert_eq(f.page_state[GFN] & PAGE_STATE_COPY, 0);
	cr_assert_eq(fetch(CODE, CODE), 0);
	is_table = false;
}

Test(code_pages, lost_link_leaves_nothing_behind)
{
	PUT(CODE, "\x9c\x58\xc3");
	answer = -ENOTCONN;
	f.v.cpu.rip = CODE;
	cr_assert_eq(code_before_fetch(&f.v, CODE, CODE), -ENOTCONN);
	fetch(CODE, CODE);
	code_stored(&f.v, CODE + 0x100, 1);
	answer = -ENOTCONN;
	cr_assert_eq(code_settle(&f.v), -ENOTCONN);
	/* The fresh pool knows of nothing; the guest has written since, and nobody was told. */
	memset(f.page_state, 0, RAM >> PAGE_SHIFT);
	code_pages_reset(&f.machine);
	cr_assert_eq(copies[CODE], 0, "memory of copies is given back");
	PUT(CODE, "\x90\x9c\xc3");
	cr_assert_eq(code_settle(&f.v), 0);
	cr_assert_eq(fetch(CODE, CODE), 2);
	EXPECT_COPY(CODE + 1);
	/* Without a link there is no state at all. */
	f.machine.page_state = NULL;
	code_stored(&f.v, CODE, 1);
	cr_assert_eq(code_before_write(&f.v, CODE, false), 0);
}

Test(code_pages, page_that_poold_has_forgotten_is_looked_at_anew)
{
	PUT(CODE, "\x9c\x58\xc3");
	fetch(CODE, CODE);
	f.page_state[GFN] = 0;
	PUT(CODE, "\x90\x90\x9c\xc3");
	cr_assert_eq(code_executed(&f.v), 0);
	cr_assert_eq(fetch(CODE, CODE), 2);
	EXPECT_COPY(CODE + 2);
}

Test(code_pages, native_flags_need_nothing)
{
	char err[200];

	code_pages_destroy(&f.machine);
	f.machine.if_native_32 = f.machine.if_native_64 = true;
	cr_assert_eq(code_pages_create(&f.machine, -1, err, sizeof(err)), 0);
	cr_assert_null(f.machine.code);
	cr_assert_eq(code_pages_maddr(&f.machine), 0);
	cr_assert_eq(fetch(CODE, CODE), 0);
	code_stored(&f.v, CODE, 8);
	cr_assert_eq(code_settle(&f.v), 0);
	cr_assert_eq(code_executed(&f.v), 0);
	cr_assert_eq(holds, 0);
	/* No room below the end of physical addresses. */
	f.machine.if_native_64 = false;
	f.machine.facts.maxphyaddr = 36;
	cr_assert_eq(code_pages_create(&f.machine, -1, err, sizeof(err)), 0);
	cr_assert_null(f.machine.code);
}
