/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's end of a serial line: a descriptor for each direction, of any kind, which may block. No function here blocks but
 * uart_line_destroy(). Thread: one at a time (the bus lock). The process must ignore SIGPIPE.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_UART_LINE_H
#define SHADOWPOOL_TRAPD_DEVICES_UART_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct uart_line;

/*
 * A descriptor of -1: there is no such direction. Descriptors stay the caller's and must outlive the line. Returns 0 or -ENOMEM.
 */
int uart_line_create(struct uart_line **out, int in_fd, int out_fd);
/* Waits up to one second for output that is still kept to be taken by the other side. The line may be NULL. */
void uart_line_destroy(struct uart_line *l);
/* The descriptor to wait for input on, or -1 once there will never be any. */
int uart_line_input(const struct uart_line *l);
/* The next byte of input, if there is one at this moment. */
bool uart_line_get(struct uart_line *l, uint8_t *byte);
/*
 * Send a byte. Bytes that the other side does not take yet are kept, up to 64 KiB of them; a byte beyond that is lost, as on a
 * real line without handshake. Once the other side is closed or broken, every byte counts as taken.
 */
void uart_line_put(struct uart_line *l, uint8_t byte);
/* Try to send the bytes that are kept. True: none is left. */
bool uart_line_flush(struct uart_line *l);

#endif
