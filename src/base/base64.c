#include "base/base64.h"

#include "base/mem.h"

char *base64_encode(struct slice s)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)s.p;
    char *out = mem_zero((s.n + 2) / 3 * 4 + 1), *to = out;

    for (size_t i = 0; i < s.n; i += 3) {
        size_t left = s.n - i;
        unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);

        *to++ = abc[v >> 18];
        *to++ = abc[v >> 12 & 63];
        *to++ = left > 1 ? abc[v >> 6 & 63] : '=';
        *to++ = left > 2 ? abc[v & 63] : '=';
    }
    return out;
}

static int value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t base64_decode(uint8_t *out, size_t cap, struct slice text)
{
    uint32_t w = 0;
    unsigned bits = 0;
    size_t n = 0, pad = 0;

    if (text.n % 4)
        return (size_t)-1;
    while (pad < 2 && pad < text.n && text.p[text.n - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < text.n - pad; i++) {
        int v = value(text.p[i]);

        if (v < 0)
            return (size_t)-1;
        w = w << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8) {
            if (n == cap)
                return (size_t)-1;
            bits -= 8;
            out[n++] = (uint8_t)(w >> bits);
        }
    }
    return w & ((1u << bits) - 1) ? (size_t)-1 : n;
}
