#include "rpc/retry_hint.h"

enum { DEPTH = 64, DIGITS = 12 /* of numbers that are read: no product overflows */ };

#define T(text)                                                                                                        \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }

/* What stands before a wait. */
static const struct slice wait_words[] = {
    T("try again in "), T("try again after "), T("retry in "),    T("retry after "),        T("will reset in "),
    T("resets in "),    T("wait for "),        T("please wait "), T("available again in "), T("backoff for ")};

static const struct {
    struct slice name;
    int64_t ms;
} units[] = {
    {T("milliseconds"), 1}, {T("millisecond"), 1}, {T("ms"), 1},      {T("seconds"), 1000},
    {T("second"), 1000},    {T("secs"), 1000},     {T("sec"), 1000},  {T("minutes"), 60000},
    {T("minute"), 60000},   {T("mins"), 60000},    {T("min"), 60000}, {T("hours"), 3600000},
    {T("hour"), 3600000},   {T("h"), 3600000},     {T("m"), 60000},   {T("s"), 1000},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* A number in thousandths, taken off s. */
static bool thousandths(struct slice *s, int64_t *out)
{
    int64_t n = 0, unit = 1000;
    size_t i = 0;

    for (; i < s->n && is_digit(s->p[i]); i++)
        if (i < DIGITS)
            n = n * 10 + (s->p[i] - '0');
    if (i == 0 || i > DIGITS)
        return false;
    n *= 1000;
    if (i + 1 < s->n && s->p[i] == '.' && is_digit(s->p[i + 1]))
        for (i++; i < s->n && is_digit(s->p[i]); i++)
            n += (s->p[i] - '0') * (unit /= 10);
    *s = slice_of(s->p + i, s->n - i);
    *out = n;
    return true;
}

static int64_t bounded(int64_t ms)
{
    return ms > RETRY_HINT_MAX_MS ? RETRY_HINT_MAX_MS : ms;
}

/* "30 seconds", "1.5s", "1m30s"; a number alone is in seconds. */
static bool duration(struct slice s, int64_t *ms)
{
    int64_t v;
    bool any = false;

    for (*ms = 0; thousandths(&s, &v); any = true) {
        int64_t unit = 1000;

        while (s.n && s.p[0] == ' ')
            s = slice_of(s.p + 1, s.n - 1);
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            if (slice_starts(s, units[i].name) && !(s.n > units[i].name.n && is_letter(s.p[units[i].name.n]))) {
                unit = units[i].ms;
                s = slice_of(s.p + units[i].name.n, s.n - units[i].name.n);
                break;
            }
        *ms = bounded(*ms + bounded(v / 1000 * unit + v % 1000 * unit / 1000));
    }
    return any;
}

/* -1: the text names no wait. */
static int64_t wait_in_text(struct slice text)
{
    for (size_t i = 0; i < sizeof wait_words / sizeof wait_words[0]; i++) {
        const char *at = memmem(text.p, text.n, wait_words[i].p, wait_words[i].n);
        int64_t ms;

        if (!at)
            continue;
        at += wait_words[i].n;
        if (duration(slice_of(at, (size_t)(text.p + text.n - at)), &ms))
            return ms;
    }
    return -1;
}

static void read_number(const struct jval *v, int64_t *out)
{
    struct slice s = v->raw;

    if (v->type == J_NUMBER && (!thousandths(&s, out) || s.n))
        *out = -1;
}

/* The members of an object, and of its member "rate".  -1: they name no wait. */
static int64_t wait_in_data(struct slice data, bool inner)
{
    int64_t wait = -1, nested_wait = -1;
    struct jtok t;
    struct jval key, v, nested = {0};
    int r;

    jtok_init(&t, data, DEPTH);
    for (r = jtok_object(&t); r == 0 && (r = jtok_member(&t, &key)) == 0;) {
        r = jtok_value(&t, &v);
        if (r)
            return -1;
        if (jtok_text_eq(&key, SLICE("backoff_seconds")))
            read_number(&v, &wait);
        else if (!inner && v.type == J_OBJECT && jtok_text_eq(&key, SLICE("rate")))
            nested = v;
    }
    if (r != JTOK_END)
        return -1;
    if (nested.raw.n)
        nested_wait = wait_in_data(nested.raw, true);
    return nested_wait >= 0 ? nested_wait : bounded(wait);
}

int64_t retry_hint_ms(const struct error_object *e)
{
    char store[ERROR_OBJECT_TEXT_CAP];
    int64_t wait = -1;

    if (e->data.n && e->data.n <= ERROR_OBJECT_TEXT_CAP && e->data.p[0] == '{')
        wait = wait_in_data(e->data, false);
    return wait >= 0 ? wait : wait_in_text(error_object_words(e, store));
}
