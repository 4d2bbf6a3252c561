/* The limit of calls in flight, on a simulated server that works on so many at once and queues the rest. */
#include "../test.h"

#include "upstream/concurrency.h"

static uint64_t state = 17;

static uint32_t draw(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 32);
}

struct server {
    uint64_t free_us[256]; /* when each of its workers is free */
    unsigned workers;
    uint64_t work_us;
};

/* When a call that comes now is answered. */
static uint64_t serve(struct server *s, uint64_t now_us)
{
    unsigned first = 0;
    uint64_t work_us = s->work_us - s->work_us / 5 + draw() % (s->work_us * 2 / 5);

    if (draw() % 50 == 0)
        work_us *= 20;
    for (unsigned i = 1; i < s->workers; i++)
        if (s->free_us[i] < s->free_us[first])
            first = i;
    s->free_us[first] = (s->free_us[first] > now_us ? s->free_us[first] : now_us) + work_us;
    return s->free_us[first];
}

struct outcome {
    unsigned limit;
    double mean_us, per_s;
};

/* As many calls as the limit lets, without end, for so many seconds; measured in the last half. */
static struct outcome load(struct concurrency *k, const struct concurrency_conf *c, struct server *s, uint64_t *now_us,
                           unsigned seconds)
{
    static uint64_t due[4096], sent[4096];
    unsigned n = 0, answers = 0;
    uint64_t end_us = *now_us + seconds * UINT64_C(1000000), half_us = end_us - seconds * UINT64_C(500000), sum_us = 0;
    double limits = 0;

    while (*now_us < end_us) {
        unsigned first = 0;

        while (n < concurrency_limit(k)) {
            sent[n] = *now_us;
            due[n++] = serve(s, *now_us);
        }
        for (unsigned i = 1; i < n; i++)
            if (due[i] < due[first])
                first = i;
        *now_us = due[first] > *now_us ? due[first] : *now_us;
        concurrency_note(k, c, *now_us - sent[first], n, false, *now_us / 1000);
        if (*now_us > half_us) {
            answers++;
            sum_us += *now_us - sent[first];
            limits += concurrency_limit(k);
        }
        n--;
        due[first] = due[n];
        sent[first] = sent[n];
    }
    return (struct outcome){(unsigned)(limits / answers), (double)sum_us / answers, answers / (seconds / 2.0)};
}

TEST(follows_what_the_server_can_do)
{
    static const struct {
        unsigned workers;
        uint64_t work_us;
    } rows[] = {{4, 5000}, {16, 5000}, {50, 20000}, {100, 2000}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const struct concurrency_conf c = {2, 400};
        struct server s = {.workers = rows[i].workers, .work_us = rows[i].work_us};
        double most = rows[i].workers * 1e6 / ((double)rows[i].work_us * 1.38);
        uint64_t now_us = 1000000;
        struct concurrency k;
        struct outcome o;

        concurrency_init(&k, &c, 1000);
        o = load(&k, &c, &s, &now_us, 120);
        printf("# %u workers: limit %u, mean %.0f us of %llu, %.0f calls/s of %.0f\n", rows[i].workers, o.limit,
               o.mean_us, (unsigned long long)rows[i].work_us, o.per_s, most);
        CHECK(o.limit >= rows[i].workers * 3 / 4 && o.limit <= rows[i].workers * 5 / 2 + 2);
        CHECK(o.per_s > 0.85 * most);
        CHECK(o.mean_us < 2.6 * (double)rows[i].work_us);
    }
}

TEST(a_server_that_shrinks_and_grows)
{
    static const struct concurrency_conf c = {2, 400};
    struct server s = {.workers = 60, .work_us = 5000};
    uint64_t now_us = 1000000;
    struct concurrency k;
    unsigned wide, narrow, again;

    concurrency_init(&k, &c, 1000);
    wide = load(&k, &c, &s, &now_us, 40).limit;
    s.workers = 10;
    narrow = load(&k, &c, &s, &now_us, 20).limit;
    s.workers = 60;
    again = load(&k, &c, &s, &now_us, 40).limit;
    CHECK(wide >= 45);
    CHECK(narrow <= 30);
    CHECK(again >= 45);
}

/* The network got slower for good: after a minute that is the new measure. */
TEST(slower_for_good)
{
    static const struct concurrency_conf c = {2, 400};
    struct server s = {.workers = 40, .work_us = 5000};
    uint64_t now_us = 1000000;
    struct concurrency k;

    concurrency_init(&k, &c, 1000);
    load(&k, &c, &s, &now_us, 40);
    s.work_us = 15000;
    CHECK(load(&k, &c, &s, &now_us, 200).limit >= 30);
}

/* The queue of today is not the measure of tomorrow. */
TEST(no_creep)
{
    static const struct concurrency_conf c = {2, 1000};
    struct server s = {.workers = 100, .work_us = 20000};
    uint64_t now_us = 1000000;
    struct concurrency k;
    struct outcome o;

    concurrency_init(&k, &c, 1000);
    o = load(&k, &c, &s, &now_us, 600);
    printf("# after ten minutes: limit %u, mean %.0f us of %llu\n", o.limit, o.mean_us, (unsigned long long)s.work_us);
    CHECK(o.limit <= 150);
    CHECK(o.mean_us < 2.0 * (double)s.work_us);
}

TEST(bounds)
{
    static const struct concurrency_conf c = {3, 20}, narrow = {5, 5};
    struct concurrency k;

    concurrency_init(&k, &c, 0);
    CHECK_EQ(concurrency_limit(&k), 12);
    for (unsigned i = 0; i < 10000; i++)
        concurrency_note(&k, &c, 5000, 20, false, i);
    CHECK_EQ(concurrency_limit(&k), 20);
    for (unsigned i = 0; i < 1000; i++)
        concurrency_note(&k, &c, 5000, 20, true, 10000 + i);
    CHECK_EQ(concurrency_limit(&k), 3);
    for (unsigned i = 0; i < 1000; i++) /* hardly used: no reason to grow */
        concurrency_note(&k, &c, 5000, 1, false, 11000 + i);
    CHECK_EQ(concurrency_limit(&k), 3);
    concurrency_init(&k, &narrow, 0);
    for (unsigned i = 0; i < 1000; i++) {
        concurrency_note(&k, &narrow, (uint64_t)draw() << draw() % 33, draw(), draw() % 9 == 0,
                         (uint64_t)i << draw() % 30);
        CHECK_EQ(concurrency_limit(&k), 5);
    }
}

/* Those who refuse at once are not quick: what is quick is told by answers. */
TEST(refusals_tell_no_latency)
{
    static const struct concurrency_conf c = {2, 100};
    struct concurrency k;

    concurrency_init(&k, &c, 0);
    for (unsigned i = 0; i < 2000; i++)
        concurrency_note(&k, &c, 5000, 100, false, i);
    for (unsigned i = 0; i < 400; i++)
        concurrency_note(&k, &c, 50, 100, true, 2000 + i);
    CHECK(concurrency_limit(&k) < 50);
    for (unsigned i = 0; i < 8000; i++)
        concurrency_note(&k, &c, 5000, 100, false, 3000 + i);
    CHECK_EQ(concurrency_limit(&k), 100);
}

TEST_MAIN()
