/* Peak EWMA, sketches that age, and what is usual for a method. */
#include "../test.h"

#include <stdlib.h>

#include "base/fixed.h"
#include "upstream/latency.h"

enum { HALF_LIFE_US = 1 << LATENCY_HALF_LIFE_LOG2 };

static uint64_t state = 1;

static uint32_t draw(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 32);
}

static int within(uint64_t got, uint64_t want, unsigned percent)
{
    return got * 100 >= want * (100 - percent) && got * 100 <= want * (100 + percent);
}

TEST(peak_rises_at_once_and_halves_with_time)
{
    struct latency_peak p = {0};

    CHECK_EQ(latency_peak_get(&p, 5), 0);
    latency_peak_note(&p, 5000, 1000);
    CHECK_EQ(latency_peak_get(&p, 1000), 5000);
    latency_peak_note(&p, 500000, 2000);
    CHECK_EQ(latency_peak_get(&p, 2000), 500000);
    latency_peak_note(&p, 5000, 2100); /* within the same millisecond nothing falls */
    CHECK_EQ(latency_peak_get(&p, 2100), 500000);
    CHECK(within(latency_peak_get(&p, 2000 + HALF_LIFE_US), 250000, 1));
    CHECK(within(latency_peak_get(&p, 2000 + 3 * HALF_LIFE_US), 62500, 1));
    CHECK_EQ(latency_peak_get(&p, 2000 + UINT64_C(100) * HALF_LIFE_US), 0);
    CHECK_EQ(latency_peak_get(&p, 0), 500000); /* a clock that went back */
}

/* However often the quick answers come, half the distance to them is gone after a half-life. */
TEST(peak_falls_by_time_not_by_answers)
{
    for (uint64_t step_us = 20; step_us <= 200000; step_us *= 10) {
        struct latency_peak p = {0};
        uint64_t at_us = 7;

        latency_peak_note(&p, 505000, at_us);
        for (; at_us < 7 + HALF_LIFE_US; at_us += step_us)
            latency_peak_note(&p, 5000, at_us);
        CHECK(within(latency_peak_get(&p, at_us), 255000, 16));
    }
}

