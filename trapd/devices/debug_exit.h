/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port by which a guest ends its VM with an exit code. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_DEBUG_EXIT_H
#define SHADOWPOOL_TRAPD_DEVICES_DEBUG_EXIT_H

struct bus;

/* Called with the bus lock held on the thread of the vCPU that wrote the code, 0 to 255. */
struct exit_line {
	void (*exit)(void *ctx, int code);
	void *ctx;
};

/* Port 0xf4: the low byte of what is written is the exit code. 0, -EEXIST, -ENOMEM. Control thread. */
int debug_exit_add(struct bus *b, const struct exit_line *line);

#endif
