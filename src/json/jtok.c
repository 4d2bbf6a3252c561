#include "json/jtok.h"

#include <stdint.h>

#include "base/hex.h"
#include "json/jstr.h"

/* A comma, a name that jstr_short can settle with its quotes, a colon, and the first byte of the value. */
enum { MEMBER_MAX = 1 + 1 + 16 + 1 + 1 };

static const char ENDS_EARLY[] = "the text ends early";

/* Records the first error.  NULL, so that a scanning function can say `return fail(...)`. */
static __attribute__((cold, noinline)) const char *fail(struct jtok *t, const char *at, const char *error)
{
    if (!t->error) {
        t->error = at == t->end ? ENDS_EARLY : error;
        t->at = (size_t)(at - t->start);
    }
    return NULL;
}

static __attribute__((noinline)) const char *skip_more_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* Nodes send compact JSON: nearly always the first comparison ends it. */
static inline const char *skip_space(const char *p, const char *end)
{
    return p < end && (unsigned char)*p > ' ' ? p : skip_more_space(p, end);
}

static inline bool is_digit(const char *p, const char *end)
{
    return p < end && (unsigned char)(*p - '0') < 10;
}

/* p is at the backslash; behind the escape, or NULL. */
static const char *skip_escape(struct jtok *t, const char *p)
{
    p++;
    if (p == t->end)
        return fail(t, p, ENDS_EARLY);
    switch (*p) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return p + 1;
    case 'u':
        break;
    default:
        return fail(t, p, "unknown escape in a string");
    }
    p++;
    for (int i = 0; i < 4; i++, p++)
        if (p == t->end || hex_digit(*p) < 0)
            return fail(t, p, "\\u must be followed by four hex digits");
    return p;
}

/* The rest of a string from its first byte that is not plain; behind the closing quote, or NULL. */
static __attribute__((noinline)) const char *skip_string_rest(struct jtok *t, const char *p, bool *escaped)
{
    const char *const end = t->end;
    size_t n;

    for (;;) {
        if (p == end)
            return fail(t, p, ENDS_EARLY);
        if (*p == '"')
            return p + 1;
        if (*p == '\\') {
            *escaped = true;
            p = skip_escape(t, p);
            if (!p)
                return NULL;
        } else if ((unsigned char)*p < 0x20) {
            return fail(t, p, "control character in a string");
        } else {
            /* Text that is not Latin comes in runs. */
            do {
                n = jstr_utf8(p, end);
                if (!n)
                    return fail(t, p, "invalid UTF-8");
                p += n;
            } while (p < end && (unsigned char)*p >= 0x80);
        }
        p = jstr_find(t->start, p, end);
    }
}

/* p is at the opening quote; behind the closing one, or NULL. */
static inline const char *skip_string(struct jtok *t, const char *p, const char *end, bool *escaped)
{
    p = jstr_find(t->start, p + 1, end);
    if (p < end && *p == '"')
        return p + 1;
    return skip_string_rest(t, p, escaped);
}

static const char *skip_digits(struct jtok *t, const char *p)
{
    if (!is_digit(p, t->end))
        return fail(t, p, "a digit must come next");
    do
        p++;
    while (is_digit(p, t->end));
    return p;
}

/* p is at the '.', 'e' or 'E' behind the integer part. */
static __attribute__((noinline)) const char *skip_fraction(struct jtok *t, const char *p)
{
    if (*p == '.')
        p = skip_digits(t, p + 1);
    if (p && p < t->end && (*p | 0x20) == 'e') {
        p++;
        if (p < t->end && (*p == '+' || *p == '-'))
            p++;
        p = skip_digits(t, p);
    }
    return p;
}

static inline const char *skip_number(struct jtok *t, const char *p)
{
    const char *end = t->end;

    p += *p == '-';
    if (!is_digit(p, end))
        return fail(t, p, "a digit must come next");
    /* After a leading zero no digit may follow: the caller finds that nothing it expects does. */
    if (*p++ != '0')
        while (is_digit(p, end))
            p++;
    return p < end && (*p == '.' || (*p | 0x20) == 'e') ? skip_fraction(t, p) : p;
}

