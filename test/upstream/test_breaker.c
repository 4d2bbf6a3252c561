/* The breaker: tables of (time, what happens, what it says, what it is). */
#include "../test.h"

#include "upstream/breaker.h"

enum act { OK, OK_TRIAL, BAD, BAD_TRIAL, DIAL, GONE, AUTH, AUTH_TRIAL, UP, LEAVE, LOST, LOOK };

struct step {
    uint64_t at_ms;
    enum act act;
    int says; /* news; LEAVE: is it the trial?  LOOK: allows + 2 x pausing */
    enum breaker_state state;
    uint64_t until_ms;
};

static const struct breaker_conf conf = {3, 100, 5000, 10000, 60000};

/* random 0: the whole pause. */
static int act(struct breaker *b, const struct step *s)
{
    uint64_t now = s->at_ms;

    switch (s->act) {
    case OK:
    case OK_TRIAL:
        return (int)breaker_succeeded(b, s->act == OK_TRIAL, now);
    case BAD:
    case BAD_TRIAL:
        return (int)breaker_failed(b, &conf, BREAKER_NO_ANSWER, s->act == BAD_TRIAL, now, 0);
    case DIAL:
        return (int)breaker_failed(b, &conf, BREAKER_NO_DIAL, false, now, 0);
    case GONE:
        return (int)breaker_failed(b, &conf, BREAKER_UNREACHABLE, false, now, 0);
    case AUTH:
    case AUTH_TRIAL:
        return (int)breaker_failed(b, &conf, BREAKER_REFUSED, s->act == AUTH_TRIAL, now, 0);
    case UP:
        return (int)breaker_dialled(b);
    case LEAVE:
        return breaker_depart(b, &conf, now);
    case LOST:
        breaker_trial_lost(b, now);
        return 0;
    case LOOK:
        break;
    }
    return breaker_allows(b, now) + 2 * breaker_pausing(b, now);
}

static void run(const char *name, const struct step *s, size_t n)
{
    struct breaker b = {0};

    for (size_t i = 0; i < n; i++) {
        int says = act(&b, &s[i]), before = (int)test_failures;

        CHECK_EQ(says, s[i].says);
        CHECK_EQ(b.state, s[i].state);
        CHECK_EQ(b.until_ms, s[i].until_ms);
        if ((int)test_failures != before)
            printf("# %s, step %zu\n", name, i);
    }
}

