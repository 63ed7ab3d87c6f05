/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conf.c and conf_file.c share. */
#ifndef SHADOWPOOL_COMMON_CONF_PRIV_H
#define SHADOWPOOL_COMMON_CONF_PRIV_H

#include "common/conf.h"

/* Writes one line into err, control characters replaced; returns rc. */
int conf_error(int rc, char *err, size_t err_size, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The row of a key, or NULL. */
const struct conf_key *conf_find(const struct conf_key *keys, const char *name);

#endif
