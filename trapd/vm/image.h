/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Load a VM's image and put vCPU 0 into the state that the image's boot protocol demands. */
#ifndef SHADOWPOOL_TRAPD_IMAGE_H
#define SHADOWPOOL_TRAPD_IMAGE_H

#include <stddef.h>

struct vm;

/* Returns 0, or -errno with one line (cause and remedy) in err. Thread: control, before vm_start(). */
int image_load(struct vm *vm, char *err, size_t err_size);

#endif
