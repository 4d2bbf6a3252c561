#include "rpc/scope.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_SLOTS = 64 };

void scopes_init(struct scopes *t, const struct hash_secret *secret)
{
    t->secret = *secret;
    t->slots = mem_array(FIRST_SLOTS, sizeof *t->slots);
    t->mask = FIRST_SLOTS - 1;
    t->n = 0;
}

void scopes_deinit(struct scopes *t)
{
    assert(t->n == 0);
    free(t->slots);
    t->slots = NULL;
}

int scope_check(struct slice authorization)
{
    static const char *const schemes[] = {"ntlm", "negotiate"};
    const char *space = memchr(authorization.p, ' ', authorization.n);
    struct slice scheme = slice_of(authorization.p, space ? (size_t)(space - authorization.p) : authorization.n);

    if (authorization.n > SCOPE_MAX_BYTES)
        return SCOPE_TOO_LONG;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (slice_eq_nocase(scheme, slice_str(schemes[i])))
            return SCOPE_BINDS_CONNECTION;
    return 0;
}

static void grow(struct scopes *t)
{
    size_t n = (t->mask + 1) * 2;
    struct scope **slots = mem_array(n, sizeof *slots);

    for (size_t i = 0; i <= t->mask; i++) {
        struct scope *next;

        for (struct scope *s = t->slots[i]; s; s = next) {
            struct scope **slot = &slots[s->hash & (n - 1)];

            next = s->next;
            s->next = *slot;
            *slot = s;
        }
    }
    free(t->slots);
    t->slots = slots;
    t->mask = n - 1;
}

struct scope *scope_get(struct scopes *t, struct slice authorization)
{
    uint64_t hash = hash_bytes(&t->secret, 0, authorization.p, authorization.n);
    struct scope *s = t->slots[hash & t->mask], **slot;

    while (s && !(s->hash == hash && slice_eq(scope_text(s), authorization)))
        s = s->next;
    if (s)
        return scope_ref(s);
    if (t->n > t->mask)
        grow(t);
    s = mem_zero(sizeof *s + authorization.n);
    s->of = t;
    s->hash = hash;
    s->refs = 1;
    s->n = (unsigned)authorization.n;
    memcpy(s->text, authorization.p, authorization.n);
    slot = &t->slots[hash & t->mask];
    s->next = *slot;
    *slot = s;
    t->n++;
    return s;
}

struct scope *scope_ref(struct scope *s)
{
    if (s)
        s->refs++;
    return s;
}

struct scope *scope_unref(struct scope *s)
{
    struct scope **slot;

    if (!s || --s->refs)
        return NULL;
    slot = &s->of->slots[s->hash & s->of->mask];
    while (*slot != s)
        slot = &(*slot)->next;
    *slot = s->next;
    s->of->n--;
    explicit_bzero(s->text, s->n);
    free(s);
    return NULL;
}
