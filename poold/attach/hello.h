/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What trapd asks for in its HELLO, checked against poold's limits. Pure functions, so that tests can ask anything. */
#ifndef SHADOWPOOL_POOLD_HELLO_H
#define SHADOWPOOL_POOLD_HELLO_H

#include <stddef.h>

#include "common/attach.h"
#include "poold/pool/pool.h"
#include "poold/serve/config.h"
#include "poold/serve/objects.h"

/*
 * Check every field of h. Returns 0: *config (but ram.base) and *wanted are filled; -EPROTONOSUPPORT: the peer has another
 * version; -EINVAL, -E2BIG: a field is not valid, or above a limit; -EPERM: a test hook that is not allowed. After an error err
 * names the field, its value and what is allowed.
 */
int hello_check(const struct attach_hello *h, const struct poold_config *limits, struct pool_config *config,
		struct objects_wanted *wanted, char *err, size_t err_size);

#endif
