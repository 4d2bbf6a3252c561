#include "upstream/limiter.h"

#include "rpc/method.h"
#include "test.h"

enum { SECOND = 1000000, MS = 1000, EVENTS = 400, WORLDS = 200 };
enum { SLOT = 7, OTHER = 7 + 256 }; /* methods that share a bit */

static uint64_t state;

static uint64_t draw(uint64_t n) /* 0..n-1 */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static bool leave(struct limiter *l, unsigned requests, uint32_t units, uint64_t now_us)
{
    bool may = limiter_may(l, SLOT, requests, units, now_us);

    if (may)
        limiter_take(l, requests, units, now_us);
    return may;
}

static struct limiter make(struct limiter_conf c)
{
    struct limiter l;

    limiter_init(&l, &c, 0, 0);
    return l;
}

TEST(nothing_configured_lets_everything_leave)
{
    struct limiter l = make((struct limiter_conf){0});
    enum limiter_why why;

    for (unsigned i = 0; i < 100000; i++)
        CHECK(leave(&l, 1, 1000, i));
    CHECK_EQ(limiter_when(&l, SLOT, 1, 1, 5, &why), 5);
    CHECK_EQ(why, LIMITER_FREE);
    CHECK_EQ(limiter_rate(&l, LIMITER_REQUESTS), 0);
}

TEST(a_batch_counts_as_the_provider_counts)
{
    static const struct {
        enum batch_counts how;
        unsigned calls, requests;
    } rows[] = {
        {BATCH_COUNTS_CALLS, 1, 1},
        {BATCH_COUNTS_CALLS, 5, 5},
        {BATCH_COUNTS_ONE, 1, 1},
        {BATCH_COUNTS_ONE, 5, 1},
        {BATCH_COUNTS_CALLS_PLUS_ONE, 1, 1},
        {BATCH_COUNTS_CALLS_PLUS_ONE, 2, 3},
        {BATCH_COUNTS_CALLS_PLUS_ONE, 5, 6},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct limiter l = make((struct limiter_conf){.batch_counts = rows[i].how});
        unsigned n = 0;

        for (unsigned place = 0; place < rows[i].calls; place++)
            n += limiter_requests(&l, place);
        CHECK_EQ(n, rows[i].requests);
    }
}

TEST(waits_for_what_is_missing)
{
    static const struct {
        uint64_t at_us;
        unsigned requests;
        uint32_t units;
        enum limiter_why why;
        uint64_t when_us;
    } rows[] = {
        {0, 1, 60, LIMITER_FREE, 0},
        {0, 1, 60, LIMITER_RATE, 20 * MS}, /* 40 of 100 units are left, 1000 come a second */
        {20 * MS, 1, 60, LIMITER_FREE, 20 * MS},
        {20 * MS, 1, 0, LIMITER_RATE, 100 * MS}, /* both requests of the burst are gone, 10 come a second */
        {100 * MS, 1, 0, LIMITER_FREE, 100 * MS},
        {300 * MS, 1, 101, LIMITER_TOO_BIG, LIMITER_NEVER},
        {300 * MS, 3, 0, LIMITER_TOO_BIG, LIMITER_NEVER},
        {300 * MS, 2, 100, LIMITER_FREE, 300 * MS},
    };
    struct limiter l =
        make((struct limiter_conf){.requests_per_s = 10, .burst = 2, .units_per_s = 1000, .units_burst = 100});

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum limiter_why why;

        CHECK_EQ(limiter_when(&l, SLOT, rows[i].requests, rows[i].units, rows[i].at_us, &why), rows[i].when_us);
        CHECK_EQ(why, rows[i].why);
        CHECK_EQ(leave(&l, rows[i].requests, rows[i].units, rows[i].at_us), why == LIMITER_FREE);
    }
}

