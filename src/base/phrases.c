#include "base/phrases.h"

#include <assert.h>

static unsigned bucket(const char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v * UINT32_C(0x9e3779b1) >> 22;
}

_Static_assert(PHRASES_BUCKETS == 1 << (32 - 22), "a bucket for each hash");

void phrases_init(struct phrases *s, const struct slice *words, unsigned n, enum phrases_where where)
{
    assert(n <= PHRASES_MAX);
    memset(s, 0, sizeof *s);
    s->words = words;
    s->n = n;
    s->where = where;
    for (unsigned i = 0; i < n; i++) {
        uint16_t *head;

        if (words[i].n == 0)
            continue;
        assert(words[i].n >= PHRASES_SHORTEST);
        head = &s->head[bucket(words[i].p)];
        s->next[i] = *head;
        *head = (uint16_t)(i + 1);
    }
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

void phrases_find(const struct phrases *s, struct slice text, struct phrases_found *found)
{
    *found = (struct phrases_found){0};
    for (size_t at = 0; at + PHRASES_SHORTEST <= text.n; at++) {
        if (s->where == PHRASES_AT_WORDS && at && is_letter(text.p[at - 1]))
            continue;
        for (unsigned i = s->head[bucket(text.p + at)]; i; i = s->next[i - 1]) {
            struct slice w = s->words[i - 1];

            if (w.n <= text.n - at && memcmp(text.p + at, w.p, w.n) == 0)
                found->bits[(i - 1) / 64] |= UINT64_C(1) << (i - 1) % 64;
        }
    }
}

void phrases_lower(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
}
