#include "upstream/secrets.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"

void secrets_clear(struct secrets *s)
{
    while (s->n) {
        struct slice *v = &s->v[--s->n];

        explicit_bzero((char *)v->p, v->n);
        free((char *)v->p);
    }
}

void secrets_deinit(struct secrets *s)
{
    secrets_clear(s);
}

static bool known(const struct secrets *s, struct slice secret)
{
    for (unsigned i = 0; i < s->n; i++)
        if (slice_eq(s->v[i], secret))
            return true;
    return false;
}

void secrets_add(struct secrets *s, struct slice secret)
{
    char *copy;

    if (!secret.p || secret.n < SECRETS_MIN || s->n == SECRETS_MAX || known(s, secret))
        return;
    copy = mem_zero(secret.n);
    memcpy(copy, secret.p, secret.n);
    s->v[s->n++] = slice_of(copy, secret.n);
}

void secrets_drop_oldest(struct secrets *s)
{
    struct slice *v = &s->v[0];

    if (s->n == 0)
        return;
    explicit_bzero((char *)v->p, v->n);
    free((char *)v->p);
    memmove(v, v + 1, --s->n * sizeof *v);
}

/* Keys are long and have digits; "solana-mainnet" and "v2" say what is asked for. */
static bool looks_like_key(struct slice part)
{
    bool digit = false;

    for (size_t i = 0; i < part.n; i++)
        digit = digit || isdigit((unsigned char)part.p[i]);
    return digit && part.n >= SECRETS_MIN_PART;
}

static void add_target(struct secrets *s, struct slice target)
{
    while (target.n) {
        size_t n = 0;

        while (n < target.n && !strchr("/?&=;", target.p[n]))
            n++;
        if (looks_like_key(slice_of(target.p, n)))
            secrets_add(s, slice_of(target.p, n));
        n += n < target.n;
        target = slice_of(target.p + n, target.n - n);
    }
}

static void add_line(struct secrets *s, struct slice line)
{
    const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
    struct slice name, value;
    const char *space;

    if (!colon)
        return;
    name = slice_of(line.p, (size_t)(colon - line.p));
    value = slice_of(colon + 1, line.n - name.n - 1);
    while (value.n && *value.p == ' ')
        value = slice_of(value.p + 1, value.n - 1);
    if (!slice_eq_nocase(name, SLICE("authorization"))) {
        if (looks_like_key(value))
            secrets_add(s, value);
        return;
    }
    /* "Bearer x": x alone is the credential. */
    space = value.n ? memchr(value.p, ' ', value.n) : NULL;
    if (space)
        value = slice_of(space + 1, value.n - (size_t)(space + 1 - value.p));
    secrets_add(s, value);
}

void secrets_add_head(struct secrets *s, struct slice head)
{
    bool first = true;

    while (head.n) {
        const char *end = memmem(head.p, head.n, "\r\n", 2);
        size_t n = end ? (size_t)(end - head.p) : head.n;
        struct slice line = slice_of(head.p, n);
        const char *from = first ? memchr(line.p, ' ', n) : NULL, *to = first ? memrchr(line.p, ' ', n) : NULL;

        if (from && to > from)
            add_target(s, slice_of(from + 1, (size_t)(to - from - 1)));
        else if (!first)
            add_line(s, line);
        first = false;
        n += end ? 2 : 0;
        head = slice_of(head.p + n, head.n - n);
    }
}

/* The byte that the text at p stands for, and in how many bytes it does; -1: none that a credential has. */
static int byte_at(const char *p, const char *end, size_t *n)
{
    unsigned v = 0;

    *n = 1;
    if (*p != '\\' || end - p < 2 || !strchr("\"\\/bfnrtu", p[1]))
        return (unsigned char)*p;
    if (p[1] != 'u') {
        *n = 2;
        return strchr("\"\\/", p[1]) ? p[1] : -1;
    }
    for (const char *at = p + 2; at < p + 6; at++) {
        int digit = at == end ? -1 : hex_digit(*at);

        if (digit < 0)
            return '\\';
        v = v << 4 | (unsigned)digit;
    }
    *n = 6;
    return v < 0x80 ? (int)v : -1;
}

/* How many bytes of the text at p spell the secret, with escapes of JSON or without; 0: they do not. */
static size_t spelled(const char *p, const char *end, struct slice secret)
{
    const char *from = p;
    size_t n;

    for (size_t i = 0; i < secret.n; i++, p += n)
        if (p >= end || byte_at(p, end, &n) != (unsigned char)secret.p[i])
            return 0;
    return (size_t)(p - from);
}

void secrets_star(struct slice text, struct slice secret)
{
    char *p = (char *)text.p, *end = p + text.n;
    size_t n;

    if (!text.p || !secret.p || secret.n < SECRETS_MIN || text.n < secret.n)
        return;
    if (!memchr(p, '\\', text.n)) {
        while ((p = memmem(p, (size_t)(end - p), secret.p, secret.n))) {
            memset(p, '*', secret.n);
            p += secret.n;
        }
        return;
    }
    while (p < end) { /* never into the middle of an escape */
        n = spelled(p, end, secret);
        if (n)
            memset(p, '*', n);
        else
            byte_at(p, end, &n);
        p += n;
    }
}

void secrets_scrub(const struct secrets *s, struct slice text)
{
    for (unsigned i = 0; i < s->n; i++)
        secrets_star(text, s->v[i]);
}
