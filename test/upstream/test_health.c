/* The score, and what it does to the traffic of endpoints that get slow, fail, lag, and are well again. */
#include "../test.h"

#include <stdlib.h>

#include "base/fixed.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/mem.h"
#include "upstream/health.h"
#include "upstream/latency.h"
#include "upstream/pick.h"

static uint64_t state = 9;

static uint32_t draw(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 32);
}

TEST(outcomes)
{
    static const struct {
        unsigned ok, soft, throttled, hard, least, most;
    } rows[] = {
        {64, 0, 0, 0, 1024, 1024}, {0, 0, 0, 0, 1024, 1024}, {0, 0, 0, 1, 300, 500}, {0, 0, 0, 3, 90, 120},
        {0, 0, 0, 64, 0, 1},       {58, 0, 0, 6, 650, 750},  {32, 0, 0, 32, 60, 90}, {0, 64, 0, 0, 60, 90},
        {32, 0, 32, 0, 330, 370},  {60, 0, 4, 0, 880, 920},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct health_peers p = {.members = 1};
        struct health h;

        health_init(&h, 0);
        for (unsigned k = 0; k < rows[i].soft; k++)
            health_note(&h, 0, &p, HEALTH_SOFT, HEALTH_NO_LATENCY, 1);
        for (unsigned k = 0; k < rows[i].throttled; k++)
            health_note(&h, 0, &p, HEALTH_THROTTLED, HEALTH_NO_LATENCY, 1);
        for (unsigned k = 0; k < rows[i].hard; k++)
            health_note(&h, 0, &p, HEALTH_HARD, HEALTH_NO_LATENCY, 1);
        for (unsigned k = 0; k < rows[i].ok; k++)
            health_note(&h, 0, &p, HEALTH_OK, HEALTH_NO_LATENCY, 1);
        CHECK(h.score >= rows[i].least && h.score <= rows[i].most);
        CHECK_EQ(h.score, h.sound);
        CHECK(health_weight(&h, 100) >= 100 * HEALTH_FLOOR);
        CHECK(health_weight(&h, 100) <= 100 * HEALTH_ONE);
    }
}

/* Failures are forgotten after 64 answers, or eight seconds. */
TEST(the_window_slides)
{
    struct health_peers p = {.members = 1};
    struct health h;

    health_init(&h, 1000);
    for (unsigned k = 0; k < 10; k++)
        health_note(&h, 0, &p, HEALTH_HARD, HEALTH_NO_LATENCY, 1000);
    CHECK(h.score < 10);
    for (unsigned k = 0; k < 64; k++) {
        CHECK(h.score < HEALTH_ONE);
        health_note(&h, 0, &p, HEALTH_OK, HEALTH_NO_LATENCY, 1010);
    }
    CHECK_EQ(h.score, HEALTH_ONE);

    health_note(&h, 0, &p, HEALTH_HARD, HEALTH_NO_LATENCY, 1100);
    health_refresh(&h, 0, &p, 5000);
    CHECK(h.score < HEALTH_ONE);
    health_refresh(&h, 0, &p, 9500);
    CHECK_EQ(h.score, HEALTH_ONE);
    health_refresh(&h, 0, &p, 100); /* a clock that went back */
    CHECK_EQ(h.score, HEALTH_ONE);
}

TEST(lag)
{
    static const struct {
        uint64_t blocks, allowed;
        unsigned score;
    } rows[] = {{0, 2, 1024},      {2, 2, 1024}, {3, 2, 512}, {4, 2, 512},    {5, 2, 256},  {7, 2, 128},
                {1000000, 2, 128}, {0, 0, 1024}, {1, 0, 128}, {25, 25, 1024}, {26, 25, 512}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct health_peers p = {.members = 1};
        struct health h;

        health_init(&h, 0);
        health_lag(&h, 0, &p, rows[i].blocks, rows[i].allowed, 0);
        CHECK_EQ(h.score, rows[i].score);
    }
}

