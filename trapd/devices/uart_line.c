/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's end of a serial line, see uart_line.h. In trapd, on the vCPU threads under the bus lock. The descriptors are
 * shared with whoever gave them, so their flags are left alone and readiness is asked for before each call.
 */
#include "trapd/devices/uart_line.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define OUT_BYTES	(64u << 10)
/*
 * Most that one write(2) gets. A pipe that polls writable takes PIPE_BUF bytes without blocking (pipe(7)), a terminal some
 * hundred.
 */
#define CHUNK_BYTES	256u
#define LAST_FLUSH_MS	1000

struct uart_line {
	int in_fd, out_fd;		/* -1 once the side is gone */
	uint32_t in_pos, in_len;
	uint32_t out_head, out_count;
	uint8_t in[64];
	uint8_t out[OUT_BYTES];
};

int uart_line_create(struct uart_line **out, int in_fd, int out_fd)
{
	struct uart_line *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->in_fd = in_fd;
	l->out_fd = out_fd;
	*out = l;
	return 0;
}

/* 1: ready (or broken, which the call will tell), 0: not yet. */
static int fd_ready(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, timeout_ms) > 0;
}

int uart_line_input(const struct uart_line *l)
{
	return l->in_fd;
}

bool uart_line_get(struct uart_line *l, uint8_t *byte)
{
	ssize_t n;

	if (l->in_pos == l->in_len) {
		if (l->in_fd < 0 || !fd_ready(l->in_fd, POLLIN, 0))
			return false;
		n = read(l->in_fd, l->in, sizeof(l->in));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			return false;
		if (n <= 0) {
			l->in_fd = -1;		/* end of input */
			return false;
		}
		l->in_pos = 0;
		l->in_len = (uint32_t)n;
	}
	*byte = l->in[l->in_pos++];
	return true;
}

/* One write of what is kept; false if nothing went out now. */
static bool out_write_some(struct uart_line *l)
{
	uint32_t len = l->out_count < CHUNK_BYTES ? l->out_count : CHUNK_BYTES;
	ssize_t n;

	if (len > OUT_BYTES - l->out_head)
		len = OUT_BYTES - l->out_head;
	n = write(l->out_fd, l->out + l->out_head, len);
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno != EAGAIN) {
		/* EPIPE and the like: the reader is gone for good, the guest goes on without one. */
		l->out_fd = -1;
		l->out_count = 0;
		return false;
	}
	if (n <= 0)
		return false;
	l->out_head = (l->out_head + (uint32_t)n) % OUT_BYTES;
	l->out_count -= (uint32_t)n;
	return true;
}

bool uart_line_flush(struct uart_line *l)
{
	while (l->out_count && fd_ready(l->out_fd, POLLOUT, 0) && out_write_some(l))
		;
	return !l->out_count;
}

void uart_line_put(struct uart_line *l, uint8_t byte)
{
	if (l->out_fd < 0)
		return;
	if (l->out_count == OUT_BYTES && !uart_line_flush(l) && l->out_count == OUT_BYTES)
		return;
	if (l->out_fd < 0)
		return;
	l->out[(l->out_head + l->out_count++) % OUT_BYTES] = byte;
	uart_line_flush(l);
}

void uart_line_destroy(struct uart_line *l)
{
	int64_t end, left;

	if (!l)
		return;
	end = clock_ms() + LAST_FLUSH_MS;
	while (!uart_line_flush(l)) {
		left = end - clock_ms();
		if (left <= 0)
			break;
		fd_ready(l->out_fd, POLLOUT, (int)left);
	}
	free(l);
}
