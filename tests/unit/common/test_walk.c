/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of the guest walker, one test per rule, expectations taken from the manual: SDM vol. 3A 4.3 to 4.8. The comparison
 * with a second walker is test_walk_random.c. Each test runs in a process of its own.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "common/barrier.h"
#include "common/walk.h"
#include "common/write_class.h"
#include "common/x86.h"

#define RAM_SIZE (64 * 4096u)

static uint8_t memory[RAM_SIZE] __attribute__((aligned(4096)));
static struct guest_ram ram;
static struct walk_mode mode;
static struct walk_result res;

static void put64(uint64_t gpa, uint64_t value)
{
	memcpy(memory + gpa, &value, 8);
}

static void put32(uint64_t gpa, uint32_t value)
{
	memcpy(memory + gpa, &value, 4);
}

static uint64_t get64(uint64_t gpa)
{
	uint64_t value;

	memcpy(&value, memory + gpa, 8);
	return value;
}

static uint32_t get32(uint64_t gpa)
{
	uint32_t value;

	memcpy(&value, memory + gpa, 4);
	return value;
}

static void setup(void)
{
	ram.base = memory;
	guest_ram_layout(&ram, RAM_SIZE);
	mode.maxphyaddr = 46;
	mode.cr3 = 0x1000;
}

/* 4-level tables at 0x1000 (PML4), 0x2000, 0x3000, 0x4000 (PT); gva 0x5xxx maps to 0x6000; all W and U. */
static void setup_4level(void)
{
	setup();
	mode.paging = WALK_4LEVEL;
	mode.nxe = true;
	put64(0x1000, 0x2007);
	put64(0x2000, 0x3007);
	put64(0x3000, 0x4007);
	put64(0x4000 + 5 * 8, 0x6007);
}

static void setup_pae(void)
{
	setup();
	mode.paging = WALK_PAE;
	mode.nxe = true;
	mode.pdpte[0] = 0x2001;
	put64(0x2000, 0x3007);
	put64(0x3000 + 5 * 8, 0x6007);
}

static void setup_32bit(void)
{
	setup();
	mode.paging = WALK_32BIT;
	mode.pse = true;
	put32(0x1000, 0x2007);
	put32(0x2000 + 5 * 4, 0x6007);
}

static int walk(uint64_t gva, uint32_t access)
{
	return walk_guest(&ram, &mode, gva, access, &res);
}

#define GVA 0x5123u

#define EXPECT_OK(gva, access, want_gpa) do { \
	cr_assert_eq(walk(gva, access), 0, "fault, code %#x", res.error_code); \
	cr_assert_eq(res.gpa, want_gpa, "gpa %#llx", (unsigned long long)res.gpa); \
} while (0)

#define EXPECT_FAULT(gva, access, code) do { \
	cr_assert_eq(walk(gva, access), -EFAULT); \
	cr_assert_eq(res.error_code, (uint32_t)(code), "code %#x", res.error_code); \
} while (0)

Test(walk, mode_follows_control_registers)
{
	static const struct { uint64_t cr0, cr4, efer; enum walk_paging want; } cases[] = {
		{ CR0_PE, CR4_PAE, EFER_LME, WALK_UNPAGED },
		{ CR0_PE | CR0_PG, CR4_PSE, 0, WALK_32BIT },
		{ CR0_PE | CR0_PG, CR4_PAE, 0, WALK_PAE },
		{ CR0_PE | CR0_PG, CR4_PAE, EFER_LME | EFER_LMA, WALK_4LEVEL },
	};

	for (unsigned i = 0; i < 4; i++) {
		walk_mode_from_cr(&mode, cases[i].cr0, 0x1000, cases[i].cr4, cases[i].efer, 0, 40);
		cr_assert_eq(mode.paging, cases[i].want);
	}
	mode.pdpte[2] = 77;
	walk_mode_from_cr(&mode, CR0_PG | CR0_WP, 0x1234000, CR4_PSE | CR4_SMEP | CR4_SMAP | CR4_PGE, EFER_NXE, RFLAGS_AC, 39);
	cr_assert(mode.pse && mode.wp && mode.smep && mode.smap && mode.ac && mode.pge);
	cr_assert_not(mode.nxe, "NXE means nothing in 32-bit paging");
	cr_assert_eq(mode.maxphyaddr, 39);
	cr_assert_eq(mode.cr3, 0x1234000);
	cr_assert_eq(mode.pdpte[2], 77, "PDPTE registers change at CR3 loads only");
	walk_mode_from_cr(&mode, CR0_PG, 0, CR4_PAE, EFER_NXE, 0, 39);
	cr_assert(mode.nxe);
	cr_assert_not(mode.wp || mode.smep || mode.smap || mode.ac || mode.pge || mode.pse);
}