/* Twice or four times as slow as the best is the operator's business; ten times is not. */
TEST(latency_against_the_best)
{
    static const struct {
        int times_log2_q4; /* of 1/16 octave */
        unsigned least, most;
    } rows[] = {{0, 1024, 1024}, {16, 1024, 1024}, {32, 1024, 1024}, {48, 250, 262}, {64, 60, 68}, {106, 0, 4}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct health_peers p = {.members = 3};
        struct health v[2];

        health_init(&v[0], 0);
        health_init(&v[1], 0);
        for (unsigned k = 0; k < 100; k++) {
            health_note(v, 0, &p, HEALTH_OK, -FIXED_ONE, 50 + k);
            health_note(v, 1, &p, HEALTH_OK, rows[i].times_log2_q4 * (FIXED_ONE / 16) - FIXED_ONE, 50 + k);
        }
        CHECK_EQ(v[0].score, HEALTH_ONE);
        CHECK_EQ(v[1].sound, HEALTH_ONE);
        CHECK(v[1].score >= rows[i].least && v[1].score <= rows[i].most);
    }
}

/* The best gets slow, or is not heard of any more: the others are measured against each other. */
TEST(the_best_is_found_again)
{
    struct health_peers p = {.members = 7};
    struct health v[3];
    uint64_t ms = 100;

    for (unsigned i = 0; i < 3; i++)
        health_init(&v[i], ms);
    for (; ms < 300; ms++) {
        health_note(v, 0, &p, HEALTH_OK, -5 * FIXED_ONE, ms);
        health_note(v, 1, &p, HEALTH_OK, 0, ms);
        health_note(v, 2, &p, HEALTH_OK, FIXED_ONE, ms);
    }
    CHECK(v[1].score < 20);
    for (; ms < 400; ms++) {
        health_note(v, 0, &p, HEALTH_OK, 2 * FIXED_ONE, ms);
        health_note(v, 1, &p, HEALTH_OK, 0, ms);
    }
    CHECK_EQ(v[0].score, HEALTH_ONE);
    CHECK_EQ(v[1].score, HEALTH_ONE);
    for (; ms < 20000; ms += 100) /* 1 is silent */
        health_note(v, 2, &p, HEALTH_OK, 6 * FIXED_ONE, ms);
    CHECK_EQ(v[2].score, HEALTH_ONE);
}

/* A start is slow now and then: that must not keep the second call away, which would show it. */
TEST(the_first_answer_does_not_condemn)
{
    struct health_peers p = {.members = 3};
    struct health v[2];

    health_init(&v[0], 5);
    health_init(&v[1], 5);
    health_note(v, 0, &p, HEALTH_OK, 0, 10);
    health_note(v, 1, &p, HEALTH_OK, 6 * FIXED_ONE, 10);
    CHECK(v[1].score >= HEALTH_ONE / 5);
    for (unsigned k = 0; k < 4; k++)
        health_note(v, 1, &p, HEALTH_OK, 0, 12);
    CHECK_EQ(v[1].score, HEALTH_ONE);
}

TEST(a_call_that_is_kept_waiting_counts_before_it_is_answered)
{
    struct health_peers p = {.members = 3};
    struct health v[2];

    for (unsigned i = 0; i < 2; i++)
        health_init(&v[i], 5);
    for (uint64_t ms = 10; ms < 100; ms++) {
        health_note(v, 0, &p, HEALTH_OK, 0, ms);
        health_note(v, 1, &p, HEALTH_OK, 0, ms);
    }
    health_late(v, 1, &p, -FIXED_ONE, 100); /* sooner than usual: says nothing */
    CHECK_EQ(v[1].slow, 0);
    for (unsigned k = 0; k < 12; k++)
        health_late(v, 1, &p, 5 * FIXED_ONE, 100);
    CHECK(v[1].score < 100);
    CHECK_EQ(v[0].score, HEALTH_ONE);
}

/* Who was slow and is not asked any more is not condemned for ever; but what is slow again is so at once. */
TEST(silence_is_forgiven)
{
    static const struct {
        unsigned after_s, least, most;
    } rows[] = {{0, 0, 8}, {9, 0, 8}, {20, 0, 300}, {120, HEALTH_ONE, HEALTH_ONE}, {4000, HEALTH_ONE, HEALTH_ONE}};
    struct health_peers p = {.members = 3};
    struct health v[2];
    uint64_t ms = 100;
    unsigned before = 0;

    for (unsigned i = 0; i < 2; i++)
        health_init(&v[i], ms);
    for (; ms < 300; ms++) {
        health_note(v, 0, &p, HEALTH_OK, 0, ms);
        health_note(v, 1, &p, HEALTH_OK, 7 * FIXED_ONE, ms);
    }
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (; ms <= 300 + rows[i].after_s * UINT64_C(1000); ms += 500) {
            health_note(v, 0, &p, HEALTH_OK, 0, ms);
            for (unsigned k = 0; k < 2; k++)
                health_refresh(v, k, &p, ms);
            CHECK(v[1].score >= before);
            before = v[1].score;
            if (ms + 500 > 300 + rows[i].after_s * UINT64_C(1000))
                CHECK(v[1].score >= rows[i].least && v[1].score <= rows[i].most);
            CHECK_EQ(v[0].score, HEALTH_ONE);
            CHECK(v[1].slow >= p.best);
        }
    health_note(v, 1, &p, HEALTH_OK, 7 * FIXED_ONE, ms);
    CHECK(v[1].score < 400);
    health_note(v, 1, &p, HEALTH_OK, 7 * FIXED_ONE, ms + 1000);
    CHECK(v[1].score < 100);
}

