/* The cache by hand: what leaves first, what is void when, what is refused, what is shared and what is copied. */
#include <malloc.h>
#include <stdlib.h>

#include "cache/cache.h"
#include "test.h"

enum { MAX = 100000 };

static struct slice key_of(unsigned n)
{
    static char text[4][24];
    static unsigned turn;
    char *s = text[turn++ % 4];

    snprintf(s, sizeof text[0], "key %u", n);
    return slice_str(s);
}

/* Puts a copy of `text` under key n, with all hashes equal. */
static bool put(struct cache *c, unsigned n, const char *text, enum cache_scope scope, uint64_t epoch, uint64_t expires)
{
    struct cache_item item = {.hash = 7,
                              .key = key_of(n),
                              .rule = scope == CACHE_UNTIL_HEAD ? CACHE_RULE_HEAD : CACHE_RULE_BY_HASH,
                              .scope = scope,
                              .epoch = epoch,
                              .expires_ms = expires};

    return cache_put(c, &item, (struct chunk){.s = slice_str(text)});
}

static bool forever(struct cache *c, unsigned n, const char *text)
{
    return put(c, n, text, CACHE_FOREVER, 0, 0);
}

static bool large(struct cache *c, unsigned n, size_t size)
{
    char *text = calloc(1, size);
    struct cache_item item = {.hash = 7, .key = key_of(n), .rule = CACHE_RULE_STATIC, .scope = CACHE_FOREVER};
    bool done = cache_put(c, &item, (struct chunk){.s = slice_of(text, size)});

    free(text);
    return done;
}

/* What is under key n, "" when nothing. */
static const char *get(struct cache *c, unsigned n, uint64_t now_ms, uint64_t epoch)
{
    static char text[256];
    struct chunk out;

    if (!cache_get(c, 7, key_of(n), now_ms, epoch, &out, NULL))
        return "";
    snprintf(text, sizeof text, "%.*s", (int)out.s.n, out.s.p);
    blob_unref(out.ref);
    return text;
}

#define CHECK_GET(c, n, text) CHECK_STR(slice_str(get(c, n, 0, 0)), text)

TEST(put_get_and_counts)
{
    struct cache *c = cache_new(MAX);
    const struct cache_counts *k = cache_counts(c);
    enum cache_rule_kind rule = CACHE_RULE_NEVER;
    struct chunk out;

    CHECK_GET(c, 1, "");
    CHECK_EQ(k->bytes, 0);
    CHECK(forever(c, 1, "one"));
    CHECK(forever(c, 2, "two"));
    CHECK_GET(c, 1, "one");
    CHECK_GET(c, 2, "two");
    CHECK_GET(c, 3, "");
    CHECK(put(c, 4, "head", CACHE_UNTIL_HEAD, 3, 10));
    CHECK(cache_get(c, 7, key_of(4), 9, 3, &out, &rule));
    blob_unref(out.ref);
    CHECK_EQ(rule, CACHE_RULE_HEAD);
    CHECK_EQ(k->hits[CACHE_RULE_BY_HASH], 2);
    CHECK_EQ(k->hits[CACHE_RULE_HEAD], 1);
    CHECK_EQ(k->misses, 2);
    CHECK_EQ(k->puts, 3);
    CHECK_EQ(k->entries, 3);
    CHECK(!put(c, 5, "no", CACHE_NOT_KEPT, 0, 0));
    CHECK_EQ(k->refused, 1);
    cache_verify(c);
    c = cache_free(c);
    CHECK(c == NULL);
    CHECK(cache_free(NULL) == NULL);
}

TEST(a_key_is_compared_whole)
{
    static const char *const keys[] = {"", "a", "ab", "abc", "abd", "aB", "a\1", "b", "bc", "A"};
    enum { N = sizeof keys / sizeof *keys };
    struct cache *c = cache_new(MAX);
    struct chunk out;

    for (unsigned i = 0; i < N; i++) {
        struct cache_item item = {
            .hash = 42, .key = slice_str(keys[i]), .rule = CACHE_RULE_STATIC, .scope = CACHE_FOREVER};
        CHECK(!cache_get(c, 42, item.key, 0, 0, &out, NULL));
        CHECK(cache_put(c, &item, (struct chunk){.s = slice_of((char[]){(char)('0' + i)}, 1)}));
    }
    for (unsigned i = 0; i < N; i++) {
        CHECK(cache_get(c, 42, slice_str(keys[i]), 0, 0, &out, NULL));
        CHECK_EQ(out.s.p[0], '0' + i);
        blob_unref(out.ref);
        CHECK(!cache_get(c, 43, slice_str(keys[i]), 0, 0, &out, NULL));
        CHECK(!cache_get(c, 42 + (1ull << 32), slice_str(keys[i]), 0, 0, &out, NULL));
    }
    CHECK(!cache_get(c, 42, slice_of("a\0", 2), 0, 0, &out, NULL));
    cache_free(c);
}