TEST(peak_bears_anything)
{
    struct latency_peak p = {0};

    for (int i = 0; i < 100000; i++)
        latency_peak_note(&p, (uint64_t)draw() << (draw() % 33), (uint64_t)draw() << (draw() % 33));
    CHECK(latency_peak_get(&p, p.at_us) <= UINT64_C(1) << 27);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Against the sorted values: never below, at most 1/8 and one unit above. */
TEST(quantiles_are_upper_bounds)
{
    static const unsigned permilles[] = {500, 900, 950, 990};
    uint32_t v[800];

    for (unsigned round = 0; round < 200; round++) {
        struct latency_sketch s = {0};
        unsigned n = LATENCY_FEW + draw() % (800 - LATENCY_FEW), shift = draw() % 20;

        for (unsigned i = 0; i < n; i++) {
            v[i] = draw() >> (8 + shift);
            latency_sketch_note(&s, v[i], 0);
        }
        qsort(v, n, sizeof v[0], compare);
        for (unsigned k = 0; k < 4; k++) {
            uint32_t exact = v[(n * permilles[k] + 999) / 1000 - 1], got = latency_sketch_quantile(&s, permilles[k]);

            CHECK(got >= exact);
            CHECK(got <= exact + exact / 8 + 16);
        }
    }
}

TEST(few_answers_say_nothing)
{
    struct latency_sketch s = {0};

    for (unsigned i = 0; i < LATENCY_FEW - 1; i++)
        latency_sketch_note(&s, 5000, 0);
    CHECK_EQ(latency_sketch_quantile(&s, 950), 0);
    latency_sketch_note(&s, 5000, 0);
    CHECK(within(latency_sketch_quantile(&s, 950), 5000, 13));
}

/* It is looked for again after 32 answers, and at once for another permille. */
TEST(a_quantile_is_kept_for_some_answers)
{
    struct latency_sketch s = {0};
    uint32_t first;

    for (unsigned i = 0; i < 40; i++)
        latency_sketch_note(&s, 5000, 0);
    first = latency_sketch_quantile(&s, 950);
    for (unsigned i = 0; i < 31; i++) {
        latency_sketch_note(&s, 90000, 0);
        CHECK_EQ(latency_sketch_quantile(&s, 950), first);
    }
    CHECK(latency_sketch_quantile(&s, 900) > 80000);
    CHECK(latency_sketch_quantile(&s, 950) > 80000);
    for (unsigned i = 0; i < 2000; i++)
        latency_sketch_note(&s, 5000, 0);
    CHECK_EQ(latency_sketch_quantile(&s, 950), first);
}

TEST(the_ends_of_the_range)
{
    struct latency_sketch low = {0}, high = {0};

    for (unsigned i = 0; i < 100; i++) {
        latency_sketch_note(&low, 0, 0);
        latency_sketch_note(&high, UINT64_MAX, 0);
    }
    CHECK_EQ(latency_sketch_quantile(&low, 990), 16);
    CHECK_EQ(latency_sketch_quantile(&high, 990), 16 << 20);
}

/* 5 % at 200 ms and more for a while: p95 rises, and is back after some thousand quick answers, or minutes of few. */
TEST(sketches_forget)
{
    struct latency_sketch s = {0};
    uint64_t now_ms = 0;
    unsigned n;

    for (n = 0; n < 5000; n++)
        latency_sketch_note(&s, 5000, now_ms);
    CHECK(within(latency_sketch_quantile(&s, 950), 5000, 13));
    for (n = 0; n < 200; n++)
        latency_sketch_note(&s, 200000, now_ms);
    CHECK(within(latency_sketch_quantile(&s, 950), 200000, 13));
    for (n = 0; n < 20000 && latency_sketch_quantile(&s, 950) > 6000; n++)
        latency_sketch_note(&s, 5000, now_ms);
    CHECK(n < 3000);

    for (n = 0; n < 200; n++)
        latency_sketch_note(&s, 200000, now_ms);
    for (n = 0; n < 2000 && latency_sketch_quantile(&s, 950) > 6000; n++)
        latency_sketch_note(&s, 5000, now_ms += 500);
    CHECK(n < 200);
    CHECK(s.count >= LATENCY_FEW);
}

/* Halving keeps the tail: one in a hundred stays one in a hundred. */
TEST(sketches_keep_their_tail)
{
    struct latency_sketch s = {0};

    for (unsigned n = 0; n < 50000; n++) {
        latency_sketch_note(&s, n % 50 == 0 ? 50000 + draw() % 400000 : 5000, 0);
        if (n > 2000 && n % 32 == 0) {
            CHECK(latency_sketch_quantile(&s, 990) > 40000);
            CHECK(latency_sketch_quantile(&s, 950) < 6000);
        }
    }
    CHECK(s.count <= LATENCY_FULL);
}

TEST(a_method_is_compared_with_itself)
{
    struct latency_table t;
    int32_t slower = 0;

    latency_table_init(&t, 10, 3);
    CHECK_EQ(latency_table_compare(&t, 4, 1000000), 0);
    for (unsigned i = 0; i < 300; i++) {
        CHECK_EQ(latency_table_note(&t, 4, 0, true, 2000, i), 0);
        slower = latency_table_note(&t, 7, 1, false, 300000, i); /* heavy, and always so */
    }
    CHECK(slower > -FIXED_ONE / 50 && slower < FIXED_ONE / 50);
    CHECK(latency_table_compare(&t, 4, 200000) > 6 * FIXED_ONE);
    CHECK(latency_table_compare(&t, 7, 200000) < 0);
    CHECK(latency_table_note(&t, 4, 2, true, 200000, 300) > 6 * FIXED_ONE);
    CHECK(latency_table_compare(&t, 4, 200000) > 6 * FIXED_ONE); /* one answer does not change what is usual */
    CHECK(within(latency_table_quantile(&t, 4, 0, 950), 2000, 13));
    CHECK_EQ(latency_table_quantile(&t, 4, 1, 950), 0); /* never asked */
    CHECK_EQ(latency_table_quantile(&t, 4, 2, 950), 0); /* once */
    CHECK_EQ(latency_table_quantile(&t, 7, 1, 950), 0); /* not wanted */
    CHECK_EQ(latency_table_quantile(&t, 0, 1, 950), 0);
    CHECK(t.rows[7]->of[1] == NULL);
    CHECK(sizeof(struct latency_sketch) <= 320);
    latency_table_deinit(&t);
}

TEST_MAIN()