/* A small world: calls come evenly, each endpoint answers after its latency. */
enum { ENDPOINTS = 3 };

struct flight {
    struct heap_node due;
    unsigned endpoint;
    uint64_t sent_us;
};

struct world {
    struct health v[ENDPOINTS];
    struct health_peers peers;
    struct pick_item turns[ENDPOINTS];
    struct latency_table lat;
    struct latency_peak peak[ENDPOINTS];
    uint64_t latency_us[ENDPOINTS];
    unsigned fail_percent[ENDPOINTS];
    unsigned answered[ENDPOINTS], picked[ENDPOINTS];
    unsigned step_us;
    bool fastest;
    struct heap wire;
    uint64_t now_us;
};

static void world_init(struct world *w, unsigned calls_per_s)
{
    memset(w, 0, sizeof *w);
    w->now_us = 1000000;
    w->step_us = 1000000 / calls_per_s;
    w->peers.members = 7;
    latency_table_init(&w->lat, 2, ENDPOINTS);
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        health_init(&w->v[i], w->now_us / 1000);
        w->turns[i].weight = HEALTH_ONE;
        w->latency_us[i] = 5000;
    }
}

static void world_deinit(struct world *w)
{
    struct heap_node *n;

    while ((n = heap_first(&w->wire))) {
        heap_remove(&w->wire, n);
        free(container_of(n, struct flight, due));
    }
    heap_deinit(&w->wire);
    latency_table_deinit(&w->lat);
}

static void weigh(struct world *w, unsigned i)
{
    w->turns[i].weight = w->fastest ? health_weight_sound(&w->v[i], 1) : health_weight(&w->v[i], 1);
}

static void answers(struct world *w)
{
    struct heap_node *n;

    while ((n = heap_first(&w->wire)) && n->key <= w->now_us) {
        struct flight *f = container_of(n, struct flight, due);
        unsigned i = f->endpoint;
        uint64_t us = n->key - f->sent_us, ms = n->key / 1000;

        if (draw() % 100 < w->fail_percent[i]) {
            health_note(w->v, i, &w->peers, HEALTH_HARD, HEALTH_NO_LATENCY, ms);
        } else {
            health_note(w->v, i, &w->peers, HEALTH_OK, latency_table_note(&w->lat, 0, i, false, us, ms), ms);
            latency_peak_note(&w->peak[i], us, n->key);
        }
        weigh(w, i);
        w->turns[i].in_flight--;
        w->answered[i]++;
        heap_remove(&w->wire, n);
        free(f);
    }
}

static void call(struct world *w)
{
    struct flight *f = mem_zero(sizeof *f);

    w->now_us += w->step_us;
    answers(w);
    for (unsigned i = 0; i < ENDPOINTS; i++)
        w->turns[i].latency_us = (uint32_t)latency_peak_get(&w->peak[i], w->now_us);
    f->endpoint = w->fastest ? pick_fastest(w->turns, ENDPOINTS, 7, (uint64_t)draw() << 32 | draw())
                             : pick_next(w->turns, ENDPOINTS, 7);
    f->sent_us = w->now_us;
    w->picked[f->endpoint]++;
    w->turns[f->endpoint].in_flight++;
    heap_set(&w->wire, &f->due, w->now_us + w->latency_us[f->endpoint] + draw() % 500);
}

static void run(struct world *w, unsigned ms)
{
    memset(w->picked, 0, sizeof w->picked);
    for (uint64_t end = w->now_us + (uint64_t)ms * 1000; w->now_us < end;)
        call(w);
}

static double share(const struct world *w, unsigned i)
{
    return 100.0 * w->picked[i] / (w->picked[0] + w->picked[1] + w->picked[2]);
}

static const unsigned paces[] = {30, 100, 300, 1000, 5000};

