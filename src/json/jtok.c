#include "json/jtok.h"

#include <stdint.h>

#include "json/jstr.h"

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

static inline const char *skip_space(const char *p, const char *end)
{
    /* Nodes send compact JSON: nearly always the first comparison ends it. */
    while (p < end && (unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

static inline bool is_digit(const char *p, const char *end)
{
    return p < end && (unsigned char)(*p - '0') < 10;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* p is at the backslash; behind the escape, or NULL. */
static const char *skip_escape(struct jtok *t, const char *p)
{
    p++;
    if (p == t->end)
        return fail(t, p, ENDS_EARLY);
    if (*p != 'u')
        return *p != '\0' && strchr("\"\\/bfnrt", *p) ? p + 1 : fail(t, p, "unknown escape in a string");
    p++;
    for (int i = 0; i < 4; i++, p++)
        if (p == t->end || hex_digit(*p) < 0)
            return fail(t, p, "\\u must be followed by four hex digits");
    return p;
}

/* The rest of a string from its first byte that is not plain; behind the closing quote, or NULL. */
static __attribute__((noinline)) const char *skip_string_rest(struct jtok *t, const char *p, bool *escaped)
{
    size_t n;

    for (;;) {
        if (p == t->end)
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
                n = jstr_utf8(p, t->end);
                if (!n)
                    return fail(t, p, "invalid UTF-8");
                p += n;
            } while (p < t->end && (unsigned char)*p >= 0x80);
        }
        p = jstr_find(t->start, p, t->end);
    }
}

/* p is at the opening quote; behind the closing one, or NULL. */
static inline const char *skip_string(struct jtok *t, const char *p, bool *escaped)
{
    p = jstr_find(t->start, p + 1, t->end);
    if (p < t->end && *p == '"')
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

static const char *skip_number(struct jtok *t, const char *p)
{
    p += *p == '-';
    /* After a leading zero no digit may follow: the caller finds that nothing it expects does. */
    p = p < t->end && *p == '0' ? p + 1 : skip_digits(t, p);
    if (p && p < t->end && *p == '.')
        p = skip_digits(t, p + 1);
    if (p && p < t->end && (*p | 0x20) == 'e') {
        p++;
        if (p < t->end && (*p == '+' || *p == '-'))
            p++;
        p = skip_digits(t, p);
    }
    return p;
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

/* What stands between a member's name and its value. */
static inline const char *skip_colon(struct jtok *t, const char *p)
{
    p = skip_space(p, t->end);
    if (p == t->end || *p != ':')
        return fail(t, p, "':' must come next");
    return skip_space(p + 1, t->end);
}

/* A container whole; p is at its opening bracket.  Behind the closing one, or NULL.
 * `closing` is the stack: for each open container the bracket that ends it. */
static const char *skip_container(struct jtok *t, const char *p)
{
    char closing[JTOK_MAX_DEPTH];
    unsigned depth = 0;
    bool escaped;
    enum jtype type;

open:
    if (t->depth + depth >= t->max_depth)
        return fail(t, p, "nested too deeply");
    closing[depth] = *p == '{' ? '}' : ']';
    p = skip_space(p + 1, t->end);
    if (p < t->end && *p == closing[depth])
        goto close;
    depth++;

item:
    if (p == t->end)
        return fail(t, p, ENDS_EARLY);
    if (closing[depth - 1] == '}') {
        if (*p != '"')
            return fail(t, p, "a member's name must come next");
        p = skip_string(t, p, &escaped);
        if (p)
            p = skip_colon(t, p);
        if (!p)
            return NULL;
        if (p == t->end)
            return fail(t, p, ENDS_EARLY);
    }
    if (*p == '"')
        p = skip_string(t, p, &escaped);
    else if (*p == '{' || *p == '[')
        goto open;
    else
        p = skip_scalar(t, p, &type);
    if (!p)
        return NULL;

after:
    p = skip_space(p, t->end);
    if (p == t->end)
        return fail(t, p, ENDS_EARLY);
    if (*p == ',') {
        p = skip_space(p + 1, t->end);
        goto item;
    }
    depth--;
    if (*p != closing[depth])
        return fail(t, p, closing[depth] == '}' ? "',' or '}' must come next" : "',' or ']' must come next");

close:
    p++;
    if (depth)
        goto after;
    return p;
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

int jtok_value(struct jtok *t, struct jval *out)
{
    const char *p, *from;

    if (t->error)
        return JTOK_BAD;
    from = p = skip_space(t->p, t->end);
    t->first = false;
    out->escaped = false;
    if (p == t->end) {
        fail(t, p, ENDS_EARLY);
        return JTOK_BAD;
    }
    if (*p == '"') {
        out->type = J_STRING;
        p = skip_string(t, p, &out->escaped);
    } else if (*p == '{' || *p == '[') {
        out->type = *p == '{' ? J_OBJECT : J_ARRAY;
        p = skip_container(t, p);
    } else {
        p = skip_scalar(t, p, &out->type);
    }
    if (!p)
        return JTOK_BAD;
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

/* Moves to the next member or element of the open container, past the comma before it, or past the closing bracket. */
static inline int next_item(struct jtok *t, char bracket, const char *error)
{
    const char *p;

    if (t->error)
        return JTOK_BAD;
    p = skip_space(t->p, t->end);
    if (p < t->end && *p == bracket) {
        t->depth--;
        t->first = false;
        t->p = p + 1;
        return JTOK_END;
    }
    if (!t->first) {
        if (p == t->end || *p != ',') {
            fail(t, p, error);
            return JTOK_BAD;
        }
        p = skip_space(p + 1, t->end);
        if (p < t->end && *p == bracket) {
            fail(t, p, "a comma before the closing bracket");
            return JTOK_BAD;
        }
    }
    if (p == t->end) {
        fail(t, p, ENDS_EARLY);
        return JTOK_BAD;
    }
    t->first = false;
    t->p = p;
    return 0;
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
    return next_item(t, ']', "',' or ']' must come next");
}

int jtok_member(struct jtok *t, struct jval *key)
{
    int r = next_item(t, '}', "',' or '}' must come next");
    const char *p;

    if (r)
        return r;
    p = t->p;
    key->escaped = false;
    key->type = J_STRING;
    p = *p == '"' ? skip_string(t, p, &key->escaped) : fail(t, p, "a member's name must come next");
    if (!p)
        return JTOK_BAD;
    key->raw = slice_of(t->p, (size_t)(p - t->p));
    p = skip_colon(t, p);
    if (!p)
        return JTOK_BAD;
    t->p = p;
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

bool jtok_text_eq(const struct jval *v, struct slice text)
{
    struct slice s;
    const char *end, *from;
    size_t run;
    char unit[4];

    if (v->type != J_STRING)
        return false;
    s = unquoted(v);
    if (!v->escaped)
        return slice_eq(s, text);
    for (end = s.p + s.n; s.p < end; text.p += run, text.n -= run) {
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
