/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of a VM that has ended: the file that `shadowctl run --stats` wrote. One thread, reads one file. */
#ifndef SHADOWPOOL_CTL_STATS_FILE_H
#define SHADOWPOOL_CTL_STATS_FILE_H

#include <jansson.h>
#include <stdio.h>

/* The document, a new reference; NULL with one line in err if the file cannot be read or is something else. */
json_t *stats_file_load(const char *path, char *err, size_t err_size);
/* The counters that are not 0, in columns. 0, or -1: no memory. */
int stats_file_print(FILE *f, const json_t *doc);

#endif