Test(walk, unpaged_is_identity_and_truncates, .init = setup)
{
	mode.smap = mode.wp = true;
	EXPECT_OK(0x1fffff123, WALK_WRITE | WALK_USER | WALK_SET_AD, 0xfffff123);
	cr_assert_eq(res.nentries, 0);
	cr_assert_eq(res.page_shift, 12);
	cr_assert(res.writable && res.user && !res.nx);
	cr_assert_null(walk_levels(WALK_UNPAGED, &(unsigned){ 9 }));
}

Test(walk, each_mode_reports_the_path, .init = setup_4level)
{
	EXPECT_OK(GVA, WALK_WRITE, 0x6123);
	cr_assert_eq(res.nentries, 4);
	cr_assert_eq(res.entry[0], 0x2007);
	cr_assert_eq(res.entry_gpa[3], 0x4028);
	setup_pae();
	EXPECT_OK(GVA, WALK_WRITE, 0x6123);
	cr_assert_eq(res.nentries, 3);
	cr_assert_eq(res.entry_gpa[0], ~0ull, "a PDPTE register has no address");
	cr_assert_eq(res.entry[0], 0x2001);
	cr_assert(res.writable && res.user, "PDPTEs carry no rights");
	setup_32bit();
	EXPECT_OK(0xabcdef0000005123, WALK_WRITE, 0x6123);
	cr_assert_eq(res.nentries, 2);
	cr_assert_eq(res.entry_gpa[1], 0x2014);
	cr_assert_eq(res.entry[1], 0x6007);
}

Test(walk, large_pages_of_each_size, .init = setup_4level)
{
	put64(0x3000 + 8, 0x0000000000600087);
	EXPECT_OK(0x3abcde, 0, 0x7abcde);
	cr_assert_eq(res.page_shift, 21);
	cr_assert_eq(res.nentries, 3);
	put64(0x2000 + 8, 0x140000087);
	EXPECT_OK(0x7fabcdef, WALK_WRITE, 0x17fabcdef);
	cr_assert_eq(res.page_shift, 30);
	cr_assert_eq(res.nentries, 2);
	setup_pae();
	put64(0x2000 + 8, 0x8000000000800081);
	EXPECT_OK(0x212345, 0, 0x812345);
	cr_assert_eq(res.page_shift, 21);
	cr_assert(res.nx && !res.user && !res.writable);
	setup_32bit();
	put32(0x1000 + 4, 0x00c00087);
	EXPECT_OK(0x7abcde, 0, 0xfabcde);
	cr_assert_eq(res.page_shift, 22);
}

