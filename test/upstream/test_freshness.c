/* Heads of endpoints: tables of (time, who, number, what it means), and a world of random chains. */
#include "../test.h"

#include "upstream/freshness.h"

enum { SAME = FRESHNESS_SAME, MOVED = FRESHNESS_MOVED, DOUBTED = FRESHNESS_DOUBTED, BACK = FRESHNESS_SET_BACK };

struct step {
    uint64_t at_ms;
    unsigned who;
    uint64_t number;
    int news;
    uint64_t head, fit; /* of the chain; who is fit for a client that was shown the head */
    bool bound;         /* a lower bound only */
};

static const struct freshness_conf eth = {12000, 2}, learned = {0, 2}, solana = {400, 25};

static void check(const char *name, unsigned n, const struct freshness_conf *c, const struct step *s, size_t steps)
{
    struct freshness f;

    freshness_init(&f, n);
    for (size_t i = 0; i < steps; i++) {
        unsigned before = test_failures;

        CHECK_EQ(freshness_note(&f, c, s[i].who, s[i].number, !s[i].bound, s[i].at_ms), s[i].news);
        CHECK_EQ(f.number, s[i].head);
        CHECK_EQ(freshness_fit(&f, f.number), s[i].fit);
        if (test_failures != before)
            printf("# %s, step %zu\n", name, i);
    }
}

