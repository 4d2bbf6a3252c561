/* What an endpoint takes: learned from refusals, tried again as time passes. */
#include "test.h"

#include "upstream/batch_limits.h"

static const struct batch_conf conf = {BATCH_AUTO, 50, 50000, 0};

enum act { REFUSED_CALLS, REFUSED_LIMIT, REFUSED_BYTES, REFUSED_ANSWER, REFUSED_OFF, REFUSED_UNCLEAR, TAKEN, PASS };

struct step {
    unsigned after_s; /* the step before */
    enum act act;
    unsigned size, limit;
    int learned;
    unsigned calls, bytes; /* allowed then */
};

static void run(const struct step *s, size_t n)
{
    static const enum batch_refusal kinds[] = {
        [REFUSED_CALLS] = BATCH_REFUSAL_CALLS,  [REFUSED_LIMIT] = BATCH_REFUSAL_CALLS,
        [REFUSED_BYTES] = BATCH_REFUSAL_BYTES,  [REFUSED_ANSWER] = BATCH_REFUSAL_ANSWER,
        [REFUSED_OFF] = BATCH_REFUSAL_DISABLED, [REFUSED_UNCLEAR] = BATCH_REFUSAL_UNCLEAR,
    };
    struct batch_limits l = {0};
    uint64_t now_ms = 1000;

    for (size_t i = 0; i < n; i++) {
        struct batch_verdict v = {.whole = true, .limit = s[i].limit};
        bool learned = false;
        unsigned before = test_failures;

        now_ms += (uint64_t)s[i].after_s * 1000;
        if (s[i].act == TAKEN) {
            batch_limits_taken(&l, s[i].size, s[i].size * 100, now_ms);
        } else if (s[i].act != PASS) {
            v.what = kinds[s[i].act];
            /* the limits are asked for before a batch leaves, as the gateway does */
            batch_limits_calls(&l, &conf, now_ms);
            batch_limits_bytes(&l, &conf, now_ms);
            learned = batch_limits_refused(&l, &v, s[i].size, s[i].size * 100, now_ms);
        }
        CHECK_EQ(learned, s[i].learned);
        CHECK_EQ(batch_limits_calls(&l, &conf, now_ms), s[i].calls);
        CHECK_EQ(batch_limits_bytes(&l, &conf, now_ms), s[i].bytes);
        if (test_failures != before)
            printf("# step %zu\n", i);
    }
}

#define RUN(steps) run(steps, sizeof(steps) / sizeof(steps)[0])

TEST(nothing_learned)
{
    static const struct step steps[] = {{0, PASS, 0, 0, 0, 50, 50000}, {9999, TAKEN, 50, 0, 0, 50, 50000}};

    RUN(steps);
}

TEST(halved_from_what_was_refused)
{
    static const struct step steps[] = {
        {0, REFUSED_CALLS, 50, 0, 1, 25, 50000}, {0, REFUSED_CALLS, 50, 0, 0, 25, 50000}, /* another of the same burst
                                                                                           */
        {0, REFUSED_CALLS, 40, 0, 1, 20, 50000}, {1, REFUSED_CALLS, 15, 0, 1, 7, 50000},  {1, TAKEN, 5, 0, 0, 7, 50000},
        {1, REFUSED_CALLS, 7, 0, 1, 5, 50000}, /* five were taken */
        {1, REFUSED_CALLS, 5, 0, 1, 2, 50000},   {1, REFUSED_CALLS, 2, 0, 1, 1, 50000},
    };

    RUN(steps);
}

TEST(a_limit_that_is_told)
{
    static const struct step steps[] = {
        {0, REFUSED_LIMIT, 50, 3, 1, 3, 50000},
        {0, REFUSED_LIMIT, 40, 3, 0, 3, 50000},
        {0, REFUSED_CALLS, 30, 0, 0, 3, 50000},
        {59, PASS, 0, 0, 0, 3, 50000},
    };

    RUN(steps);
}

TEST(tried_again)
{
    static const struct step steps[] = {
        {0, REFUSED_CALLS, 50, 0, 1, 25, 50000},
        {10, REFUSED_CALLS, 20, 0, 1, 10, 50000}, /* still the same lesson: the pause is a minute */
        {59, PASS, 0, 0, 0, 10, 50000},
        {1, PASS, 0, 0, 0, 20, 50000},
        {1, REFUSED_CALLS, 20, 0, 1, 10, 50000}, /* too early: two minutes now */
        {119, PASS, 0, 0, 0, 10, 50000},
        {1, TAKEN, 15, 0, 0, 20, 50000}, /* it takes more: a minute again, from when it is due anyway */
        {120, TAKEN, 30, 0, 0, 40, 50000},
        {60, PASS, 0, 0, 0, 50, 50000},
        {0, REFUSED_CALLS, 50, 0, 1, 30, 50000}, /* thirty were taken; that was one more try in vain */
        {119, PASS, 0, 0, 0, 30, 50000},
        {1, PASS, 0, 0, 0, 50, 50000},
    };

    RUN(steps);
}

TEST(a_small_success_does_not_end_a_try)
{
    static const struct step steps[] = {
        {0, REFUSED_CALLS, 20, 0, 1, 10, 50000}, {60, TAKEN, 4, 0, 0, 20, 50000},
        {1, REFUSED_CALLS, 20, 0, 1, 10, 50000}, {119, PASS, 0, 0, 0, 10, 50000},
        {1, PASS, 0, 0, 0, 20, 50000},
    };

    RUN(steps);
}

