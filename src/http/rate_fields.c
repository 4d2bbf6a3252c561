#include "http/rate_fields.h"

#include "http/date.h"
#include "http/field.h"

enum { DIGITS = 15 /* of numbers that are read: no sum overflows */ };

void rate_fields_init(struct rate_fields *f)
{
    *f = (struct rate_fields){-1, -1, -1, -1, -1, -1};
}

/* A number that is not negative, in thousandths; what follows a third decimal is cut off. */
static bool thousandths(struct slice s, int64_t *out)
{
    int64_t n = 0, unit = 1000;
    size_t i = 0;

    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        if (i < DIGITS)
            n = n * 10 + (s.p[i] - '0');
    if (i == 0 || i > DIGITS)
        return false;
    n *= 1000;
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            n += (s.p[i] - '0') * (unit /= 10);
    *out = n;
    return i == s.n;
}

static int64_t bounded(int64_t ms)
{
    return ms < 0 ? 0 : ms > RATE_FIELDS_MAX_MS ? RATE_FIELDS_MAX_MS : ms;
}

/* Of "100, 100;w=60" (RateLimit fields draft) the first number counts. */
static bool count(struct slice value, int64_t *out)
{
    size_t n = 0;
    int64_t v;

    while (n < value.n && value.p[n] != ',' && value.p[n] != ';')
        n++;
    if (!thousandths(slice_trim(slice_of(value.p, n)), &v))
        return false;
    *out = v / 1000;
    return true;
}

/* Milliseconds from now. */
static bool wait(struct slice value, int64_t now_ms, int64_t *out)
{
    int64_t v, date_s;

    if (value.n && value.p[value.n - 1] == 's') /* "12s" */
        value.n--;
    if (thousandths(value, &v)) {
        if (v > INT64_C(100000000000) * 1000) /* ms since 1970, in seconds it would be the year 5138 */
            *out = bounded(v / 1000 - now_ms);
        else if (v > INT64_C(1000000000) * 1000) /* s since 1970; else a wait of 31 years */
            *out = bounded(v - now_ms);
        else
            *out = bounded(v);
        return true;
    }
    if (!http_date(value, now_ms / 1000, &date_s))
        return false;
    *out = bounded(date_s * 1000 - now_ms);
    return true;
}

/* Takes `prefix` off the name, whatever its case. */
static bool skip(struct slice *name, struct slice prefix)
{
    if (name->n < prefix.n || strncasecmp(name->p, prefix.p, prefix.n) != 0)
        return false;
    *name = slice_of(name->p + prefix.n, name->n - prefix.n);
    return true;
}

bool rate_fields_take(struct rate_fields *f, struct slice name, struct slice value, int64_t now_ms)
{
    if (slice_eq_nocase(name, SLICE("retry-after")))
        return wait(value, now_ms, &f->retry_after_ms);
    skip(&name, SLICE("x-"));
    if (!skip(&name, SLICE("ratelimit-")) && !skip(&name, SLICE("rate-limit-")))
        return false;
    if (slice_eq_nocase(name, SLICE("limit")))
        return count(value, &f->limit);
    if (slice_eq_nocase(name, SLICE("remaining")))
        return count(value, &f->remaining);
    if (slice_eq_nocase(name, SLICE("reset")))
        return wait(value, now_ms, &f->reset_ms);
    if (slice_eq_nocase(name, SLICE("method-limit")))
        return count(value, &f->method_limit);
    if (slice_eq_nocase(name, SLICE("method-remaining")))
        return count(value, &f->method_remaining);
    return false;
}

int64_t rate_fields_wait_ms(const struct rate_fields *f)
{
    if (f->retry_after_ms >= 0)
        return f->retry_after_ms;
    return f->remaining == 0 ? f->reset_ms : -1;
}

void rate_fields_read(struct rate_fields *f, struct slice lines, int64_t now_ms)
{
    rate_fields_init(f);
    while (lines.n) {
        const char *end = memchr(lines.p, '\n', lines.n);
        size_t n = end ? (size_t)(end - lines.p) : lines.n;
        struct slice name, value;

        if (field_split(slice_of(lines.p, n), &name, &value))
            rate_fields_take(f, name, value, now_ms);
        n += end != NULL;
        lines = slice_of(lines.p + n, lines.n - n);
    }
}

struct slice rate_line_keep(struct buf *b, struct slice line)
{
    size_t before = b->n;

    if (before + line.n + 1 <= RATE_LINES_MAX && (buf_append(b, line.p, line.n) || buf_append(b, "\n", 1)))
        b->n = before;
    return buf_get(b);
}
