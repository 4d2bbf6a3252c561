/* A limiter against servers that refuse beyond a limit of their own, with more calls waiting than may leave: simulated,
 * nothing sleeps. */
#include <stdlib.h>

#include "upstream/limiter.h"

#include "test.h"

enum { SECOND = 1000000, MS = 1000, RING = 1 << 16, SLOT = 3 };

enum server_kind { FIXED_WINDOW, SLIDING_WINDOW, SERVER_BUCKET };

struct server {
    enum server_kind kind;
    uint64_t limit;     /* calls a window */
    uint64_t window_us; /* of the first two */
    uint64_t began_us, count;
    uint64_t times[RING], head; /* of the last `limit` accepted calls */
    double have, at_us;         /* tokens; full: a tenth of a second's worth, or as much as burst says */
    double burst;
    uint64_t until_us; /* it refuses everything before that */
    unsigned random;   /* it refuses so many of a thousand, for no reason */
};

static uint64_t state;

static uint64_t draw(uint64_t n) /* 0..n-1 */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static bool server_takes(struct server *s, uint64_t now_us)
{
    if (now_us < s->until_us || (s->random && draw(1000) < s->random))
        return false;
    switch (s->kind) {
    case FIXED_WINDOW:
        if (now_us / s->window_us != s->began_us) {
            s->began_us = now_us / s->window_us;
            s->count = 0;
        }
        return s->count < s->limit && ++s->count;
    case SLIDING_WINDOW:
        if (s->head >= s->limit && s->times[(s->head - s->limit) % RING] + s->window_us > now_us)
            return false;
        s->times[s->head++ % RING] = now_us;
        return true;
    case SERVER_BUCKET:
        s->have += ((double)now_us - s->at_us) * (double)s->limit / SECOND;
        s->at_us = (double)now_us;
        if (s->have > s->burst)
            s->have = s->burst;
        if (s->have < 1)
            return false;
        s->have -= 1;
        return true;
    }
    return false;
}

struct answer {
    uint64_t sent_us, here_us;
    bool taken;
};

struct run {
    struct limiter l;
    struct server s;
    uint64_t now_us, rtt_us, jitter_us;
    uint64_t wait_us; /* what the server says in Retry-After */
    uint64_t per_s;   /* calls that come, 0: more than may leave */
    unsigned clients; /* who each ask again when they have an answer; 0: as above */
    uint64_t turn_us; /* it looks only so often, as a loop with timers of a millisecond does */
    uint32_t units;   /* of a call */
    struct answer ring[RING];
    uint64_t sent, answered, due;
    uint64_t taken, refused; /* since the last look */
};

static void run_init(struct run *r, const struct limiter_conf *c, struct server s, uint64_t seed)
{
    *r = (struct run){.s = s, .now_us = 1000, .rtt_us = 20 * MS, .jitter_us = 2 * MS, .turn_us = 1, .units = 1};
    if (s.kind == SERVER_BUCKET && s.burst <= 0)
        r->s.burst = (double)s.limit / 10 + 1;
    r->s.have = r->s.burst;
    state = seed * 0x9e3779b97f4a7c15u + 1;
    limiter_init(&r->l, c, 0, r->now_us);
}

static void hear(struct run *r)
{
    const struct answer *a = &r->ring[r->answered++ % RING];

    if (a->taken) {
        limiter_accepted(&r->l, SLOT, a->sent_us);
        r->taken++;
        return;
    }
    limiter_refused(&r->l,
                    &(struct limit_refusal){
                        .requests = 1, .units = r->units, .sent_us = a->sent_us, .slot = SLOT, .wait_us = r->wait_us},
                    r->now_us);
    r->refused++;
}

static void send(struct run *r)
{
    uint64_t half_us = r->rtt_us / 2 + draw(r->jitter_us + 1);
    const struct answer *last = &r->ring[(r->sent - 1) % RING];
    struct answer *a = &r->ring[r->sent % RING];
    uint64_t here_us = r->now_us + 2 * half_us;

    limiter_take(&r->l, 1, r->units, r->now_us);
    *a = (struct answer){r->now_us, here_us, server_takes(&r->s, r->now_us + half_us)};
    if (r->sent > r->answered && last->here_us > a->here_us)
        a->here_us = last->here_us; /* one queue */
    r->sent++;
    r->due += r->per_s ? SECOND / r->per_s : 0;
}

