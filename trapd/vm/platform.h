/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The platform: which devices a VM has, what each is given, and in which order they are made and destroyed. */
#ifndef SHADOWPOOL_TRAPD_PLATFORM_H
#define SHADOWPOOL_TRAPD_PLATFORM_H

struct vm;

/*
 * Make the bus, the device thread, the interrupt controllers and the devices. Returns 0; or -errno, and platform_destroy() frees
 * what has been made. Thread: control.
 */
int platform_create(struct vm *vm);
/*
 * Start the device thread, and so timers and input. Called before the vCPUs' threads start. Returns 0 or -errno. Thread: control.
 */
int platform_start(struct vm *vm);
/* Free all of it. Called after the vCPUs' threads have ended. Thread: control. */
void platform_destroy(struct vm *vm);

#endif
