/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other side of a real poold, for tests: starts the process, attaches to it as trapd does (without KVM), keeps
 * guest RAM, builds long-mode tables in it and looks at the shadow entries that come out. Every wait is bounded.
 */
#ifndef SHADOWPOOL_TESTS_FAKE_TRAPD_H
#define SHADOWPOOL_TESTS_FAKE_TRAPD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/attach.h"
#include "common/link.h"
#include "common/memfd.h"
#include "common/write_class.h"
#include "common/x86.h"
#include "tests/integration/harness/harness.h"

/* Longest wait for anything here: ten seconds of an idle machine. */
#define FAKE_WAIT_MS	((int)(10000 * sp_scale()))
#define FAKE_RAM_MADDR	(64ull << 30)
#define FAKE_POOL_MADDR	(1ull << 30)
#define FAKE_RAM_BYTES	(16ull << 20)

/* Guest-physical layout that fake_tables() builds: gva FAKE_GVA + i * 4 KiB -> gpa FAKE_DATA + i * 4 KiB, i < 512. */
#define FAKE_PML4	0x1000ull
#define FAKE_PDPT	0x2000ull
#define FAKE_PD		0x3000ull
#define FAKE_PT		0x4000ull
#define FAKE_DATA	0x100000ull
#define FAKE_GVA	0x40000000ull

/* Ends the test, or the child of it that runs, with one line unless cond holds. */
#define CHECK(cond, ...) fake_check((cond), __FILE__, __LINE__, #cond, __VA_ARGS__)
void fake_check(bool ok, const char *file, int line, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

struct fake_poold {
	pid_t pid;
	int notify;			/* what it tells its service manager arrives here */
	char dir[64];			/* private; removed by fake_poold_remove */
	char attach[96], control[96], log[96];
};

/* A private directory below the test's, no process yet. */
void fake_poold_init(struct fake_poold *p);
/* Start poold --runtime-dir with up to three further arguments (NULL: none) and wait for its READY=1. */
void fake_poold_start(struct fake_poold *p, const char *a, const char *b, const char *c);
/* Send a signal (0: it is ending already) and wait for the end: the wait status. */
int fake_poold_end(struct fake_poold *p, int sig);
/* Does a message with word arrive within FAKE_WAIT_MS? */
bool fake_poold_notified(const struct fake_poold *p, const char *word);
void fake_poold_remove(struct fake_poold *p);
/* Does poold's log contain word? Waits for it up to FAKE_WAIT_MS. */
bool fake_poold_logged(const struct fake_poold *p, const char *word);

/* Connect to a SEQPACKET socket. */
int fake_connect(const char *path);

struct fake_trapd {
	int sock, eventfd;
	struct memfd link_t, ram, stats_t;
	struct memfd link_p, pool, page_state, stats_p;
	struct link_params params;
	struct attach_hello hello;	/* change it between _init and _attach */
	struct attach_welcome welcome;
	struct link_client link;
	uint64_t touch[POOL_MAX_TOUCH];
};

/* RAM and a good hello. */
void fake_trapd_init(struct fake_trapd *t);
/* Connect, hello, welcome, map. 0; -ECONNREFUSED: refused, see welcome.error; or what the handshake returned. */
int fake_trapd_attach(struct fake_trapd *t, const struct fake_poold *p);
/* Hang up and forget poold's objects; RAM stays. Safe if not attached. */
void fake_trapd_detach(struct fake_trapd *t);
void fake_trapd_destroy(struct fake_trapd *t);
/* Wait until poold hangs up. */
bool fake_trapd_hung_up(const struct fake_trapd *t);

uint64_t *fake_ram(const struct fake_trapd *t, uint64_t gpa);
void fake_tables(const struct fake_trapd *t);
/* One request, repeated as long as poold asks for a flush. Returns rp_status, or a negative error of the link. */
int fake_request(struct fake_trapd *t, struct link_req *req, struct link_rep *rep);
int fake_set_root(struct fake_trapd *t, struct link_rep *rep);
/* MAP of a gva that fake_tables() mapped, with the entries that are in RAM now. */
int fake_map(struct fake_trapd *t, uint64_t gva, bool write, struct link_rep *rep);
/* Store 8 bytes to RAM and post the event. */
void fake_write_event(struct fake_trapd *t, uint64_t gpa, uint64_t value);
int fake_simple(struct fake_trapd *t, enum link_op op, uint64_t gva, struct link_rep *rep);
/* Software walk through the pool memfd. Returns the leaf, 0 if any level is not present. */
uint64_t fake_shadow(const struct fake_trapd *t, uint64_t root, uint64_t gva);

#endif