#define RUN(name_, n_, conf_, ...)                                                                                     \
    TEST(name_)                                                                                                        \
    {                                                                                                                  \
        static const struct step steps[] = {__VA_ARGS__};                                                              \
        check(#name_, n_, &conf_, steps, sizeof steps / sizeof steps[0]);                                              \
    }

/* clang-format off */
RUN(one_endpoint, 1, eth,
    {1000, 0, 100, MOVED, 100, 1, 0}, {1200, 0, 100, SAME, 100, 1, 0}, {13000, 0, 101, MOVED, 101, 1, 0},
    {13400, 0, 100, SAME, 101, 0, 0}, /* a balancer with another node behind it */
    {13600, 0, 101, SAME, 101, 1, 0}, {25000, 0, 102, MOVED, 102, 1, 0})

RUN(two_move_together, 2, eth,
    {1000, 0, 100, SAME, 0, 3, 0}, {1100, 1, 100, MOVED, 100, 3, 0},
    {13000, 0, 101, MOVED, 101, 1, 0}, {13100, 1, 101, SAME, 101, 3, 0},
    {25000, 1, 102, MOVED, 102, 2, 0}, {25001, 0, 101, SAME, 102, 2, 0}, {25500, 0, 102, SAME, 102, 3, 0})

RUN(one_lags, 3, eth,
    {1000, 0, 100, SAME, 0, 7, 0}, {1000, 1, 100, MOVED, 100, 3, 0}, {1000, 2, 95, SAME, 100, 3, 0},
    {13000, 0, 101, MOVED, 101, 1, 0}, {13000, 1, 101, SAME, 101, 3, 0}, {13000, 2, 101, SAME, 101, 7, 0})

RUN(one_lags_from_the_start, 2, eth,
    {1000, 0, 100, SAME, 0, 3, 0}, {1000, 1, 60, MOVED, 100, 1, 0}, {1100, 1, 60, SAME, 100, 1, 0})

RUN(the_one_heard_first_lags, 2, eth,
    {1000, 0, 60, SAME, 0, 3, 0}, {1000, 1, 100, MOVED, 100, 2, 0})

RUN(a_bogus_head_is_not_believed, 3, eth,
    {1000, 0, 100, SAME, 0, 7, 0}, {1000, 1, 100, MOVED, 100, 3, 0}, {1000, 2, 100, SAME, 100, 7, 0},
    {2000, 2, 999999, DOUBTED, 100, 3, 0}, {3000, 2, 999999, DOUBTED, 100, 3, 0},
    {4000, 2, 999999, DOUBTED, 100, 3, 0}, {5000, 2, 999999, DOUBTED, 100, 3, 0}, /* as often as it likes */
    {13000, 0, 101, MOVED, 101, 1, 0}, {13000, 1, 101, SAME, 101, 3, 0},
    {14000, 2, 101, SAME, 101, 7, 0}) /* it has come to its senses */

RUN(two_agree_on_a_leap, 3, eth,
    {1000, 0, 100, SAME, 0, 7, 0}, {1000, 1, 100, MOVED, 100, 3, 0}, {1000, 2, 100, SAME, 100, 7, 0},
    {2000, 2, 5000, DOUBTED, 100, 3, 0}, {2500, 1, 5000, MOVED, 5000, 6, 0}, {2600, 0, 5000, SAME, 5000, 7, 0})

RUN(alone_on_its_word, 2, eth, /* the other has not been heard of for long */
    {1000, 0, 100, SAME, 0, 3, 0}, {1000, 1, 100, MOVED, 100, 3, 0},
    {100000, 0, 900, DOUBTED, 100, 2, 0}, {101000, 0, 900, DOUBTED, 100, 2, 0}, {102000, 0, 901, MOVED, 901, 1, 0})

RUN(silence_gives_time, 2, eth, /* an hour without a question: three hundred blocks are no leap */
    {1000, 0, 100, SAME, 0, 3, 0}, {1000, 1, 100, MOVED, 100, 3, 0}, {3601000, 0, 400, MOVED, 400, 1, 0})

RUN(a_single_test_node_mines_at_will, 1, eth,
    {1000, 0, 5, MOVED, 5, 1, 0}, {1100, 0, 1005, DOUBTED, 5, 1, 0}, {1200, 0, 1006, MOVED, 1006, 1, 0})

RUN(a_single_test_node_is_reset, 1, eth,
    {1000, 0, 50000, MOVED, 50000, 1, 0}, {1100, 0, 3, BACK, 3, 1, 0}, {1200, 0, 4, MOVED, 4, 1, 0})

RUN(a_single_test_node_is_reverted, 1, learned, /* by a few blocks: sure after a second */
    {1000, 0, 50, MOVED, 50, 1, 0}, {1500, 0, 45, SAME, 50, 0, 0}, {2000, 0, 46, SAME, 50, 0, 0},
    {2001, 0, 46, BACK, 46, 1, 0}, {3000, 0, 47, MOVED, 47, 1, 0})

RUN(two_names_of_a_test_node_that_is_reverted, 2, eth, /* each has said so three times, for four seconds */
    {1000, 0, 50, SAME, 0, 3, 0}, {1000, 1, 50, MOVED, 50, 3, 0},
    {1500, 0, 45, SAME, 50, 2, 0}, {2000, 1, 45, SAME, 50, 0, 0}, {3000, 0, 45, SAME, 50, 0, 0},
    {4000, 1, 45, SAME, 50, 0, 0}, {5000, 0, 45, SAME, 50, 0, 0}, {5999, 1, 45, SAME, 50, 0, 0},
    {6000, 0, 45, BACK, 45, 3, 0}, {7000, 1, 46, MOVED, 46, 2, 0})

RUN(who_showed_the_head_must_say_so_too, 2, eth, /* it may be unreachable, and the other late */
    {1000, 0, 50, SAME, 0, 3, 0}, {1000, 1, 50, MOVED, 50, 3, 0},
    {1500, 0, 45, SAME, 50, 2, 0}, {3000, 0, 45, SAME, 50, 2, 0}, {5000, 0, 45, SAME, 50, 2, 0},
    {7000, 0, 45, SAME, 50, 2, 0}, {8000, 1, 45, SAME, 50, 0, 0}, {8000, 1, 45, SAME, 50, 0, 0},
    {8000, 1, 45, SAME, 50, 0, 0}, {8001, 0, 45, SAME, 50, 0, 0}, {11000, 0, 45, SAME, 50, 0, 0},
    {11999, 1, 45, SAME, 50, 0, 0}, {12000, 1, 45, BACK, 45, 3, 0})

RUN(once_seen_they_begin_anew, 2, eth, /* a balancer with a node behind it that is late */
    {1000, 0, 50, SAME, 0, 3, 0}, {1000, 1, 50, MOVED, 50, 3, 0},
    {1500, 0, 49, SAME, 50, 2, 0}, {1500, 1, 49, SAME, 50, 0, 0}, {3000, 0, 49, SAME, 50, 0, 0},
    {3000, 1, 49, SAME, 50, 0, 0}, {5000, 0, 50, SAME, 50, 1, 0}, {5600, 1, 49, SAME, 50, 1, 0},
    {5700, 0, 49, SAME, 50, 0, 0}, {5800, 1, 49, SAME, 50, 0, 0}, {5800, 0, 49, SAME, 50, 0, 0},
    {9000, 1, 49, SAME, 50, 0, 0}, {9500, 0, 49, SAME, 50, 0, 0})

RUN(a_node_that_is_quicker_than_all_others, 2, eth, /* behind a balancer, seen once for each block */
    {1000, 0, 50, SAME, 0, 3, 0}, {1000, 1, 50, MOVED, 50, 3, 0}, {13000, 0, 51, MOVED, 51, 1, 0},
    {13400, 0, 50, SAME, 51, 0, 0}, {13400, 1, 50, SAME, 51, 0, 0}, {15000, 0, 50, SAME, 51, 0, 0},
    {15000, 1, 50, SAME, 51, 0, 0}, {16500, 0, 50, SAME, 51, 0, 0}, {16500, 1, 50, SAME, 51, 0, 0},
    {18000, 0, 50, SAME, 51, 0, 0}, {18000, 1, 50, SAME, 51, 0, 0}, {18500, 0, 51, SAME, 51, 1, 0})

RUN(two_names_of_a_test_node_that_takes_one_block_back, 2, eth, /* nobody can be so late */
    {1000, 0, 50, SAME, 0, 3, 0}, {1000, 1, 50, MOVED, 50, 3, 0},
    {2000, 0, 49, SAME, 50, 2, 0}, {2000, 1, 49, SAME, 50, 0, 0}, {6000, 0, 49, SAME, 50, 0, 0},
    {6000, 1, 49, SAME, 50, 0, 0}, {10000, 0, 49, SAME, 50, 0, 0}, {10000, 1, 49, SAME, 50, 0, 0},
    {13999, 0, 49, SAME, 50, 0, 0}, {13999, 1, 49, SAME, 50, 0, 0}, {14000, 0, 49, BACK, 49, 3, 0})

RUN(two_names_of_one_test_node, 2, eth,
    {1000, 0, 50000, SAME, 0, 3, 0}, {1000, 1, 50000, MOVED, 50000, 3, 0},
    {1100, 0, 3, SAME, 50000, 2, 0}, {1200, 1, 3, BACK, 3, 3, 0})

RUN(silence_takes_nothing_back, 2, eth, /* the other is as far behind as it was, and nobody asked the better one */
    {1000, 0, 50000, SAME, 0, 3, 0}, {1000, 1, 50000, MOVED, 50000, 3, 0}, {13000, 0, 50001, MOVED, 50001, 1, 0},
    {90000, 1, 50000, SAME, 50001, 1, 0}, {91000, 1, 40000, SAME, 50001, 1, 0}, {400000, 1, 40000, SAME, 50001, 1, 0},
    {620000, 1, 40000, BACK, 40000, 2, 0}) /* for ten minutes */

RUN(one_of_two_starts_afresh, 2, eth, /* a node that syncs is no rollback */
    {1000, 0, 50000, SAME, 0, 3, 0}, {1000, 1, 50000, MOVED, 50000, 3, 0},
    {1100, 0, 3, SAME, 50000, 2, 0}, {1200, 1, 50000, SAME, 50000, 2, 0}, {13000, 0, 900, SAME, 50000, 2, 0},
    {13000, 1, 50001, MOVED, 50001, 2, 0})

RUN(a_liar_that_was_first_is_outvoted, 3, eth,
    {1000, 2, 999999, SAME, 0, 7, 0}, {2000, 2, 999999, SAME, 0, 7, 0}, {3000, 2, 999999, MOVED, 999999, 4, 0},
    {4000, 0, 100, SAME, 999999, 4, 0}, {4100, 1, 100, BACK, 100, 3, 0}, {5000, 2, 999999, DOUBTED, 100, 3, 0})

RUN(a_liar_that_was_first_and_is_not_believed, 3, eth, /* clients were shown it all the same: that binds no more */
    {1000, 2, 999999, SAME, 0, 7, 0}, {1100, 0, 100, SAME, 0, 7, 0}, {1200, 1, 100, BACK, 100, 3, 0},
    {1300, 2, 999999, DOUBTED, 100, 3, 0}, {13000, 0, 101, MOVED, 101, 1, 0})

RUN(blocks_that_it_has_are_no_head, 2, eth,
    {1000, 0, 100, SAME, 0, 3, 0}, {1000, 1, 100, MOVED, 100, 3, 0}, {2000, 1, 7, SAME, 100, 3, 1},
    {13000, 0, 101, MOVED, 101, 1, 0}, {13100, 1, 101, SAME, 101, 3, 1}, {25000, 1, 102, MOVED, 102, 2, 1})

RUN(answers_overtake, 2, eth,
    {1000, 0, 100, SAME, 0, 3, 0}, {1000, 1, 100, MOVED, 100, 3, 0},
    {13000, 0, 101, MOVED, 101, 1, 0}, {13020, 0, 100, SAME, 101, 1, 0}, {13100, 0, 100, SAME, 101, 0, 0})

RUN(what_a_liar_said_before_is_no_better, 3, eth, /* its answers overtake each other */
    {1000, 0, 100, SAME, 0, 7, 0}, {1000, 1, 100, MOVED, 100, 3, 0}, {1000, 2, 100, SAME, 100, 7, 0},
    {2000, 2, 999999, DOUBTED, 100, 3, 0}, {2020, 2, 999998, DOUBTED, 100, 3, 0}, {3000, 2, 999990, DOUBTED, 100, 3, 1},
    {3010, 2, 99, SAME, 100, 3, 0})

RUN(the_first_head_is_the_highest_that_was_told, 3, eth, /* one stepped back meanwhile */
    {1000, 0, 101, SAME, 0, 7, 0}, {1100, 0, 100, SAME, 0, 7, 0}, {1200, 1, 100, MOVED, 101, 0, 0},
    {1300, 1, 101, SAME, 101, 2, 0})

RUN(slots, 2, solana,
    {1000, 0, 1000, SAME, 0, 3, 0}, {1000, 1, 1010, MOVED, 1010, 2, 0}, {1400, 0, 1011, MOVED, 1011, 1, 0},
    {2000, 1, 1020, MOVED, 1020, 2, 0}, {11000, 1, 1050, MOVED, 1050, 2, 0}, {11000, 0, 1011, SAME, 1050, 2, 0})
/* clang-format on */

TEST(who_has_a_block)
{
    struct freshness f;

    freshness_init(&f, 3);
    CHECK_EQ(freshness_at(&f, 0), 7);
    CHECK_EQ(freshness_at(&f, 5), 0);
    CHECK_EQ(freshness_fit(&f, 0), 7);
    CHECK_EQ(freshness_highest(&f, 7), 7);
    freshness_note(&f, &eth, 0, 100, true, 1000);
    freshness_note(&f, &eth, 1, 101, true, 1000);
    freshness_note(&f, &eth, 1, 102, true, 1001);
    CHECK_EQ(f.number, 102);
    CHECK_EQ(freshness_at(&f, 0), 7);
    CHECK_EQ(freshness_at(&f, 100), 3);
    CHECK_EQ(freshness_at(&f, 101), 2);
    CHECK_EQ(freshness_at(&f, 102), 2);
    CHECK_EQ(freshness_at(&f, 103), 0);
    CHECK_EQ(freshness_fit(&f, 0), 7); /* some lag is allowed, and not having been heard of */
    CHECK_EQ(freshness_lag(&f, 0), 1); /* it did not speak since 102 was told */
    CHECK_EQ(freshness_highest(&f, 7), 2);
    CHECK_EQ(freshness_highest(&f, 5), 1);
    CHECK_EQ(freshness_highest(&f, 4), 4);
    CHECK_EQ(freshness_highest(&f, 0), 0);
    freshness_note(&f, &eth, 2, 40, true, 1002);
    CHECK_EQ(freshness_fit(&f, 0), 3);
}

TEST(a_doubted_head_is_not_the_highest)
{
    struct freshness f;

    freshness_init(&f, 3);
    freshness_note(&f, &eth, 0, 100, true, 1000);
    freshness_note(&f, &eth, 1, 101, true, 1000);
    CHECK_EQ(freshness_note(&f, &eth, 2, 9000, true, 1000), DOUBTED);
    CHECK_EQ(freshness_highest(&f, 7), 2);
    CHECK_EQ(freshness_highest(&f, 5), 1);
    CHECK_EQ(freshness_highest(&f, 4), 4); /* better than nobody */
}

/* A leap that time makes likely: who told the old head while it was not believed is as far behind as it was. */
TEST(behind_a_leap)
{
    static const struct freshness_conf c = {200, 3};
    struct freshness f;

    freshness_init(&f, 2);
    freshness_note(&f, &c, 0, 100, true, 1000);
    CHECK_EQ(freshness_note(&f, &c, 1, 100, true, 1000), MOVED);
    CHECK_EQ(freshness_note(&f, &c, 0, 107, true, 1200), DOUBTED);
    CHECK_EQ(freshness_note(&f, &c, 1, 100, true, 1210), SAME);
    CHECK_EQ(freshness_fit(&f, 0), 2);
    CHECK_EQ(freshness_note(&f, &c, 0, 108, true, 1400), MOVED);
    CHECK_EQ(freshness_lag(&f, 1), 8);
    CHECK_EQ(freshness_fit(&f, 0), 1);
    CHECK_EQ(freshness_note(&f, &c, 1, 107, true, 1410), SAME);
    CHECK_EQ(freshness_fit(&f, 0), 3);
}

TEST(sixty_four)
{
    struct freshness f;

    freshness_init(&f, FRESHNESS_MAX);
    CHECK_EQ(freshness_fit(&f, 0), UINT64_MAX);
    for (unsigned i = 0; i < FRESHNESS_MAX; i++)
        freshness_note(&f, &eth, i, 100, true, 1000);
    CHECK_EQ(freshness_fit(&f, 100), UINT64_MAX);
    freshness_note(&f, &eth, 63, 101, true, 2000);
    CHECK_EQ(freshness_fit(&f, 101), UINT64_C(1) << 63);
}

TEST(the_pace_is_learned)
{
    struct freshness f;

    freshness_init(&f, 1);
    CHECK_EQ(freshness_block_ms(&f, &learned), 0);
    CHECK_EQ(freshness_block_ms(&f, &eth), 12000);
    for (uint64_t k = 0; k < 100; k++)
        freshness_note(&f, &learned, 0, 500 + k, true, 1000 + k * 250);
    CHECK_EQ(freshness_block_ms(&f, &learned), 250);
    for (uint64_t k = 0; k < 100; k++)
        freshness_note(&f, &learned, 0, 600 + k, true, 30000 + k * 2000);
    CHECK(freshness_block_ms(&f, &learned) > 1900);
    CHECK_EQ(freshness_block_ms(&f, &eth), 12000);
    freshness_note(&f, &learned, 0, 90000, true, 230000); /* a leap is no pace */
    CHECK_EQ(freshness_note(&f, &learned, 0, 90000, true, 230500), FRESHNESS_MOVED);
    CHECK(freshness_block_ms(&f, &learned) > 1900);
}

TEST(what_was_shown)
{
    struct freshness f;
    struct freshness_shown s = {0};

    freshness_init(&f, 1);
    CHECK_EQ(freshness_need(&f, &s), 0);
    freshness_note(&f, &eth, 0, 50000, true, 1000);
    freshness_show(&f, &s, 50000);
    freshness_show(&f, &s, 49999);
    CHECK_EQ(freshness_need(&f, &s), 50000);
    CHECK_EQ(freshness_note(&f, &eth, 0, 3, true, 2000), FRESHNESS_SET_BACK);
    CHECK_EQ(freshness_need(&f, &s), 3); /* another chain: what was shown beyond that binds no more */
    freshness_show(&f, &s, 2);
    CHECK_EQ(freshness_need(&f, &s), 3);
    freshness_note(&f, &eth, 0, 4, true, 3000);
    freshness_show(&f, &s, 4);
    CHECK_EQ(freshness_need(&f, &s), 4);
}

/* It takes a while to be sure that a chain was rolled back.  What was shown of the new one by then still binds. */
TEST(what_was_shown_after_a_rollback)
{
    struct freshness_shown s = {0}, t = {0};
    struct freshness f;

    freshness_init(&f, 2);
    freshness_note(&f, &eth, 0, 200, true, 1000);
    freshness_note(&f, &eth, 1, 200, true, 1000);
    freshness_show(&f, &s, 200);
    freshness_note(&f, &eth, 0, 150, true, 2000);
    freshness_note(&f, &eth, 1, 149, true, 2000);
    freshness_show(&f, &t, 149);
    CHECK_EQ(freshness_note(&f, &eth, 0, 151, true, 60000), FRESHNESS_SET_BACK);
    CHECK_EQ(freshness_need(&f, &s), 151);
    CHECK_EQ(freshness_need(&f, &t), 149);
}

TEST(what_was_shown_before_there_was_a_head)
{
    static const struct {
        uint64_t told, unsure; /* as a head; as a block that is there */
        bool binds;
    } t[] = {{101, 0, true}, {100, 1124, true}, {100, 1125, false}, {5000, 0, false}, {UINT64_MAX, 0, false}};

    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct freshness f;
        struct freshness_shown s = {0};
        uint64_t shown = t[i].told > t[i].unsure ? t[i].told : t[i].unsure;

        freshness_init(&f, 3);
        CHECK_EQ(freshness_note(&f, &eth, 0, t[i].told, true, 1000), FRESHNESS_SAME);
        freshness_unsure(&f, t[i].unsure);
        freshness_show(&f, &s, shown);
        freshness_note(&f, &eth, 1, 100, true, 1100);
        freshness_note(&f, &eth, 2, 100, true, 1200);
        CHECK(f.number == 100 || f.number == 101);
        CHECK_EQ(freshness_need(&f, &s), t[i].binds ? shown : f.number);
        CHECK_EQ(f.setbacks, !t[i].binds);
        freshness_unsure(&f, 999999); /* it is sure now: that is nobody's word */
        freshness_note(&f, &eth, 1, 101, true, 13000);
        CHECK_EQ(f.setbacks, !t[i].binds);
    }
}

