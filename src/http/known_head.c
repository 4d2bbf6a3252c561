#include "http/known_head.h"

#include <string.h>

#include "http/field.h"

void known_head_set(struct known_head *k, struct slice head, struct slice digits)
{
    const char *after = digits.p + digits.n;

    k->n = 0;
    if (head.n - digits.n > sizeof k->text)
        return;
    k->n = head.n - digits.n;
    k->at = (size_t)(digits.p - head.p);
    memcpy(k->text, head.p, k->at);
    memcpy(k->text + k->at, after, (size_t)(head.p + head.n - after));
}

size_t known_head_match(const struct known_head *k, struct slice bytes, uint64_t *length)
{
    const char *p = bytes.p;
    size_t at = k->at, end = at, rest = k->n - at;

    if (bytes.n <= k->n || memcmp(p, k->text, at) != 0)
        return 0;
    while (end < bytes.n && end - at < KNOWN_HEAD_DIGITS && (unsigned char)(p[end] - '0') < 10)
        end++;
    if (bytes.n - end < rest || memcmp(p + end, k->text + at, rest) != 0 ||
        !field_length(slice_of(p + at, end - at), length))
        return 0;
    return end + rest;
}
