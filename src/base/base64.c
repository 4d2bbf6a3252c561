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