static const char *skip_word(struct jtok *t, const char *p, const char *word, size_t n)
{
    size_t i = 0;

    if ((size_t)(t->end - p) >= n && memcmp(p, word, n) == 0)
        return p + n;
    while (p + i < t->end && p[i] == word[i])
        i++;
    return fail(t, p + i, "unknown word");
}

/* A value that is neither string nor container; p < end. */
static inline const char *skip_scalar(struct jtok *t, const char *p, enum jtype *type)
{
    switch (*p) {
    case 't':
        *type = J_TRUE;
        return skip_word(t, p, "true", 4);
    case 'f':
        *type = J_FALSE;
        return skip_word(t, p, "false", 5);
    case 'n':
        *type = J_NULL;
        return skip_word(t, p, "null", 4);
    default:
        *type = J_NUMBER;
        if (*p == '-' || is_digit(p, t->end))
            return skip_number(t, p);
        return fail(t, p, "a value must come next");
    }
}

/* What stands between a member's name and its value; behind it, before `end`, or NULL. */
static inline const char *skip_colon(struct jtok *t, const char *p, const char *end)
{
    p = skip_space(p, end);
    if (p == end || *p != ':')
        return fail(t, p, "':' must come next");
    p = skip_space(p + 1, end);
    return p < end ? p : fail(t, p, ENDS_EARLY);
}

/* A container whole; p is at its opening bracket.  Behind the closing one, or NULL.
 * `closing` is the stack: for each open container the bracket that ends it. */
static const char *skip_container(struct jtok *t, const char *p)
{
    const char *const end = t->end;
    char closing[JTOK_MAX_DEPTH], bracket;
    unsigned room = t->max_depth - t->depth, depth = 0;
    bool escaped;
    enum jtype type;

open:
    if (depth == room)
        return fail(t, p, "nested too deeply");
    bracket = closing[depth++] = *p == '{' ? '}' : ']';
    p = skip_space(p + 1, end);
    if (p < end && *p == bracket)
        goto close;

item:
    if (p == end)
        return fail(t, p, ENDS_EARLY);
    if (bracket == '}') {
        if (*p != '"')
            return fail(t, p, "a member's name must come next");
        p = skip_string(t, p, end, &escaped);
        if (p)
            p = skip_colon(t, p, end);
        if (!p)
            return NULL;
    }
    if (*p == '"')
        p = skip_string(t, p, end, &escaped);
    else if (*p == '{' || *p == '[')
        goto open;
    else
        p = skip_scalar(t, p, &type);
    if (!p)
        return NULL;

after:
    p = skip_space(p, end);
    if (p == end)
        return fail(t, p, ENDS_EARLY);
    if (*p == ',') {
        p = skip_space(p + 1, end);
        goto item;
    }
    if (*p != bracket)
        return fail(t, p, bracket == '}' ? "',' or '}' must come next" : "',' or ']' must come next");

close:
    p++;
    if (--depth == 0)
        return p;
    bracket = closing[depth - 1];
    goto after;
}

void jtok_init(struct jtok *t, struct slice text, unsigned max_depth)
{
    const char *p = text.p ? text.p : "";

    *t = (struct jtok){
        .start = p, .p = p, .end = p + text.n, .max_depth = max_depth < JTOK_MAX_DEPTH ? max_depth : JTOK_MAX_DEPTH};
}

int jtok_peek(struct jtok *t, enum jtype *type)
{
    if (t->error)
        return JTOK_BAD;
    t->p = skip_space(t->p, t->end);
    switch (t->p < t->end ? *t->p : '\0') {
    case '"':
        *type = J_STRING;
        return 0;
    case '{':
        *type = J_OBJECT;
        return 0;
    case '[':
        *type = J_ARRAY;
        return 0;
    case 't':
        *type = J_TRUE;
        return 0;
    case 'f':
        *type = J_FALSE;
        return 0;
    case 'n':
        *type = J_NULL;
        return 0;
    default:
        *type = J_NUMBER;
        if (is_digit(t->p, t->end) || (t->p < t->end && *t->p == '-'))
            return 0;
        fail(t, t->p, "a value must come next");
        return JTOK_BAD;
    }
}

