#include "rpc/error_object.h"

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

struct slice error_object_text(const struct error_object *e, char out[ERROR_OBJECT_TEXT_CAP])
{
    struct slice raw = e->message.raw;
    size_t n;

    if (raw.n < 2)
        return slice_of(out, 0);
    n = jtok_text(&e->message, out, ERROR_OBJECT_TEXT_CAP);
    if (n == (size_t)-1) {
        n = raw.n - 2 < ERROR_OBJECT_TEXT_CAP ? raw.n - 2 : ERROR_OBJECT_TEXT_CAP;
        memcpy(out, raw.p + 1, n);
    }
    for (size_t i = 0; i < n; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] | 0x20);
    return slice_of(out, n);
}
