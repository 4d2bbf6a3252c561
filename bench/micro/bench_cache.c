/* bench_cache.c - what it costs to get a kept answer and to keep one; keys of 150 bytes, answers of 66.
 * Never fails: figures are for reading, not for gating.
 * With a name and a count it does only that, for instruction counting: the difference of two counts is the cost.
 *     valgrind --tool=callgrind bench_cache hit 100000 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cache/cache.h"

enum { ENTRIES = 10000, KEY = 150, ANSWER = 66 };

static char keys[ENTRIES][KEY];
static char absent[KEY];
static struct blob *answers[ENTRIES];
static uint64_t sink; /* keeps results alive */

static uint64_t hash_of(unsigned i)
{
    return (i + 1) * 0x9e3779b97f4a7c15u;
}

static void put(struct cache *c, unsigned i)
{
    struct cache_item item = {
        .hash = hash_of(i), .key = slice_of(keys[i], KEY), .rule = CACHE_RULE_BY_HASH, .scope = CACHE_FOREVER};

    sink += cache_put(c, &item, (struct chunk){slice_of(answers[i]->p, ANSWER), answers[i]});
}

static void hit(struct cache *c, unsigned i)
{
    struct chunk out;

    if (cache_get(c, hash_of(i), slice_of(keys[i], KEY), 0, 0, &out, NULL)) {
        sink += out.s.n;
        blob_unref(out.ref);
    }
}

static void miss(struct cache *c, unsigned i)
{
    struct chunk out;

    sink += !cache_get(c, hash_of(i + ENTRIES), slice_of(absent, KEY), 0, 0, &out, NULL);
}

static const struct {
    const char *name;
    void (*run)(struct cache *c, unsigned i);
} things[] = {{"hit", hit}, {"miss", miss}, {"put", put}};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct cache *c = cache_new(64u << 20);

    for (unsigned i = 0; i < ENTRIES; i++) {
        memset(keys[i], 'k', KEY);
        memcpy(keys[i] + KEY - sizeof i, &i, sizeof i); /* keys differ where the comparison ends */
        answers[i] = blob_copy(slice_of(keys[i], ANSWER));
        put(c, i);
    }
    for (size_t t = 0; t < sizeof things / sizeof *things; t++) {
        unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 3000000;
        double from = now_s();

        if (argc == 3 && strcmp(argv[1], things[t].name) != 0)
            continue;
        for (unsigned long i = 0; i < count; i++)
            things[t].run(c, (unsigned)(i * 7919 % ENTRIES));
        if (argc != 3)
            printf("%-5s %6.1f ns\n", things[t].name, (now_s() - from) * 1e9 / (double)count);
    }
    cache_free(c);
    for (unsigned i = 0; i < ENTRIES; i++)
        blob_unref(answers[i]);
    return sink == 0; /* it never is */
}