static bool is_asked(const struct run *r)
{
    if (r->clients)
        return r->sent - r->answered < r->clients;
    return !r->per_s || r->due <= r->now_us;
}

/* Until then: calls leave as soon as they may. */
static void run_until(struct run *r, uint64_t end_us)
{
    while (r->now_us < end_us) {
        uint64_t next_us = end_us, at_us;
        enum limiter_why why;

        while (r->answered < r->sent && r->ring[r->answered % RING].here_us <= r->now_us)
            hear(r);
        if (r->due < r->now_us && r->per_s && r->now_us - r->due > SECOND)
            r->due = r->now_us - SECOND; /* who waited a second has gone elsewhere */
        while (is_asked(r) && r->sent - r->answered < RING - 1 && limiter_may(&r->l, SLOT, 1, r->units, r->now_us)) {
            send(r);
            if (!r->l.gates && !r->per_s && !r->clients)
                break;
        }
        if (r->answered < r->sent && r->ring[r->answered % RING].here_us < next_us)
            next_us = r->ring[r->answered % RING].here_us;
        at_us = limiter_when(&r->l, SLOT, 1, r->units, r->now_us, &why);
        if (r->per_s && at_us < r->due)
            at_us = r->due;
        if (at_us < next_us && (!r->clients || is_asked(r)))
            next_us = at_us;
        next_us = next_us > r->now_us ? next_us : r->now_us + 1;
        r->now_us = (next_us + r->turn_us - 1) / r->turn_us * r->turn_us;
    }
}

static void look(struct run *r, uint64_t us, uint64_t *taken_per_s, uint64_t *refused_per_10000)
{
    r->taken = r->refused = 0;
    run_until(r, r->now_us + us);
    *taken_per_s = r->taken * SECOND / us;
    *refused_per_10000 = r->refused * 10000 / (r->taken + r->refused + 1);
}

static const struct {
    const char *name;
    struct server s;
    uint64_t configured, rtt_us, wait_us, seconds, turn_us;
    uint32_t units; /* of a call, where the configured rate is one of units */
} worlds[] = {
    {"fixed window",
     {.kind = FIXED_WINDOW, .limit = 600, .window_us = SECOND},
     1000,
     20 * MS,
     0,
     60,
     .turn_us = 1,
     .units = 0},
    {"sliding window",
     {.kind = SLIDING_WINDOW, .limit = 600, .window_us = SECOND},
     1000,
     20 * MS,
     0,
     60,
     .turn_us = 1,
     .units = 0},
    {"bucket", {.kind = SERVER_BUCKET, .limit = 600}, 1000, 20 * MS, 0, 60, .turn_us = 1, .units = 0},
    {"bucket of a second",
     {.kind = SERVER_BUCKET, .limit = 600, .burst = 600},
     1000,
     20 * MS,
     0,
     60,
     .turn_us = 1,
     .units = 0},
    {"fixed window, slow",
     {.kind = FIXED_WINDOW, .limit = 60, .window_us = SECOND},
     100,
     20 * MS,
     0,
     60,
     .turn_us = 1,
     .units = 0},
    {"sliding window, slow",
     {.kind = SLIDING_WINDOW, .limit = 60, .window_us = SECOND},
     100,
     20 * MS,
     0,
     60,
     .turn_us = 1,
     .units = 0},
    {"bucket, slow", {.kind = SERVER_BUCKET, .limit = 60}, 100, 20 * MS, 0, 60, .turn_us = 1, .units = 0},
    {"fixed window, fast",
     {.kind = FIXED_WINDOW, .limit = 6000, .window_us = SECOND},
     10000,
     5 * MS,
     0,
     60,
     .turn_us = 1,
     .units = 0},
    {"sliding window, fast",
     {.kind = SLIDING_WINDOW, .limit = 6000, .window_us = SECOND},
     10000,
     5 * MS,
     0,
     60,
     .turn_us = 1,
     .units = 0},
    {"bucket, fast", {.kind = SERVER_BUCKET, .limit = 6000}, 10000, 5 * MS, 0, 60, .turn_us = 1, .units = 0},
    {"far away",
     {.kind = SLIDING_WINDOW, .limit = 600, .window_us = SECOND},
     1000,
     200 * MS,
     0,
     60,
     .turn_us = 1,
     .units = 0},
    {"fixed window, turns",
     {.kind = FIXED_WINDOW, .limit = 6000, .window_us = SECOND},
     10000,
     20 * MS,
     0,
     60,
     .turn_us = MS,
     .units = 0},
    {"sliding window, turns",
     {.kind = SLIDING_WINDOW, .limit = 6000, .window_us = SECOND},
     10000,
     20 * MS,
     0,
     60,
     .turn_us = MS,
     .units = 0},
    {"bucket, turns", {.kind = SERVER_BUCKET, .limit = 6000}, 10000, 20 * MS, 0, 60, .turn_us = MS, .units = 0},
    {"fixed window, units",
     {.kind = FIXED_WINDOW, .limit = 60, .window_us = SECOND},
     2600,
     20 * MS,
     0,
     60,
     .turn_us = MS,
     .units = 26},
    {"sliding window, units",
     {.kind = SLIDING_WINDOW, .limit = 60, .window_us = SECOND},
     2600,
     20 * MS,
     0,
     60,
     .turn_us = MS,
     .units = 26},
    {"bucket, units", {.kind = SERVER_BUCKET, .limit = 60}, 2600, 20 * MS, 0, 60, .turn_us = MS, .units = 26},
    {"says when",
     {.kind = FIXED_WINDOW, .limit = 600, .window_us = SECOND},
     1000,
     20 * MS,
     SECOND,
     60,
     .turn_us = 1,
     .units = 0},
};

