/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attach handshake over a UNIX SEQPACKET socket: one protobuf message (proto/attach.proto) with descriptors
 * (SCM_RIGHTS) each way; afterwards the socket's hang-up is the detach. Blocking with a deadline: used from a vCPU
 * thread and from poold's per-link thread, never from a main loop.
 */
#ifndef SHADOWPOOL_COMMON_ATTACH_H
#define SHADOWPOOL_COMMON_ATTACH_H

#include <stddef.h>
#include <stdint.h>

#include "common/link.h"

#define ATTACH_PROTOCOL		2u
#define ATTACH_MAX_MESSAGE	4096u
#define ATTACH_MAX_FDS		8u

/*
 * Order of descriptors in HELLO and WELCOME. The header of link-t carries last_epoch of the hello, since trapd writes
 * it before poold has named the new one; the header of link-p carries the new epoch. stats-p begins with the pool's
 * counters in the order of enum pool_stat; stats-t may have any size up to ATTACH_MAX_STATS.
 */
#define ATTACH_MAX_STATS	(1u << 20)
enum attach_hello_fd { HELLO_FD_LINK_T, HELLO_FD_RAM, HELLO_FD_STATS_T, HELLO_FD_EVENT, HELLO_NFDS };
enum attach_welcome_fd { WELCOME_FD_LINK_P, WELCOME_FD_POOL, WELCOME_FD_PAGE_STATE, WELCOME_FD_STATS_P, WELCOME_NFDS };

#define ATTACH_AUDIT_OFF	0u
#define ATTACH_AUDIT_CHEAP	1u	/* cheap after every request, full after every 64th */
#define ATTACH_AUDIT_FULL	2u	/* full after every request */

#define ATTACH_PAGES_AUTO	0u	/* 2 MiB pages, or 4 KiB ones when there are too few */
#define ATTACH_PAGES_2M		1u
#define ATTACH_PAGES_4K		2u

/* What trapd asks for. Checked against poold's own limits. */
struct attach_hello {
	uint32_t protocol;
	uint64_t layout_hash;
	uint64_t vm_id;
	char vm_name[33];
	uint32_t nvcpu, nslots, start_index;
	uint64_t last_epoch;		/* 0: first attach */
	uint64_t ram_low_end, ram_high_end;	/* struct guest_ram */
	uint64_t ram_maddr;		/* machine address of gpa 0 */
	uint64_t pool_maddr;		/* machine address of the pool window */
	uint64_t copies_maddr;		/* that of gpa 0 in the window of copies, which is as large as RAM's; 0: there is none */
	uint64_t pool_bytes;		/* 0: poold's default for this RAM size */
	uint32_t pool_pages;		/* ATTACH_PAGES_* */
	uint32_t maxphyaddr;
	uint32_t stub_slot;		/* PML4 index reserved in every root */
	uint64_t stub_entry;		/* the PML4 entry to copy there */
	uint32_t audit;			/* ATTACH_AUDIT_* */
	bool untimed;			/* no durations of the pool's operations are taken */
	uint64_t poison;		/* test hook, 0 off: break the n-th leaf that is installed (refused unless poold has allow-inject) */
};

/* What poold answers. error: empty, or one line that says why not and what to do; then nothing else is valid. */
struct attach_welcome {
	uint32_t protocol;
	uint64_t layout_hash;
	uint64_t epoch;
	uint64_t pool_bytes;
	uint32_t pool_pages;		/* ATTACH_PAGES_2M or _4K: what it really is */
	uint64_t stats_bytes;
	uint32_t extensions;	/* of the write policy, WRITE_EXT_* (common/write_class.h) */
	char error[512];
};

/*
 * Send one message with its descriptors / receive one. Receive: nfds is what is expected; more or fewer descriptors, a
 * truncated or undecodable message: -EPROTO and every received descriptor is closed. deadline_ms bounds the wait
 * (-ETIMEDOUT). -ENOTCONN on hang-up. Sent descriptors stay the caller's; received ones belong to the caller (CLOEXEC).
 */
int attach_send_hello(int sock, const struct attach_hello *h, const int fds[HELLO_NFDS]);
int attach_recv_hello(int sock, struct attach_hello *h, int fds[HELLO_NFDS], int deadline_ms);
/* A welcome with an error carries no descriptors. */
int attach_send_welcome(int sock, const struct attach_welcome *w, const int fds[WELCOME_NFDS]);
int attach_recv_welcome(int sock, struct attach_welcome *w, int fds[WELCOME_NFDS], int deadline_ms);

/*
 * After the handshake, poold to trapd: stop every vCPU at its trap, and send AUDIT when they stand. Sending never waits: 0,
 * -EAGAIN (the peer does not read), -ENOTCONN. Receiving: 0; -EPROTO: anything else, or with descriptors; -ENOTCONN.
 */
int attach_send_quiesce(int sock);
int attach_recv_quiesce(int sock);

#endif
