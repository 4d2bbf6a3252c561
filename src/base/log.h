/* log.h - structured log lines on stderr, logfmt or JSON.  Only the shell (gateway, io, admin, main) logs; cores never
 * do. Fields are typed and escaped; a secret must be redacted by the caller before it gets here (endpoint names, never
 * URLs). */
#ifndef MILLRACE_BASE_LOG_H
#define MILLRACE_BASE_LOG_H

#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *key;
    enum { LOG_FIELD_STR, LOG_FIELD_U64, LOG_FIELD_I64 } type;
    struct slice s;
    uint64_t u;
    int64_t i;
};

#define LOG_S(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_STR, .s = slice_str(v)})
#define LOG_SL(k, v) ((struct log_field){.key = (k), .type = LOG_FIELD_STR, .s = (v)})
#define LOG_U(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_U64, .u = (uint64_t)(v)})
#define LOG_I(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_I64, .i = (int64_t)(v)})

void log_setup(enum log_level level, enum log_format format);
int log_level_parse(const char *name, enum log_level *out); /* 0, or -EINVAL */
int log_wants(enum log_level level);
void log_emit(enum log_level level, const char *event, const struct log_field *fields, unsigned n);

/* log_event(LOG_WARN, "link_failed", LOG_S("endpoint", name), LOG_U("ms", ms)); evaluates its fields only when wanted
 */
#define log_event(level, event, ...)                                                                                   \
    do {                                                                                                               \
        if (log_wants(level)) {                                                                                        \
            const struct log_field log_fields_[] = {__VA_ARGS__};                                                      \
            log_emit(level, event, log_fields_, sizeof log_fields_ / sizeof log_fields_[0]);                           \
        }                                                                                                              \
    } while (0)

#endif
