#include "cache/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"

enum {
    FIRST_BUCKETS = 64,
    LARGEST_SHARE = 8, /* one entry may take this part of the maximum: 1/8 */
    MOVE_BUCKETS = 4,  /* each put moves so many to a grown table: done before the next growth is due */
    VOID_AT_PUT = 8,   /* void entries freed by one put: more than it can add */
    VOID_AT_MOVE = 64  /* and at once when the head moves */
};

struct entry {
    struct entry *next; /* in its bucket */
    struct list turn;   /* in c->kept, c->head or c->stale; the least recently used first */
    uint64_t hash;
    uint64_t used; /* c->clock when it was last got or put */
    uint64_t epoch, expires_ms;
    struct chunk answer;
    size_t cost;
    size_t key_n;
    enum cache_rule_kind rule;
    bool of_head;
    char key[];
};

struct table {
    struct entry **v; /* NULL: there is none */
    size_t mask;
};

struct cache {
    size_t max_bytes;
    uint64_t epoch; /* the newest that was heard of */
    uint64_t clock; /* counts uses, to find the older of two lists' oldest */
    struct table now;
    struct table old; /* being emptied into `now`: its buckets below `moved` are done */
    size_t moved;
    struct list kept;  /* for ever */
    struct list head;  /* of the head at `epoch` */
    struct list stale; /* of older epochs, to be freed when there is time */
    struct cache_counts counts;
};

/* What an allocation takes from the system, by the usual allocator's ways: a header, rounded up; large ones in pages.
 */
static size_t alloc_cost(size_t n)
{
    return n < 131072 ? (n + 8 + 15) & ~(size_t)15 : (n + 16 + 4095) & ~(size_t)4095;
}

static size_t table_cost(const struct table *t)
{
    return t->v ? alloc_cost((t->mask + 1) * sizeof *t->v) : 0;
}

static size_t blob_cost(const struct blob *b)
{
    return b->p == (const char *)(b + 1) ? alloc_cost(sizeof *b + b->cap) : alloc_cost(sizeof *b) + alloc_cost(b->cap);
}

static struct entry *entry_at(struct list *turn)
{
    return container_of(turn, struct entry, turn);
}

/* The table.  Where a hash belongs while the old table is being emptied is clear from its old bucket. */
static struct entry **bucket_of(const struct cache *c, uint64_t hash)
{
    size_t at = (size_t)hash & c->old.mask;

    return c->old.v && at >= c->moved ? &c->old.v[at] : &c->now.v[(size_t)hash & c->now.mask];
}

static struct entry *find(const struct cache *c, uint64_t hash, struct slice key)
{
    struct entry *e = c->now.v ? *bucket_of(c, hash) : NULL;

    while (e && !(e->hash == hash && slice_eq(slice_of(e->key, e->key_n), key)))
        e = e->next;
    return e;
}

static void entry_drop(struct cache *c, struct entry *e)
{
    struct entry **at = bucket_of(c, e->hash);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    list_remove(&e->turn);
    c->counts.bytes -= e->cost;
    c->counts.entries--;
    blob_unref(e->answer.ref);
    free(e);
}

static void void_drop(struct cache *c, struct entry *e)
{
    c->counts.voided++;
    entry_drop(c, e);
}

/* Frees void entries, at most `most`. */
static void sweep(struct cache *c, unsigned most)
{
    for (; most > 0 && !list_empty(&c->stale); most--)
        void_drop(c, entry_at(c->stale.next));
}

static void make_room(struct cache *c, size_t need)
{
    while (c->counts.bytes + need > c->max_bytes) {
        struct list *oldest = c->kept.next;

        if (!list_empty(&c->stale)) {
            sweep(c, 1);
            continue;
        }
        if (list_empty(&c->kept) || (!list_empty(&c->head) && entry_at(c->head.next)->used < entry_at(oldest)->used))
            oldest = c->head.next;
        assert(oldest != &c->head);
        c->counts.evictions++;
        entry_drop(c, entry_at(oldest));
    }
}

