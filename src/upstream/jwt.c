#include "upstream/jwt.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/mem.h"
#include "json/jtok.h"

enum { MAX_PAYLOAD_BYTES = 49152, MAX_DEPTH = 64, MAX_DIGITS = 15 };

/* base64url without padding (RFC 4648 section 5) as the other alphabet with it. */
static char *plain_base64(struct slice s)
{
    char *t = mem_zero(s.n + 4);

    for (size_t i = 0; i < s.n; i++)
        t[i] = s.p[i] == '-' ? '+' : s.p[i] == '_' ? '/' : s.p[i];
    for (size_t i = s.n; i % 4; i++)
        t[i] = '=';
    return t;
}

/* A NumericDate: seconds, a fraction is dropped (RFC 7519 section 2).  Exponents and signs are not worth a guess. */
static bool number(struct slice raw, int64_t *out)
{
    size_t n = 0;
    int64_t v = 0;

    while (n < raw.n && n <= MAX_DIGITS && isdigit((unsigned char)raw.p[n]))
        v = v * 10 + (raw.p[n++] - '0');
    if (n == 0 || n > MAX_DIGITS || (n < raw.n && raw.p[n] != '.') || (n < raw.n && memchr(raw.p, 'e', raw.n)) ||
        (n < raw.n && memchr(raw.p, 'E', raw.n)))
        return false;
    *out = v;
    return true;
}

static bool payload_exp(struct slice json, int64_t *exp_s)
{
    bool found = false;
    struct jval key, v;
    struct jtok t;
    int r;

    jtok_init(&t, json, MAX_DEPTH);
    if (jtok_object(&t))
        return false;
    while ((r = jtok_member(&t, &key)) == 0) {
        if (jtok_value(&t, &v))
            return false;
        if (jtok_text_eq(&key, SLICE("exp")))
            found = v.type == J_NUMBER && number(v.raw, exp_s);
    }
    return r == JTOK_END && jtok_finish(&t) == 0 && found;
}

bool jwt_exp(struct slice token, int64_t *exp_s)
{
    const char *first = token.n ? memchr(token.p, '.', token.n) : NULL, *second = NULL;
    bool found = false;
    char *coded;
    uint8_t *json;
    size_t n;

    if (first)
        second = memchr(first + 1, '.', token.n - (size_t)(first + 1 - token.p));
    if (!second || second - first - 1 > MAX_PAYLOAD_BYTES)
        return false;
    coded = plain_base64(slice_of(first + 1, (size_t)(second - first - 1)));
    n = strlen(coded);
    json = mem_zero(n + 1);
    n = base64_decode(json, n, slice_of(coded, n));
    if (n != (size_t)-1)
        found = payload_exp(slice_of((char *)json, n), exp_s);
    free(coded);
    free(json);
    return found;
}

int jwt_secret(struct slice text, uint8_t out[JWT_SECRET_BYTES])
{
    while (text.n && isspace((unsigned char)text.p[text.n - 1]))
        text.n--;
    while (text.n && isspace((unsigned char)*text.p))
        text = slice_of(text.p + 1, text.n - 1);
    if (text.n == 2 * JWT_SECRET_BYTES + 2 && text.p[0] == '0' && text.p[1] == 'x')
        text = slice_of(text.p + 2, text.n - 2);
    if (text.n != 2 * JWT_SECRET_BYTES)
        return JWT_BAD_SECRET;
    for (size_t i = 0; i < JWT_SECRET_BYTES; i++) {
        int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return JWT_BAD_SECRET;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

/* Appends bytes in base64url without padding. */
static size_t put(char *out, size_t n, struct slice bytes)
{
    char *code = base64_encode(bytes);
    size_t k = strcspn(code, "=");

    for (size_t i = 0; i < k; i++)
        out[n + i] = code[i] == '+' ? '-' : code[i] == '/' ? '_' : code[i];
    out[n + k] = '\0';
    free(code);
    return n + k;
}

size_t jwt_write(char out[JWT_TEXT_CAP], int64_t iat_s)
{
    char claims[48];
    size_t n = put(out, 0, SLICE("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
    int k = snprintf(claims, sizeof claims, "{\"iat\":%lld}", (long long)iat_s);

    out[n++] = '.';
    return put(out, n, slice_of(claims, (size_t)k));
}

size_t jwt_sign(char out[JWT_TEXT_CAP], size_t n, const uint8_t mac[32])
{
    out[n++] = '.';
    return put(out, n, slice_of((const char *)mac, 32));
}
