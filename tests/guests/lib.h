/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every guest needs: console, verdicts, command line, frames. Compiled twice, for 32-bit and for 64-bit code; both
 * share struct boot_info (boot.S), nothing else. Runs as the guest's kernel, polls the UART, never enables interrupts.
 */
#ifndef GUEST_LIB_H
#define GUEST_LIB_H

#include "tests/guests/cpu.h"

/* What survives from the loader and between the two halves of an image. At most 1024 bytes (boot.S). */
struct boot_info {
	uint64_t ram_end;	/* bytes of RAM from 0 that may be used: the first run above 1 MiB, 768 MiB at most */
	uint64_t frame_next;	/* the frame allocator: next free byte, page aligned */
	char cmdline[512];
	char name[64];
	uint64_t multiboot;	/* address of the loader's information structure */
};
extern struct boot_info boot_info;

/* Printed text goes to the 16550 at 0x3f8. Formats: %s %c %d %u %x, with l and ll, width and 0, as in C. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* End the VM: the debug-exit port takes the exit code, 0 to 255. Does not return. */
void guest_exit(int code) __attribute__((noreturn));
/* Print "FAILED: ..." and exit 1. */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Stop with file, line and both values unless they are equal. Values are printed in hex. */
#define EXPECT_EQ(got, expected, what)	expect_eq((uint64_t)(got), (uint64_t)(expected), what, __FILE__, __LINE__)
void expect_eq(uint64_t got, uint64_t expected, const char *what, const char *file, int line);

/* Number after "key=" in the command line (decimal, or hex after 0x), or fallback. */
uint64_t cmdline_number(const char *key, uint64_t fallback);

/* A page of RAM, filled with zeros, never given back. Stops the guest when RAM is used up. Needs it mapped at its address. */
void *frame_alloc(void);
/* n bytes (a multiple of 4096) that begin at a multiple of align. Not cleared. */
void *frame_alloc_run(unsigned long n, unsigned long align);

/* CPUID answers that the guests ask for, each looked up once. */
bool cpu_has_nx(void);		/* 80000001 EDX 20 */
bool cpu_has_1g(void);		/* 80000001 EDX 26 */
bool cpu_has_smep(void);	/* 7 EBX 7 */
bool cpu_has_smap(void);	/* 7 EBX 20 */
bool cpu_has_pse36(void);	/* 1 EDX 17 */
unsigned cpu_maxphyaddr(void);	/* 80000008 EAX 7:0; 36 without that leaf */
/* QEMU's TCG, which is known to differ from CPUs in a few places. */
bool cpu_is_tcg(void);

/* 64-bit xorshift generator; *state must not be 0. */
uint64_t random_next(uint64_t *state);

void *memset(void *to, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* The 64-bit half of an image that has one: named by its 32-bit half, entered by long_enter. */
void guest_main64(void);

#if defined(__x86_64__)
/* Give U=1 to the pages from start to end, both page aligned, of the tables of long_enter_identity, in use. */
void identity_open_user(const void *start, const void *end);
#endif

#if defined(__i386__)
/* Reads what the loader left; called by boot.S before guest_main. */
void boot_read(uint32_t magic, uint32_t info);
/* Each guest's own 32-bit entry; the value returned is the exit code. */
int guest_main(void);
/* Leave unpaged 32-bit code for long mode. efer: bits besides LME. Never comes back; main64's return means exit code 0. */
void long_enter(uint32_t cr3, uint32_t efer, void (*main64)(void)) __attribute__((noreturn));
/* Set CR4, load CR3, switch paging on with CR0.WP; code must lie at the same address before and after. */
void paging_on(unsigned long cr3, unsigned long cr4);
/* Switch paging off, and SMEP and SMAP. */
void paging_off(void);
/* Rights of the 4 KiB page at, in identity tables: P, W, and U for the image's user pages. */
uint32_t page_rights(uint32_t at);
/* 32-bit identity tables: the first 4 MiB by 4 KiB pages with page_rights, the rest of the RAM by 4 MiB pages. Needs PSE. */
uint32_t *identity_legacy_build(void);
/* Build supervisor identity tables of 2 MiB pages over all RAM (boot_info.ram_end) and enter long mode there. */
void long_enter_identity(uint32_t efer, void (*main64)(void)) __attribute__((noreturn));
#endif

#endif