TEST(default_bursts)
{
    static const struct {
        struct limiter_conf c;
        unsigned requests;
        uint32_t units;
    } rows[] = {
        {{.requests_per_s = 100}, 10, 0},
        {{.requests_per_s = 3}, 1, 0},
        {{.requests_per_s = 3, .batch_counts = BATCH_COUNTS_CALLS_PLUS_ONE}, 2, 0},
        {{.units_per_s = 50}, 0, 100},
        {{.units_per_s = 50, .units_most = 300}, 0, 300},
        {{.units_per_s = 20000, .units_most = 300}, 0, 2000},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct limiter l = make(rows[i].c);

        CHECK(limiter_may(&l, SLOT, rows[i].requests, rows[i].units, 0));
        CHECK(!rows[i].requests || !limiter_may(&l, SLOT, rows[i].requests + 1, 0, 0));
        CHECK(!rows[i].units || !limiter_may(&l, SLOT, 0, rows[i].units + 1, 0));
    }
}

TEST(quota_waits_for_the_reset)
{
    struct limiter l = make((struct limiter_conf){.requests_per_day = 2, .units_per_day = 100, .reset_hour_utc = 1});
    const uint64_t reset_us = UINT64_C(3600) * SECOND;
    enum limiter_why why;

    CHECK(leave(&l, 2, 10, 0));
    CHECK(!leave(&l, 1, 0, 1));
    CHECK_EQ(limiter_when(&l, SLOT, 1, 0, 1, &why), reset_us);
    CHECK_EQ(why, LIMITER_QUOTA);
    CHECK_EQ(limiter_when(&l, SLOT, 1, 101, 1, &why), LIMITER_NEVER);
    CHECK_EQ(why, LIMITER_TOO_BIG);
    CHECK(leave(&l, 2, 100, reset_us));
}

TEST(an_exhausted_quota_parks_until_the_reset)
{
    struct limiter l = make((struct limiter_conf){.reset_hour_utc = 1});
    struct limit_refusal r = {.kind = LIMIT_QUOTA, .slot = SLOT, .requests = 1};
    const uint64_t reset_us = UINT64_C(3600) * SECOND;
    enum limiter_why why;

    CHECK(leave(&l, 1, 1, 0));
    CHECK_EQ(limiter_refused(&l, &r, 10 * MS), LIMITER_SPENT);
    CHECK_EQ(limiter_refused(&l, &r, 11 * MS), LIMITER_SAME);
    CHECK(!leave(&l, 1, 1, 20 * MS));
    CHECK_EQ(limiter_when(&l, SLOT, 1, 1, 20 * MS, &why), reset_us);
    CHECK_EQ(why, LIMITER_QUOTA);
    CHECK(leave(&l, 1, 1, reset_us));
    CHECK_EQ(limiter_refused(&l, &r, reset_us + 1), LIMITER_SAME); /* it left yesterday */
    CHECK(leave(&l, 1, 1, reset_us + 2));
}

TEST(an_exhausted_quota_may_say_how_long)
{
    struct limiter l = make((struct limiter_conf){.reset_hour_utc = 12});
    struct limit_refusal r = {.kind = LIMIT_QUOTA, .slot = SLOT, .requests = 1, .wait_us = UINT64_C(7200) * SECOND};
    enum limiter_why why;

    CHECK_EQ(limiter_refused(&l, &r, 10), LIMITER_SPENT);
    CHECK_EQ(limiter_refused(&l, &r, 20), LIMITER_SAME);
    CHECK_EQ(limiter_when(&l, SLOT, 1, 1, 20, &why), UINT64_C(7200) * SECOND + 10);
    r.sent_us = UINT64_C(7201) * SECOND;
    r.wait_us = UINT64_MAX;
    CHECK_EQ(limiter_refused(&l, &r, r.sent_us), LIMITER_SPENT);
    CHECK_EQ(limiter_when(&l, SLOT, 1, 1, r.sent_us, &why), r.sent_us + QUOTA_DAY_US);
}

TEST(too_many_at_once_is_no_rate)
{
    static const struct {
        uint64_t configured, wait_us;
        bool pauses;
        enum limiter_change change;
        uint64_t pause_us;
    } rows[] = {
        {0, 0, false, LIMITER_SAME, 0},
        {100, 0, false, LIMITER_SAME, 0},
        {100, SECOND, false, LIMITER_PAUSED, SECOND},
        {0, 0, true, LIMITER_PAUSED, 100 * MS},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct limiter l = make((struct limiter_conf){.requests_per_s = rows[i].configured});
        struct limit_refusal r = {.kind = LIMIT_AT_ONCE,
                                  .slot = SLOT,
                                  .requests = 1,
                                  .sent_us = 5,
                                  .wait_us = rows[i].wait_us,
                                  .pauses = rows[i].pauses};
        enum limiter_why why;

        CHECK_EQ(limiter_refused(&l, &r, 10 * MS), rows[i].change);
        CHECK_EQ(limiter_when(&l, SLOT, 1, 0, 10 * MS, &why), 10 * MS + rows[i].pause_us);
        CHECK_EQ(limiter_rate(&l, LIMITER_REQUESTS), rows[i].configured);
    }
}

