/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switches of a pool by name, as poold's key "policy", shadowctl run --policy and replay --policy take them. */
#ifndef SHADOWPOOL_POOLD_POLICY_H
#define SHADOWPOOL_POOLD_POLICY_H

#include <stddef.h>

#include "poold/pool/pool.h"

/* The policy of every VM before poold's key "policy" is applied: the extensions that have paid off. */
#define POLICY_DEFAULT "upper-limit=24,leaf-limit=4,fork-locked=on,stos-any=on,pair=on,reinit=on,flood=on"

/* Apply text, "key=value,...", to config. The library checks the values later. Returns 0, or -EINVAL with one line in err. */
int policy_apply(struct pool_config *config, const char *text, char *err, size_t err_size);
/* The keys, for usage texts. */
const char *policy_keys(void);

#endif
