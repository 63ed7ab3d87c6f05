/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which bytes of a page are taken for PUSHF and POPF: those that control reaches, and pairs that no way of decoding disputes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "trapd/code/code_scan.h"

static uint8_t page[PAGE_SIZE];
static struct code_scan scan;

/* A page of INT3, which ends every flow, and nothing known. */
static void fresh(unsigned bits)
{
	memset(page, 0xcc, sizeof(page));
	code_scan_init(&scan, bits);
}

static void setup(void)
{
	fresh(64);
}

TestSuite(code_scan, .init = setup);

static void put(unsigned at, const char *bytes, size_t n)
{
	cr_assert(at + n <= PAGE_SIZE);
	memcpy(page + at, bytes, n);
}
#define PUT(at, bytes) put(at, bytes, sizeof(bytes) - 1)

/* The sites are exactly these, ascending, 0xffff ends. */
static void expect(const unsigned *sites, const char *what)
{
	for (unsigned o = 0; o < PAGE_SIZE; o++) {
		bool want = *sites == o;

		cr_assert_eq(code_bit(scan.site, o), want, "%s: byte 0x%x (%02x) is %sa site", what, o, page[o], want ? "not " : "");
		sites += want;
	}
}
#define EXPECT(what, ...) expect((const unsigned[]){ __VA_ARGS__, 0xffff }, what)
#define EXPECT_NONE(what) expect((const unsigned[]){ 0xffff }, what)

Test(code_scan, straight_line)
{
	PUT(0x100, "\x9c\x58\xfa\x50\x9d\xc3\x9c\x9d");
	cr_assert(code_scan_flow(&scan, page, 0x100));
	EXPECT("up to RET", 0x100, 0x104);
	cr_assert_not(code_scan_flow(&scan, page, 0x103), "what is known already is no news");
	cr_assert(code_scan_flow(&scan, page, 0x106));
	EXPECT("behind RET", 0x100, 0x104, 0x106, 0x107);
	cr_assert_eq(code_scan_count(&scan), 4);
}

Test(code_scan, prefixes)
{
	PUT(0, "\x66\x9c" "\x48\x9c" "\xf3\x9d" "\x66\x66\x9d" "\x2e\x48\x9c" "\xc3");
	cr_assert(code_scan_flow(&scan, page, 0));
	EXPECT("64 bits", 1, 3, 5, 8, 11);
	fresh(32);
	PUT(0, "\x66\x9c" "\x67\x9d" "\xc3");
	cr_assert(code_scan_flow(&scan, page, 0));
	EXPECT("32 bits", 1, 3);
	fresh(16);
	PUT(0, "\x66\x9c" "\x9d" "\xb8\x9c\x9d" "\xc3");	/* mov ax, imm16 */
	cr_assert(code_scan_flow(&scan, page, 0));
	EXPECT("16 bits", 1, 2);
	/* With LOCK it is #UD, with or without HLT in its place. */
	fresh(64);
	PUT(0, "\xf0\x9c\xc3");
	code_scan_flow(&scan, page, 0);
	EXPECT_NONE("LOCK");
}

Test(code_scan, operands_are_left_alone)
{
	static const char *const forms[] = {
		"\xb8\x9c\x9d\x9c\x9d\xc3",			/* mov eax, imm32 */
		"\x48\xb8\x9c\x58\x9c\x58\x50\x9d\x50\x9d\xc3",	/* mov rax, imm64 */
		"\x8b\x80\x9c\x9c\x9d\x9d\xc3",			/* mov eax, [rax + disp32] */
		"\x8b\x40\x9c\xc3",				/* [rax + disp8] */
		"\x8b\x04\x9c\xc3",				/* SIB: [rsp + rbx * 4] */
		"\x69\xc0\x9c\x9c\x9c\x9c\xc3",			/* imul eax, eax, imm32 */
		"\x0f\x9c\xc0\x0f\x9d\xc1\xc3",			/* setl al, setge cl */
		"\x6a\x9c\x58\xc3",				/* push imm8 */
		"\x83\xc0\x9d\x73\x9c\xc3",			/* add eax, imm8; jae */
	};

	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		fresh(64);
		memset(page + 0x200, 0x90, 0x100);
		put(0x280, forms[i], strlen(forms[i]));
		code_scan_pairs(&scan, page);
		code_scan_flow(&scan, page, 0x280);
		EXPECT_NONE("an operand");
	}
}

Test(code_scan, branches)
{
	/* 100: jz 110 / call 120 / jmp 130, each with a PUSHF, and data behind the JMP */
	PUT(0x100, "\x74\x0e" "\xe8\x19\x00\x00\x00" "\xeb\x27" "\x9c\x9d\x9c");
	PUT(0x110, "\x9c\x58\xc3");
	PUT(0x120, "\x50\x9d\xc3");
	PUT(0x130, "\x9c\xe2\xcd");	/* loop 100 */
	PUT(0x200, "\x9c\x58\xc3");	/* nobody goes there */
	cr_assert(code_scan_flow(&scan, page, 0x100));
	EXPECT("forward and back", 0x110, 0x121, 0x130);
	/* From behind: a branch back, of six bytes. */
	fresh(64);
	PUT(0x40, "\x9d\xc3");
	PUT(0x800, "\x0f\x84\x3a\xf8\xff\xff" "\xc3");
	cr_assert(code_scan_flow(&scan, page, 0x800));
	EXPECT("back", 0x40);
	/* Out of the page, before and behind. */
	fresh(64);
	PUT(0, "\x74\x80" "\xe8\x00\x20\x00\x00" "\xe9\x00\xf0\xff\xff");
	code_scan_flow(&scan, page, 0);
	EXPECT_NONE("targets on other pages");
}

