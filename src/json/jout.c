#include "json/jout.h"

#include "json/jstr.h"

enum { DIGITS_MAX = 20 }; /* of UINT64_MAX */

/* What stands for a byte that may not stand for itself; NULL for those that only \u can name. */
static const char *short_escape(char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

static int escape(struct buf *b, char c)
{
    static const char hex[] = "0123456789abcdef";
    const char *s = short_escape(c);
    char u[] = {'\\', 'u', '0', '0', hex[(c >> 4) & 15], hex[c & 15]};

    return s ? buf_append(b, s, 2) : buf_append(b, u, sizeof u);
}

/* The first byte that may not stand as it is. */
static const char *skip_clean(const char *start, const char *p, const char *end)
{
    const char *at;

    do {
        at = p = jstr_find(start, p, end);
        if (p < end && (unsigned char)*p >= 0x80)
            p += jstr_utf8(p, end);
    } while (p != at);
    return p;
}

/* Everything between the quotes: runs that may stand as they are, and what replaces the bytes between them. */
static int escaped_text(struct buf *b, const char *start, const char *end)
{
    const char *p = start, *from;
    int r = 0;

    while (r == 0 && p < end) {
        from = p;
        p = skip_clean(start, p, end);
        r = buf_append(b, from, (size_t)(p - from));
        if (r == 0 && p < end) {
            r = (unsigned char)*p < 0x80 ? escape(b, *p) : buf_append(b, "\xef\xbf\xbd", 3);
            p++;
        }
    }
    return r;
}

int jout_string(struct buf *b, struct slice text)
{
    const char *p = text.p ? text.p : "";
    size_t n = b->n;
    int r = buf_append(b, "\"", 1);

    if (r == 0)
        r = escaped_text(b, p, p + text.n);
    if (r == 0)
        r = buf_append(b, "\"", 1);
    if (r)
        b->n = n; /* never half a string */
    return r;
}

static size_t count_digits(uint64_t v)
{
    size_t n = 1;

    for (; v >= 10000; v /= 10000)
        n += 4;
    return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

size_t jout_digits(char *out, uint64_t v)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    size_t n = count_digits(v), at;

    for (at = n; v >= 100; v /= 100) {
        at -= 2;
        memcpy(out + at, pairs + 2 * (v % 100), 2);
    }
    if (v >= 10)
        memcpy(out, pairs + 2 * v, 2);
    else
        out[0] = (char)('0' + v);
    return n;
}

int jout_u64(struct buf *b, uint64_t v)
{
    char digits[DIGITS_MAX];

    return buf_append(b, digits, jout_digits(digits, v));
}

static int sep_unless(struct buf *b, const char *openers)
{
    char last = b->n ? b->p[b->n - 1] : '\0';

    return last == '\0' || strchr(openers, last) ? 0 : buf_append(b, ",", 1);
}

int jout_sep(struct buf *b)
{
    return sep_unless(b, "{[:");
}

int jout_key(struct buf *b, const char *key)
{
    size_t n = b->n;
    int r = sep_unless(b, "{[");

    if (r == 0)
        r = jout_string(b, slice_str(key));
    if (r == 0)
        r = buf_append(b, ":", 1);
    if (r)
        b->n = n;
    return r;
}
