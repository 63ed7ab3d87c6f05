/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images. Multiboot 1: ELF32, ELF64 by their program headers, flat ones by the header's address fields. Linux bzImages by the
 * 32-bit boot protocol. Sources: Multiboot Specification 0.6.96, sections 3.1 to 3.4; System V gABI chapters 4 and 5; Linux
 * Documentation/arch/x86/boot.rst.
 */
#ifndef SHADOWPOOL_TRAPD_LOADER_H
#define SHADOWPOOL_TRAPD_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/guest_ram.h"

#define MULTIBOOT_LOADER_MAGIC 0x2badb002u	/* in EAX at entry; Multiboot 3.2 */

#define LOADER_MODULES_MAX	64u
#define LOADER_CMDLINE_MAX	16384u	/* bytes, the 0 at the end included */

struct multiboot_module {
	const char *cmdline;		/* not NULL */
	const void *data;
	size_t size;
};

struct multiboot_entry {
	uint64_t entry;			/* EIP: a physical address; the image begins in 32-bit protected mode without paging */
	uint32_t info_gpa;		/* EBX: address of the information structure */
};

/*
 * Load a Multiboot image and its modules into RAM, which must be all zero and writable, and build the information structure. All
 * bytes of the image are hostile: everything is checked before the first byte is copied, and nothing is written outside RAM.
 * name: what messages call the image. cmdline: may be NULL. The data of a module may be NULL if its size is 0.
 * Returns 0 and fills *out; -ENOEXEC (not a Multiboot 1 image, or a broken one), -ENOMEM (does not fit into this RAM, or the
 * host has none), -EINVAL (command line or module list too long), with one line naming cause and remedy in err.
 * Thread: the control thread, before the VM runs.
 */
int multiboot_load(const struct guest_ram *ram, const void *image, size_t image_size, const char *name, const char *cmdline,
		   const struct multiboot_module *modules, unsigned nmodules, struct multiboot_entry *out, char *err,
		   size_t err_size);

/*
 * Where a bzImage begins: boot.rst, "32-bit Boot Protocol". CS is 0x10, the other segment registers 0x18, all of them flat; EBP,
 * EDI and EBX are 0.
 */
struct linux_entry {
	uint32_t entry;			/* EIP */
	uint32_t params_gpa;		/* ESI: the zero page */
	uint32_t gdt_gpa;
	uint16_t gdt_limit;
};

/* Does the image carry the magic of a setup header, "HdrS"? */
bool linux_is_image(const void *image, size_t size);
/*
 * Load a bzImage of boot protocol 2.02 or later and its initrd into RAM; rules and arguments are those of multiboot_load().
 * initrd: may be NULL; its cmdline is what messages call it. Returns 0 and fills *out, or an error of multiboot_load() with err.
 * Thread: the control thread, before the VM runs.
 */
int linux_load(const struct guest_ram *ram, const void *image, size_t image_size, const char *name, const char *cmdline,
	       const struct multiboot_module *initrd, struct linux_entry *out, char *err, size_t err_size);

#endif
