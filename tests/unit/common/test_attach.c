// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The attach handshake: both messages as sent, and everything that a hostile peer can send instead. No descriptor
 * leaks.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/attach.h"
#include "proto/attach.pb-c.h"
#include "tests/wait.h"

#define DEADLINE test_wait_ms()

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	cr_assert_not_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void make_pair(int sock[2])
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
}

/* Send bytes with n descriptors, all of them copies of standard error, in one or two control messages. */
static void send_raw(int sock, const void *bytes, size_t size, unsigned nfds)
{
	union {
		char bytes[CMSG_SPACE(64 * sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	unsigned i;

	if (nfds) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		for (i = 0; i < nfds; i++)
			((int *)(void *)CMSG_DATA(c))[i] = 2;
	}
	cr_assert_eq(sendmsg(sock, &msg, MSG_NOSIGNAL), (ssize_t)size);
}

static size_t pack_hello(uint8_t *out, const char *name)
{
	Shadowpool__AttachHello m;
	char copy[128];

	shadowpool__attach_hello__init(&m);
	strcpy(copy, name);
	m.protocol = ATTACH_PROTOCOL;
	m.vm_name = copy;
	m.nvcpu = 1;
	m.stub_entry = ~0ull;
	return shadowpool__attach_hello__pack(&m, out);
}

static size_t pack_welcome(uint8_t *out, const char *error)
{
	Shadowpool__AttachWelcome m;
	char copy[2048];

	shadowpool__attach_welcome__init(&m);
	strcpy(copy, error);
	m.protocol = ATTACH_PROTOCOL;
	m.epoch = 3;
	m.error = copy;
	return shadowpool__attach_welcome__pack(&m, out);
}

static int recv_hello(int sock)
{
	int fds[HELLO_NFDS], rc, i;
	struct attach_hello h;

	rc = attach_recv_hello(sock, &h, fds, DEADLINE);
	for (i = 0; !rc && i < HELLO_NFDS; i++)
		close(fds[i]);
	return rc;
}

static int recv_welcome(int sock)
{
	int fds[WELCOME_NFDS], rc, i;
	struct attach_welcome w;

	rc = attach_recv_welcome(sock, &w, fds, DEADLINE);
	for (i = 0; !rc && i < WELCOME_NFDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return rc;
}

Test(attach, hello_arrives_as_sent)
{
	struct attach_hello out = {
		.protocol = ATTACH_PROTOCOL, .layout_hash = 0x8000000000000001ull, .vm_id = 12, .vm_name = "tour-1",
		.nvcpu = 2, .nslots = 1024, .start_index = 0xfffffff0u, .last_epoch = ~0ull, .ram_low_end = 3ull << 30,
		.ram_high_end = 5ull << 30, .ram_maddr = 64ull << 30, .pool_maddr = 1ull << 30, .pool_bytes = 4u << 20,
		.pool_pages = ATTACH_PAGES_4K, .maxphyaddr = 46, .stub_slot = 271, .stub_entry = 0x1027, .audit = ATTACH_AUDIT_FULL,
		.poison = 77, .copies_maddr = 128ull << 30,
	}, in;
	int sock[2], fds[HELLO_NFDS], got[HELLO_NFDS], i;
	uint64_t value;

	make_pair(sock);
	for (i = 0; i < HELLO_NFDS; i++)
		fds[i] = eventfd((unsigned)i + 1, EFD_CLOEXEC);
	memset(&in, 0xff, sizeof(in));
	cr_assert_eq(attach_send_hello(sock[0], &out, fds), 0);
	cr_assert_eq(attach_recv_hello(sock[1], &in, got, DEADLINE), 0);
	cr_assert_str_eq(in.vm_name, "tour-1");
#define SAME(field) cr_assert_eq(in.field, out.field, #field)
	SAME(protocol); SAME(layout_hash); SAME(vm_id); SAME(nvcpu); SAME(nslots); SAME(start_index); SAME(last_epoch);
	SAME(ram_low_end); SAME(ram_high_end); SAME(ram_maddr); SAME(pool_maddr); SAME(pool_bytes); SAME(pool_pages);
	SAME(maxphyaddr); SAME(stub_slot); SAME(stub_entry); SAME(audit); SAME(poison); SAME(copies_maddr);
#undef SAME
	for (i = 0; i < HELLO_NFDS; i++) {
		cr_assert_eq(read(got[i], &value, sizeof(value)), sizeof(value));
		cr_assert_eq(value, (uint64_t)i + 1, "descriptors keep their order");
		cr_assert(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
		cr_assert_geq(fcntl(fds[i], F_GETFD), 0, "what was sent stays the sender's");
	}
}

Test(attach, welcome_arrives_as_sent_and_an_error_brings_no_descriptors)
{
	struct attach_welcome out = {
		.protocol = ATTACH_PROTOCOL, .layout_hash = 5, .epoch = 1ull << 63, .pool_bytes = 1u << 30,
		.pool_pages = ATTACH_PAGES_2M, .stats_bytes = 8192, .extensions = 5,
	}, in;
	int sock[2], fds[WELCOME_NFDS] = { 2, 2, 2, 2 }, got[WELCOME_NFDS];

	make_pair(sock);
	cr_assert_eq(attach_send_welcome(sock[0], &out, fds), 0);
	cr_assert_eq(attach_recv_welcome(sock[1], &in, got, DEADLINE), 0);
	cr_assert(in.protocol == out.protocol && in.layout_hash == out.layout_hash && in.epoch == out.epoch &&
		  in.pool_bytes == out.pool_bytes && in.pool_pages == out.pool_pages && in.stats_bytes == out.stats_bytes && in.extensions == out.extensions);
	cr_assert_str_empty(in.error);
	cr_assert_geq(got[WELCOME_NFDS - 1], 0);

	memset(out.error, 'e', sizeof(out.error));	/* no end: cut, not overrun */
	cr_assert_eq(attach_send_welcome(sock[0], &out, fds), 0);
	cr_assert_eq(attach_recv_welcome(sock[1], &in, got, DEADLINE), 0);
	cr_assert_eq(strlen(in.error), sizeof(in.error) - 1);
	cr_assert_eq(got[0], -1);
	cr_assert_eq(got[WELCOME_NFDS - 1], -1);
}

Test(attach, too_few_or_too_many_descriptors_are_refused_and_closed)
{
	static const unsigned counts[] = { 0, 1, 3, 5, 8, 9, 16, 17, 40 };
	uint8_t hello[256], welcome[256];
	size_t hello_size = pack_hello(hello, "vm"), welcome_size = pack_welcome(welcome, "");
	int sock[2], before;
	unsigned i;

	make_pair(sock);
	before = count_fds();
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		send_raw(sock[0], hello, hello_size, counts[i]);
		cr_assert_eq(recv_hello(sock[1]), -EPROTO, "HELLO with %u descriptors", counts[i]);
		send_raw(sock[0], welcome, welcome_size, counts[i]);
		cr_assert_eq(recv_welcome(sock[1]), -EPROTO, "WELCOME with %u descriptors", counts[i]);
		cr_assert_eq(count_fds(), before);
	}
	send_raw(sock[0], hello, hello_size, HELLO_NFDS);
	cr_assert_eq(recv_hello(sock[1]), 0);
}

Test(attach, error_welcome_with_descriptors_is_refused)
{
	uint8_t welcome[256];
	size_t size = pack_welcome(welcome, "no hugepages");
	int sock[2], before;

	make_pair(sock);
	before = count_fds();
	send_raw(sock[0], welcome, size, WELCOME_NFDS);
	cr_assert_eq(recv_welcome(sock[1]), -EPROTO);
	cr_assert_eq(count_fds(), before);
	send_raw(sock[0], welcome, size, 0);
	cr_assert_eq(recv_welcome(sock[1]), 0);
}

Test(attach, cut_and_garbled_messages_never_harm)
{
	uint8_t hello[256], garbled[256];
	size_t size = pack_hello(hello, "vm"), i;
	int sock[2], before, rc;
	uint32_t random = 1;

	make_pair(sock);
	before = count_fds();
	for (i = 1; i < size; i++) {
		send_raw(sock[0], hello, i, HELLO_NFDS);
		rc = recv_hello(sock[1]);
		cr_assert(rc == 0 || rc == -EPROTO, "cut at %zu: %d", i, rc);
	}
	for (i = 0; i < 3000; i++) {
		memcpy(garbled, hello, size);
		random = random * 1664525 + 1013904223;
		garbled[(random >> 8) % size] = (uint8_t)(random >> 24);
		random = random * 1664525 + 1013904223;
		garbled[(random >> 8) % size] ^= (uint8_t)(1u << (random >> 29));
		send_raw(sock[0], garbled, size, HELLO_NFDS);
		rc = recv_hello(sock[1]);
		cr_assert(rc == 0 || rc == -EPROTO, "%zu: %d", i, rc);
	}
	memset(garbled, 0xff, sizeof(garbled));
	send_raw(sock[0], garbled, sizeof(garbled), HELLO_NFDS);
	cr_assert_eq(recv_hello(sock[1]), -EPROTO);
	cr_assert_eq(count_fds(), before);
}

Test(attach, message_longer_than_the_limit_is_refused)
{
	static uint8_t big[ATTACH_MAX_MESSAGE + 64];
	size_t size = pack_hello(big, "vm");
	int sock[2], before;

	make_pair(sock);
	before = count_fds();
	/* An unknown field fills the rest, so that the part that fits would decode. */
	big[size] = 99 << 3 & 0x7f;
	send_raw(sock[0], big, sizeof(big), HELLO_NFDS);
	cr_assert_eq(recv_hello(sock[1]), -EPROTO);
	cr_assert_eq(count_fds(), before);
}

Test(attach, names_and_errors_are_short_and_printable)
{
	static const char *const names[] = {
		"123456789012345678901234567890123", "a\nb", "\x1b[2J", "caf\xc3\xa9", "\x7f",
	};
	char error[600];
	uint8_t bytes[1024];
	int sock[2];
	unsigned i;

	make_pair(sock);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		send_raw(sock[0], bytes, pack_hello(bytes, names[i]), HELLO_NFDS);
		cr_assert_eq(recv_hello(sock[1]), -EPROTO, "name %u", i);
		if (i > 0) {
			send_raw(sock[0], bytes, pack_welcome(bytes, names[i]), 0);
			cr_assert_eq(recv_welcome(sock[1]), -EPROTO, "error %u", i);
		}
	}
	send_raw(sock[0], bytes, pack_hello(bytes, "12345678901234567890123456789012"), HELLO_NFDS);
	cr_assert_eq(recv_hello(sock[1]), 0);
	memset(error, 'x', sizeof(error));
	error[512] = 0;
	send_raw(sock[0], bytes, pack_welcome(bytes, error), 0);
	cr_assert_eq(recv_welcome(sock[1]), -EPROTO);
}

Test(attach, silence_ends_by_the_deadline_and_hang_up_at_once)
{
	int sock[2], fds[HELLO_NFDS] = { 2, 2, 2, 2 };
	struct attach_hello h = { .protocol = ATTACH_PROTOCOL };

	make_pair(sock);
	cr_assert_eq(attach_recv_hello(sock[1], &h, fds, 20), -ETIMEDOUT);
	send_raw(sock[0], "", 0, 3);
	cr_assert_eq(attach_recv_hello(sock[1], &h, fds, DEADLINE), -ENOTCONN, "a packet of no bytes");
	close(sock[0]);
	cr_assert_eq(attach_recv_hello(sock[1], &h, fds, DEADLINE), -ENOTCONN);
	cr_assert_eq(attach_send_hello(sock[1], &h, (int[HELLO_NFDS]){ 2, 2, 2, 2 }), -ENOTCONN);
}

Test(attach, what_follows_the_handshake_is_quiesce_or_refused)
{
	static const uint8_t other[] = { 0x08, 0x02 }, quiesce[] = { 0x08, 0x01 };
	int sock[2];

	make_pair(sock);
	cr_assert_eq(attach_send_quiesce(sock[0]), 0);
	cr_assert_eq(attach_recv_quiesce(sock[1]), 0);
	send_raw(sock[0], other, sizeof(other), 0);
	cr_assert_eq(attach_recv_quiesce(sock[1]), -EPROTO, "another kind");
	send_raw(sock[0], quiesce, sizeof(quiesce), 1);
	cr_assert_eq(attach_recv_quiesce(sock[1]), -EPROTO, "with a descriptor");
	send_raw(sock[0], "\xff\xff\xff", 3, 0);
	cr_assert_eq(attach_recv_quiesce(sock[1]), -EPROTO, "no message");
	cr_assert_eq(attach_recv_quiesce(sock[1]), -ETIMEDOUT, "silence");
	close(sock[0]);
	cr_assert_eq(attach_recv_quiesce(sock[1]), -ENOTCONN);
	cr_assert_eq(attach_send_quiesce(sock[1]), -ENOTCONN);
}