Test(walk, pse36_adds_address_bits_32_to_39, .init = setup_32bit)
{
	put32(0x1000 + 4, 0x00c00087 | 0xa5u << 13);
	EXPECT_OK(0x400000, 0, 0xa500c00000ull);
	cr_assert_eq(walk_large_base(WALK_32BIT, 2, 0x00c01fffu | 0xa5u << 13), 0xa500c00000ull, "flags and PAT are no address");
	/* MAXPHYADDR 36: bits 16 to 13 are address, 21 to 17 reserved. Table 4-4. */
	mode.maxphyaddr = 36;
	cr_assert_eq(walk_reserved_bits(&mode, 2, true), 0x3e0000);
	EXPECT_FAULT(0x400000, 0, PF_P | PF_RSVD);
	put32(0x1000 + 4, 0x00c00087 | 0xfu << 13);
	EXPECT_OK(0x400000, 0, 0xf00c00000ull);
	/* 40 and more: bit 21 alone. */
	mode.maxphyaddr = 52;
	cr_assert_eq(walk_reserved_bits(&mode, 2, true), 0x200000);
	put32(0x1000 + 4, 0x00e00087);
	EXPECT_FAULT(0x400000, 0, PF_P | PF_RSVD);
}

Test(walk, without_pse_ps_is_ignored, .init = setup_32bit)
{
	mode.pse = false;
	put32(0x1000, 0x2087 | 0xf00);
	EXPECT_OK(GVA, 0, 0x6123);
	cr_assert_eq(walk_reserved_bits(&mode, 2, true), 0);
	cr_assert_eq(walk_reserved_bits(&mode, 1, false), 0);
}

Test(walk, reserved_masks_are_the_manuals)
{
	static const struct { enum walk_paging paging; bool nxe; uint8_t width; unsigned level; bool large; uint64_t want; } c[] = {
		{ WALK_PAE, true, 36, 3, false, 0xfffffff0000001e6 },
		{ WALK_PAE, true, 52, 3, false, 0xfff00000000001e6 },
		{ WALK_PAE, true, 36, 2, false, 0x7ffffff000000000 },
		{ WALK_PAE, false, 36, 2, true, 0xfffffff0001fe000 },
		{ WALK_PAE, false, 52, 1, false, 0xfff0000000000000 },
		{ WALK_4LEVEL, true, 52, 4, false, 0x80 },
		{ WALK_4LEVEL, true, 46, 4, false, 0x000fc00000000080 },
		{ WALK_4LEVEL, false, 46, 4, false, 0x800fc00000000080 },
		{ WALK_4LEVEL, true, 48, 3, false, 0x000f000000000000 },
		{ WALK_4LEVEL, true, 48, 3, true, 0x000f00003fffe000 },
		{ WALK_4LEVEL, true, 48, 2, true, 0x000f0000001fe000 },
		{ WALK_4LEVEL, true, 52, 1, false, 0 },
		{ WALK_4LEVEL, false, 52, 1, false, 0x8000000000000000 },
	};

	for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct walk_mode m = { .paging = c[i].paging, .nxe = c[i].nxe, .maxphyaddr = c[i].width };

		cr_assert_eq(walk_reserved_bits(&m, c[i].level, c[i].large), c[i].want, "case %u: %#llx", i,
			     (unsigned long long)walk_reserved_bits(&m, c[i].level, c[i].large));
	}
}

Test(walk, reserved_bit_faults_at_every_level_of_a_path, .init = setup_4level)
{
	static const uint64_t where[] = { 0x1000, 0x2000, 0x3000, 0x4028 };

	for (unsigned i = 0; i < 4; i++) {
		put64(where[i], get64(where[i]) | 1ull << 46);
		EXPECT_FAULT(GVA, WALK_USER | WALK_WRITE, PF_P | PF_RSVD | PF_U | PF_W);
		cr_assert_eq(res.nentries, i + 1, "entries up to the bad one");
		put64(where[i], get64(where[i]) & ~(1ull << 46));
	}
	mode.nxe = false;
	put64(0x2000, 0x3007 | PTE_NX);
	EXPECT_FAULT(GVA, WALK_FETCH, PF_P | PF_RSVD);
	put64(0x2000, 0x3006 | PTE_NX);
	EXPECT_FAULT(GVA, 0, 0);	/* not present: reserved bits mean nothing */
	put64(0x2000, 0x3007);
	put64(0x1000, 0x2087);
	EXPECT_FAULT(GVA, 0, PF_P | PF_RSVD);	/* PS in a PML4E */
}