static void tables_changed(struct cache *c)
{
    size_t before = c->counts.table_bytes;

    c->counts.table_bytes = table_cost(&c->now) + table_cost(&c->old);
    c->counts.bytes = c->counts.bytes - before + c->counts.table_bytes;
}

/* False: no memory; the table stays as it is. */
static bool table_grow(struct cache *c, size_t buckets)
{
    struct table t = {.mask = buckets - 1};

    make_room(c, alloc_cost(buckets * sizeof *t.v));
    t.v = calloc(buckets, sizeof *t.v);
    if (!t.v)
        return false;
    c->old = c->now;
    c->moved = 0;
    c->now = t;
    tables_changed(c);
    assert(c->counts.bytes <= c->max_bytes);
    return true;
}

static void table_move(struct cache *c)
{
    for (unsigned i = 0; i < MOVE_BUCKETS && c->moved <= c->old.mask; i++, c->moved++) {
        struct entry *e = c->old.v[c->moved], *next;

        for (; e; e = next) {
            struct entry **to = &c->now.v[(size_t)e->hash & c->now.mask];

            next = e->next;
            e->next = *to;
            *to = e;
        }
    }
    if (c->moved > c->old.mask) {
        free(c->old.v);
        c->old = (struct table){0};
        tables_changed(c);
    }
}

/* Each put does its share of the work.  False: there is no table. */
static bool table_work(struct cache *c)
{
    if (!c->now.v)
        return table_grow(c, FIRST_BUCKETS);
    if (c->old.v)
        table_move(c);
    else if (c->counts.entries > c->now.mask)
        table_grow(c, (c->now.mask + 1) * 2); /* without memory for it: longer chains, the next put tries again */
    return true;
}

struct cache *cache_new(size_t max_bytes)
{
    struct cache *c = mem_zero(sizeof *c);

    c->max_bytes = max_bytes;
    list_init(&c->kept);
    list_init(&c->head);
    list_init(&c->stale);
    return c;
}

static void drop_all(struct cache *c)
{
    struct list all;

    list_init(&all);
    list_splice(&all, &c->kept);
    list_splice(&all, &c->head);
    list_splice(&all, &c->stale);
    list_each_safe (it, next, &all)
        entry_drop(c, entry_at(it));
    assert(c->counts.entries == 0 && c->counts.bytes == c->counts.table_bytes);
    free(c->now.v);
    free(c->old.v);
    c->now = c->old = (struct table){0};
    tables_changed(c);
    assert(c->counts.bytes == 0);
}

struct cache *cache_free(struct cache *c)
{
    if (c) {
        drop_all(c);
        free(c);
    }
    return NULL;
}

void cache_limit(struct cache *c, size_t max_bytes)
{
    c->max_bytes = max_bytes;
    /* A table never shrinks: one that is out of proportion goes with all that is in it. */
    if (c->counts.table_bytes > max_bytes / 4)
        drop_all(c);
    make_room(c, 0);
}

static void entry_used(struct cache *c, struct entry *e)
{
    list_remove(&e->turn);
    list_push(e->of_head ? &c->head : &c->kept, &e->turn);
    e->used = ++c->clock;
}

/* Is it void for everybody, from now on? */
static bool is_void(const struct cache *c, const struct entry *e, uint64_t now_ms)
{
    return e->of_head && (e->epoch != c->epoch || now_ms >= e->expires_ms);
}

bool cache_get(struct cache *c, uint64_t hash, struct slice key, uint64_t now_ms, uint64_t epoch, struct chunk *out,
               enum cache_rule_kind *rule)
{
    struct entry *e = find(c, hash, key);

    if (e && e->of_head) {
        if (is_void(c, e, now_ms)) {
            void_drop(c, e);
            e = NULL;
        } else if (e->epoch != epoch) {
            e = NULL;
        }
    }
    if (!e) {
        c->counts.misses++;
        return false;
    }
    entry_used(c, e);
    c->counts.hits[e->rule]++;
    if (rule)
        *rule = e->rule;
    *out = e->answer;
    blob_ref(out->ref);
    return true;
}

/* An answer that brings along much more than itself is copied: a quarter more is cheaper to hold than to copy. */
static bool should_copy(struct chunk answer)
{
    size_t copied = alloc_cost(sizeof *answer.ref + answer.s.n);

    return !answer.ref || blob_cost(answer.ref) > copied + copied / 4;
}