TEST(a_second_put_replaces)
{
    struct cache *c = cache_new(MAX);
    size_t bytes;

    forever(c, 1, "old");
    bytes = cache_counts(c)->bytes;
    CHECK(forever(c, 1, "new"));
    CHECK_GET(c, 1, "new");
    CHECK_EQ(cache_counts(c)->entries, 1);
    CHECK_EQ(cache_counts(c)->bytes, bytes);
    CHECK_EQ(cache_counts(c)->evictions, 0);
    /* What is refused leaves what is there. */
    cache_head_moved(c, 5);
    CHECK(!put(c, 1, "late", CACHE_UNTIL_HEAD, 4, 99));
    CHECK_GET(c, 1, "new");
    /* For ever in place of the head's, and the other way round. */
    CHECK(put(c, 1, "head", CACHE_UNTIL_HEAD, 5, 99));
    CHECK_STR(slice_str(get(c, 1, 0, 5)), "head");
    CHECK(forever(c, 1, "again"));
    CHECK_STR(slice_str(get(c, 1, 0, 77)), "again");
    cache_verify(c);
    cache_free(c);
}

/* A maximum for exactly n small entries behind the smallest table, found by trying. */
static size_t room_for(unsigned n)
{
    struct cache *c = cache_new(MAX);
    size_t bytes;

    for (unsigned i = 0; i < n; i++)
        put(c, i, "x", i % 2 ? CACHE_UNTIL_HEAD : CACHE_FOREVER, 1, 9);
    bytes = cache_counts(c)->bytes;
    cache_free(c);
    return bytes;
}

TEST(the_least_recently_used_leaves_first)
{
    enum { N = 20 };
    struct cache *c = cache_new(room_for(N));

    for (unsigned i = 0; i < N; i++) /* both lists take turns */
        CHECK(put(c, i, "x", i % 2 ? CACHE_UNTIL_HEAD : CACHE_FOREVER, 1, 9));
    CHECK_EQ(cache_counts(c)->evictions, 0);
    /* 0, 1 and 3 are used again: 2, 4, 5, 6... are now the oldest. */
    CHECK_STR(slice_str(get(c, 0, 0, 1)), "x");
    CHECK_STR(slice_str(get(c, 3, 0, 1)), "x");
    CHECK_STR(slice_str(get(c, 1, 0, 1)), "x");
    for (unsigned i = 0; i < 4; i++) {
        CHECK(forever(c, 100 + i, "x")); /* pushes out 2, 4, 5, 6; the keys are longer, within the same rounding */
        CHECK_EQ(cache_counts(c)->entries, N);
        CHECK_EQ(cache_counts(c)->evictions, i + 1);
    }
    for (unsigned i = 0; i < N; i++)
        CHECK_STR(slice_str(get(c, i, 0, 1)), i == 2 || (i >= 4 && i <= 6) ? "" : "x");
    for (unsigned i = 0; i < 4; i++)
        CHECK_STR(slice_str(get(c, 100 + i, 0, 1)), "x");
    cache_verify(c);
    cache_free(c);
}

/* A larger table counts before it is there. */
TEST(growth_makes_room_for_itself)
{
    enum { N = 64 };
    struct cache *c = cache_new(room_for(N));

    for (unsigned i = 0; i < N; i++)
        CHECK(put(c, i, "x", i % 2 ? CACHE_UNTIL_HEAD : CACHE_FOREVER, 1, 9));
    CHECK_EQ(cache_counts(c)->evictions, 0);
    CHECK(forever(c, N, "x"));
    CHECK(cache_counts(c)->evictions > 1);
    CHECK(cache_counts(c)->table_bytes > 64 * sizeof(void *) + 128 * sizeof(void *));
    cache_verify(c);
    cache_free(c);
}

