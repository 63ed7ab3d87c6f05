/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the calls of a record again with a pool of its own and compares the arena byte for byte. No KVM, no sockets,
 * any host. The record is hostile input.
 */
#ifndef SHADOWPOOL_POOLD_REPLAY_H
#define SHADOWPOOL_POOLD_REPLAY_H

#include <stddef.h>
#include <stdint.h>

struct replay_result {
	uint64_t ncalls, nreads;
	uint64_t arena_pages;		/* compared, those that are not all zero */
};

/*
 * data, size: a whole record. Returns 0 if every call gave the recorded status, read the recorded words and left the
 * recorded arena; -EILSEQ: they differ; -EPROTO: no valid or no complete record; -ENOMEM. err: one line unless 0.
 */
int replay_record(const uint8_t *data, size_t size, struct replay_result *result, char *err, size_t err_size);

#endif
