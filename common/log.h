/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logging at the process edge: one line per message on stderr, "program: level: text", with the systemd level prefix
 * (sd-daemon(3)) when stderr is the journal. Libraries return -errno and never log.
 */
#ifndef SHADOWPOOL_COMMON_LOG_H
#define SHADOWPOOL_COMMON_LOG_H

#include <stdarg.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* program: static string. Call once before any other thread runs. Default level: INFO. */
void log_init(const char *program, enum log_level level);
/* Thread: any. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "error", "warning", "info", "debug", NULL: by level, as CONF_ENUM takes them. */
extern const char *const log_level_names[];
/* One of these names; returns 0 or -EINVAL. */
int log_level_parse(const char *name, enum log_level *out);

/* One line, whole, however many threads log. A newline is added; control characters in the text are replaced by '?'. */
void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)		log_msg(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...)	log_msg(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)		log_msg(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)		log_msg(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