/* The next value, which begins at `from`. */
static __attribute__((noinline)) int take_value(struct jtok *t, const char *from, struct jval *out)
{
    const char *p;

    if (from == t->end) {
        p = fail(t, from, ENDS_EARLY);
    } else if (*from == '"') {
        out->type = J_STRING;
        p = skip_string(t, from, t->end, &out->escaped);
    } else if (*from == '{' || *from == '[') {
        out->type = *from == '{' ? J_OBJECT : J_ARRAY;
        p = skip_container(t, from);
    } else {
        p = skip_scalar(t, from, &out->type);
    }
    if (!p)
        return JTOK_BAD;
    out->raw = slice_of(from, (size_t)(p - from));
    t->p = p;
    return 0;
}

/* Short strings, the most frequent values, are settled here without another call. */
int jtok_value(struct jtok *t, struct jval *out)
{
    const char *from, *p;

    if (t->error)
        return JTOK_BAD;
    from = skip_space(t->p, t->end);
    t->first = false;
    out->escaped = false;
    p = from < t->end && *from == '"' ? jstr_short(from, t->end) : NULL;
    if (!p)
        return take_value(t, from, out);
    out->type = J_STRING;
    out->raw = slice_of(from, (size_t)(p - from));
    t->p = p;
    return 0;
}

static int open_container(struct jtok *t, char bracket, const char *error)
{
    const char *p;

    if (t->error)
        return JTOK_BAD;
    p = skip_space(t->p, t->end);
    if (p == t->end || *p != bracket) {
        fail(t, p, error);
        return JTOK_BAD;
    }
    if (t->depth >= t->max_depth) {
        fail(t, p, "nested too deeply");
        return JTOK_BAD;
    }
    t->depth++;
    t->first = true;
    t->p = p + 1;
    return 0;
}

/* Where the next member or element of the open container begins, past the comma before it and before t->end.
 * NULL when the closing bracket was passed instead (*r is JTOK_END) or the text is bad (JTOK_BAD). */
static inline const char *next_item(struct jtok *t, char bracket, int *r)
{
    const char *const end = t->end;
    const char *p;

    *r = JTOK_BAD;
    if (t->error)
        return NULL;
    p = skip_space(t->p, end);
    if (p == end)
        return fail(t, p, ENDS_EARLY);
    if (*p == bracket) {
        t->depth--;
        t->first = false;
        t->p = p + 1;
        *r = JTOK_END;
        return NULL;
    }
    if (!t->first) {
        if (*p != ',')
            return fail(t, p, bracket == '}' ? "',' or '}' must come next" : "',' or ']' must come next");
        p = skip_space(p + 1, end);
        if (p == end)
            return fail(t, p, ENDS_EARLY);
    }
    t->first = false;
    *r = 0;
    return p;
}

int jtok_object(struct jtok *t)
{
    return open_container(t, '{', "an object must come next");
}

int jtok_array(struct jtok *t)
{
    return open_container(t, '[', "an array must come next");
}

int jtok_element(struct jtok *t)
{
    int r;
    const char *p = next_item(t, ']', &r);

    if (!p)
        return r;
    if (*p == ']') {
        fail(t, p, "a value must come next");
        return JTOK_BAD;
    }
    t->p = p;
    return 0;
}

/* A member's name and the colon behind it, as any white space and any escape may have them. */
static __attribute__((noinline)) int take_member(struct jtok *t, struct jval *key)
{
    int r;
    const char *from = next_item(t, '}', &r), *p;

    if (!from)
        return r;
    key->escaped = false;
    key->type = J_STRING;
    p = *from == '"' ? skip_string(t, from, t->end, &key->escaped) : fail(t, from, "a member's name must come next");
    if (!p)
        return JTOK_BAD;
    key->raw = slice_of(from, (size_t)(p - from));
    p = skip_colon(t, p, t->end);
    if (!p)
        return JTOK_BAD;
    t->p = p;
    return 0;
}

