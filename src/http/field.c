#include "http/field.h"

#include <arpa/inet.h>

#include "base/hex.h"

/* Bits: BYTE_TOKEN, BYTE_HOST, BYTE_TARGET.  The upper half is all zero. */
/* clang-format off */
const uint8_t byte_class[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x10 */
    0, 7, 4, 1, 7, 5, 7, 7, 6, 6, 7, 7, 4, 7, 7, 4, /* 0x20 */
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 6, 4, 6, 4, 4, /* 0x30 */
    4, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, /* 0x40 */
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 4, 4, 5, 7, /* 0x50 */
    5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, /* 0x60 */
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 5, 4, 7, 0, /* 0x70 */
};
/* clang-format on */

bool field_length(struct slice value, uint64_t *out)
{
    uint64_t v = 0;

    if (value.n == 0)
        return false;
    for (size_t i = 0; i < value.n; i++) {
        unsigned digit = (unsigned)(uint8_t)value.p[i] - '0';

        if (digit > 9 || v >= UINT64_MAX / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool field_list_next(struct slice *list, struct slice *element)
{
    while (list->n) {
        const char *comma = memchr(list->p, ',', list->n);
        size_t n = comma ? (size_t)(comma - list->p) : list->n;

        *element = slice_trim(slice_of(list->p, n));
        n += comma != NULL;
        *list = slice_of(list->p + n, list->n - n);
        if (element->n)
            return true;
    }
    return false;
}

void field_connection(struct slice value, bool *close, bool *keep_alive)
{
    struct slice element;

    if (field_is(value, "keep-alive")) { /* nearly always */
        *keep_alive = true;
        return;
    }
    while (field_list_next(&value, &element)) {
        *close |= field_is(element, "close");
        *keep_alive |= field_is(element, "keep-alive");
    }
}

/* Bytes of the IPv6 literal in brackets at the start, or 0. */
static size_t ipv6_literal(struct slice s)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[16];
    const char *end = memchr(s.p, ']', s.n);
    size_t n = end ? (size_t)(end - s.p) - 1 : 0;

    if (n == 0 || n >= sizeof text)
        return 0;
    memcpy(text, s.p + 1, n);
    text[n] = '\0';
    return inet_pton(AF_INET6, text, address) == 1 ? n + 2 : 0;
}

static size_t reg_name(struct slice s)
{
    size_t i = 0;

    for (;;) {
        while (i < s.n && byte_is(s.p[i], BYTE_HOST))
            i++;
        if (s.n - i < 3 || s.p[i] != '%' || hex_digit(s.p[i + 1]) < 0 || hex_digit(s.p[i + 2]) < 0)
            return i;
        i += 3;
    }
}

bool field_host(struct slice value)
{
    unsigned port = 0;
    size_t i;

    if (value.n == 0)
        return false;
    i = value.p[0] == '[' ? ipv6_literal(value) : reg_name(value);
    if (i == 0)
        return false;
    if (i == value.n)
        return true;
    if (value.p[i++] != ':')
        return false;
    for (; i < value.n; i++) {
        unsigned digit = (unsigned)(uint8_t)value.p[i] - '0';

        if (digit > 9 || (port = port * 10 + digit) > 65535)
            return false;
    }
    return true;
}
