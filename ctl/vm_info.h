/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How shadowctl shows what trapd says about VMs: VmInfo and Stats as JSON and as text. */
#ifndef SHADOWPOOL_CTL_VM_INFO_H
#define SHADOWPOOL_CTL_VM_INFO_H

#include <jansson.h>
#include <stdio.h>

#include "control.pb-c.h"

/* New references. */
json_t *vm_info_json(const Shadowpool__VmInfo *vm);
json_t *vm_info_stats_json(const Shadowpool__Stats *stats);

void vm_info_print(FILE *f, const Shadowpool__VmInfo *vm);
void vm_info_stats_print(FILE *f, const Shadowpool__Stats *stats);

/* Whole MiB where that is exact, else bytes; buf is returned. */
const char *vm_info_size_text(uint64_t bytes, char *buf, size_t size);

#endif
