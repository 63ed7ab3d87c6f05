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

#define MULTIBOOT_LOADER_MAGIC 0x2badb002u	/* in EAX at entry */

#define LOADER_MODULES_MAX	64u
#define LOADER_CMDLINE_MAX	16384u	/* bytes, the 0 at the end included */

struct multiboot_module {
	const char *cmdline;		/* not NULL */
	const void *data;
	size_t size;
};

struct multiboot_entry {
	uint64_t entry;			/* EIP: physical, 32-bit protected mode, unpaged */
	uint32_t info_gpa;		/* EBX */
};

/*
 * Load image and modules into RAM (all zero before; ram->base writable) and build the information structure. All bytes of the
 * image are hostile: everything is checked before the first one is copied, and nothing is written outside RAM.
 * name: of the image, for messages. cmdline may be NULL; module data may be NULL if its size is 0.
 * Returns 0 and fills *out; -ENOEXEC (not a Multiboot 1 image, or a broken one), -ENOMEM (does not fit into this RAM, or the
 * host has none), -EINVAL (command line or module list too long), with one line naming cause and remedy in err.
 * Thread: the control thread, before the VM runs.
 */
int multiboot_load(const struct guest_ram *ram, const void *image, size_t image_size, const char *name, const char *cmdline,
		   const struct multiboot_module *modules, unsigned nmodules, struct multiboot_entry *out, char *err,
		   size_t err_size);

/* How to enter a bzImage: boot.rst, "32-bit Boot Protocol". CS 0x10, the others 0x18, flat; EBP, EDI and EBX are 0. */
struct linux_entry {
	uint32_t entry;			/* EIP */
	uint32_t params_gpa;		/* ESI: the zero page */
	uint32_t gdt_gpa;
	uint16_t gdt_limit;
};

/* Does it carry the magic of a setup header? */
bool linux_is_image(const void *image, size_t size);
/*
 * The same for a bzImage of boot protocol 2.02 or later. initrd may be NULL; its cmdline is its name in messages.
 * Returns 0 and fills *out, or as multiboot_load().
 */
int linux_load(const struct guest_ram *ram, const void *image, size_t image_size, const char *name, const char *cmdline,
	       const struct multiboot_module *initrd, struct linux_entry *out, char *err, size_t err_size);

#endif
