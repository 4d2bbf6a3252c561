/* Random operations against a model that is slow and plain: after each step both must agree on everything that can be
 * seen: hits and their bytes, the rule, what was pushed out, the counts. */
#include <stdlib.h>

#include "cache/cache.h"
#include "test.h"

enum { KEYS = 600, STEPS = 100000, MAX = 64 << 10, SIZES = 700 };

struct known {
    bool there, of_head;
    uint64_t epoch, expires_ms, used;
    size_t n, cost;
    unsigned fill;
};

static struct known model[KEYS];
static size_t costs[SIZES + 1]; /* of an entry with an answer of so many bytes; all keys are of one length */
static const char zeros[3 * SIZES];
static uint64_t rng, clock_, evicted;

static unsigned rnd(unsigned below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned)((rng >> 20) % below);
}

static struct slice key_of(unsigned n)
{
    static char text[16];

    snprintf(text, sizeof text, "%08u", n);
    return slice_of(text, 8);
}

static uint64_t hash_of(unsigned n) /* few and clustered: every bucket is a long list */
{
    return n % 37 * 64 + n % 3;
}

static void measure_costs(void)
{
    struct cache *c = cache_new(1 << 20);
    char text[SIZES];
    size_t before = 0;

    memset(text, 'x', sizeof text);
    for (unsigned n = 0; n <= SIZES; n++) {
        struct cache_item item = {.hash = 1, .key = key_of(1), .rule = CACHE_RULE_STATIC, .scope = CACHE_FOREVER};

        cache_put(c, &item, (struct chunk){.s = slice_of(text, n)});
        before = cache_counts(c)->table_bytes;
        costs[n] = cache_counts(c)->bytes - before;
    }
    cache_free(c);
}

static size_t model_bytes(uint64_t epoch, int *oldest)
{
    size_t bytes = 0;

    *oldest = -1;
    for (int i = 0; i < KEYS; i++) {
        struct known *k = &model[i];

        if (k->there && k->of_head && k->epoch != epoch)
            k->there = false;
        if (!k->there)
            continue;
        bytes += k->cost;
        if (*oldest < 0 || k->used < model[*oldest].used)
            *oldest = i;
    }
    return bytes;
}

static void step_put(struct cache *c, unsigned key, uint64_t now_ms, uint64_t *epoch)
{
    struct known k = {.there = true, .of_head = rnd(3) == 0, .fill = rnd(256), .n = rnd(SIZES)};
    struct cache_item item = {.hash = hash_of(key), .key = key_of(key), .rule = CACHE_RULE_BY_NUMBER};
    struct chunk in;
    bool done, late;
    int oldest;

    k.epoch = *epoch - (rnd(8) == 0) + (rnd(16) == 0);
    k.expires_ms = now_ms + rnd(300);
    k.cost = costs[k.n];
    late = k.of_head && k.epoch < *epoch;
    if (k.of_head && k.epoch > *epoch)
        *epoch = k.epoch;
    if (k.of_head)
        item.rule = CACHE_RULE_HEAD;
    item.scope = k.of_head ? CACHE_UNTIL_HEAD : CACHE_FOREVER;
    item.epoch = k.epoch;
    item.expires_ms = k.expires_ms;

    /* At the end of a larger blob or as a whole one: copied or shared, the same is counted. */
    in.ref = blob_copy(slice_of(zeros, rnd(2) ? k.n : k.n + 2 * SIZES));
    in.s = slice_of(in.ref->p + in.ref->n - k.n, k.n);
    memset(in.ref->p + in.ref->n - k.n, (int)k.fill, k.n);
    done = cache_put(c, &item, in);
    CHECK_EQ(done, !late);
    blob_unref(in.ref);
    if (late)
        return;
    model[key].there = false;
    while (model_bytes(*epoch, &oldest) + k.cost + cache_counts(c)->table_bytes > MAX && oldest >= 0) {
        model[oldest].there = false;
        evicted++;
    }
    k.used = ++clock_;
    model[key] = k;
}

