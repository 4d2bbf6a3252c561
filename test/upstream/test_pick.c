/* Shares, evenness, changing weights, and the power of two choices. */
#include "../test.h"

#include "upstream/pick.h"

static uint64_t state = 3;

static uint64_t draw(void)
{
    uint64_t high;

    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    high = state >> 32;
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return high << 32 | state >> 32;
}

static void count(struct pick_item *v, unsigned n, uint64_t eligible, unsigned picks, unsigned *got)
{
    memset(got, 0, n * sizeof *got);
    for (unsigned k = 0; k < picks; k++) {
        unsigned i = pick_next(v, n, eligible);

        if (i < n)
            got[i]++;
    }
}

TEST(three_to_one)
{
    struct pick_item v[2] = {{.weight = 3 * 1024}, {.weight = 1024}};
    unsigned got[2];

    count(v, 2, 3, 20000, got);
    CHECK_EQ(got[0], 15000);
    CHECK_EQ(got[1], 5000);
}

/* Over every whole round each has exactly its weight, and no credit leaves the bounds. */
TEST(rounds_are_exact)
{
    for (unsigned round = 0; round < 300; round++) {
        struct pick_item v[PICK_MAX] = {{0}};
        unsigned n = 1 + (unsigned)(draw() % PICK_MAX), got[PICK_MAX], sum = 0;

        for (unsigned i = 0; i < n; i++)
            sum += v[i].weight = 1 + (unsigned)(draw() % (draw() & 1 ? 3 : 40));
        for (unsigned k = 0; k < 3; k++) {
            count(v, n, UINT64_MAX, sum, got);
            for (unsigned i = 0; i < n; i++)
                CHECK_EQ(got[i], v[i].weight);
        }
    }
}

TEST(tiers_and_none)
{
    struct pick_item v[3] = {{.weight = 1, .tier = 2}, {.weight = 1, .tier = 0}, {.weight = 9, .tier = 0}};

    CHECK_EQ(pick_next(v, 3, 0), PICK_NONE);
    CHECK_EQ(pick_fastest(v, 3, 0, 1), PICK_NONE);
    CHECK_EQ(pick_first(v, 3, 0), PICK_NONE);
    CHECK_EQ(pick_next(v, 3, 8), PICK_NONE);
    CHECK_EQ(pick_lowest_tier(v, 3, 7), 6);
    CHECK_EQ(pick_first(v, 3, 7), 1);
    CHECK_EQ(pick_first(v, 3, 5), 2);
    CHECK_EQ(pick_next(v, 3, 1), 0);
    for (unsigned k = 0; k < 100; k++) {
        CHECK(pick_next(v, 3, 7) != 0);
        CHECK(pick_fastest(v, 3, 7, draw()) != 0);
        CHECK_EQ(pick_fastest(v, 3, 1, draw()), 0);
    }
}

/* A weight that rises or falls by the health's whole range leaves neither a lump nor a gap: from the first round on the
 * share is right. */
TEST(weights_may_change_at_any_time)
{
    for (unsigned round = 0; round < 500; round++) {
        struct pick_item v[5] = {{0}};
        unsigned n = 2 + (unsigned)(draw() % 4), got[5];
        uint64_t sum = 0;

        for (unsigned change = 0; change < 6; change++) {
            unsigned all = draw() % 3 == 0 ? 8 : 1024; /* all of them sick, too */

            sum = 0;
            for (unsigned i = 0; i < n; i++)
                sum += v[i].weight = (1 + (unsigned)(draw() % 3)) * (draw() % 3 ? all : 8);
            if (change < 5)
                count(v, n, UINT64_MAX, (unsigned)(draw() % 50), got);
        }
        count(v, n, UINT64_MAX, 300, got);
        for (unsigned i = 0; i < n; i++) {
            int want = (int)(300 * (uint64_t)v[i].weight / sum);

            CHECK((int)got[i] >= want - 5 && (int)got[i] <= want + 5);
        }
    }
}

TEST(fastest_follows_latency_load_and_weight)
{
    static const struct {
        struct pick_item a, b;
        unsigned want;
    } rows[] = {
        {{.weight = 1, .latency_us = 5000}, {.weight = 1, .latency_us = 5100}, 0},
        {{.weight = 1, .latency_us = 5000, .in_flight = 1}, {.weight = 1, .latency_us = 5100}, 1},
        {{.weight = 1, .latency_us = 5000}, {.weight = 2, .latency_us = 9000}, 1},
        {{.weight = 1, .latency_us = 5000, .in_flight = 3}, {.weight = 1, .latency_us = 25000}, 0},
        {{.weight = 1 << 20, .latency_us = 1 << 28, .in_flight = 65535}, {.weight = 1 << 20, .latency_us = 5000}, 1},
        {{.weight = 1024000, .latency_us = UINT32_MAX, .in_flight = UINT32_MAX},
         {.weight = 1024000, .latency_us = 1, .in_flight = UINT32_MAX},
         1},
    };

    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
        for (unsigned i = 0; i < 20; i++) {
            struct pick_item v[2] = {rows[k].a, rows[k].b};

            CHECK_EQ(pick_fastest(v, 2, 3, draw()), rows[k].want);
        }
}

/* One that was not measured gets what its weight and load say, however fast the other is. */
TEST(fastest_gives_the_unmeasured_their_share)
{
    static const struct {
        struct pick_item a, b;
        unsigned percent; /* of b */
    } rows[] = {
        {{.weight = 1, .latency_us = 5000}, {.weight = 1}, 50},
        {{.weight = 1, .latency_us = 5000}, {.weight = 1, .in_flight = 1}, 33},
        {{.weight = 1, .latency_us = 5000, .in_flight = 2}, {.weight = 1, .in_flight = 1}, 60},
        {{.weight = 3072}, {.weight = 1024}, 25},
        {{.weight = 192, .latency_us = 1}, {.weight = 8}, 4},
        {{.weight = 1024000, .in_flight = UINT32_MAX}, {.weight = 1024000, .in_flight = UINT32_MAX}, 50},
    };

    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        struct pick_item v[2] = {rows[k].a, rows[k].b};
        unsigned got = 0;

        for (unsigned i = 0; i < 20000; i++)
            got += pick_fastest(v, 2, 3, draw());
        CHECK(got > 200 * rows[k].percent - 300 && got < 200 * rows[k].percent + 300);
    }
}

/* Equal ones share alike, whoever is eligible; each pair is drawn. */
TEST(fastest_is_fair_among_equals)
{
    struct pick_item v[5] = {{0}};
    unsigned got[5] = {0};

    for (unsigned i = 0; i < 5; i++)
        v[i] = (struct pick_item){.weight = 7, .latency_us = 1000};
    for (unsigned k = 0; k < 40000; k++) {
        unsigned i = pick_fastest(v, 5, 0x1b, draw());

        CHECK(i < 5 && i != 2);
        got[i < 5 ? i : 2]++;
    }
    for (unsigned i = 0; i < 5; i++)
        CHECK(i == 2 ? got[i] == 0 : got[i] > 9000 && got[i] < 11000);
    v[3].latency_us = 9000; /* slowest of four: never better than the other of its pair */
    for (unsigned k = 0; k < 1000; k++)
        CHECK(pick_fastest(v, 5, 0x1b, draw()) != 3);
}

TEST_MAIN()
