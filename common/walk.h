/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One walker for all guest paging modes, driven by a table of levels: unpaged, 32-bit (4 KiB, 4 MiB with PSE-36),
 * PAE, and 4-level paging (4 KiB, 2 MiB, 1 GiB).
 * Source: SDM vol. 3A 4.3 to 4.7, APM vol. 2 5.2 to 5.6.
 */
#ifndef SHADOWPOOL_COMMON_WALK_H
#define SHADOWPOOL_COMMON_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/guest_ram.h"

enum walk_paging { WALK_UNPAGED, WALK_32BIT, WALK_PAE, WALK_4LEVEL };

/* What the address translation depends on. Filled by walk_mode_from_cr() and by callers that know better (pdpte, ac). */
struct walk_mode {
	enum walk_paging paging;
	bool pse;		/* CR4.PSE, 32-bit paging only */
	bool wp;		/* CR0.WP */
	bool nxe;		/* EFER.NXE, PAE and 4-level only */
	bool smep;
	bool smap;		/* CR4.SMAP */
	bool ac;		/* RFLAGS.AC: lifts SMAP for explicit supervisor accesses */
	bool pge;
	uint8_t maxphyaddr;	/* physical-address width in bits, 36 to 52 */
	uint64_t cr3;
	uint64_t pdpte[4];	/* PAE: the four PDPTE registers, as loaded at the last CR3 load */
};

#define WALK_WRITE	(1u << 0)
#define WALK_FETCH	(1u << 1)
#define WALK_USER	(1u << 2)	/* access at CPL 3 */
#define WALK_IMPLICIT	(1u << 3)	/* implicit supervisor access (GDT, IDT, TSS): SMAP applies whatever AC is */
#define WALK_SET_AD	(1u << 4)	/* set A, and D on a write, by compare-and-swap: the walk of a real access */
#define WALK_PROBE	(1u << 5)	/* check no permissions at all, set nothing: inspection only */

struct walk_result {
	uint64_t gpa;		/* translated address, page offset included; valid on success */
	uint64_t entry[4];	/* guest entries as read (after A/D were set), top level first; 4-byte entries zero-extended */
	uint64_t entry_gpa[4];	/* where each was read; for PAE PDPTE registers ~0 */
	uint8_t nentries;	/* valid entries of the two arrays, 0 to 4 */
	uint8_t page_shift;	/* log2 of the guest page size: 12, 21, 22, 30; 12 when unpaged */
	bool writable;		/* W of every level ANDed (PAE PDPTE and unpaged: 1) */
	bool user;		/* U of every level ANDed */
	bool nx;		/* NX of any level */
	bool ad_changed;	/* some A or D bit was newly set by this walk */
	uint32_t error_code;	/* on -EFAULT: as a CPU would push it for this access */
};

/*
 * Derive the mode from register values. cr0, cr4, efer, cr3 as the guest loaded them; rflags for AC.
 * maxphyaddr is CPUID's. pdpte[] is left untouched: the caller loads it (walk_load_pdptes) when it loads CR3.
 */
void walk_mode_from_cr(struct walk_mode *mode, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer, uint64_t rflags,
		       uint8_t maxphyaddr);

/*
 * Read the four PAE PDPTEs at CR3 & ~31. Returns 0; -EINVAL if a present one has a reserved bit set (#GP at the load,
 * SDM vol. 3A 4.4.1); outside RAM they read as all ones and so are -EINVAL too. out is written only on success.
 */
int walk_load_pdptes(const struct guest_ram *ram, uint64_t cr3, uint8_t maxphyaddr, uint64_t out[4]);

/*
 * Walk the guest's tables for one address, as the CPU does.
 * gva      guest-virtual (linear) address, any alignment; canonical in 4-level mode; truncated to 32 bits otherwise
 * access   any combination of WALK_*
 * Returns 0 and fills *out; -EFAULT with out->error_code as a CPU would push it and the entries read so far;
 *          -EINVAL for a non-canonical gva in 4-level mode or a fetch that is also a write;
 *          -EAGAIN if entries kept changing under WALK_SET_AD: let the guest run on, it takes the fault again.
 * A guest table outside RAM reads as all ones. Each entry is loaded once, atomically; with WALK_SET_AD an entry that
 * changed under the compare-and-swap restarts the walk (bounded; SDM vol. 3A 4.8).
 * Thread: any. Takes no lock. Without WALK_SET_AD the RAM mapping may be read-only.
 */
int walk_guest(const struct guest_ram *ram, const struct walk_mode *mode, uint64_t gva, uint32_t access,
	       struct walk_result *out);

/*
 * One paging level as data. index_shift and index_bits cut the gva; entry_size is 4 or 8 bytes; large_shift is log2 of
 * the page that PS selects at this level, 0 if PS is reserved or ignored there.
 */
struct walk_level {
	uint8_t level;		/* 1 PT, 2 PD, 3 PDPT, 4 PML4 */
	uint8_t index_shift;
	uint8_t index_bits;
	uint8_t entry_size;
	uint8_t large_shift;
};

/* Levels of a paging mode, top first; *count gets their number (0 when unpaged). PAE's PDPTE registers count as a level. */
const struct walk_level *walk_levels(enum walk_paging paging, unsigned *count);

/*
 * Reserved bits of an entry (present or not; meaningful for present ones) in this mode. large: PS is set and honoured.
 * Source: SDM vol. 3A tables 4-4 to 4-6, 4-8 to 4-11, 4-15 to 4-20.
 */
uint64_t walk_reserved_bits(const struct walk_mode *mode, unsigned level, bool large);

/* Base gpa of the large page that entry maps at this level (PSE-36 included for 32-bit PDEs). */
uint64_t walk_large_base(enum walk_paging paging, unsigned level, uint64_t entry);

#endif