TEST(the_pause_has_a_bound)
{
    struct batch_limits l = {0};
    struct batch_verdict v = {.what = BATCH_REFUSAL_CALLS, .whole = true};
    uint64_t now_ms = 0, pause_ms = 0;

    for (unsigned i = 0; i < 20; i++) {
        unsigned was = batch_limits_calls(&l, &conf, now_ms);

        CHECK(batch_limits_refused(&l, &v, was < 20 ? was : 20, 2000, now_ms));
        CHECK_EQ(batch_limits_calls(&l, &conf, now_ms), 10);
        pause_ms = pause_ms ? pause_ms * 2 : 60000;
        if (pause_ms > 3600000)
            pause_ms = 3600000;
        CHECK_EQ(batch_limits_calls(&l, &conf, now_ms + pause_ms - 1), 10);
        now_ms += pause_ms;
        CHECK_EQ(batch_limits_calls(&l, &conf, now_ms), 20);
    }
    /* Long idle: everything is as configured. */
    CHECK_EQ(batch_limits_calls(&l, &conf, now_ms + (uint64_t)365 * 86400000), 50);
}

TEST(bytes_are_apart_from_calls)
{
    static const struct step steps[] = {
        {0, REFUSED_BYTES, 400, 0, 1, 50, 20000}, {0, REFUSED_BYTES, 150, 0, 1, 50, 7500},
        {0, REFUSED_CALLS, 40, 0, 1, 20, 7500},   {60, PASS, 0, 0, 0, 40, 15000},
        {60, PASS, 0, 0, 0, 50, 30000},           {60, PASS, 0, 0, 0, 50, 50000},
    };

    RUN(steps);
}

TEST(answers_too_large)
{
    static const struct step steps[] = {
        {0, REFUSED_ANSWER, 50, 31, 1, 31, 50000},
        {0, REFUSED_ANSWER, 31, 0, 1, 15, 50000},
    };

    RUN(steps);
}

TEST(off_and_on_again)
{
    static const struct step steps[] = {
        {0, REFUSED_OFF, 50, 0, 1, 1, 50000},    {0, REFUSED_OFF, 50, 0, 0, 1, 50000},
        {0, TAKEN, 9, 0, 0, 1, 50000},                                         /* left before */
        {59, PASS, 0, 0, 0, 1, 50000},           {1, PASS, 0, 0, 0, 2, 50000}, /* one careful try */
        {0, REFUSED_OFF, 2, 0, 1, 1, 50000},     {119, PASS, 0, 0, 0, 1, 50000},
        {1, REFUSED_UNCLEAR, 2, 0, 1, 1, 50000}, {239, PASS, 0, 0, 0, 1, 50000},
        {1, TAKEN, 2, 0, 0, 50, 50000},                                         /* it works */
        {1, REFUSED_OFF, 50, 0, 1, 1, 50000},    {60, PASS, 0, 0, 0, 2, 50000}, /* and the pause is short again */
    };
    struct batch_limits l = {0};
    struct batch_verdict off = {.what = BATCH_REFUSAL_DISABLED, .whole = true};
    uint64_t now_ms = 5;

    RUN(steps);
    for (unsigned i = 0; i < 12; i++) {
        CHECK(batch_limits_refused(&l, &off, 2, 100, now_ms));
        while (batch_limits_calls(&l, &conf, now_ms) == 1)
            now_ms += 1000;
    }
    CHECK(batch_limits_refused(&l, &off, 2, 100, now_ms));
    CHECK_EQ(batch_limits_calls(&l, &conf, now_ms + BATCH_PAUSE_MAX_MS - 1), 1);
    CHECK_EQ(batch_limits_calls(&l, &conf, now_ms + BATCH_PAUSE_MAX_MS), 2);
}

TEST(unclear_refusals_in_a_row)
{
    static const struct step steps[] = {
        {0, REFUSED_UNCLEAR, 9, 0, 0, 50, 50000},
        {0, REFUSED_UNCLEAR, 9, 0, 0, 50, 50000},
        {0, TAKEN, 9, 0, 0, 50, 50000},
        {0, REFUSED_UNCLEAR, 9, 0, 0, 50, 50000},
        {0, REFUSED_UNCLEAR, 9, 0, 0, 50, 50000},
        {0, REFUSED_UNCLEAR, 9, 0, 1, 1, 50000},
        {60, PASS, 0, 0, 0, 2, 50000},
    };

    RUN(steps);
}

TEST(methods_that_go_alone)
{
    struct batch_limits l = {0};
    uint64_t now_ms = 10;

    CHECK(batch_limits_shares(&l, 7, now_ms));
    CHECK(batch_limits_bar(&l, 7, now_ms));
    CHECK(!batch_limits_bar(&l, 7, now_ms));
    CHECK(batch_limits_bar(&l, 300, now_ms));
    CHECK(!batch_limits_shares(&l, 7, now_ms) && !batch_limits_shares(&l, 300, now_ms));
    CHECK(batch_limits_shares(&l, 8, now_ms) && batch_limits_shares(&l, 0, now_ms));
    CHECK(!batch_limits_shares(&l, 7 + BATCH_METHOD_BITS, now_ms));
    CHECK(!batch_limits_shares(&l, 7, now_ms + 59999));
    now_ms += 60000;
    CHECK(batch_limits_shares(&l, 7, now_ms) && batch_limits_shares(&l, 300, now_ms));
    CHECK(batch_limits_bar(&l, 7, now_ms)); /* again: longer, and the other is forgotten */
    CHECK(!batch_limits_shares(&l, 7, now_ms + 119999));
    CHECK(batch_limits_shares(&l, 300, now_ms));
    CHECK(batch_limits_shares(&l, 7, now_ms + 120000));
    CHECK_EQ(batch_limits_calls(&l, &conf, now_ms), 50);
}

TEST_MAIN()