Test(walk, ignored_bits_do_not_fault, .init = setup_4level)
{
	mode.maxphyaddr = 52;
	/* Bits 62:52 and 11:9 of a 4-level entry, PAT of a PTE. */
	put64(0x1000, 0x2007 | 0x7ff0000000000e00);
	put64(0x4028, 0x6087 | 0x7ff0000000000e00);
	EXPECT_OK(GVA, WALK_FETCH, 0x6123);
}

Test(walk, not_present_at_every_level, .init = setup_4level)
{
	static const uint64_t where[] = { 0x4028, 0x3000, 0x2000, 0x1000 };

	for (unsigned i = 0; i < 4; i++) {
		put64(where[i], get64(where[i]) & ~PTE_P);
		EXPECT_FAULT(GVA, WALK_USER | WALK_WRITE, PF_U | PF_W);
		EXPECT_FAULT(GVA, WALK_FETCH, PF_I);
		EXPECT_FAULT(GVA, WALK_PROBE, 0);
		cr_assert_eq(res.nentries, 4 - i);
	}
	setup_pae();
	mode.pdpte[0] = 0;
	EXPECT_FAULT(GVA, WALK_USER, PF_U);
}

/* Rights: the entries' W, U, NX are cleared or set at one level, and the outcome of every access is written down. */
static const struct rights_case {
	uint64_t clear, set;
	const char *on;		/* w WP, e SMEP, a SMAP, c AC */
	uint32_t access, code;	/* code 0: permitted */
} rights[] = {
	{ PTE_W, 0, "", WALK_WRITE, 0 },
	{ PTE_W, 0, "w", WALK_WRITE, PF_P | PF_W },
	{ PTE_W, 0, "w", 0, 0 },
	{ PTE_W, 0, "", WALK_WRITE | WALK_USER, PF_P | PF_W | PF_U },
	{ PTE_W, 0, "", WALK_USER, 0 },
	{ PTE_U, 0, "", WALK_USER, PF_P | PF_U },
	{ PTE_U, 0, "", WALK_USER | WALK_WRITE, PF_P | PF_U | PF_W },
	{ PTE_U, 0, "", WALK_USER | WALK_FETCH, PF_P | PF_U | PF_I },
	{ PTE_U, 0, "w", WALK_WRITE, 0 },
	{ PTE_U, 0, "e", WALK_FETCH, 0 },
	{ PTE_U, 0, "a", WALK_WRITE, 0 },
	{ PTE_U, 0, "", WALK_USER | WALK_IMPLICIT, 0 },
	{ PTE_U, 0, "a", WALK_USER | WALK_IMPLICIT | WALK_WRITE, 0 },
	{ 0, PTE_NX, "", WALK_FETCH, PF_P | PF_I },
	{ 0, PTE_NX, "", WALK_FETCH | WALK_USER, PF_P | PF_I | PF_U },
	{ 0, PTE_NX, "", WALK_WRITE | WALK_USER, 0 },
	{ 0, 0, "e", WALK_FETCH, PF_P | PF_I },
	{ 0, 0, "e", WALK_FETCH | WALK_USER, 0 },
	{ 0, 0, "e", 0, 0 },
	{ 0, 0, "a", 0, PF_P },
	{ 0, 0, "a", WALK_WRITE, PF_P | PF_W },
	{ 0, 0, "ac", 0, 0 },
	{ 0, 0, "ac", WALK_WRITE, 0 },
	{ 0, 0, "a", WALK_FETCH, 0 },
	{ 0, 0, "a", WALK_USER | WALK_WRITE, 0 },
	{ 0, 0, "ac", WALK_IMPLICIT, PF_P },
	{ 0, 0, "ac", WALK_IMPLICIT | WALK_USER | WALK_WRITE, PF_P | PF_W },
	{ 0, 0, "", WALK_IMPLICIT | WALK_USER, 0 },
	{ PTE_W, 0, "wac", WALK_WRITE, PF_P | PF_W },
	{ PTE_W, 0, "ac", WALK_WRITE, 0 },
	{ PTE_W | PTE_U, PTE_NX, "weac", WALK_WRITE | WALK_USER | WALK_PROBE, 0 },
};