TEST(finds_and_holds_a_limit_of_60_percent)
{
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct run *r = calloc(1, sizeof *r);
            uint64_t taken, refused, limit = worlds[i].s.limit;

            run_init(r,
                     &(struct limiter_conf){.requests_per_s = worlds[i].units ? 0 : worlds[i].configured,
                                            .units_per_s = worlds[i].units ? worlds[i].configured : 0},
                     worlds[i].s, seed);
            r->turn_us = worlds[i].turn_us;
            r->units = worlds[i].units ? worlds[i].units : 1;
            r->rtt_us = worlds[i].rtt_us;
            r->wait_us = worlds[i].wait_us;
            run_until(r, 10 * SECOND);
            look(r, worlds[i].seconds * SECOND, &taken, &refused);
            if (getenv("VERBOSE") || taken * 10 < limit * 9 || taken * 10 > limit * 11 || refused >= 100)
                printf("# %s, seed %d: %d/s of %d, refused %d of 10000\n", worlds[i].name, (int)seed, (int)taken,
                       (int)limit, (int)refused);
            CHECK(taken * 10 >= limit * 9 && taken * 10 <= limit * 11);
            CHECK(refused < 100);
            free(r);
        }
    }
}

/* For ten minutes, in slices of ten seconds. */
TEST(holds_it_for_long)
{
    static const uint64_t limits[] = {6, 600};

    for (size_t i = 0; i < 2; i++)
        for (unsigned kind = FIXED_WINDOW; kind <= SERVER_BUCKET; kind++) {
            struct server s = {.kind = (enum server_kind)kind, .limit = limits[i], .window_us = SECOND};
            struct run *r = calloc(1, sizeof *r);
            uint64_t least = UINT64_MAX, most = 0, all = 0, refusals = 0;

            run_init(r, &(struct limiter_conf){.requests_per_s = limits[i] * 10 / 6}, s, 1);
            run_until(r, 10 * SECOND);
            for (unsigned slice = 0; slice < 60; slice++) {
                uint64_t taken, refused;

                look(r, 10 * SECOND, &taken, &refused);
                least = r->taken < least ? r->taken : least;
                most = r->taken > most ? r->taken : most;
                all += r->taken;
                refusals += r->refused;
            }
            if (getenv("VERBOSE"))
                printf("# kind %u, limit %d: %d..%d in 10 s, refused %d of %d\n", kind, (int)limits[i], (int)least,
                       (int)most, (int)refusals, (int)(all + refusals));
            CHECK(least >= limits[i] * 9 - limits[i] / 10 && most <= limits[i] * 11);
            CHECK(refusals * 100 < all);
            free(r);
        }
}