Test(code_scan, flow_ends)
{
	static const char *const ends[] = {
		"\xc3", "\xc2\x08\x00", "\xcb", "\xcf", "\x48\xcf", "\xcc", "\xf1", "\x0f\x0b", "\xff\xe0", "\xff\x25\x00\x00\x00\x00",
		"\x0f\x05", "\x0f\x07", "\x0f\x35", "\xcd\x80", "\xff\x28", "\x0f\xb9\xc0", "\x06" /* undefined in 64-bit code */,
	};

	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		static const char *const zeros = "\xff\x25\x00\x00\x00\x00";
		size_t n = ends[i][0] == '\xff' && ends[i][1] == '\x25' ? 6 : ends[i][0] == '\xc2' ? 3 : strlen(ends[i]);

		fresh(64);
		put(0, n == 6 ? zeros : ends[i], n);
		put((unsigned)n, "\x9c\x9d\xc3", 3);
		code_scan_flow(&scan, page, 0);
		EXPECT_NONE("behind the end");
	}
	fresh(64);
	PUT(0, "\xf4\x9c\xfb\x9c\xff\xd0\x9c\xc3");	/* HLT, STI and an indirect CALL come back */
	code_scan_flow(&scan, page, 0);
	EXPECT("what comes back", 1, 3, 6);
	fresh(64);
	PUT(0, "\x0f\x01\xe8\x9c\xc3");	/* SERIALIZE */
	code_scan_flow(&scan, page, 0);
	EXPECT("behind SERIALIZE", 3);
}

Test(code_scan, cpuid)
{
	PUT(0x100, "\x0f\xa2\x2e\x0f\xa2\xb8\x0f\xa2\x0f\xa2\xf0\x0f\xa2\xc3");	/* bare, prefixed, an operand, locked */
	cr_assert(code_scan_flow(&scan, page, 0x100));
	EXPECT("first opcode bytes", 0x100, 0x103);
	fresh(64);
	PUT(0x100, "\x0f\xa2\xc3");
	memset(page, 0x90, 0x100);
	cr_assert(code_scan_pairs(&scan, page));
	EXPECT("certain, and not reached yet", 0x100);
	fresh(64);
	PUT(0x100, "\x0f\xa2\xc3");
	memset(page, 0xb8, 0x100);
	cr_assert_not(code_scan_pairs(&scan, page), "it could be an operand");
	fresh(64);
	PUT(PAGE_SIZE - 1, "\x0f");
	code_scan_flow(&scan, page, PAGE_SIZE - 1);
	EXPECT_NONE("not whole on this page");
}

Test(code_scan, ends_of_the_page)
{
	memset(page, 0x90, sizeof(page));
	page[0] = 0x9c;
	page[PAGE_SIZE - 1] = 0x9d;
	cr_assert(code_scan_flow(&scan, page, 0));
	EXPECT("first and last byte", 0, PAGE_SIZE - 1);
	/* An instruction that goes on behind the page is not looked into. */
	fresh(64);
	PUT(PAGE_SIZE - 3, "\xb8\x9c\x9d");
	code_scan_flow(&scan, page, PAGE_SIZE - 3);
	EXPECT_NONE("mov eax, imm32 across the end");
	fresh(64);
	PUT(PAGE_SIZE - 1, "\x66");
	page[0] = 0x9c;
	code_scan_flow(&scan, page, PAGE_SIZE - 1);
	EXPECT_NONE("a prefix at the end");
	cr_assert(code_scan_add(&scan, 0));
	cr_assert_not(code_scan_add(&scan, 0));
	EXPECT("its opcode on the next page", 0);
}

Test(code_scan, disputed_byte_is_no_site)
{
	/* mov eax, imm32 whose operand somebody jumps into. */
	PUT(0x100, "\xb8\x90\x9c\x58\xc3\xc3");
	cr_assert(code_scan_flow(&scan, page, 0x101));
	EXPECT("known as an opcode only", 0x102);
	cr_assert(code_scan_flow(&scan, page, 0x100), "the site goes");
	EXPECT_NONE("known as both");
	cr_assert_not(code_scan_flow(&scan, page, 0x102));
	EXPECT_NONE("for good");
	/* The same PUSHF with and without its prefix is no dispute. */
	fresh(64);
	PUT(0x100, "\x66\x9c\xc3");
	code_scan_flow(&scan, page, 0x101);
	code_scan_flow(&scan, page, 0x100);
	EXPECT("entered behind the prefix", 0x101);
}