Test(walk, rights_of_each_level_count_alike, .init = setup_4level)
{
	static const uint64_t where[] = { 0x1000, 0x2000, 0x3000, 0x4028 };

	for (unsigned i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		const struct rights_case *c = &rights[i];

		for (unsigned level = 0; level < 4; level++) {
			setup_4level();
			put64(where[level], (get64(where[level]) & ~c->clear) | c->set);
			mode.wp = strchr(c->on, 'w');
			mode.smep = strchr(c->on, 'e');
			mode.smap = strchr(c->on, 'a');
			mode.ac = strchr(c->on, 'c');
			cr_assert_eq(walk(GVA, c->access), c->code ? -EFAULT : 0, "case %u level %u", i, level);
			cr_assert_eq(res.error_code, c->code, "case %u level %u: code %#x", i, level, res.error_code);
		}
	}
}

Test(walk, fetch_bit_of_error_code_needs_nxe_or_smep, .init = setup_32bit)
{
	put32(0x2014, 0);
	EXPECT_FAULT(GVA, WALK_FETCH, 0);
	mode.nxe = true;	/* a caller's slip: 32-bit paging has no NX */
	EXPECT_FAULT(GVA, WALK_FETCH, 0);
	mode.smep = true;
	EXPECT_FAULT(GVA, WALK_FETCH, PF_I);
	setup_pae();
	mode.smep = mode.nxe = false;
	put64(0x3028, 0);
	EXPECT_FAULT(GVA, WALK_FETCH, 0);
	mode.nxe = true;
	EXPECT_FAULT(GVA, WALK_FETCH, PF_I);
}

Test(walk, accessed_on_every_level_dirty_on_the_leaf_of_a_write, .init = setup_4level)
{
	EXPECT_OK(GVA, WALK_USER, 0x6123);
	cr_assert_eq(get64(0x4028), 0x6007, "no WALK_SET_AD, no change");
	cr_assert_eq(walk(GVA, WALK_USER | WALK_SET_AD), 0);
	cr_assert(res.ad_changed);
	cr_assert_eq(get64(0x1000), 0x2027);
	cr_assert_eq(get64(0x2000), 0x3027);
	cr_assert_eq(get64(0x3000), 0x4027);
	cr_assert_eq(get64(0x4028), 0x6027);
	cr_assert_eq(res.entry[3], 0x6027, "entries as they are afterwards");
	cr_assert_eq(walk(GVA, WALK_FETCH | WALK_SET_AD), 0);
	cr_assert_not(res.ad_changed);
	cr_assert_eq(walk(GVA, WALK_WRITE | WALK_SET_AD), 0);
	cr_assert(res.ad_changed);
	cr_assert_eq(get64(0x3000), 0x4027, "D in the leaf only");
	cr_assert_eq(get64(0x4028), 0x6067);
	put64(0x3008, 0x600087);
	cr_assert_eq(walk(0x200000, WALK_WRITE | WALK_SET_AD), 0);
	cr_assert_eq(get64(0x3008), 0x6000e7, "a large page is a leaf");
}

Test(walk, accessed_and_dirty_in_32bit_and_pae, .init = setup_32bit)
{
	put32(0x2018, 0x12345678);
	cr_assert_eq(walk(GVA, WALK_WRITE | WALK_SET_AD), 0);
	cr_assert_eq(get32(0x1000), 0x2027);
	cr_assert_eq(get32(0x2014), 0x6067);
	cr_assert_eq(get32(0x2018), 0x12345678, "the neighbour of a 4-byte entry");
	setup_pae();
	cr_assert_eq(walk(GVA, WALK_WRITE | WALK_SET_AD), 0);
	cr_assert_eq(mode.pdpte[0], 0x2001, "PDPTEs have no A");
	cr_assert_eq(get64(0x2000), 0x3027);
	cr_assert_eq(get64(0x3028), 0x6067);
}

