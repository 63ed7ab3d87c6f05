/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multiboot 1 images: ELF32, ELF64 by their program headers, flat ones by the header's address fields.
 * Source: Multiboot Specification 0.6.96, sections 3.1 to 3.4.
 */
#ifndef SHADOWPOOL_TRAPD_LOADER_H
#define SHADOWPOOL_TRAPD_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "common/guest_ram.h"

#define MULTIBOOT_LOADER_MAGIC 0x2badb002u	/* in EAX at entry */

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
 * Load image and modules into RAM (all zero before) and build the information structure. cmdline may be NULL. All bytes of
 * image are hostile. 0; -EINVAL, -ENOEXEC (no multiboot image), -ENOMEM (does not fit) with one line (cause and remedy) in err.
 */
int multiboot_load(const struct guest_ram *ram, const void *image, size_t image_size, const char *name, const char *cmdline,
		   const struct multiboot_module *modules, unsigned nmodules, struct multiboot_entry *out, char *err,
		   size_t err_size);

#endif