TEST(what_the_chain_can_have_come_to)
{
    struct freshness f;

    freshness_init(&f, 2);
    CHECK(freshness_may_be(&f, &eth, UINT64_MAX, 1000)); /* nothing is known */
    freshness_note(&f, &eth, 0, 100, true, 1000);
    freshness_note(&f, &eth, 1, 100, true, 1000);
    CHECK(freshness_may_be(&f, &eth, 0, 1000));
    CHECK(freshness_may_be(&f, &eth, 103, 1000));
    CHECK(!freshness_may_be(&f, &eth, 104, 1000));
    CHECK(freshness_may_be(&f, &eth, 104, 7000));
    CHECK(!freshness_may_be(&f, &eth, UINT64_MAX, 3600000));
    CHECK(!freshness_may_be(&f, &eth, 104, 0)); /* a clock that went back */
}

static uint64_t state = 13;

static uint32_t draw(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 32);
}

/* Chains of many paces, nodes that lag by some blocks, one that lies at times, a client that asks for the head through
 * the masks: it never sees it go back, the head is never one that no honest node had, and honest nodes are not doubted.
 */
TEST(random_chains)
{
    for (unsigned round = 0; round < 400; round++) {
        static const uint64_t paces[] = {250, 400, 2000, 12000};
        uint64_t pace = paces[draw() % 4], first = 1000 + draw() % 1000000, ms = 1000000, last = 0;
        struct freshness_conf c = {draw() % 2 ? pace : 0, 2};
        unsigned n = 3 + draw() % 4, liar = draw() % 2 ? n - 1 : n, misses = 0;
        struct freshness_shown s = {0};
        struct freshness f;

        freshness_init(&f, n);
        for (unsigned i = 0; i < n && i != liar; i++)
            freshness_note(&f, &c, i, first, true, ms);
        for (unsigned k = 0; k < 1000; k++) {
            uint64_t truth, fit;

            ms += draw() % (draw() % 40 == 0 ? 20 * pace : pace);
            truth = first + (ms - 1000000) / pace;
            for (unsigned i = 0; i < n; i++) {
                uint64_t number = truth - (i ? draw() % 2 : 0);

                if (i == liar && draw() % 3)
                    number = draw() % 2 ? truth + 1000 + draw() % 1000000 : truth * 7;
                if (draw() % 2 || i == 0)
                    freshness_note(&f, &c, i, number, true, ms);
                CHECK(i == liar || !(f.doubted >> i & 1));
            }
            CHECK(f.number <= truth);
            CHECK(f.number + 20 >= truth);
            CHECK_EQ(f.setbacks, 0);
            fit = freshness_fit(&f, freshness_need(&f, &s));
            misses += fit == 0;
            for (unsigned i = 0; fit && i < n; i++)
                if (fit >> i & 1) {
                    CHECK(f.head[i] >= last);
                    last = f.head[i];
                    freshness_show(&f, &s, last);
                    break;
                }
        }
        CHECK(misses == 0);
    }
}