TEST(void_entries_make_room_first)
{
    enum { N = 100 };
    struct cache *c = cache_new(MAX);

    for (unsigned i = 0; i < N; i++)
        forever(c, i, "x");
    for (unsigned i = 0; i < 2 * N; i++)
        put(c, 1000 + i, "x", CACHE_UNTIL_HEAD, 1, 99);
    CHECK_EQ(cache_counts(c)->entries, 3 * N);
    cache_head_moved(c, 2);
    CHECK(cache_counts(c)->entries > N); /* some of them are still to be freed: one event does not free them all */
    for (unsigned i = 0; i < 2 * N; i++)
        CHECK_STR(slice_str(i % 2 ? get(c, 1000 + i, 0, 1) : get(c, 1000 + i, 0, 2)), "");
    CHECK_EQ(cache_counts(c)->entries, N); /* asked for, they go */
    for (unsigned i = 0; i < 2 * N; i++)
        put(c, 1000 + i, "y", CACHE_UNTIL_HEAD, 2, 99);
    cache_head_moved(c, 3);
    cache_limit(c, cache_counts(c)->bytes);             /* full: room is made by what is void */
    CHECK(large(c, 9000, cache_counts(c)->bytes / 10)); /* also for one that takes the room of many */
    CHECK_EQ(cache_counts(c)->evictions, 0);
    for (unsigned i = 0; i < N; i++)
        CHECK(forever(c, 5000 + i, "z"));
    CHECK_EQ(cache_counts(c)->evictions, 0);
    CHECK_EQ(cache_counts(c)->entries, 2 * N + 1);
    CHECK_EQ(cache_counts(c)->voided, 4 * N);
    cache_verify(c);
    cache_free(c);
}

TEST(epochs_and_age)
{
    static const struct {
        uint64_t now_ms, epoch;
        const char *want;
    } steps[] = {
        {0, 5, "v"},  {99, 5, "v"}, {50, 4, ""}, /* who was shown an older head asks for its own */
        {50, 6, ""},                             /* and who was shown a newer one */
        {50, 5, "v"},                            /* without harm to it */
        {100, 5, ""},                            /* too old */
        {50, 5, ""},                             /* and gone */
    };
    struct cache *c = cache_new(MAX);

    CHECK(put(c, 1, "v", CACHE_UNTIL_HEAD, 5, 100));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        CHECK_STR(slice_str(get(c, 1, steps[i].now_ms, steps[i].epoch)), steps[i].want);
    CHECK_EQ(cache_counts(c)->entries, 0);
    CHECK_EQ(cache_counts(c)->voided, 1);

    CHECK(put(c, 1, "v", CACHE_UNTIL_HEAD, 5, 100));
    CHECK(forever(c, 2, "w"));
    cache_head_moved(c, 6);
    cache_head_moved(c, 5); /* heads do not go back */
    CHECK_STR(slice_str(get(c, 1, 50, 5)), "");
    CHECK_STR(slice_str(get(c, 1, 50, 6)), "");
    CHECK_STR(slice_str(get(c, 2, 50, 6)), "w");
    CHECK(!put(c, 1, "late", CACHE_UNTIL_HEAD, 5, 100)); /* asked before the head moved, answered after */
    CHECK(put(c, 1, "six", CACHE_UNTIL_HEAD, 6, 100));
    CHECK(put(c, 3, "seven", CACHE_UNTIL_HEAD, 7, 100)); /* a newer epoch moves the head */
    CHECK_STR(slice_str(get(c, 1, 50, 6)), "");
    CHECK_STR(slice_str(get(c, 3, 50, 7)), "seven");
    cache_verify(c);
    cache_free(c);
}

TEST(large_answers_are_refused)
{
    struct cache *c = cache_new(MAX);
    char *big = malloc(MAX);
    char *key = malloc(MAX);
    struct cache_item item = {.hash = 1, .key = SLICE("k"), .rule = CACHE_RULE_STATIC, .scope = CACHE_FOREVER};
    size_t n = 0;

    memset(big, 'x', MAX);
    memset(key, 'k', MAX);
    CHECK(!cache_put(c, &item, (struct chunk){.s = slice_of(big, MAX / 8)}));
    CHECK_EQ(cache_counts(c)->bytes, 0);
    for (n = MAX / 8; n > 0 && !cache_put(c, &item, (struct chunk){.s = slice_of(big, n)}); n--)
        ;
    CHECK(n > MAX / 8 - 300);
    CHECK_EQ(cache_counts(c)->bytes - cache_counts(c)->table_bytes, MAX / 8 / 16 * 16);
    item.key = slice_of(key, MAX / 8);
    CHECK(!cache_put(c, &item, (struct chunk){.s = SLICE("1")})); /* a long key counts as well */
    CHECK_EQ(cache_counts(c)->entries, 1);
    free(big);
    free(key);
    cache_free(c);
}

