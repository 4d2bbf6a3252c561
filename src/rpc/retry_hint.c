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

static void read_wait(struct retry_hint *h, struct slice text)
{
    for (size_t i = 0; i < sizeof wait_words / sizeof wait_words[0]; i++) {
        const char *at = memmem(text.p, text.n, wait_words[i].p, wait_words[i].n);
        int64_t ms;

        if (!at)
            continue;
        at += wait_words[i].n;
        if (duration(slice_of(at, (size_t)(text.p + text.n - at)), &ms)) {
            h->wait_ms = ms;
            return;
        }
    }
}

static bool has(struct slice text, struct slice words)
{
    return memmem(text.p, text.n, words.p, words.n) != NULL;
}

/* The number before "/sec", "/second" or "/s". */
static void read_rate(struct retry_hint *h, struct slice text)
{
    const char *end = memmem(text.p, text.n, "/s", 2), *p = end;
    struct slice number;
    int64_t v;

    if (!end || (!has(text, SLICE("limit"))))
        return;
    while (p > text.p && (is_digit(p[-1]) || p[-1] == '.'))
        p--;
    number = slice_of(p, (size_t)(end - p));
    if (!thousandths(&number, &v) || number.n || v == 0)
        return;
    h->rate_per_1000s = (uint64_t)v;
    h->units = has(text, SLICE("credit")) || has(text, SLICE("unit"));
}

static void read_number(const struct jval *v, int64_t *out)
{
    struct slice s = v->raw;

    if (v->type == J_NUMBER && (!thousandths(&s, out) || s.n))
        *out = -1;
}

/* The members of an object, and of its member "rate". */
static void read_data(struct retry_hint *h, struct slice data, bool inner)
{
    int64_t wait = -1, rate = -1;
    struct jtok t;
    struct jval key, v, nested = {0};
    int r;

    jtok_init(&t, data, DEPTH);
    for (r = jtok_object(&t); r == 0 && (r = jtok_member(&t, &key)) == 0;) {
        r = jtok_value(&t, &v);
        if (r)
            return;
        if (jtok_text_eq(&key, SLICE("backoff_seconds")))
            read_number(&v, &wait);
        else if (jtok_text_eq(&key, SLICE("allowed_rps")))
            read_number(&v, &rate);
        else if (!inner && v.type == J_OBJECT && jtok_text_eq(&key, SLICE("rate")))
            nested = v;
    }
    if (r != JTOK_END)
        return;
    if (wait >= 0)
        h->wait_ms = bounded(wait);
    if (rate > 0)
        h->rate_per_1000s = (uint64_t)rate;
    if (nested.raw.n)
        read_data(h, nested.raw, true);
}

void retry_hint_read(struct retry_hint *h, const struct error_object *e)
{
    char store[ERROR_OBJECT_TEXT_CAP];
    struct slice text = error_object_words(e, store);

    *h = (struct retry_hint){.wait_ms = -1};
    read_wait(h, text);
    read_rate(h, text);
    if (e->data.n && e->data.n <= ERROR_OBJECT_TEXT_CAP && e->data.p[0] == '{')
        read_data(h, e->data, false);
}