TEST(a_method_is_parked_alone)
{
    struct limiter l = make((struct limiter_conf){0});
    struct limit_refusal r = {.kind = LIMIT_METHOD, .slot = SLOT, .requests = 1, .sent_us = 5};
    enum limiter_why why;

    CHECK_EQ(limiter_refused(&l, &r, 10 * MS), LIMITER_PAUSED);
    CHECK_EQ(limiter_refused(&l, &r, 11 * MS), LIMITER_SAME);
    CHECK(!limiter_may(&l, SLOT, 1, 1, 109 * MS));
    CHECK_EQ(limiter_when(&l, SLOT, 1, 1, 20 * MS, &why), 110 * MS);
    CHECK_EQ(why, LIMITER_METHOD_PARKED);
    CHECK(limiter_may(&l, OTHER, 1, 1, 20 * MS));
    CHECK(limiter_may(&l, SLOT, 1, 1, 110 * MS));
    r.sent_us = 110 * MS; /* refused again at once: twice as long */
    CHECK_EQ(limiter_refused(&l, &r, 120 * MS), LIMITER_PAUSED);
    CHECK_EQ(limiter_when(&l, SLOT, 1, 1, 120 * MS, &why), 320 * MS);
    limiter_accepted(&l, SLOT, 330 * MS);
    r.sent_us = 340 * MS; /* after one that was accepted: from the beginning */
    CHECK_EQ(limiter_refused(&l, &r, 350 * MS), LIMITER_PAUSED);
    CHECK_EQ(limiter_when(&l, SLOT, 1, 1, 350 * MS, &why), 450 * MS);
    limiter_park_method(&l, OTHER, SECOND);
    CHECK(!limiter_may(&l, OTHER, 1, 1, 500 * MS) && limiter_may(&l, SLOT, 1, 1, 500 * MS));
    for (unsigned slot = 1000; slot < 1100; slot++) /* more than it remembers: the latest ones count */
        limiter_park_method(&l, slot, slot * (uint64_t)SECOND);
    CHECK(!limiter_may(&l, 1099, 1, 1, SECOND) && !limiter_may(&l, 1090, 1, 1, SECOND));
    CHECK(limiter_may(&l, SLOT, 1, 1, SECOND));
}

/* No row: a call left before the pause that was on.  Retry-After is believed up to an hour. */
TEST(pauses)
{
    static const struct {
        uint64_t sent_us, wait_us, at_us;
        enum limiter_change change;
        uint64_t until_us;
    } rows[] = {
        {10 * MS, 0, 30 * MS, LIMITER_LOWERED, 130 * MS},
        {20 * MS, 0, 40 * MS, LIMITER_SAME, 130 * MS},
        {129 * MS, 0, 150 * MS, LIMITER_SAME, 130 * MS},
        {130 * MS, 0, 150 * MS, LIMITER_PAUSED, 350 * MS},
        {130 * MS, 500 * MS, 160 * MS, LIMITER_SAME, 660 * MS}, /* a word that comes late still counts */
        {130 * MS, 0, 170 * MS, LIMITER_SAME, 660 * MS},
        {660 * MS, 0, 700 * MS, LIMITER_PAUSED, 1100 * MS},
        {1100 * MS, 7 * (uint64_t)SECOND, 1200 * MS, LIMITER_PAUSED, 8200 * MS},
        {UINT64_C(8200) * MS, UINT64_MAX, UINT64_C(8200) * MS, LIMITER_PAUSED, UINT64_C(3608200) * MS},
    };
    struct limiter l = make((struct limiter_conf){.requests_per_s = 1000});

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct limit_refusal r = {.requests = 1, .sent_us = rows[i].sent_us, .wait_us = rows[i].wait_us};
        enum limiter_why why;
        uint64_t when_us;

        CHECK_EQ(limiter_refused(&l, &r, rows[i].at_us), rows[i].change);
        when_us = limiter_when(&l, SLOT, 0, 0, rows[i].at_us, &why);
        CHECK_EQ(when_us, rows[i].until_us > rows[i].at_us ? rows[i].until_us : rows[i].at_us);
    }
    limiter_park(&l, UINT64_C(9000000) * MS);
    CHECK(!limiter_may(&l, SLOT, 0, 0, UINT64_C(8999999) * MS));
}

