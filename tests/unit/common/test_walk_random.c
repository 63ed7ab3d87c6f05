/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * common/walk.c against the reference walker of ref_walk.c: random tables, random modes, random accesses. Entries, fault,
 * error code, address, page size and every byte of memory afterwards must agree. Single-threaded; seeds are printed.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "common/walk.h"
#include "tests/unit/common/ref_walk.h"

#define REGION	(16 * 4096u)	/* RAM at 0, and again at 4 GiB */
#define HIGH	(4ull << 30)
#define ROUNDS	250u
#define WALKS	1000u

static uint64_t rng_state;

static uint64_t rng(void)
{
	/* xorshift64*, Marsaglia */
	rng_state ^= rng_state >> 12;
	rng_state ^= rng_state << 25;
	rng_state ^= rng_state >> 27;
	return rng_state * 0x2545f4914f6cdd1dull;
}

static bool chance(unsigned percent)
{
	return rng() % 100 < percent;
}

static uint64_t random_page(void)
{
	uint64_t page = rng() % 16 * 4096;

	if (chance(3))
		return rng() & 0x000ffffffffff000ull;
	return chance(30) ? page + HIGH : page;
}

/* Mostly sensible entries: present, inside RAM, one surprise bit now and then; large pages that are aligned, or not. */
static uint64_t random_entry(unsigned size)
{
	uint64_t e = random_page() | (rng() & 0x766);

	if (chance(94))
		e |= 1;
	if (chance(80))
		e |= 6;
	if (chance(12)) {
		e |= 0x80;
		if (chance(75))
			e &= ~0x3fffe000ull;
		if (size == 4 && chance(50))
			e |= (rng() & 0xff) << 13;
	}
	if (size == 8 && chance(8))
		e |= 1ull << 63;
	if (chance(6))
		e ^= 1ull << rng() % 64;
	return e;
}

static void fill(uint8_t *mem, unsigned size)
{
	for (unsigned i = 0; i < REGION; i += size) {
		uint64_t e = random_entry(size);

		memcpy(mem + i, &e, size);
	}
}

static void random_mode(struct walk_mode *mode, struct ref_machine *m, enum walk_paging paging)
{
	static const uint8_t widths[] = { 36, 39, 40, 41, 46, 48, 51, 52 };

	memset(mode, 0, sizeof(*mode));
	mode->paging = paging;
	mode->pse = chance(70);
	mode->wp = chance(50);
	mode->nxe = paging >= WALK_PAE && chance(60);
	mode->smep = chance(40);
	mode->smap = chance(40);
	mode->ac = chance(50);
	mode->maxphyaddr = widths[rng() % 8];
	mode->cr3 = random_page() | (rng() & 0x18);
	for (unsigned i = 0; i < 4; i++)
		mode->pdpte[i] = random_page() | (chance(90) ? 1 : 0);

	m->mode = (int)paging;
	m->pse = mode->pse;
	m->wp = mode->wp;
	m->nxe = mode->nxe;
	m->smep = mode->smep;
	m->smap = mode->smap;
	m->ac = mode->ac;
	m->maxphyaddr = mode->maxphyaddr;
	m->cr3 = mode->cr3;
	memcpy(m->pdpte, mode->pdpte, sizeof(m->pdpte));
}

static uint64_t random_gva(enum walk_paging paging)
{
	uint64_t gva = rng();

	return paging == WALK_4LEVEL ? (uint64_t)((int64_t)(gva << 16) >> 16) : gva;
}

/* One walk by both; returns 1 on a translation, 0 on a fault. */
static int compare_one(const struct guest_ram *ram, const struct walk_mode *mode, struct ref_machine *m, uint64_t seed)
{
	struct ref_access a = { .user = chance(50), .implicit = chance(10), .set_ad = chance(60) };
	struct ref_result want;
	struct walk_result got;
	uint64_t gva = random_gva(mode->paging);
	uint32_t access = 0;
	int rc;

	if (chance(40))
		a.write = true;
	else if (chance(40))
		a.fetch = true;
	access |= a.write ? WALK_WRITE : 0;
	access |= a.fetch ? WALK_FETCH : 0;
	access |= a.user ? WALK_USER : 0;
	access |= a.implicit ? WALK_IMPLICIT : 0;
	access |= a.set_ad ? WALK_SET_AD : 0;

	ref_walk(m, gva, &a, &want);
	rc = walk_guest(ram, mode, gva, access, &got);

#define SAME(what, x, y) cr_assert((x) == (y), "%s: %llx, reference %llx (seed %llu, mode %d, gva %llx, access %x)", \
		what, (unsigned long long)(x), (unsigned long long)(y), (unsigned long long)seed, (int)mode->paging, \
		(unsigned long long)gva, access)
	SAME("result", rc, want.fault ? -EFAULT : 0);
	SAME("number of entries", got.nentries, want.count);
	for (int i = 0; i < want.count; i++)
		SAME("entry", got.entry[i], want.entry[i]);
	SAME("error code", got.error_code, want.error_code);
	SAME("A or D set", got.ad_changed, want.changed);
	if (!want.fault) {
		SAME("gpa", got.gpa, want.gpa);
		SAME("page size", got.page_shift, want.page_bits);
		SAME("writable", got.writable, want.w);
		SAME("user", got.user, want.u);
		SAME("no-execute", got.nx, want.xd);
	}
	return !rc;
}

static void compare_mode(enum walk_paging paging)
{
	static uint8_t low[REGION], high[REGION];
	uint64_t seed = (uint64_t)time(NULL);
	struct ref_machine m = { .low = low, .high = high, .low_size = REGION, .high_size = REGION };
	struct guest_ram ram = { .low_end = REGION, .high_end = HIGH + REGION };
	unsigned entry_size = paging == WALK_32BIT ? 4 : 8, ok = 0;
	struct walk_mode mode;

	ram.base = mmap(NULL, HIGH + REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	cr_assert(ram.base != MAP_FAILED);
	for (unsigned round = 0; round < ROUNDS; round++) {
		rng_state = (seed * 1000 + round) | 1;
		fill(low, entry_size);
		fill(high, entry_size);
		memcpy(ram.base, low, REGION);
		memcpy(ram.base + HIGH, high, REGION);
		for (unsigned i = 0; i < WALKS; i++) {
			if (i % 10 == 0)
				random_mode(&mode, &m, paging);
			ok += (unsigned)compare_one(&ram, &mode, &m, seed);
		}
		cr_assert(memcmp(ram.base, low, REGION) == 0, "memory differs, seed %llu", (unsigned long long)seed);
		cr_assert(memcmp(ram.base + HIGH, high, REGION) == 0, "memory differs, seed %llu",
			  (unsigned long long)seed);
	}
	munmap(ram.base, HIGH + REGION);
	/* Else the tables were so bad that hardly a walk came through, and the comparison shows nothing. */
	cr_assert(ok > ROUNDS * WALKS / 20 && ok <= ROUNDS * WALKS, "only %u walks succeeded", ok);
}

Test(walk_random, unpaged_agrees_with_reference)
{
	compare_mode(WALK_UNPAGED);
}

Test(walk_random, paging_32bit_agrees_with_reference)
{
	compare_mode(WALK_32BIT);
}

Test(walk_random, pae_agrees_with_reference)
{
	compare_mode(WALK_PAE);
}

Test(walk_random, paging_4level_agrees_with_reference)
{
	compare_mode(WALK_4LEVEL);
}
