/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of a VM: which there are, what they are given, in which order they come and go. */
#ifndef SHADOWPOOL_TRAPD_PLATFORM_H
#define SHADOWPOOL_TRAPD_PLATFORM_H

struct vm;

/* Bus, device thread, interrupt controllers, devices. On failure platform_destroy() frees what there is. 0 or -errno. */
int platform_create(struct vm *vm);
/* Timers and watched descriptors begin to work. Before the vCPU threads start. 0 or -errno. */
int platform_start(struct vm *vm);
/* After the vCPU threads have ended. */
void platform_destroy(struct vm *vm);

#endif