TEST(shares_what_fits_and_copies_what_is_part_of_more)
{
    static const struct {
        size_t blob, cap, payload;
        bool shared;
    } rows[] = {{1000, 1000, 1000, true},
                {1000, 1000, 960, true},
                {1000, 1000, 500, false},
                {100000, 100000, 50, false},
                {80, 80, 42, false},
                {80, 4096, 80, false}, /* the buffer that it came from is larger than its text */
                {100000, 120000, 99000, true},
                {100000, 131072, 99000, false},
                {10485760, 10485760, 50, false}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cache *c = cache_new(64u << 20);
        struct cache_item item = {.hash = 1, .key = SLICE("k"), .rule = CACHE_RULE_STATIC, .scope = CACHE_FOREVER};
        struct chunk in, out;
        struct buf b;
        bool shared;

        buf_init(&b, 64u << 20);
        CHECK_EQ(buf_reserve_exact(&b, rows[i].cap), 0);
        memset(b.p, 'a', rows[i].blob);
        b.n = rows[i].blob;
        in.ref = blob_take(&b);
        CHECK_EQ(in.ref->cap, rows[i].cap);
        in.s = slice_of(in.ref->p + rows[i].blob - rows[i].payload, rows[i].payload);
        CHECK(cache_put(c, &item, in));
        CHECK(cache_get(c, 1, SLICE("k"), 0, 0, &out, NULL));
        shared = out.ref == in.ref;
        CHECK_EQ(shared, rows[i].shared);
        CHECK_EQ(in.ref->refs, shared ? 3 : 1);
        CHECK(slice_eq(in.s, out.s));
        CHECK(cache_counts(c)->bytes > (shared ? rows[i].cap : rows[i].payload));
        CHECK(cache_counts(c)->bytes < (shared ? rows[i].cap : rows[i].payload) + 1000);
        /* Who holds an answer keeps it when the cache is gone. */
        cache_free(c);
        CHECK_EQ(out.s.p[0], 'a');
        blob_unref(out.ref);
        CHECK_EQ(in.ref->refs, 1);
        blob_unref(in.ref);
    }
}

TEST(a_new_limit)
{
    struct cache *c = cache_new(MAX);

    for (unsigned i = 0; i < 1000; i++)
        forever(c, i, "x");
    CHECK(cache_counts(c)->bytes <= MAX);
    cache_limit(c, MAX / 2);
    CHECK(cache_counts(c)->bytes <= MAX / 2 && cache_counts(c)->bytes > MAX / 3);
    cache_verify(c);
    CHECK_GET(c, 999, "x");
    cache_limit(c, 2000); /* less than its table was good for */
    CHECK(cache_counts(c)->bytes <= 2000);
    cache_verify(c);
    for (unsigned i = 0; i < 100; i++)
        CHECK(forever(c, i, "x"));
    cache_verify(c);
    CHECK_GET(c, 99, "x");
    cache_limit(c, 0);
    CHECK_EQ(cache_counts(c)->bytes, 0);
    CHECK(!forever(c, 1, "x"));
    CHECK_GET(c, 1, "");
    cache_limit(c, MAX);
    CHECK(forever(c, 1, "x"));
    CHECK_GET(c, 1, "x");
    cache_free(c);
}

TEST(every_small_maximum)
{
    for (size_t max = 0; max < 6000; max += 7) {
        struct cache *c = cache_new(max);

        for (unsigned i = 0; i < 100; i++) {
            put(c, i, "x", i % 3 ? CACHE_FOREVER : CACHE_UNTIL_HEAD, 1, 9);
            CHECK(cache_counts(c)->bytes <= max);
        }
        cache_verify(c);
        cache_free(c);
    }
}

/* What the system says is in use.  A sanitizer's allocator has its own count. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t in_use(void)
{
    struct mallinfo2 m;

    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

TEST(counts_what_is_really_held)
{
    enum { LIMIT = 8 << 20, SLACK = 300000 /* freed pieces that the allocator keeps for the thread count as used */ };
    static const size_t sizes[] = {1, 40, 90, 500, 3000, 20000, 150000};
    static char text[150000];
    size_t before = in_use(), peak = 0, held;
    struct cache *c = cache_new(LIMIT);

    memset(text, 'x', sizeof text);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (unsigned i = 0; i < 40000 && i * sizes[s] < 2 * LIMIT; i++) {
            struct cache_item item = {
                .hash = i * 0x9e3779b97f4a7c15, .key = key_of(i), .rule = CACHE_RULE_STATIC, .scope = CACHE_FOREVER};
            struct chunk in = {.s = slice_of(text, sizes[s])};

            if (i % 2) { /* shared; only the cache holds it in the end */
                in.ref = blob_copy(in.s);
                in.s.p = in.ref->p;
            }
            CHECK(cache_put(c, &item, in));
            blob_unref(in.ref);
            CHECK(cache_counts(c)->bytes <= LIMIT);
            if (i % 1000 == 0 && in_use() - before > peak)
                peak = in_use() - before;
        }
        held = in_use() - before;
        CHECK(held < cache_counts(c)->bytes + SLACK);
        CHECK(held + SLACK > cache_counts(c)->bytes * 3 / 4);
        cache_verify(c);
    }
    CHECK(peak < LIMIT + SLACK);
    printf("# limit %d, counted %zu, held at most %zu\n", LIMIT, cache_counts(c)->bytes, peak);
    cache_free(c);
    CHECK(in_use() - before < SLACK);
}

TEST_MAIN()
