/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's end of a serial line: two descriptors, blocking or not, of any kind. No call blocks but uart_line_destroy().
 * Thread: one at a time (the bus lock). The process ignores SIGPIPE.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_UART_LINE_H
#define SHADOWPOOL_TRAPD_DEVICES_UART_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct uart_line;

/* -1: no such side. The descriptors stay the caller's and must outlive the line. 0 or -ENOMEM. */
int uart_line_create(struct uart_line **out, int in_fd, int out_fd);
/* Gives output that is still held back one second to leave. NULL is allowed. */
void uart_line_destroy(struct uart_line *l);
/* The descriptor to wait for input on, or -1 once there will never be any. */
int uart_line_input(const struct uart_line *l);
/* Next input byte, if there is one now. */
bool uart_line_get(struct uart_line *l, uint8_t *byte);
/*
 * Send a byte. What the other side does not take yet is kept, up to 64 KiB; then, as on a real line without handshake, the
 * byte is lost. A side that is closed or broken takes everything from then on.
 */
void uart_line_put(struct uart_line *l, uint8_t byte);
/* Try to send what is kept. True if nothing is left. */
bool uart_line_flush(struct uart_line *l);

#endif