/* A hundredth of what is configured: half a minute to find that. */
TEST(finds_a_limit_far_below)
{
    for (unsigned kind = FIXED_WINDOW; kind <= SERVER_BUCKET; kind++) {
        struct server s = {.kind = (enum server_kind)kind, .limit = 10, .window_us = SECOND};
        struct run *r = calloc(1, sizeof *r);
        uint64_t taken, refused;

        run_init(r, &(struct limiter_conf){.requests_per_s = 1000}, s, 1);
        run_until(r, 30 * SECOND);
        look(r, 200 * (uint64_t)SECOND, &taken, &refused);
        if (getenv("VERBOSE"))
            printf("# kind %u: %d in 200 s, refused %d of 10000\n", kind, (int)r->taken, (int)refused);
        CHECK(r->taken >= 1800 && r->taken <= 2200);
        CHECK(refused < 100);
        free(r);
    }
}

/* No rate is configured, and calls come at 1000 a second. */
TEST(finds_a_limit_where_none_is_configured)
{
    for (unsigned kind = FIXED_WINDOW; kind <= SERVER_BUCKET; kind++) {
        struct server s = {.kind = (enum server_kind)kind, .limit = 300, .window_us = SECOND};
        struct run *r = calloc(1, sizeof *r);
        uint64_t taken, refused;

        run_init(r, &(struct limiter_conf){0}, s, 1);
        r->per_s = 1000;
        run_until(r, 10 * SECOND);
        look(r, 60 * SECOND, &taken, &refused);
        if (getenv("VERBOSE"))
            printf("# kind %u: %d/s of 300, refused %d of 10000\n", kind, (int)taken, (int)refused);
        CHECK(taken >= 270 && taken <= 330);
        CHECK(refused < 100);
        free(r);
    }
}

/* The same for limits of all sizes, for calls that come whatever becomes of them, and for clients who wait for their
 * answers: what is guessed at the first refusal may be far from it. */
TEST(finds_limits_of_all_sizes_where_none_is_configured)
{
    static const unsigned limits[] = {20, 60, 100, 300, 1000, 4000};
    static const struct {
        unsigned times, clients, rtt_us;
    } demands[] = {{2, 0, 20 * MS}, {10, 0, 20 * MS}, {0, 10, 2 * MS}, {0, 50, 5 * MS}, {0, 200, 50 * MS}};

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        for (size_t d = 0; d < sizeof demands / sizeof demands[0]; d++)
            for (unsigned kind = FIXED_WINDOW; kind <= SERVER_BUCKET; kind++) {
                struct server s = {.kind = (enum server_kind)kind, .limit = limits[i], .window_us = SECOND};
                struct run *r = calloc(1, sizeof *r);
                uint64_t soon, later, refused_soon, refused;

                run_init(r, &(struct limiter_conf){0}, s, i + d + 1);
                r->per_s = (uint64_t)demands[d].times * limits[i];
                r->clients = demands[d].clients;
                r->rtt_us = demands[d].rtt_us;
                r->turn_us = MS;
                if (r->clients && (uint64_t)r->clients * SECOND / r->rtt_us < limits[i] * 3 / 2) { /* too few */
                    free(r);
                    continue;
                }
                run_until(r, 10 * SECOND);
                look(r, 10 * SECOND, &soon, &refused_soon);
                look(r, 120 * (uint64_t)SECOND, &later, &refused);
                if (getenv("VERBOSE"))
                    printf("# %u/s, kind %u, demand %zu: after 10 s %u%%, refused %d of 10000; after 20 s %u%%, %d\n",
                           limits[i], kind, d, (unsigned)(soon * 100 / limits[i]), (int)refused_soon,
                           (unsigned)(later * 100 / limits[i]), (int)refused);
                CHECK(soon * 100 >= limits[i] * UINT64_C(85));
                CHECK(later * 100 >= limits[i] * UINT64_C(90));
                CHECK(refused_soon < 500);
                CHECK(refused < 100);
                free(r);
            }
}