/* One of three is slowed a hundred times: after fifty of its answers less than 1 % goes there.  Quick again, it has its
 * share after some seconds (at 30 calls a second it is asked once in nine). */
TEST(slow_and_quick_again)
{
    for (unsigned k = 0; k < 2 * sizeof paces / sizeof paces[0]; k++) {
        struct world w;
        unsigned before, back_ms = 0;

        world_init(&w, paces[k / 2]);
        w.fastest = k & 1;
        run(&w, 3000);
        for (unsigned i = 0; i < ENDPOINTS; i++)
            CHECK(share(&w, i) > 32 - 8 * (k & 1) && share(&w, i) < 35 + 8 * (k & 1));
        w.latency_us[1] = 500000;
        run(&w, 10);
        before = w.answered[1];
        while (w.answered[1] < before + 50 && w.now_us < 60 * UINT64_C(1000000))
            call(&w);
        run(&w, 10000);
        printf("# %u calls/s%s: slow %.2f %%", paces[k / 2], w.fastest ? ", fastest" : "", share(&w, 1));
        CHECK(share(&w, 1) < (w.fastest && paces[k / 2] < 100 ? 2 : 1));
        w.latency_us[1] = 5000;
        do {
            run(&w, 1000);
            back_ms += 1000;
        } while (share(&w, 1) < 28 && back_ms < 60000);
        printf(", has its share %u ms after it is quick again\n", back_ms);
        CHECK(back_ms <= (paces[k / 2] < 100 ? 15000 : 6000));
        world_deinit(&w);
    }
}

/* So few calls that the trickle of the slow one would be a call an hour: it is found out all the same, and as long as
 * it is slow few calls meet it. */
TEST(slow_and_quick_again_with_few_calls)
{
    static const unsigned steps_ms[] = {1000, 2500, 6000};
    const uint64_t state_before = state; /* what others draw does not change with this */

    for (unsigned k = 0; k < sizeof steps_ms / sizeof steps_ms[0]; k++) {
        struct world w;
        uint64_t end_us;

        world_init(&w, 1);
        w.step_us = steps_ms[k] * 1000;
        run(&w, 60000);
        w.latency_us[1] = 500000;
        for (unsigned slow = 2; slow-- > 0;) {
            run(&w, 60000);
            memset(w.picked, 0, sizeof w.picked);
            for (end_us = w.now_us + UINT64_C(600000000); w.now_us < end_us;) {
                call(&w);
                for (unsigned i = 0; i < ENDPOINTS; i++) {
                    health_refresh(w.v, i, &w.peers, w.now_us / 1000);
                    weigh(&w, i);
                }
            }
            printf("# a call in %u ms: %s, gets %.1f %%\n", steps_ms[k], slow ? "slow" : "quick again", share(&w, 1));
            CHECK(slow ? share(&w, 1) < 12 : share(&w, 1) > 30);
            w.latency_us[1] = 5000;
        }
        world_deinit(&w);
    }
    state = state_before;
}

/* A brownout: what fails half of the time is hardly asked; when it is over, it has its share after ten seconds. */
TEST(brownout)
{
    for (unsigned k = 0; k < sizeof paces / sizeof paces[0]; k++) {
        struct world w;

        world_init(&w, paces[k]);
        run(&w, 2000);
        w.fail_percent[2] = 50;
        run(&w, 4000);
        run(&w, 8000);
        CHECK(share(&w, 2) < 10);
        w.fail_percent[2] = 0;
        run(&w, 10000);
        run(&w, 3000);
        CHECK(share(&w, 2) > 31);
        world_deinit(&w);
    }
}

TEST(bears_anything)
{
    struct health_peers p = {.members = 7};
    struct health v[3];

    for (unsigned i = 0; i < 3; i++)
        health_init(&v[i], 0);
    for (unsigned k = 0; k < 200000; k++) {
        unsigned i = draw() % 3;
        uint64_t ms = draw() % 3 ? k : (uint64_t)draw() << draw() % 32;

        health_note(v, i, &p, (enum health_outcome)(draw() % 4), draw() % 2 ? (int32_t)draw() : HEALTH_NO_LATENCY, ms);
        if (draw() % 9 == 0)
            health_lag(v, i, &p, (uint64_t)draw() << draw() % 32, draw() % 30, ms);
        CHECK(v[i].score <= HEALTH_ONE && v[i].score <= v[i].sound);
    }
}

TEST_MAIN()