static size_t item_cost(struct slice key, struct chunk answer)
{
    return alloc_cost(sizeof(struct entry) + key.n) +
           (should_copy(answer) ? alloc_cost(sizeof *answer.ref + answer.s.n) : blob_cost(answer.ref));
}

/* NULL: no memory. */
static struct entry *entry_new(const struct cache_item *item, struct chunk answer)
{
    struct entry *e = malloc(sizeof *e + item->key.n);

    if (!e)
        return NULL;
    *e = (struct entry){
        .hash = item->hash,
        .epoch = item->epoch,
        .expires_ms = item->expires_ms,
        .cost = item_cost(item->key, answer),
        .key_n = item->key.n,
        .rule = item->rule,
        .of_head = item->scope == CACHE_UNTIL_HEAD,
    };
    list_init(&e->turn);
    if (item->key.n)
        memcpy(e->key, item->key.p, item->key.n);
    if (should_copy(answer)) {
        e->answer.ref = blob_copy(answer.s);
        if (!e->answer.ref) {
            free(e);
            return NULL;
        }
        e->answer.s = slice_of(e->answer.ref->p, answer.s.n);
    } else {
        e->answer = answer;
        blob_ref(answer.ref);
    }
    return e;
}

static bool refused(struct cache *c)
{
    c->counts.refused++;
    return false;
}

bool cache_put(struct cache *c, const struct cache_item *item, struct chunk answer)
{
    size_t cost = item_cost(item->key, answer);
    struct entry *e, **at;

    assert((unsigned)item->rule < CACHE_RULE_COUNT);
    if (item->scope == CACHE_UNTIL_HEAD)
        cache_head_moved(c, item->epoch);
    if (item->scope == CACHE_NOT_KEPT || cost > c->max_bytes / LARGEST_SHARE ||
        (item->scope == CACHE_UNTIL_HEAD && item->epoch < c->epoch))
        return refused(c);
    e = find(c, item->hash, item->key);
    if (e)
        entry_drop(c, e);
    sweep(c, VOID_AT_PUT);
    if (!table_work(c))
        return refused(c);
    make_room(c, cost);
    e = entry_new(item, answer);
    if (!e)
        return refused(c);
    at = bucket_of(c, e->hash);
    e->next = *at;
    *at = e;
    c->counts.bytes += e->cost;
    c->counts.entries++;
    c->counts.puts++;
    entry_used(c, e);
    return true;
}

void cache_head_moved(struct cache *c, uint64_t epoch)
{
    if (epoch <= c->epoch)
        return;
    c->epoch = epoch;
    list_splice(&c->stale, &c->head);
    sweep(c, VOID_AT_MOVE);
}

const struct cache_counts *cache_counts(const struct cache *c)
{
    return &c->counts;
}

/* Checks one list of turns; returns how many entries it has, and adds what they cost. */
static size_t verify_list(const struct cache *c, const struct list *turns, size_t *cost)
{
    uint64_t used = 0;
    size_t n = 0;

    list_each (it, turns) {
        const struct entry *e = entry_at(it);

        assert(e->of_head == (turns != &c->kept));
        assert(!e->of_head || (e->epoch == c->epoch) == (turns == &c->head));
        assert(turns == &c->stale || e->used > used); /* several epochs' lists follow each other in `stale` */
        assert(e->answer.ref->refs > 0 && e->answer.s.p >= e->answer.ref->p);
        assert(find(c, e->hash, slice_of(e->key, e->key_n)) == e);
        used = e->used;
        *cost += e->cost;
        n++;
    }
    return n;
}

void cache_verify(const struct cache *c)
{
    size_t bytes = table_cost(&c->now) + table_cost(&c->old), n = 0;

    assert(c->counts.table_bytes == bytes);
    n += verify_list(c, &c->kept, &bytes);
    n += verify_list(c, &c->head, &bytes);
    n += verify_list(c, &c->stale, &bytes);
    assert(n == c->counts.entries && bytes == c->counts.bytes && bytes <= c->max_bytes);
}