TEST(a_storm_of_refusals_lowers_the_rate_once)
{
    struct limiter l = make((struct limiter_conf){.requests_per_s = 1000, .burst = 100});

    for (unsigned i = 0; i < 100; i++)
        CHECK(leave(&l, 1, 0, 1000 + i));
    for (unsigned i = 0; i < 100; i++) {
        struct limit_refusal r = {.requests = 1, .sent_us = 1000 + i};

        CHECK_EQ(limiter_refused(&l, &r, 20000 + i), i == 0 ? LIMITER_LOWERED : LIMITER_SAME);
    }
    CHECK_EQ(limiter_rate(&l, LIMITER_REQUESTS), 500); /* at most by half at once */
}

/* The burst shrinks for an endpoint that refuses, but a call that costs more than it still leaves. */
TEST(a_dear_call_leaves_a_lowered_endpoint)
{
    struct limiter l = make((struct limiter_conf){.units_per_s = 500, .units_burst = 500});
    struct limit_refusal r = {.requests = 1, .units = 20};
    enum limiter_why why;
    uint64_t at_us;

    CHECK_EQ(limiter_refused(&l, &r, 0), LIMITER_LOWERED);
    CHECK(!limiter_may(&l, SLOT, 1, 400, SECOND));
    at_us = limiter_when(&l, SLOT, 1, 400, SECOND, &why);
    CHECK(at_us < 3 * (uint64_t)SECOND);
    CHECK(limiter_may(&l, SLOT, 1, 400, at_us));
    CHECK_EQ(limiter_when(&l, SLOT, 1, 501, SECOND, &why), LIMITER_NEVER);
}

TEST(learns_where_nothing_is_configured_and_forgets)
{
    struct limiter l = make((struct limiter_conf){0});
    struct limit_refusal r = {.requests = 1, .sent_us = 900 * MS};
    uint64_t now_us;

    for (now_us = 0; now_us < SECOND; now_us += 5 * MS)
        CHECK(leave(&l, 1, 1, now_us));
    CHECK_EQ(limiter_refused(&l, &r, now_us), LIMITER_LOWERED);
    CHECK(limiter_rate(&l, LIMITER_REQUESTS) >= 160 && limiter_rate(&l, LIMITER_REQUESTS) <= 180);
    /* Few calls, nothing refused: it stays for five minutes, and is gone some minutes later. */
    for (unsigned s = 1; s < 299; s++)
        CHECK(leave(&l, 1, 1, now_us + s * (uint64_t)SECOND));
    CHECK(limiter_rate(&l, LIMITER_REQUESTS) >= 160 && limiter_rate(&l, LIMITER_REQUESTS) <= 180);
    for (unsigned s = 300; s < 1500; s++)
        CHECK(leave(&l, 1, 1, now_us + s * (uint64_t)SECOND));
    CHECK_EQ(limiter_rate(&l, LIMITER_REQUESTS), 0);
    CHECK(leave(&l, 100000, 1, now_us + 1501 * (uint64_t)SECOND));
}

struct sent {
    uint64_t at_us;
    unsigned requests;
    uint32_t units;
    bool back;
};

static unsigned windows_over(const struct sent *v, unsigned n, const struct limiter_conf *c)
{
    unsigned over = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t requests = 0, units = 0;

        for (unsigned j = i; j < n; j++) {
            uint64_t us = v[j].at_us - v[i].at_us;

            requests += v[j].back ? 0 : v[j].requests;
            units += v[j].back ? 0 : v[j].units;
            over += requests * SECOND > c->burst * SECOND + c->requests_per_s * us;
            over += units * SECOND > c->units_burst * SECOND + c->units_per_s * us;
        }
    }
    return over;
}

