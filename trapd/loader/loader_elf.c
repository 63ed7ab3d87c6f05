/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF images: the loadable segments of an ELF32 or ELF64 file in one form. Reads the file, writes no RAM. Control thread.
 * Source: System V gABI chapter 4 (ELF header) and 5 (program header).
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "trapd/loader/loader_priv.h"

#define PHNUM_MAX 1024u		/* kernels have a dozen; the most that is read */

/* What the two classes have in common. */
struct elf_head {
	uint16_t type, machine, phentsize, phnum;
	uint64_t entry, phoff;
};

static void head32(const Elf32_Ehdr *e, struct elf_head *h)
{
	*h = (struct elf_head){ e->e_type, e->e_machine, e->e_phentsize, e->e_phnum, e->e_entry, e->e_phoff };
}

static void head64(const Elf64_Ehdr *e, struct elf_head *h)
{
	*h = (struct elf_head){ e->e_type, e->e_machine, e->e_phentsize, e->e_phnum, e->e_entry, e->e_phoff };
}

bool loader_is_elf(const struct loader_source *s)
{
	unsigned char ident[EI_NIDENT];

	return !loader_source_read(s, 0, ident, sizeof(ident), NULL) && !memcmp(ident, ELFMAG, SELFMAG);
}

static int head_read(struct loader *l, bool *is64, struct elf_head *h)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} u;
	int rc;

	rc = loader_source_read(l->image, 0, &u, sizeof(u.ident), l->err);
	if (rc)
		return rc;
	*is64 = u.ident[EI_CLASS] == ELFCLASS64;
	if ((!*is64 && u.ident[EI_CLASS] != ELFCLASS32) || u.ident[EI_DATA] != ELFDATA2LSB)
		return loader_error(l->err, -ENOEXEC, l->image, "ELF class %u, byte order %u: not an x86 image; build it for i386 "
				    "or x86-64", u.ident[EI_CLASS], u.ident[EI_DATA]);
	rc = loader_source_read(l->image, 0, &u, *is64 ? sizeof(u.e64) : sizeof(u.e32), l->err);
	if (rc)
		return rc;
	if (*is64)
		head64(&u.e64, h);
	else
		head32(&u.e32, h);
	return 0;
}

static int head_check(struct loader *l, bool is64, const struct elf_head *h)
{
	if (h->machine != (is64 ? EM_X86_64 : EM_386))
		return loader_error(l->err, -ENOEXEC, l->image, "ELF machine %u does not belong to an ELF%d x86 image; build it for "
				    "i386 or x86-64", h->machine, is64 ? 64 : 32);
	if (h->type != ET_EXEC)
		return loader_error(l->err, -ENOEXEC, l->image, "ELF type %u, not an executable at fixed addresses; link it "
				    "without -r, -shared and -pie", h->type);
	if (h->phnum == 0 || h->phnum > PHNUM_MAX || h->phentsize != (is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return loader_error(l->err, -ENOEXEC, l->image, "damaged ELF header: %u program headers of %u bytes; build it again",
				    h->phnum, h->phentsize);
	return 0;
}

/* Program header number i; *load tells whether it is to be loaded. */
static int segment_read(struct loader *l, bool is64, const struct elf_head *h, unsigned i, struct loader_segment *out,
			bool *load)
{
	union {
		Elf32_Phdr p32;
		Elf64_Phdr p64;
	} u;
	uint64_t offset = h->phoff + (uint64_t)i * h->phentsize;
	int rc;

	if (offset < h->phoff)
		return loader_error(l->err, -ENOEXEC, l->image, "damaged ELF header: program headers at %#llx; build it again",
				    (unsigned long long)h->phoff);
	rc = loader_source_read(l->image, offset, &u, h->phentsize, l->err);
	if (rc)
		return rc;
	if (is64) {
		*load = u.p64.p_type == PT_LOAD && u.p64.p_memsz;
		*out = (struct loader_segment){ u.p64.p_offset, u.p64.p_filesz, u.p64.p_paddr, u.p64.p_memsz, u.p64.p_vaddr };
	} else {
		*load = u.p32.p_type == PT_LOAD && u.p32.p_memsz;
		*out = (struct loader_segment){ u.p32.p_offset, u.p32.p_filesz, u.p32.p_paddr, u.p32.p_memsz, u.p32.p_vaddr };
	}
	return 0;
}

int loader_parse_elf(struct loader *l)
{
	struct loader_segment segment;
	struct elf_head h = { 0 };
	bool is64 = false, load = false;
	unsigned i;
	int rc;

	rc = head_read(l, &is64, &h);
	if (!rc)
		rc = head_check(l, is64, &h);
	for (i = 0; !rc && i < h.phnum; i++) {
		rc = segment_read(l, is64, &h, i, &segment, &load);
		if (rc || !load)
			continue;
		if (segment.file_size > segment.mem_size)
			return loader_error(l->err, -ENOEXEC, l->image, "damaged ELF program header %u: more bytes in the file than in "
					    "memory; build it again", i);
		if (l->nsegments == LOADER_SEGMENTS_MAX)
			return loader_error(l->err, -ENOEXEC, l->image, "more than %u segments; link it with fewer",
					    LOADER_SEGMENTS_MAX);
		l->segment[l->nsegments++] = segment;
	}
	if (rc)
		return rc;
	if (!l->nsegments)
		return loader_error(l->err, -ENOEXEC, l->image, "ELF file without a loadable segment; link it as a kernel");
	l->entry = h.entry;
	return 0;
}