/* Balancers: each answer is of some node that is up to 3.9 s late, or nearly a block where it is known that one takes
 * longer.  That is no rollback. */
TEST(random_balancers)
{
    for (unsigned round = 0; round < 400; round++) {
        static const uint64_t paces[] = {100, 250, 400, 2000, 12000};
        uint64_t pace = paces[draw() % 5], ms = 1000000, late;
        struct freshness_conf c = {draw() % 2 ? pace : 0, pace < 500 ? 25 : 2};
        unsigned n = 2 + draw() % 3, bias = 1 + draw() % 20;
        struct freshness f;

        late = draw() % (c.block_ms > 4000 ? c.block_ms - 100 : 3900);
        freshness_init(&f, n);
        for (unsigned k = 0; k < 3000; k++) {
            ms += draw() % 300;
            for (unsigned i = 0; i < n; i++)
                freshness_note(&f, &c, i, 100000 + (ms - (draw() % bias ? late : draw() % (late + 1))) / pace, true,
                               ms);
            CHECK_EQ(f.setbacks, 0);
        }
    }
}

TEST(bears_anything)
{
    struct freshness f;

    freshness_init(&f, 5);
    for (unsigned k = 0; k < 200000; k++) {
        uint64_t number = (uint64_t)draw() << draw() % 33, ms = draw() % 4 ? k : (uint64_t)draw() << draw() % 33;

        freshness_note(&f, draw() % 2 ? &eth : &learned, draw() % 5, draw() % 5 ? number : UINT64_MAX, draw() % 2, ms);
        CHECK_EQ((freshness_fit(&f, draw()) | f.top | f.doubted | f.current) & ~UINT64_C(31), 0);
    }
}

TEST_MAIN()