Test(walk, a_fault_or_a_probe_sets_nothing, .init = setup_4level)
{
	put64(0x4028, 0x6003);
	EXPECT_FAULT(GVA, WALK_USER | WALK_SET_AD, PF_P | PF_U);
	put64(0x4028, 0);
	EXPECT_FAULT(GVA, WALK_SET_AD, 0);
	put64(0x4028, 0x6007);
	cr_assert_eq(walk(GVA, WALK_PROBE | WALK_SET_AD | WALK_WRITE), 0);
	cr_assert_eq(get64(0x1000), 0x2007);
	cr_assert_eq(get64(0x3000), 0x4007);
	cr_assert_eq(get64(0x4028), 0x6007);
}

Test(walk, recursive_mapping_reports_final_entries, .init = setup_4level)
{
	put64(0x1000 + 511 * 8, 0x1003);
	EXPECT_OK(0xfffffffffffffff8, WALK_WRITE | WALK_SET_AD, 0x1ff8);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(res.entry[i], 0x1063);
	cr_assert_eq(get64(0x1ff8), 0x1063);
}

Test(walk, tables_outside_ram_read_as_ones, .init = setup_4level)
{
	mode.cr3 = RAM_SIZE;
	EXPECT_FAULT(GVA, WALK_SET_AD | WALK_WRITE, PF_P | PF_RSVD | PF_W);
	cr_assert_eq(res.entry[0], ~0ull);
	setup_4level();
	put64(0x3000, 0xfffff00000007);
	mode.maxphyaddr = 52;
	EXPECT_OK(GVA, WALK_SET_AD | WALK_WRITE, 0xffffffffff123);
	setup_32bit();
	mode.pse = false;
	mode.cr3 = 0xfffff000;
	EXPECT_OK(GVA, WALK_SET_AD | WALK_WRITE, 0xfffff123);
	cr_assert_eq(res.entry[0], 0xffffffffu);
	mode.pse = true;
	EXPECT_FAULT(GVA, 0, PF_P | PF_RSVD);
}

Test(walk, refuses_what_is_no_access, .init = setup_4level)
{
	cr_assert_eq(walk(GVA, WALK_WRITE | WALK_FETCH), -EINVAL);
	cr_assert_eq(walk(0x0000800000000000, 0), -EINVAL);
	cr_assert_eq(walk(0xffff7fffffffffff, 0), -EINVAL);
	EXPECT_FAULT(0xffff800000000000, 0, 0);
}

Test(walk, cr3_low_bits_are_no_address, .init = setup_4level)
{
	mode.cr3 = 0x1fff | 1ull << 63;	/* PCID, and the no-flush bit of the MOV */
	EXPECT_OK(GVA, 0, 0x6123);
	setup_32bit();
	mode.cr3 = 0xabcd00001fffull;
	EXPECT_OK(GVA, 0, 0x6123);
}

Test(walk, pdptes_are_checked_when_loaded, .init = setup)
{
	uint64_t out[4] = { 1, 2, 3, 4 };

	put64(0x1020, 0x2001);
	put64(0x1028, 0x3fffffff1fe | 1ull << 62);	/* not present: anything goes */
	put64(0x1030, 0x4019 | 0xe00);
	put64(0x1038, 0);
	cr_assert_eq(walk_load_pdptes(&ram, 0x103f, 46, out), 0, "CR3 bits 4 to 0 are ignored");
	cr_assert_eq(out[0], 0x2001);
	cr_assert_eq(out[2], 0x4e19);
	for (unsigned bit = 0; bit < 64; bit++) {
		bool reserved = bit == 1 || bit == 2 || (bit >= 5 && bit <= 8) || bit >= 46;

		put64(0x1038, 1 | 1ull << bit);
		cr_assert_eq(walk_load_pdptes(&ram, 0x1020, 46, out), reserved ? -EINVAL : 0, "bit %u", bit);
	}
	out[0] = 99;
	cr_assert_eq(walk_load_pdptes(&ram, RAM_SIZE, 46, out), -EINVAL, "all ones");
	cr_assert_eq(out[0], 99, "untouched on failure");
}

