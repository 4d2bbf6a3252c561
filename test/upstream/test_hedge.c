/* When a second leg leaves, and what it does to the tail. */
#include "../test.h"

#include <stdlib.h>

#include "upstream/hedge.h"
#include "upstream/latency.h"

static const struct hedge_conf conf = {950, 5000, {5, 0, 10, 0}};

static uint64_t state = 5;

static uint32_t draw(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 32);
}

TEST(when)
{
    static const struct {
        bool allowed;
        unsigned others;
        uint32_t quantile_us;
        uint64_t left_us, want;
    } rows[] = {
        {true, 1, 8000, 1000000, 8000},
        {true, 1, 1000, 1000000, 5000},
        {false, 1, 8000, 1000000, HEDGE_NEVER},
        {true, 0, 8000, 1000000, HEDGE_NEVER},
        {true, 1, 0, 1000000, HEDGE_NEVER},
        {true, 1, 8000, 8000, HEDGE_NEVER},
        {true, 2, 8000, 8001, 8000},
    };
    struct hedge_conf off = HEDGE_CONF_DEFAULT;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_EQ(hedge_delay_us(&conf, rows[i].allowed, rows[i].others, rows[i].quantile_us, rows[i].left_us),
                 rows[i].want);
    CHECK_EQ(hedge_delay_us(&off, true, 1, 8000, 1000000), 8000);
    off.permille = 0;
    CHECK_EQ(hedge_delay_us(&off, true, 1, 8000, 1000000), HEDGE_NEVER);
}

struct tail {
    uint64_t p99_plain_us, p99_us;
    unsigned calls, extra;
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* 5 ms, of 2 % of the answers 200 ms; and 8 ms.  Both scatter by a tenth. */
static uint64_t answer_us(unsigned endpoint, unsigned slow_permille)
{
    if (endpoint == 0 && draw() % 1000 < slow_permille)
        return 200000 + draw() % 20000;
    return endpoint == 0 ? 5000 + draw() % 500 : 8000 + draw() % 800;
}

static struct tail simulate(unsigned to_a_percent, unsigned slow_permille)
{
    enum { CALLS = 50000, FIRST = 1000 };
    static uint64_t plain[CALLS], hedged[CALLS];
    struct tail t = {.calls = CALLS};
    struct latency_table lat;
    struct budget b;

    latency_table_init(&lat, 1, 2);
    budget_init(&b, &conf.budget, 0);
    for (unsigned i = 0; i < CALLS; i++) {
        uint64_t now_ms = i / 2; /* 2,000 calls/s */
        unsigned first = draw() % 100 < to_a_percent ? 0 : 1;
        uint64_t us = answer_us(first, slow_permille), delay_us, total = us;

        budget_call(&b, &conf.budget, now_ms);
        delay_us = hedge_delay_us(&conf, true, 1, latency_table_quantile(&lat, 0, first, conf.permille), 10000000);
        if (delay_us && delay_us < us && hedge_launch(&b, &conf, true, now_ms + delay_us / 1000)) {
            uint64_t second = delay_us + answer_us(!first, slow_permille);

            t.extra++;
            total = second < us ? second : us;
        }
        latency_table_note(&lat, 0, first, true, us, now_ms);
        plain[i] = us;
        hedged[i] = total;
    }
    qsort(plain, CALLS, sizeof plain[0], compare);
    qsort(hedged, CALLS, sizeof hedged[0], compare);
    t.p99_plain_us = plain[CALLS * 99 / 100];
    t.p99_us = hedged[CALLS * 99 / 100];
    latency_table_deinit(&lat);
    return t;
}

TEST(the_tail_is_cut)
{
    static const unsigned to_a[] = {100, 90, 75, 60};

    for (unsigned i = 0; i < 4; i++) {
        struct tail t = simulate(to_a[i], 20);

        printf("# %u %% to A: p99 %llu us -> %llu us, %u extra of %u\n", to_a[i], (unsigned long long)t.p99_plain_us,
               (unsigned long long)t.p99_us, t.extra, t.calls);
        CHECK(t.p99_us * 4 <= t.p99_plain_us);
        CHECK(t.extra * 20 <= t.calls);
    }
}

/* Whatever part is slow: within the budget. */
TEST(extra_legs_keep_to_the_budget)
{
    for (unsigned permille = 0; permille <= 1000; permille += 50) {
        struct tail t = simulate(80, permille);

        CHECK(t.extra * 20 <= t.calls);
    }
}

TEST(no_leg_without_a_place)
{
    struct budget b;

    budget_init(&b, &conf.budget, 0);
    for (unsigned i = 0; i < 20; i++)
        budget_call(&b, &conf.budget, 0);
    CHECK(!hedge_launch(&b, &conf, false, 0));
    CHECK_EQ(budget_left(&b), 1);
    CHECK(hedge_launch(&b, &conf, true, 0));
    CHECK(!hedge_launch(&b, &conf, true, 0));
}

TEST_MAIN()
