/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switches of a pool by name: poold's key "policy" and shadowctl replay --policy take the same text. */
#ifndef SHADOWPOOL_POOLD_POLICY_H
#define SHADOWPOOL_POOLD_POLICY_H

#include <stddef.h>

#include "poold/pool/pool.h"

/* What poold gives every VM before its own "policy" is applied: all extensions that have paid off. */
#define POLICY_DEFAULT "upper-limit=24,leaf-limit=4,fork-locked=on,stos-any=on,pair=on,reinit=on,flood=on"

/* Apply "key=value,..." to config. 0, or -EINVAL with one line in err; what values may be the library checks. */
int policy_apply(struct pool_config *config, const char *text, char *err, size_t err_size);
/* The keys, for usage texts. */
const char *policy_keys(void);

#endif
