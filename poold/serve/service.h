/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all sessions of this poold share. main() makes it before the first connection and ends it after the last one. For the
 * threads of sessions all of it is constant but the epoch and the two lists, which have locks of their own.
 */
#ifndef SHADOWPOOL_POOLD_SERVICE_H
#define SHADOWPOOL_POOLD_SERVICE_H

#include <stdint.h>

#include "poold/serve/config.h"
#include "poold/serve/connections.h"
#include "poold/serve/hugepages.h"
#include "poold/serve/trace_jobs.h"
#include "poold/trace/trace.h"

struct service {
	const struct poold_config *config;
	struct connections connections;
	struct hugepages huge;
	struct recorder *recorder;	/* writes the file of --trace; NULL: there is no such option */
	struct trace_jobs trace_jobs;	/* traces that clients have asked for */
	uint64_t epoch;			/* atomic: the epoch that the next session gets */
};

#endif
