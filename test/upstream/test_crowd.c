/* The limit of calls at once, on a simulated server that works on so many and refuses the rest. */
#include "../test.h"

#include <stdlib.h>

#include "upstream/crowd.h"

enum { MS = 1000, SECOND = 1000000, CALLS = 4096 };

struct call {
    uint64_t sent_us, here_us;
    bool taken;
};

struct server {
    unsigned takes;            /* at once */
    uint64_t work_us, half_us; /* on a call; the way there, and back */
    unsigned wanted;           /* calls that are there to be sent */
    unsigned most;             /* max_inflight; 0: none */
};

struct outcome {
    unsigned answered, refused, limit, peak;
    uint64_t last_change_us;
};

static struct crowd crowd;
static struct call calls[CALLS]; /* the first on_wire of them */
static unsigned on_wire;

static unsigned allowed(const struct server *s)
{
    unsigned n = crowd_limit(&crowd) ? crowd_limit(&crowd) : s->most ? s->most : s->wanted;

    return n < s->wanted ? n : s->wanted;
}

/* How many it works on at that time. */
static unsigned working(const struct server *s, uint64_t at_us)
{
    unsigned n = 0;

    for (unsigned i = 0; i < on_wire; i++)
        n += calls[i].taken && calls[i].here_us - s->half_us > at_us;
    return n;
}

static void depart(const struct server *s, uint64_t now_us)
{
    bool taken = working(s, now_us + s->half_us) < s->takes;

    calls[on_wire++] = (struct call){now_us, now_us + 2 * s->half_us + (taken ? s->work_us : 0), taken};
}

static void arrive(const struct server *s, unsigned i, uint64_t now_us, struct outcome *o)
{
    struct call c = calls[i];

    calls[i] = calls[--on_wire];
    o->answered += c.taken;
    o->refused += !c.taken;
    if (c.taken)
        crowd_answered(&crowd, on_wire + 1, s->most, now_us);
    else
        crowd_refused(&crowd, on_wire, c.sent_us, now_us);
}

static struct outcome run(const struct server *s, uint64_t from_us, uint64_t to_us)
{
    struct outcome o = {0};

    for (uint64_t now_us = from_us; now_us < to_us; now_us += MS) {
        for (unsigned i = on_wire; i-- > 0;) /* the last takes the place of one that leaves */
            if (calls[i].here_us <= now_us)
                arrive(s, i, now_us, &o);
        while (on_wire < allowed(s))
            depart(s, now_us);
        o.peak = on_wire > o.peak ? on_wire : o.peak;
    }
    o.limit = crowd_limit(&crowd);
    return o;
}

static void begin(void)
{
    crowd = (struct crowd){0};
    on_wire = 0;
}

TEST(finds_and_holds_what_is_taken_at_once)
{
    static const struct server rows[] = {
        {1, 20 * MS, 2 * MS, 50, 0},   {2, 20 * MS, 2 * MS, 50, 0},     {5, 20 * MS, 2 * MS, 50, 0},
        {5, 2 * MS, 10 * MS, 50, 0},   {10, 50 * MS, 5 * MS, 200, 0},   {10, 50 * MS, 5 * MS, 200, 40},
        {40, 30 * MS, 5 * MS, 300, 0}, {100, 50 * MS, 10 * MS, 500, 0}, {200, 30 * MS, 5 * MS, 1000, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome first, o;
        unsigned best;

        begin();
        first = run(&rows[i], MS, 30 * (uint64_t)SECOND);
        o = run(&rows[i], 30 * (uint64_t)SECOND, 60 * (uint64_t)SECOND);
        best = (unsigned)(30 * SECOND / (rows[i].work_us + 2 * rows[i].half_us) * rows[i].takes);
        if (getenv("VERBOSE"))
            printf("# %u at once: %u%% of what it can, limit %u, refused %u of %u; %u in the first 30 s\n",
                   rows[i].takes, o.answered * 100 / best, o.limit, o.refused, o.answered, first.refused);
        CHECK(o.answered >= best / 4 * 3);
        CHECK(o.refused * 100 <= o.answered * 2);
        if (4 * rows[i].half_us < rows[i].work_us) /* else many are on their way */
            CHECK(o.limit <= rows[i].takes + 1 + rows[i].takes / 4);
        CHECK(first.refused <= rows[i].wanted * 3 + 60);
    }
}

TEST(a_refusal_lowers_it_at_once)
{
    begin();
    CHECK_EQ(crowd_limit(&crowd), 0);
    CHECK(crowd_refused(&crowd, 39, 5, 10));
    CHECK_EQ(crowd_limit(&crowd), 30);
    CHECK(crowd_refused(&crowd, 38, 5, 11)); /* it left with the first */
    CHECK_EQ(crowd_limit(&crowd), 30);
    CHECK(crowd_refused(&crowd, 20, 9, 12));
    CHECK_EQ(crowd_limit(&crowd), 20);
    CHECK(crowd_refused(&crowd, 0, 9, 13)); /* those that were taken are answered already, perhaps */
    CHECK_EQ(crowd_limit(&crowd), 10);
    CHECK(crowd_refused(&crowd, 30, 14, 20)); /* of those that left before there are some still */
    CHECK_EQ(crowd_limit(&crowd), 7);
}

TEST(not_even_one)
{
    begin();
    CHECK(!crowd_refused(&crowd, 0, 5, 10));
    CHECK_EQ(crowd_limit(&crowd), 1);
    CHECK(!crowd_refused(&crowd, 0, 11, 12));
    CHECK_EQ(crowd_limit(&crowd), 1);
}

/* Up to what is configured, and where nothing is, it is forgotten some time. */
TEST(is_forgotten)
{
    static const struct {
        unsigned most, seconds;
    } rows[] = {{20, 60}, {0, 200}, {1000, CROWD_FORGET_S}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct server s = {10, 20 * MS, 2 * MS, 300, rows[i].most};

        begin();
        run(&s, MS, 5 * (uint64_t)SECOND);
        CHECK(crowd_limit(&crowd) > 0 && crowd_limit(&crowd) <= 12);
        s.takes = 1000;
        for (unsigned t = 5; t < rows[i].seconds; t++) {
            run(&s, t * (uint64_t)SECOND, (t + 1) * (uint64_t)SECOND);
            CHECK(crowd_limit(&crowd) < (rows[i].most ? rows[i].most : 100));
        }
        run(&s, rows[i].seconds * (uint64_t)SECOND, (rows[i].seconds + 6) * (uint64_t)SECOND);
        if (getenv("VERBOSE"))
            printf("# most %u: %u after %u s\n", rows[i].most, crowd_limit(&crowd), rows[i].seconds + 6);
        CHECK_EQ(crowd_limit(&crowd), 0);
    }
}

/* While few calls come, nothing is learned of how many there might be. */
TEST(climbs_only_while_it_is_used)
{
    struct server s = {10, 20 * MS, 2 * MS, 40, 0};
    unsigned before;

    begin();
    run(&s, MS, 5 * (uint64_t)SECOND);
    before = crowd_limit(&crowd);
    s.wanted = 3;
    run(&s, 5 * (uint64_t)SECOND, 60 * (uint64_t)SECOND);
    CHECK_EQ(crowd_limit(&crowd), before);
}

TEST_MAIN()