/* Code as a compiler makes it, with a pair in the middle and nothing known of it. */
static const char body[] =
	"\x55\x48\x89\xe5\x53\x48\x83\xec\x18\x48\x8b\x05\x00\x10\x20\x00\x48\x89\x45\xe8\x31\xc0\x85\xff\x0f\x88\x10\x00\x00\x00"
	"\x48\x63\xff\x48\x8b\x1c\xfd\x00\x20\x30\x00\x48\x89\xd8\x48\xc1\xe8\x0c\x83\xe0\x01\x84\xc0\x75\x05\xe8\x10\x00\x00\x00";

static void fill(unsigned from, unsigned to)
{
	for (unsigned at = from; at + sizeof(body) - 1 <= to; at += sizeof(body) - 1)
		put(at, body, sizeof(body) - 1);
}

Test(code_scan, pairs_in_code_that_nobody_has_reached)
{
	fill(0x300, 0x3f0);
	PUT(0x3f0, "\x9c\x58" "\x50\x9d" "\x9c\x41\x5f" "\x41\x57\x9d" "\xc3");
	cr_assert(code_scan_pairs(&scan, page));
	EXPECT("pairs", 0x3f0, 0x3f3, 0x3f4, 0x3f9);
	/* pushf; pop [rax + 0x90] and the like */
	fresh(64);
	fill(0x300, 0x3f0);
	PUT(0x3f0, "\x9c\x8f\x80\x90\x00\x00\x00" "\xff\xb0\x90\x00\x00\x00\x9d" "\x6a\x00\x9d" "\x68\x9c\x58\x00\x00\x9d" "\xc3");
	cr_assert(code_scan_pairs(&scan, page));
	EXPECT("pairs with memory and numbers", 0x3f0, 0x3fd, 0x400, 0x406);
	/* addq $8, (%rsp); pushf; mov %cs, %eax; push %rax, and pushf; push $0x10 */
	fresh(64);
	fill(0x300, 0x3f0);
	PUT(0x3f0, "\x48\x83\x04\x24\x08\x9c\x8c\xc8\x50" "\x9c\x6a\x10" "\xc3");
	cr_assert(code_scan_pairs(&scan, page));
	EXPECT("frames for IRET", 0x3f5, 0x3f9);
	fresh(64);
	fill(0x300, 0x3f0);
	PUT(0x3f0, "\x9c\xfa\x90\x9d\xc3");
	cr_assert(code_scan_pairs(&scan, page));
	EXPECT("save and disable, where POPF is for the flow to find", 0x3f0);
	/* Not alone, and not where only some ways lead there. */
	fresh(64);
	fill(0x300, 0x3f0);
	PUT(0x3f0, "\x9c\x0e\x9d\x31\xc0\x9c\xc3");
	cr_assert_not(code_scan_pairs(&scan, page));
	EXPECT_NONE("single ones");
	fresh(64);
	fill(0x300, 0x3f0);
	PUT(0x3f0, "\xb8\x9c\x58\x50\x9d\xc3");
	code_scan_pairs(&scan, page);
	EXPECT_NONE("the operand of MOV");
	fresh(64);
	PUT(2, "\x9c\x58\xc3");
	code_scan_pairs(&scan, page);
	EXPECT_NONE("too near to the start of the page to know");
}

/* A table of words full of the bytes: nothing leads into step there, so nothing is taken. */
Test(code_scan, tables_of_numbers)
{
	unsigned sites = 0, pairs = 0;

	srandom(1);
	for (unsigned n = 0; n < 300; n++) {
		for (unsigned i = 0; i < PAGE_SIZE; i++)
			page[i] = (uint8_t)(random() >> 8);
		for (unsigned i = 0; i < 32; i++)
			memcpy(page + 64 + random() % 4000, random() & 1 ? "\x9c\x58" : "\x50\x9d", 2);
		code_scan_init(&scan, 64);
		code_scan_pairs(&scan, page);
		sites += code_scan_count(&scan);
		pairs += 32;
	}
	cr_assert_leq(sites * 100, pairs * 12, "%u of %u pairs of noise", sites, pairs);
}

/* Whatever the page holds: sites are 9C or 9D, and decoding terminates. */
Test(code_scan, noise)
{
	srandom(2);
	for (unsigned n = 0; n < 300; n++) {
		code_scan_init(&scan, n % 3 == 0 ? 16 : n % 3 == 1 ? 32 : 64);
		for (unsigned i = 0; i < PAGE_SIZE; i++)
			page[i] = random() % 5 ? (uint8_t)(random() >> 8) : (uint8_t)(0x9c | (random() & 1));
		for (unsigned i = 0; i < 20; i++)
			code_scan_flow(&scan, page, (unsigned)random() % PAGE_SIZE);
		for (unsigned o = 0; o < PAGE_SIZE; o++)
			cr_assert(!code_bit(scan.site, o) || (page[o] | 1) == 0x9d || (page[o] == 0x0f && page[o + 1] == 0xa2));
	}
}
