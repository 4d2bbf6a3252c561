#include "rpc/error_object.h"

#include "base/phrases.h"

enum { DEPTH = 512, CODE_DIGITS = 18 /* fit in any case; real codes have at most six */ };

static bool integer(const struct jval *v, int64_t *out)
{
    struct slice s = v->raw;
    bool minus;
    int64_t n = 0;

    if (v->type != J_NUMBER)
        return false;
    minus = s.p[0] == '-';
    s.p += minus;
    s.n -= minus;
    if (s.n > CODE_DIGITS)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        n = n * 10 + (s.p[i] - '0');
    }
    *out = minus ? -n : n;
    return true;
}

bool error_object_read(struct error_object *e, struct slice text)
{
    struct jtok t;
    struct jval key, v;
    enum jtype type;
    int r;

    *e = (struct error_object){0};
    jtok_init(&t, text, DEPTH);
    if (jtok_peek(&t, &type))
        return false;
    if (type == J_STRING)
        return jtok_value(&t, &e->message) == 0 && jtok_finish(&t) == 0;
    r = jtok_object(&t);
    while (r == 0 && (r = jtok_member(&t, &key)) == 0) {
        r = jtok_value(&t, &v);
        if (r)
            break;
        if (jtok_text_eq(&key, SLICE("code")))
            e->has_code = integer(&v, &e->code);
        else if (jtok_text_eq(&key, SLICE("message")) && v.type == J_STRING)
            e->message = v;
        else if (jtok_text_eq(&key, SLICE("data")))
            e->data = v.type == J_NULL ? slice_of(NULL, 0) : v.raw;
    }
    if (r == JTOK_END && jtok_finish(&t) == 0)
        return true;
    *e = (struct error_object){0};
    return false;
}

/* How many of the first `cap` bytes between the quotes hold no part of an escape only. */
static size_t whole_escapes(struct slice s, size_t cap)
{
    size_t i = 0, step;

    for (; i < s.n; i += step) {
        step = s.p[i] != '\\' ? 1 : s.p[i + 1] == 'u' ? 6 : 2;
        if (step > cap - i)
            break;
    }
    return i;
}

/* A string token's text in lower case: what its first `cap` bytes say.  Decoding never makes it longer. */
static size_t lower_text(const struct jval *v, char *out, size_t cap)
{
    struct slice s = slice_of(v->raw.p + 1, v->raw.n - 2);
    struct jval head = *v;
    size_t n = s.n < cap ? s.n : cap;

    if (v->escaped)
        n = whole_escapes(s, cap);
    head.raw.n = n + 2;
    n = jtok_text(&head, out, cap);
    phrases_lower(out, n);
    return n;
}

struct slice error_object_text(const struct error_object *e, char out[ERROR_OBJECT_TEXT_CAP])
{
    return slice_of(out, e->message.raw.n < 2 ? 0 : lower_text(&e->message, out, ERROR_OBJECT_TEXT_CAP));
}

struct slice error_object_words(const struct error_object *e, char out[ERROR_OBJECT_TEXT_CAP])
{
    struct slice words = error_object_text(e, out);
    struct jval v = {.raw = e->data, .type = J_STRING};

    if (e->data.n <= 2 || e->data.p[0] != '"' || slice_starts(e->data, SLICE("\"0x")) ||
        words.n >= ERROR_OBJECT_TEXT_CAP)
        return words;
    v.escaped = memchr(v.raw.p, '\\', v.raw.n) != NULL;
    if (words.n)
        out[words.n++] = '\n';
    words.n += lower_text(&v, out + words.n, ERROR_OBJECT_TEXT_CAP - words.n);
    return words;
}
