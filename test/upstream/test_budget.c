/* Budgets of extra requests, and what they mean for retries. */
#include "../test.h"

#include "upstream/budget.h"

static uint64_t state = 11;

static uint32_t draw(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 32);
}

TEST(a_share_of_the_calls)
{
    static const struct budget_conf c = {5, 0, 10, 0};
    struct budget b;

    budget_init(&b, &c, 0);
    CHECK(!budget_take(&b, &c, 0));
    for (unsigned i = 0; i < 19; i++)
        budget_call(&b, &c, 1);
    CHECK(!budget_take(&b, &c, 1));
    budget_call(&b, &c, 2);
    CHECK_EQ(budget_left(&b), 1);
    CHECK(budget_take(&b, &c, 3));
    CHECK(!budget_take(&b, &c, 3));
    budget_give_back(&b);
    CHECK(budget_take(&b, &c, 3));
    CHECK(!budget_take(&b, &c, 3));
}

TEST(what_is_old_is_lost_but_for_some)
{
    static const struct budget_conf c = {20, 0, 10, 0};
    struct budget b;

    budget_init(&b, &c, 0);
    for (unsigned i = 0; i < 5000; i++)
        budget_call(&b, &c, 500);
    CHECK_EQ(budget_left(&b), 1000);
    budget_call(&b, &c, 9000);
    CHECK_EQ(budget_left(&b), 1000);
    budget_call(&b, &c, 10240); /* ten slices later */
    CHECK_EQ(budget_left(&b), 10);
    for (unsigned i = 0; i < 10; i++)
        CHECK(budget_take(&b, &c, 10240));
    CHECK(!budget_take(&b, &c, 10240));
    for (unsigned ms = 20000; ms < 30000; ms++)
        budget_call(&b, &c, ms);
    budget_call(&b, &c, 900000000); /* a week of silence */
    CHECK_EQ(budget_left(&b), 10);
}

/* One call in two seconds: after forty of them a hedge. */
TEST(a_quiet_client_saves)
{
    static const struct budget_conf c = {5, 0, 10, 0};
    struct budget b;
    unsigned took = 0;

    budget_init(&b, &c, 0);
    for (unsigned i = 0; i < 400; i++) {
        budget_call(&b, &c, i * 2000);
        took += budget_take(&b, &c, i * 2000);
    }
    CHECK_EQ(took, 20);
    for (unsigned i = 400; i < 4000; i++)
        budget_call(&b, &c, i * 2000);
    CHECK(budget_left(&b) >= 10 && budget_left(&b) <= 11);
}

TEST(a_floor_for_each_second)
{
    static const struct budget_conf c = {0, 3, 5, 2};
    struct budget b;
    unsigned took = 0;

    budget_init(&b, &c, 1024000);
    CHECK_EQ(budget_left(&b), 5);
    for (uint64_t ms = 1024000; ms < 1024000 + 10240; ms++)
        took += budget_take(&b, &c, ms);
    CHECK_EQ(took, 2 + 30);
    CHECK(!budget_take(&b, &c, 1024000 + 10239));
    CHECK(budget_take(&b, &c, UINT64_C(1) << 50)); /* years later */
    CHECK(budget_left(&b) <= 5 + 30);
    (void)budget_take(&b, &c, 5); /* a clock that went back */
}

/* Invariant: from the start to any moment extras <= first + percent of the calls + floor x (seconds begun); and in any
 * stretch no more than that of this stretch and the ten seconds before it, and what may be saved. */
TEST(never_more_than_the_share)
{
    for (unsigned round = 0; round < 300; round++) {
        struct budget_conf c = {draw() % 101, draw() % 4 == 0 ? draw() % 5 : 0, draw() % 60, 0};
        struct budget b;
        uint64_t now_ms = draw(), start = now_ms >> BUDGET_SLICE_LOG2, calls = 0, extras = 0, sum = 0;

        c.first = c.saved ? draw() % c.saved : 0;
        budget_init(&b, &c, now_ms);
        for (unsigned i = 0; i < 5000; i++) {
            unsigned burst = draw() % 8 == 0 ? draw() % 200 : draw() % 3;

            now_ms += draw() % 4 == 0 ? draw() % (draw() % 50 == 0 ? 30000 : 300) : 0;
            for (unsigned k = 0; k < burst; k++)
                budget_call(&b, &c, now_ms);
            calls += burst;
            for (unsigned tries = draw() % 60; tries; tries--)
                extras += budget_take(&b, &c, now_ms);
            CHECK(extras * 100 <=
                  c.first * 100 + calls * c.percent + ((now_ms >> BUDGET_SLICE_LOG2) - start + 1) * c.floor * 100);
            sum = b.saved;
            for (unsigned k = 0; k < BUDGET_SLICES; k++)
                sum += b.earned[k];
            CHECK_EQ(sum, (uint64_t)b.sum + b.saved);
            CHECK(b.saved <= c.saved * 100);
        }
    }
}

TEST_MAIN()