int jtok_member(struct jtok *t, struct jval *key)
{
    const char *from = t->p, *p;

    /* The short way, for `,"name":` in compact JSON: whatever is odd about it goes the long way from the beginning. */
    if (t->error || t->end - from < MEMBER_MAX)
        return take_member(t, key);
    if (!t->first && *from++ != ',')
        return take_member(t, key);
    p = *from == '"' ? jstr_short(from, t->end) : NULL;
    if (!p || p[0] != ':' || (unsigned char)p[1] <= ' ')
        return take_member(t, key);
    *key = (struct jval){.raw = slice_of(from, (size_t)(p - from)), .type = J_STRING};
    t->first = false;
    t->p = p + 1;
    return 0;
}

int jtok_finish(struct jtok *t)
{
    if (t->error)
        return JTOK_BAD;
    t->p = skip_space(t->p, t->end);
    if (t->p == t->end && t->depth == 0)
        return 0;
    fail(t, t->p, t->depth ? "a container is still open" : "bytes after the value");
    return JTOK_BAD;
}

/* Four hex digits that were validated before. */
static uint32_t hex4(const char *p)
{
    uint32_t code = 0;

    for (int i = 0; i < 4; i++)
        code = code << 4 | (uint32_t)hex_digit(p[i]);
    return code;
}

/* Decodes one escape, *p being at its backslash and the string's text ending at `end`; returns its bytes in `out`. */
static size_t decode_escape(const char **p, const char *end, char out[4])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *s = *p + 1, *found;
    uint32_t code, low;

    if (*s != 'u') {
        found = strchr(from, *s);
        out[0] = found ? to[found - from] : *s;
        *p = s + 1;
        return 1;
    }
    code = hex4(s + 1);
    s += 5;
    if (code >= 0xd800 && code < 0xe000) {
        low = code < 0xdc00 && end - s >= 6 && s[0] == '\\' && s[1] == 'u' ? hex4(s + 2) : 0;
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            s += 6;
        } else {
            code = 0xfffd;
        }
    }
    *p = s;
    return jstr_put_utf8(out, code);
}

static struct slice unquoted(const struct jval *v)
{
    return slice_of(v->raw.p + 1, v->raw.n - 2);
}

size_t jtok_text(const struct jval *v, char *out, size_t cap)
{
    struct slice s;
    const char *end;
    size_t n = 0, run;
    char unit[4];

    if (v->type != J_STRING)
        return (size_t)-1;
    s = unquoted(v);
    end = s.p + s.n;
    while (s.p < end) {
        const char *from = s.p, *stop = v->escaped ? memchr(s.p, '\\', (size_t)(end - s.p)) : NULL;

        run = (size_t)((stop ? stop : end) - s.p);
        s.p += run;
        if (run == 0) {
            run = decode_escape(&s.p, end, unit);
            from = unit;
        }
        if (run > cap - n)
            return (size_t)-1;
        memcpy(out + n, from, run);
        n += run;
    }
    return n;
}

static __attribute__((noinline)) bool decoded_eq(struct slice s, struct slice text)
{
    const char *const end = s.p + s.n;
    const char *from;
    size_t run;
    char unit[4];

    for (; s.p < end; text.p += run, text.n -= run) {
        from = s.p;
        if (*s.p == '\\') {
            run = decode_escape(&s.p, end, unit);
            from = unit;
        } else {
            s.p += run = 1;
        }
        if (run > text.n || memcmp(text.p, from, run) != 0)
            return false;
    }
    return text.n == 0;
}

bool jtok_text_eq(const struct jval *v, struct slice text)
{
    if (v->type != J_STRING)
        return false;
    return v->escaped ? decoded_eq(unquoted(v), text) : slice_eq(unquoted(v), text);
}