/* Batches, refusals that lower the rate, time in which it recovers, calls that did not leave. */
static unsigned run_world(uint64_t seed)
{
    struct sent v[EVENTS];
    struct limiter_conf c;
    struct limiter l;
    uint64_t now_us = 5;
    unsigned n = 0, spent = 0;

    state = seed * 0x9e3779b97f4a7c15u + 1;
    c = (struct limiter_conf){.requests_per_s = 1 + draw(1000),
                              .burst = 2 + draw(30),
                              .units_per_s = 1 + draw(10000),
                              .units_burst = 100 + draw(500),
                              .requests_per_day = draw(4) ? 0 : 200,
                              .batch_counts = (enum batch_counts)draw(3)};
    limiter_init(&l, &c, 0, now_us);
    while (n < EVENTS && now_us < UINT64_C(20000) * SECOND) {
        unsigned calls = 1 + (unsigned)draw(draw(3) ? 2 : 10);

        now_us += draw(3) ? draw(2000) : draw(8) ? 0 : draw(draw(30) ? 500000 : UINT64_C(200000000));
        for (unsigned place = 0; place < calls && n < EVENTS; place++) {
            unsigned requests = limiter_requests(&l, place);
            uint32_t units = (uint32_t)draw(100);

            if (!leave(&l, requests, units, now_us))
                break;
            v[n++] = (struct sent){now_us, requests, units, false};
            spent += requests;
        }
        if (n && draw(12) == 0) {
            const struct sent *s = &v[n - 1 - draw(n < 9 ? n : 9)];
            struct limit_refusal r = {.requests = s->requests, .units = s->units, .sent_us = s->at_us};

            limiter_refused(&l, &r, now_us);
        } else if (n && draw(8) == 0) {
            struct sent *s = &v[n - 1 - draw(n < 9 ? n : 9)];

            if (!s->back)
                limiter_give(&l, s->requests, s->units, s->at_us, now_us);
            spent -= s->back ? 0 : s->requests;
            s->back = true;
        } else if (n) {
            limiter_accepted(&l, SLOT, v[n - 1].at_us);
        }
        CHECK(!c.requests_per_day || spent <= 200);
    }
    return windows_over(v, n, &c);
}

TEST(no_window_has_more_than_the_rate_and_the_burst)
{
    unsigned over = 0;

    for (unsigned i = 0; i < WORLDS; i++)
        over += run_world(i + 1);
    CHECK_EQ(over, 0);
}

/* An estimate of when the last of several that wait may leave; it takes nothing and changes nothing. */
TEST(when_behind_others)
{
    struct limiter l;
    unsigned slot = method_get(CHAIN_EVM, SLICE("eth_call"))->slot;

    limiter_init(&l, &(struct limiter_conf){.requests_per_s = 10, .burst = 3}, 0, 0);
    CHECK_EQ(limiter_tokens(&l, 0), 3);
    CHECK_EQ(limiter_when_behind(&l, 0, slot, 1, 0, 0), 0);
    CHECK_EQ(limiter_when_behind(&l, 2, slot, 1, 0, 0), 0);
    CHECK(limiter_when_behind(&l, 3, slot, 1, 0, 0) - 100000 <= 1);
    CHECK(limiter_when_behind(&l, 12, slot, 1, 0, 0) - 1000000 <= 1);
    CHECK(limiter_when_behind(&l, 0, slot, 4, 0, 0) == LIMITER_NEVER);
    CHECK(limiter_when_behind(&l, 4000000000u, slot, 3, 0, 0) <= QUOTA_DAY_US);
    limiter_park(&l, 5000000);
    CHECK_EQ(limiter_when_behind(&l, 0, slot, 1, 0, 0), 5000000);
    CHECK_EQ(limiter_tokens(&l, 0), 3);
    limiter_init(&l, &(struct limiter_conf){.units_per_day = 10}, 0, 0);
    CHECK(limiter_when_behind(&l, 0, slot, 1, 11, 0) == LIMITER_NEVER);
    CHECK_EQ(limiter_when_behind(&l, 9, slot, 1, 10, 0), 0);
    CHECK(limiter_tokens(&l, 0) == UINT64_MAX);
}

TEST_MAIN()
