/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all sessions of this poold share. Made by main() before the first connection, ended after the last one. Constant for
 * their threads, but for the lists, which have locks, and the epoch.
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
	struct recorder *recorder;	/* of --trace, NULL: none */
	struct trace_jobs trace_jobs;	/* that clients have asked for */
	uint64_t epoch;			/* atomic; of the next session */
};

#endif
