#include "upstream/filters.h"

#include <stdlib.h>

#include "base/hex.h"
#include "base/list.h"
#include "base/mem.h"

enum { FIRST_SLOTS = 64 };

struct filter {
    struct filter *next_id, *next_own; /* in their slots */
    struct list used;                  /* in filters.used */
    struct filter_id id;
    uint64_t own_hash, used_ms;
    struct scope *scope; /* a reference */
    unsigned endpoint;
    unsigned own_n;
    char own[];
};

struct filters {
    struct hash_secret secret;
    struct filter **by_id, **by_own; /* mask + 1 slots each */
    size_t mask, n, max;
    struct list used; /* least recently first */
};

struct filters *filters_new(const struct hash_secret *secret, size_t max)
{
    struct filters *t = mem_zero(sizeof *t);

    t->secret = *secret;
    t->max = max;
    t->mask = FIRST_SLOTS - 1;
    t->by_id = mem_array(FIRST_SLOTS, sizeof *t->by_id);
    t->by_own = mem_array(FIRST_SLOTS, sizeof *t->by_own);
    list_init(&t->used);
    return t;
}

size_t filters_count(const struct filters *t)
{
    return t->n;
}

/* Ids are random: a part of one is as good as a hash of it. */
static struct filter **id_slot(const struct filters *t, struct filter_id id)
{
    return &t->by_id[id.lo & t->mask];
}

static struct filter **own_slot(const struct filters *t, uint64_t hash)
{
    return &t->by_own[hash & t->mask];
}

static void file(struct filters *t, struct filter *f)
{
    struct filter **slot = id_slot(t, f->id);

    f->next_id = *slot;
    *slot = f;
    slot = own_slot(t, f->own_hash);
    f->next_own = *slot;
    *slot = f;
}

static void drop(struct filters *t, struct filter *f)
{
    struct filter **at = id_slot(t, f->id);

    while (*at != f)
        at = &(*at)->next_id;
    *at = f->next_id;
    at = own_slot(t, f->own_hash);
    while (*at != f)
        at = &(*at)->next_own;
    *at = f->next_own;
    list_remove(&f->used);
    scope_unref(f->scope);
    free(f);
    t->n--;
}

struct filters *filters_free(struct filters *t)
{
    if (!t)
        return NULL;
    while (!list_empty(&t->used))
        drop(t, container_of(t->used.next, struct filter, used));
    free(t->by_id);
    free(t->by_own);
    free(t);
    return NULL;
}

static void grow(struct filters *t)
{
    t->mask = t->mask * 2 + 1;
    free(t->by_id);
    free(t->by_own);
    t->by_id = mem_array(t->mask + 1, sizeof *t->by_id);
    t->by_own = mem_array(t->mask + 1, sizeof *t->by_own);
    list_each (it, &t->used)
        file(t, container_of(it, struct filter, used));
}

size_t filters_expire(struct filters *t, uint64_t now_ms)
{
    size_t n = 0;

    for (; !list_empty(&t->used); n++) {
        struct filter *f = container_of(t->used.next, struct filter, used);

        if (now_ms - f->used_ms < FILTERS_IDLE_MS)
            break;
        drop(t, f);
    }
    return n;
}

struct filter_id filter_id_of(uint64_t hi, uint64_t lo)
{
    return (struct filter_id){hi >> 60 ? hi : hi | UINT64_C(1) << 60, lo};
}

void filter_id_text(struct filter_id id, char out[FILTERS_TEXT])
{
    static const char digits[] = "0123456789abcdef";

    out[0] = '0';
    out[1] = 'x';
    for (unsigned i = 0; i < 16; i++) {
        out[2 + i] = digits[id.hi >> (60 - 4 * i) & 15];
        out[18 + i] = digits[id.lo >> (60 - 4 * i) & 15];
    }
}

bool filter_id_read(struct filter_id *id, struct slice text)
{
    *id = (struct filter_id){0, 0};
    if (text.n != FILTERS_TEXT || text.p[0] != '0' || (text.p[1] | 0x20) != 'x')
        return false;
    for (size_t i = 2; i < text.n; i++) {
        int d = hex_digit(text.p[i]);

        if (d < 0)
            return false;
        id->hi = id->hi << 4 | id->lo >> 60;
        id->lo = id->lo << 4 | (uint64_t)d;
    }
    return id->hi >> 60 != 0;
}

static struct filter *find(const struct filters *t, struct filter_id id)
{
    struct filter *f = *id_slot(t, id);

    while (f && (f->id.hi != id.hi || f->id.lo != id.lo))
        f = f->next_id;
    return f;
}

static struct filter *find_own(const struct filters *t, uint64_t hash, unsigned endpoint, struct slice own)
{
    struct filter *f = *own_slot(t, hash);

    while (f && (f->own_hash != hash || f->endpoint != endpoint || !slice_eq(filter_own(f), own)))
        f = f->next_own;
    return f;
}

int filters_bind(struct filters *t, struct filter_id id, unsigned endpoint, struct slice own, struct scope *scope,
                 uint64_t now_ms, size_t *dropped)
{
    uint64_t hash = hash_bytes(&t->secret, endpoint, own.p, own.n);
    struct filter *f;

    *dropped = 0;
    if (own.n > FILTERS_OWN_MAX)
        return FILTERS_TOO_LONG;
    if (find(t, id))
        return FILTERS_TAKEN;
    f = find_own(t, hash, endpoint, own);
    if (f)
        drop(t, f);
    for (; t->n >= t->max; (*dropped)++)
        drop(t, container_of(t->used.next, struct filter, used));
    if (t->n > t->mask)
        grow(t);
    f = mem_zero(sizeof *f + own.n);
    f->id = id;
    f->own_hash = hash;
    f->used_ms = now_ms;
    f->endpoint = endpoint;
    f->scope = scope_ref(scope);
    f->own_n = (unsigned)own.n;
    memcpy(f->own, own.p, own.n);
    list_push(&t->used, &f->used);
    file(t, f);
    t->n++;
    return 0;
}

const struct filter *filters_use(struct filters *t, struct filter_id id, uint64_t now_ms)
{
    struct filter *f = find(t, id);

    if (!f || now_ms - f->used_ms >= FILTERS_IDLE_MS)
        return NULL;
    f->used_ms = now_ms;
    list_remove(&f->used);
    list_push(&t->used, &f->used);
    return f;
}

unsigned filter_endpoint(const struct filter *f)
{
    return f->endpoint;
}

struct slice filter_own(const struct filter *f)
{
    return slice_of(f->own, f->own_n);
}

const struct scope *filter_scope(const struct filter *f)
{
    return f->scope;
}

bool filters_remove(struct filters *t, struct filter_id id)
{
    struct filter *f = find(t, id);

    if (f)
        drop(t, f);
    return f != NULL;
}