static void step_get(struct cache *c, unsigned key, uint64_t now_ms, uint64_t asked, uint64_t epoch)
{
    struct known *k = &model[key];
    enum cache_rule_kind rule;
    struct chunk out;
    bool want, got = cache_get(c, hash_of(key), key_of(key), now_ms, asked, &out, &rule);

    if (k->there && k->of_head && (k->epoch != epoch || now_ms >= k->expires_ms))
        k->there = false;
    want = k->there && (!k->of_head || k->epoch == asked);
    CHECK_EQ(got, want);
    if (want)
        k->used = ++clock_;
    if (!got)
        return;
    CHECK_EQ(rule, k->of_head ? CACHE_RULE_HEAD : CACHE_RULE_BY_NUMBER);
    CHECK_EQ(out.s.n, k->n);
    for (size_t i = 0; i < out.s.n; i++)
        if ((unsigned char)out.s.p[i] != k->fill) {
            CHECK_EQ((unsigned char)out.s.p[i], k->fill);
            break;
        }
    CHECK(out.ref->refs == 2); /* the cache's and ours */
    blob_unref(out.ref);
}

TEST(agrees_with_the_model)
{
    struct cache *c = cache_new(MAX);
    uint64_t now_ms = 1000, epoch = 1, hits = 0;

    rng = 88172645463325252;
    measure_costs();
    for (unsigned i = 0; i < STEPS && test_failures == 0; i++) {
        unsigned what = rnd(100), key = rnd(KEYS);

        now_ms += rnd(4);
        if (i < STEPS / 20)
            key %= 40; /* no eviction at first */
        if (what < 40)
            step_put(c, key, now_ms, &epoch);
        else if (what < 98)
            step_get(c, key, now_ms, epoch - (rnd(20) == 0) + (rnd(20) == 0), epoch);
        else if (what == 98)
            cache_head_moved(c, epoch += rnd(2));
        else
            cache_head_moved(c, epoch - rnd(2));
        CHECK_EQ(cache_counts(c)->evictions, evicted);
        CHECK(cache_counts(c)->bytes <= MAX);
        if (i % 16 == 0)
            cache_verify(c);
        if (test_failures)
            printf("# at step %u\n", i);
    }
    for (unsigned i = 0; i < CACHE_RULE_COUNT; i++)
        hits += cache_counts(c)->hits[i];
    /* It was worth the while: all the ways were gone. */
    CHECK(hits > STEPS / 20 && cache_counts(c)->misses > STEPS / 20 && evicted > STEPS / 20);
    CHECK(cache_counts(c)->voided > 1000 && cache_counts(c)->refused > 100);
    CHECK(cache_counts(c)->table_bytes > 64 * sizeof(void *) + 16); /* and the table grew under way */
    printf("# %llu hits, %llu misses, %llu pushed out, %llu void\n", (unsigned long long)hits,
           (unsigned long long)cache_counts(c)->misses, (unsigned long long)evicted,
           (unsigned long long)cache_counts(c)->voided);
    cache_free(c);
}

/* Nothing is lost while the table grows bucket by bucket. */
TEST(growth_loses_nothing)
{
    enum { MANY = 20000 };
    struct cache *c = cache_new(64 << 20);
    struct chunk out;

    for (unsigned i = 0; i < MANY; i++) {
        struct cache_item item = {
            .hash = i * 0x9e3779b97f4a7c15, .key = key_of(i), .rule = CACHE_RULE_STATIC, .scope = CACHE_FOREVER};

        CHECK(cache_put(c, &item, (struct chunk){.s = item.key}));
        for (unsigned k = 0; k < 4; k++) {
            unsigned n = k ? rnd(i + 1) : i;

            if (!cache_get(c, n * 0x9e3779b97f4a7c15, key_of(n), 0, 0, &out, NULL)) {
                CHECK_EQ(n, -1);
                continue;
            }
            CHECK(slice_eq(out.s, key_of(n)));
            blob_unref(out.ref);
        }
        if (i % 1000 == 0)
            cache_verify(c);
    }
    CHECK_EQ(cache_counts(c)->entries, MANY);
    CHECK(cache_counts(c)->table_bytes > MANY * 4 && cache_counts(c)->table_bytes < MANY * 40);
    cache_free(c);
}

TEST_MAIN()
