/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes of images and modules, copied out only within their bounds, and the line that says what is wrong. Control thread.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "trapd/loader/loader_priv.h"

int loader_error(struct loader_err *err, int rc, const struct loader_source *s, const char *fmt, ...)
{
	va_list ap;
	size_t n;
	char *p;

	if (!err || !err->size)
		return rc;
	snprintf(err->text, err->size, "%.80s: ", s->name);
	n = strlen(err->text);
	va_start(ap, fmt);
	vsnprintf(err->text + n, err->size - n, fmt, ap);
	va_end(ap);
	/* Names come from outside. */
	for (p = err->text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return rc;
}

int loader_source_read(const struct loader_source *s, uint64_t offset, void *out, uint64_t len, struct loader_err *err)
{
	if (offset > s->size || len > s->size - offset)
		return loader_error(err, -ENOEXEC, s, "truncated: bytes %#llx to %#llx are needed, the file has %#llx; copy or "
				    "build it again", (unsigned long long)offset,
				    (unsigned long long)(offset + len < len ? ~0ull : offset + len), (unsigned long long)s->size);
	if (len)
		memcpy(out, (const uint8_t *)s->data + offset, len);
	return 0;
}
