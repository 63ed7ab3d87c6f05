/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of the control protocol that daemons and shadowctl share. enum control_code travels in Error.code and is
 * shadowctl's exit code; the numbers are an interface (shadowctl(1), EXIT STATUS).
 */
#ifndef SHADOWPOOL_COMMON_CONTROL_CODES_H
#define SHADOWPOOL_COMMON_CONTROL_CODES_H

#define CONTROL_PROTOCOL	1u

enum control_code {
	CONTROL_DONE,
	CONTROL_FAILED,		/* refused or failed */
	CONTROL_USAGE,
	CONTROL_NO_OBJECT,	/* no such VM or object */
	CONTROL_UNREACHABLE,	/* daemon not reachable */
	CONTROL_NOT_PERMITTED,
	CONTROL_TIMED_OUT,
	CONTROL_DIFFERENCES,
	CONTROL_VERSION,	/* protocol numbers differ */
};

#endif
