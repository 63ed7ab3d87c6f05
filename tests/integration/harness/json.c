/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conditions on a JSON document of shadowctl. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/harness/harness_priv.h"
#include "tests/integration/harness/json_conditions.h"

const char *sp_json_check(const char *text, const char *const conditions[])
{
	char err[512];

	return json_conditions(text, conditions, err, sizeof(err)) ? sp_text("%s", err) : NULL;
}
