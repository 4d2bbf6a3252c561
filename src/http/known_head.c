#include "http/known_head.h"

#include <string.h>

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
    return known_head_same(slice_of(k->text, k->at), slice_of(k->text + k->at, k->n - k->at), bytes, length);
}