/* What the two threads of the race share. Each goes on until the other has done its part, however they are scheduled. */
static struct race {
	uint64_t exchanges, bad;
	bool done;
} race;

/* Another vCPU maps and unmaps a page with atomic exchanges: the walker must never revive or alter the entry. */
static void *exchange_entries(void *arg)
{
	uint64_t *pte = (uint64_t *)(memory + 0x4028);
	uint64_t value, old;

	while (!load_acquire(&race.done)) {
		value = (race.exchanges & 1 ? 0x6000u : 0x7000u) | PTE_P | PTE_W;
		if (locked_exchange(pte, value))
			race.bad++;
		old = locked_exchange(pte, 0);
		if ((old & ~(PTE_A | PTE_D)) != value)
			race.bad++;
		store_release(&race.exchanges, race.exchanges + 1);
	}
	return NULL;
}

Test(walk, racing_guest_never_loses_an_entry, .init = setup_4level)
{
	uint64_t bad = 0, walks = 0;
	pthread_t thread;
	int rc;

	put64(0x4028, 0);
	cr_assert_eq(pthread_create(&thread, NULL, exchange_entries, NULL), 0);
	while (walks < 100000 || load_acquire(&race.exchanges) < 100000) {
		rc = walk(GVA, WALK_WRITE | WALK_SET_AD);
		walks++;
		if (rc == 0 && ((res.entry[3] & 0x67) != 0x63 || res.gpa != (res.entry[3] & PTE_ADDR) + 0x123))
			bad++;
		if (rc != 0 && rc != -EAGAIN && (rc != -EFAULT || res.error_code != PF_W))
			bad++;
	}
	store_release(&race.done, true);
	pthread_join(thread, NULL);
	cr_assert_eq(bad + race.bad, 0);
}

Test(write_policy, each_class)
{
	static const uint8_t plain[WRITE_CLASS_COUNT] = {
		[WRITE_CLASS_UNKNOWN] = WRITE_DO_UNSHADOW, [WRITE_CLASS_SIMPLE] = WRITE_DO_EMULATE,
		[WRITE_CLASS_REP_STOS] = WRITE_DO_EMULATE, [WRITE_CLASS_STRING] = WRITE_DO_UNSHADOW,
		[WRITE_CLASS_REUSE] = WRITE_DO_UNSHADOW, [WRITE_CLASS_FORK] = WRITE_DO_UNSHADOW,
		[WRITE_CLASS_FRAME] = WRITE_DO_UNSHADOW, [WRITE_CLASS_DEVICE] = WRITE_DO_EMULATE,
		[WRITE_CLASS_FORK_LOCKED] = WRITE_DO_EMULATE, [WRITE_CLASS_STOS_ANY] = WRITE_DO_UNSHADOW,
	};

	for (unsigned c = 0; c < WRITE_CLASS_COUNT; c++) {
		cr_assert_eq(write_policy(c, PAGE_STATE_MONITORED, 0), plain[c], "class %u", c);
		cr_assert_eq(write_policy(c, PAGE_STATE_MONITORED | PAGE_STATE_HOT, 0),
			     c == WRITE_CLASS_DEVICE ? WRITE_DO_EMULATE : WRITE_DO_UNSHADOW, "hot, class %u", c);
		cr_assert_eq(write_policy(c, PAGE_STATE_MONITORED | PAGE_STATE_HOT | PAGE_STATE_ROOT, 0),
			     c == WRITE_CLASS_UNKNOWN ? WRITE_DO_UNSHADOW : WRITE_DO_EMULATE, "root, class %u", c);
	}
	cr_assert_eq(write_policy(WRITE_CLASS_COUNT, 0xff, 0), WRITE_DO_UNSHADOW);
	cr_assert_eq(write_policy(200, 0, 0), WRITE_DO_UNSHADOW);
}