/* 100 in ten seconds, as on public Solana endpoints, with far more configured. */
TEST(finds_the_limit_of_a_long_window)
{
    struct server s = {.kind = FIXED_WINDOW, .limit = 100, .window_us = 10 * SECOND};
    struct run *r = calloc(1, sizeof *r);
    uint64_t taken, refused;

    run_init(r, &(struct limiter_conf){.requests_per_s = 100}, s, 1);
    run_until(r, 120 * (uint64_t)SECOND);
    look(r, 600 * (uint64_t)SECOND, &taken, &refused);
    taken = r->taken;
    if (getenv("VERBOSE"))
        printf("# %d in 600 s, refused %d of 10000\n", (int)taken, (int)refused);
    CHECK(taken >= 5000 && taken <= 6000);
    CHECK(refused < 300);
    free(r);
}

/* What was learned is not for ever: the limit goes, and the configured rate comes back, never more than that. */
TEST(recovers_when_the_limit_goes)
{
    struct server s = {.kind = SLIDING_WINDOW, .limit = 300, .window_us = SECOND};
    struct run *r = calloc(1, sizeof *r);
    uint64_t taken, refused;

    run_init(r, &(struct limiter_conf){.requests_per_s = 1000}, s, 1);
    run_until(r, 20 * SECOND);
    CHECK(limiter_rate(&r->l, LIMITER_REQUESTS) <= 330);
    r->s.limit = 5000;
    run_until(r, 140 * (uint64_t)SECOND);
    CHECK_EQ(limiter_rate(&r->l, LIMITER_REQUESTS), 1000);
    look(r, 10 * SECOND, &taken, &refused);
    CHECK(taken >= 990 && taken <= 1010);
    CHECK_EQ(refused, 0);
    free(r);
}

/* It refuses everything for a while: few calls find that out, and it is used again soon after. */
TEST(an_outage_of_refusals_costs_few_calls)
{
    struct server s = {.kind = SLIDING_WINDOW, .limit = 5000, .window_us = SECOND};
    struct run *r = calloc(1, sizeof *r);
    uint64_t taken, refused;

    run_init(r, &(struct limiter_conf){.requests_per_s = 1000}, s, 1);
    run_until(r, 5 * SECOND);
    r->s.until_us = 20 * SECOND;
    r->refused = 0;
    run_until(r, 20 * SECOND);
    CHECK(r->refused <= 300);
    run_until(r, 36 * SECOND);
    look(r, 4 * SECOND, &taken, &refused);
    CHECK(taken >= 400);
    CHECK_EQ(refused, 0);
    free(r);
}

/* Refusals that have nothing to do with the rate must not choke an endpoint that takes the other calls. */
TEST(refusals_at_random_leave_most_of_the_rate)
{
    static const unsigned rows[] = {1, 10, 50};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned configured = 0; configured < 2; configured++) {
            struct server s = {.kind = SLIDING_WINDOW, .limit = 5000, .window_us = SECOND, .random = rows[i]};
            struct run *r = calloc(1, sizeof *r);
            uint64_t taken, refused;

            run_init(r, &(struct limiter_conf){.requests_per_s = configured ? 1000 : 0}, s, 1);
            r->per_s = configured ? 0 : 1000;
            run_until(r, 60 * SECOND);
            look(r, 240 * (uint64_t)SECOND, &taken, &refused);
            if (getenv("VERBOSE"))
                printf("# %u of 1000, configured %u: %d/s of 1000, refused %d of 10000\n", rows[i], configured,
                       (int)taken, (int)refused);
            CHECK(taken >= 500);
            free(r);
        }
}

/* A quiet endpoint: what comes now and then is not what lets the rate climb. */
TEST(climbs_only_while_calls_wait)
{
    struct server s = {.kind = SLIDING_WINDOW, .limit = 300, .window_us = SECOND};
    struct run *r = calloc(1, sizeof *r);
    uint64_t before;

    run_init(r, &(struct limiter_conf){.requests_per_s = 1000}, s, 1);
    run_until(r, 20 * SECOND);
    before = limiter_rate(&r->l, LIMITER_REQUESTS);
    r->per_s = 10;
    r->due = r->now_us;
    run_until(r, 25 * SECOND); /* those who still waited have left */
    before = limiter_rate(&r->l, LIMITER_REQUESTS);
    run_until(r, 120 * (uint64_t)SECOND);
    CHECK_EQ(limiter_rate(&r->l, LIMITER_REQUESTS), before);
    free(r);
}

TEST_MAIN()