#define RUN(name_, ...)                                                                                                \
    TEST(name_)                                                                                                        \
    {                                                                                                                  \
        static const struct step steps[] = {__VA_ARGS__};                                                              \
        run(#name_, steps, sizeof steps / sizeof steps[0]);                                                            \
    }

#define CLOSED   BREAKER_CLOSED
#define OPEN     BREAKER_OPEN
#define TRIAL    BREAKER_TRIAL
#define DISABLED BREAKER_DISABLED
#define OPENS    BREAKER_HAS_OPENED
#define CLOSES   BREAKER_HAS_CLOSED
#define BARS     BREAKER_IS_DISABLED

/* clang-format off */
RUN(opens_with_the_third_in_a_row,
    {0, LOOK, 1, CLOSED, 0},
    {0, BAD, 0, CLOSED, 0}, {1, BAD, 0, CLOSED, 0}, {2, OK, 0, CLOSED, 0},
    {3, BAD, 0, CLOSED, 0}, {4, BAD, 0, CLOSED, 0}, {5, BAD, OPENS, OPEN, 105},
    {5, LOOK, 2, OPEN, 105}, {104, LOOK, 2, OPEN, 105}, {104, LEAVE, 0, OPEN, 105}, {105, LOOK, 1, OPEN, 105})

RUN(one_trial_at_a_time,
    {0, BAD, 0, CLOSED, 0}, {0, BAD, 0, CLOSED, 0}, {0, BAD, OPENS, OPEN, 100},
    {100, LEAVE, 1, TRIAL, 10100}, {100, LOOK, 0, TRIAL, 10100}, {150, LEAVE, 0, TRIAL, 10100},
    {160, BAD, 0, TRIAL, 10100}, {161, OK, 0, TRIAL, 10100}, /* they left before it opened */
    {170, OK_TRIAL, CLOSES, CLOSED, 0}, {170, LOOK, 1, CLOSED, 0}, {171, LEAVE, 0, CLOSED, 0})

RUN(pauses_double_up_to_the_limit,
    {0, BAD, 0, CLOSED, 0}, {0, BAD, 0, CLOSED, 0}, {0, BAD, OPENS, OPEN, 100},
    {50, BAD, 0, OPEN, 100}, {60, BAD, 0, OPEN, 100}, /* of the same burst */
    {100, LEAVE, 1, TRIAL, 10100}, {101, BAD_TRIAL, 0, OPEN, 301},
    {301, LEAVE, 1, TRIAL, 10301}, {301, BAD_TRIAL, 0, OPEN, 701},
    {701, LEAVE, 1, TRIAL, 10701}, {701, BAD_TRIAL, 0, OPEN, 1501},
    {1501, LEAVE, 1, TRIAL, 11501}, {1501, BAD_TRIAL, 0, OPEN, 3101},
    {3101, LEAVE, 1, TRIAL, 13101}, {3101, BAD_TRIAL, 0, OPEN, 6301},
    {6301, LEAVE, 1, TRIAL, 16301}, {6301, BAD_TRIAL, 0, OPEN, 11301},
    {11301, LEAVE, 1, TRIAL, 21301}, {11301, BAD_TRIAL, 0, OPEN, 16301},
    {16301, LEAVE, 1, TRIAL, 26301}, {16302, OK_TRIAL, CLOSES, CLOSED, 0},
    {16303, BAD, 0, CLOSED, 0}, {16303, BAD, 0, CLOSED, 0}, {16303, BAD, OPENS, OPEN, 16403})

RUN(a_late_answer_brings_the_trial_forward,
    {0, BAD, 0, CLOSED, 0}, {0, BAD, 0, CLOSED, 0}, {0, BAD, OPENS, OPEN, 100},
    {30, OK, 0, OPEN, 30}, {30, LEAVE, 1, TRIAL, 10030}, {40, OK_TRIAL, CLOSES, CLOSED, 0})

RUN(a_good_probe_closes,
    {0, BAD, 0, CLOSED, 0}, {0, BAD, 0, CLOSED, 0}, {0, BAD, OPENS, OPEN, 100},
    {30, BAD_TRIAL, 0, OPEN, 100}, /* a probe that failed within the pause tells nothing new */
    {60, OK_TRIAL, CLOSES, CLOSED, 0})

RUN(a_lost_trial_is_made_again,
    {0, BAD, 0, CLOSED, 0}, {0, BAD, 0, CLOSED, 0}, {0, BAD, OPENS, OPEN, 100},
    {100, LEAVE, 1, TRIAL, 10100}, {120, LOST, 0, OPEN, 120}, {121, LEAVE, 1, TRIAL, 10121},
    {10120, LEAVE, 0, TRIAL, 10121}, {10121, LOOK, 1, TRIAL, 10121}, {10121, LEAVE, 1, TRIAL, 20121},
    {10130, LOST, 0, OPEN, 10130}, {10131, LOST, 0, OPEN, 10130})

RUN(unreachable_opens_at_once,
    {0, GONE, OPENS, OPEN, 100}, {0, GONE, 0, OPEN, 100}, {50, DIAL, 0, OPEN, 100}, /* dialled together */
    {100, LOOK, 1, OPEN, 100},
    {101, GONE, 0, OPEN, 301}, /* a connection that was to be kept warm */
    {301, LEAVE, 1, TRIAL, 10301}, {301, LOOK, 0, TRIAL, 10301}, {302, GONE, 0, OPEN, 702},
    {703, UP, CLOSES, CLOSED, 0})

RUN(failed_dials_beside_others_wait,
    {0, DIAL, 0, CLOSED, 100}, {0, LOOK, 3, CLOSED, 100}, {0, DIAL, 0, CLOSED, 100}, {0, DIAL, 0, CLOSED, 100},
    {0, DIAL, 0, CLOSED, 100}, {100, LOOK, 1, CLOSED, 100}, {100, DIAL, 0, CLOSED, 300}, {150, OK, 0, CLOSED, 300},
    {300, DIAL, 0, CLOSED, 700}, {700, DIAL, 0, CLOSED, 1500}, {1500, DIAL, OPENS, OPEN, 3100},
    {1600, OK, 0, OPEN, 1600}, {1600, LEAVE, 1, TRIAL, 11600}, {1601, OK_TRIAL, CLOSES, CLOSED, 0})

RUN(a_dial_ends_the_pause_of_dials,
    {0, DIAL, 0, CLOSED, 100}, {120, UP, 0, CLOSED, 0}, {130, DIAL, 0, CLOSED, 230})

RUN(the_last_connection_goes_while_dials_wait,
    {0, DIAL, 0, CLOSED, 100}, {50, GONE, OPENS, OPEN, 100})

RUN(a_dial_proves_nothing_about_answers,
    {0, BAD, 0, CLOSED, 0}, {0, BAD, 0, CLOSED, 0}, {0, BAD, OPENS, OPEN, 100}, {10, UP, 0, OPEN, 100},
    {100, LEAVE, 1, TRIAL, 10100}, {101, UP, 0, TRIAL, 10100})

RUN(a_refused_credential_disables,
    {0, AUTH, BARS, DISABLED, 60000}, {1, AUTH, 0, DISABLED, 60000}, {2, BAD, 0, DISABLED, 60000},
    {3, GONE, 0, DISABLED, 60000}, {4, UP, 0, DISABLED, 60000}, {59999, LOOK, 2, DISABLED, 60000},
    {60000, LEAVE, 1, TRIAL, 70000}, {60001, AUTH_TRIAL, 0, DISABLED, 120001},
    {120001, LEAVE, 1, TRIAL, 130001}, {120002, LOST, 0, DISABLED, 120002},
    {120003, LEAVE, 1, TRIAL, 130003}, {120004, BAD_TRIAL, 0, OPEN, 120104},
    {120104, LEAVE, 1, TRIAL, 130104}, {120105, AUTH_TRIAL, BARS, DISABLED, 180105},
    {180105, LEAVE, 1, TRIAL, 190105}, {180106, OK_TRIAL, CLOSES, CLOSED, 0})

RUN(refused_while_open,
    {0, GONE, OPENS, OPEN, 100}, {5, AUTH, BARS, DISABLED, 60005}, {6, OK, 0, DISABLED, 6},
    {6, LEAVE, 1, TRIAL, 10006}, {7, AUTH_TRIAL, 0, DISABLED, 60007})
/* clang-format on */

TEST(pauses_are_drawn_from_their_second_half)
{
    uint64_t least = UINT64_MAX, most = 0;

    for (uint64_t r = 0; r <= UINT32_MAX; r += 1 << 20) {
        struct breaker b = {0};

        breaker_failed(&b, &conf, BREAKER_UNREACHABLE, false, 1000, (uint32_t)r);
        least = b.until_ms < least ? b.until_ms : least;
        most = b.until_ms > most ? b.until_ms : most;
    }
    CHECK_EQ(least, 1051);
    CHECK_EQ(most, 1100);
}

/* Whatever happens: closed means open for calls; there is never more than one trial; a pause ends. */
TEST(anything_in_any_order)
{
    struct breaker b = {0};
    uint64_t state = 7, now_ms = 0;
    bool out = false;

    for (int i = 0; i < 300000; i++) {
        struct step s = {.at_ms = now_ms};
        int says;

        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        now_ms = s.at_ms += (state >> 50) % 200;
        s.act = (enum act)((state >> 33) % LOOK);
        if ((s.act == OK_TRIAL || s.act == BAD_TRIAL || s.act == AUTH_TRIAL) && !out)
            continue;
        says = act(&b, &s);
        if (s.act == LEAVE && says) {
            CHECK(!out || b.until_ms == now_ms + conf.trial_ms);
            out = true;
        } else if (b.state != BREAKER_TRIAL) {
            out = false;
        }
        CHECK(b.state != BREAKER_CLOSED || breaker_allows(&b, now_ms));
        CHECK(b.until_ms <= now_ms + conf.barred_ms);
        CHECK(b.state != BREAKER_OPEN || b.until_ms <= now_ms + conf.max_ms);
    }
    breaker_reset(&b);
    CHECK_EQ(b.state, BREAKER_CLOSED);
    CHECK_EQ(BREAKER_CONF_DEFAULT.failures, 3);
}

TEST_MAIN()
