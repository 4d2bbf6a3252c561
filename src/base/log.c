#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

enum { MAX_LINE_BYTES = 8192 };

static const char *const names[] = {"error", "warn", "info", "debug"};
/* The one piece of process-wide state: set once by main before anything else runs. */
static enum log_level wanted = LOG_INFO;
static enum log_format format = LOG_LOGFMT;

void log_setup(enum log_level level, enum log_format f)
{
    wanted = level;
    format = f;
}

int log_level_parse(const char *name, enum log_level *out)
{
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum log_level)i;
            return 0;
        }
    return -EINVAL;
}

int log_wants(enum log_level level)
{
    return level <= wanted;
}

static void put_quoted(struct buf *b, struct slice s)
{
    buf_str(b, "\"");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c == '\n')
            buf_str(b, "\\n");
        else if (c < 0x20 || c >= 0x7f)
            buf_printf(b, "\\u%04x", c);
        else
            buf_append(b, &c, 1);
    }
    buf_str(b, "\"");
}

static int is_plain(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return 0;
    }
    return s.n > 0;
}

static void put_field(struct buf *b, const struct log_field *f)
{
    if (format == LOG_JSON)
        buf_printf(b, ",\"%s\":", f->key);
    else
        buf_printf(b, " %s=", f->key);
    if (f->type == LOG_FIELD_U64)
        buf_printf(b, "%llu", (unsigned long long)f->u);
    else if (f->type == LOG_FIELD_I64)
        buf_printf(b, "%lld", (long long)f->i);
    else if (format == LOG_LOGFMT && is_plain(f->s))
        buf_slice(b, f->s);
    else
        put_quoted(b, f->s);
}

void log_emit(enum log_level level, const char *event, const struct log_field *fields, unsigned n)
{
    struct buf b;
    struct timespec ts;
    struct tm tm;
    char when[40];

    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_init(&b, MAX_LINE_BYTES);
    if (format == LOG_JSON)
        buf_printf(&b, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"event\":\"%s\"", when, ts.tv_nsec / 1000000,
                   names[level], event);
    else
        buf_printf(&b, "time=%s.%03ldZ level=%s event=%s", when, ts.tv_nsec / 1000000, names[level], event);
    for (unsigned i = 0; i < n; i++)
        put_field(&b, &fields[i]);
    buf_str(&b, format == LOG_JSON ? "}\n" : "\n");
    /* One write, so that lines of several processes do not mix; a log that cannot be written is no reason to stop. */
    if (write(STDERR_FILENO, b.p, b.n) < 0) {
    }
    buf_deinit(&b);
}
