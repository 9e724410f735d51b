/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's own log (never the job's): one line an event on standard error, human on a terminal, JSON
 * Lines otherwise, GANTRY_LOG=LEVEL or module=LEVEL,... selects. Only programs call log_info and above;
 * base, actions and sandbox return errors and log at debug at most. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR_, LOG_WARN_, LOG_INFO_, LOG_DEBUG_, LOG_TRACE_ };
enum log_format { LOG_AUTO, LOG_HUMAN, LOG_JSON, LOG_JOURNAL };

struct log_options {
    const char *program; /* "gantry" */
    enum log_format format;
    const char *levels; /* NULL: environment GANTRY_LOG, else "info" */
};
/* Fails with FAIL_INPUT for an unknown level word. */
MUST_USE int log_init(const struct log_options *o, struct err *e);
/* Every text from here on has these replaced by ***; the bytes are copied. */
void log_mask(const void *p, size_t n);
bool log_enabled(enum log_level level, const char *module);
/* fmt gives key=value pairs, values quoted when needed: "job=%s id=%d". */
void log_write(enum log_level level, const char *module, const char *event, const char *file,
               int line, const char *fmt, ...) PRINTF_LIKE(6, 7);

#define log_error(module, event, ...) log_at(LOG_ERROR_, module, event, __VA_ARGS__)
#define log_warn(module, event, ...)  log_at(LOG_WARN_, module, event, __VA_ARGS__)
#define log_info(module, event, ...)  log_at(LOG_INFO_, module, event, __VA_ARGS__)
#define log_debug(module, event, ...) log_at(LOG_DEBUG_, module, event, __VA_ARGS__)
#define log_trace(module, event, ...) log_at(LOG_TRACE_, module, event, __VA_ARGS__)
#define log_at(level, module, event, ...)                                     \
    do {                                                                      \
        if (log_enabled(level, module))                                       \
            log_write(level, module, event, __FILE__, __LINE__, __VA_ARGS__); \
    } while (0)

#endif
