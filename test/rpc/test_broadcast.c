/* The merge of a broadcast's legs: every order of every three outcomes against a plain statement of the rules, then the
 * cases with deadlines and late answers one by one. */
#include "test.h"

#include "rpc/broadcast.h"

#define HASH  "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347" /* of the one byte c0 */
#define OTHER "0x2dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"

enum { START = 1000, DEADLINE = 11000, PROBE = 3000, LEGS = 3, NEVER = -1 };

/* ---- what a leg may say ---- */

enum kind { RESULT, ERROR, FAIL_SENT, FAIL_NEVER };

struct word {
    const char *name;
    enum kind kind;
    const char *bytes;
    enum broadcast_outcome outcome;
    int rank; /* of what is shown: smaller says more; 100: of the transport */
};

static const struct word evm_words[] = {
    {"accepts", RESULT, "\"" HASH "\"", BROADCAST_LEG_ACCEPTED, NEVER},
    {"another hash", RESULT, "\"" OTHER "\"", BROADCAST_LEG_FAILED, 100},
    {"null", RESULT, "null", BROADCAST_LEG_FAILED, 100},
    {"known", ERROR, "{\"code\":-32000,\"message\":\"already known\"}", BROADCAST_LEG_KNOWN, 0},
    {"nonce", ERROR, "{\"code\":-32000,\"message\":\"nonce too low\"}", BROADCAST_LEG_REFUSED, 1},
    {"funds", ERROR, "{\"code\":-32000,\"message\":\"insufficient funds\"}", BROADCAST_LEG_REFUSED, 2},
    {"odd", ERROR, "{\"code\":-32000,\"message\":\"boom\"}", BROADCAST_LEG_REFUSED, 4},
    {"full", ERROR, "{\"code\":-32003,\"message\":\"txpool is full\"}", BROADCAST_LEG_REFUSED, 5},
    {"limited", ERROR, "{\"code\":429,\"message\":\"slow down\"}", BROADCAST_LEG_REFUSED, 7},
    {"reset", FAIL_SENT, "", BROADCAST_LEG_FAILED, 100},
    {"refused", FAIL_NEVER, "", BROADCAST_LEG_FAILED, 100},
};

enum {
    EVM_WORDS = sizeof evm_words / sizeof evm_words[0],
    EVM_ACCEPTS = 0,
    EVM_OTHER = 1,
    EVM_KNOWN = 3,
    EVM_NONCE = 4
};

static const char *const solana_params =
    "[\"AREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREREQA=\","
    "{\"encoding\":\"base64\"}]";

static char signature_json[RAW_TX_ID_CAP + 1], other_signature_json[RAW_TX_ID_CAP + 1];

static struct word solana_words[] = {
    {"accepts", RESULT, signature_json, BROADCAST_LEG_ACCEPTED, NEVER},
    {"another", RESULT, other_signature_json, BROADCAST_LEG_FAILED, 100},
    {"processed", ERROR, "{\"code\":-32002,\"message\":\"x\",\"data\":{\"err\":\"AlreadyProcessed\",\"logs\":[]}}",
     BROADCAST_LEG_KNOWN, 0},
    {"preflight", ERROR,
     "{\"code\":-32002,\"message\":\"x\",\"data\":{\"err\":{\"InstructionError\":[0,1]},\"logs\":[]}}",
     BROADCAST_LEG_REFUSED, 2},
    {"stale", ERROR, "{\"code\":-32002,\"message\":\"x\",\"data\":{\"err\":\"BlockhashNotFound\",\"logs\":[]}}",
     BROADCAST_LEG_REFUSED, 3},
    {"behind", ERROR, "{\"code\":-32005,\"message\":\"Node is behind by 9 slots\",\"data\":{\"numSlotsBehind\":9}}",
     BROADCAST_LEG_REFUSED, 6},
    {"limited", ERROR, "{\"code\":429,\"message\":\"Too many requests\"}", BROADCAST_LEG_REFUSED, 7},
    {"reset", FAIL_SENT, "", BROADCAST_LEG_FAILED, 100},
    {"refused", FAIL_NEVER, "", BROADCAST_LEG_FAILED, 100},
};

enum {
    SOLANA_WORDS = sizeof solana_words / sizeof solana_words[0],
    SOLANA_ACCEPTS = 0,
    SOLANA_OTHER = 1,
    SOLANA_KNOWN = 2,
    SOLANA_STALE = 4,
    SOLANA_BEHIND = 5
};

static const unsigned orders[][LEGS] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

/* ---- a shell that only notes ---- */

struct shell {
    struct broadcast b;
    unsigned answers, probes, retries;
    struct broadcast_decision answer, probe, retry;
};

static void drain(struct shell *s)
{
    struct broadcast_decision d;

    while (broadcast_take(&s->b, &d))
        switch (d.kind) {
        case BROADCAST_PROBE:
            s->probes++;
            s->probe = d;
            break;
        case BROADCAST_RETRY:
            s->retries++;
            s->retry = d;
            break;
        default:
            s->answers++;
            s->answer = d;
        }
}

static void setup(void)
{
    struct raw_tx_id id;

    raw_tx_read(&id, CHAIN_SOLANA, slice_str(solana_params));
    CHECK(id.n > 0);
    snprintf(signature_json, sizeof signature_json, "%.*s", (int)id.n, id.json);
    id.json[5] = id.json[5] == '7' ? '8' : '7';
    snprintf(other_signature_json, sizeof other_signature_json, "%.*s", (int)id.n, id.json);
}

static void start(struct shell *s, enum chain_family family, bool known, unsigned legs)
{
    const char *params = !known ? "[7]" : family == CHAIN_EVM ? "[\"0xc0\"]" : solana_params;

    *s = (struct shell){0};
    broadcast_init(&s->b, family, slice_str(params), legs, START, DEADLINE, PROBE);
    CHECK_EQ(s->b.id.n != 0, known);
    drain(s);
}

static enum broadcast_outcome say(struct shell *s, unsigned leg, const struct word *w, uint64_t now_ms)
{
    enum broadcast_outcome got;

    if (w->kind == RESULT)
        got = broadcast_result(&s->b, leg, slice_str(w->bytes), now_ms);
    else if (w->kind == ERROR)
        got = broadcast_error(&s->b, leg, slice_str(w->bytes), now_ms);
    else
        got = broadcast_fail(&s->b, leg, FAIL_UPSTREAM_RESET, w->kind == FAIL_NEVER, now_ms);
    drain(s);
    return got;
}

static bool answered_result(const struct shell *s, const char *bytes)
{
    return s->answers == 1 && s->answer.kind == BROADCAST_RESULT && slice_eq(s->answer.bytes, slice_str(bytes));
}

/* The very bytes, not a copy, of the leg's error; or the leg's failure of the transport. */
static bool answered_error(const struct shell *s, unsigned leg, const struct word *w)
{
    if (s->answers != 1 || s->answer.leg != leg)
        return false;
    if (w->kind == ERROR)
        return s->answer.kind == BROADCAST_ERROR && s->answer.bytes.p == w->bytes &&
               s->answer.bytes.n == strlen(w->bytes);
    return s->answer.kind == BROADCAST_FAIL &&
           s->answer.fail == (w->kind == RESULT ? FAIL_UPSTREAM_WRONG_HASH : FAIL_UPSTREAM_RESET);
}

static unsigned best_of(const struct word *const w[], unsigned n)
{
    unsigned best = 0;

    for (unsigned i = 1; i < n; i++)
        if (w[i]->rank < w[best]->rank)
            best = i;
    return best;
}

static unsigned runs;

static void complain(const struct word *const w[], const unsigned *order, const char *more, int a, int b)
{
    printf("# %s, %s, %s in the order %u %u %u; %s %d %d\n", w[0]->name, w[1]->name, w[2]->name, order[0], order[1],
           order[2], more, a, b);
}

/* ---- EVM ---- */

enum found { FOUND, FOUND_NULL, FOUND_OTHER, FOUND_NO_HASH, FOUND_NOTHING, FOUNDS };

static const char *const found_bytes[FOUNDS] = {
    "{\"blockHash\":null,\"from\":\"0x1\",\"hash\":\"" HASH "\",\"input\":{\"hash\":\"" OTHER "\"}}",
    "null",
    "{\"hash\":\"" OTHER "\",\"from\":{\"hash\":\"" HASH "\"}}",
    "{\"from\":\"" HASH "\"}",
    "",
};

/* One run. The look-up's result comes as soon as it is asked for, or after all legs have ended. */
static void evm_run(const struct word *const w[], const unsigned *order, bool known, enum found found, bool at_once)
{
    struct shell s;
    const char *expect = NULL; /* the result; NULL: an error */
    bool doubt = false, probe_wanted = false, final = false;
    unsigned failures = test_failures;

    start(&s, CHAIN_EVM, known, LEGS);
    for (unsigned i = 0; i < LEGS; i++) {
        unsigned leg = order[i];
        const struct word *say_now = w[leg];
        bool accepts = say_now == &evm_words[EVM_ACCEPTS] || (!known && say_now == &evm_words[EVM_OTHER]);

        /* the rules, said plainly */
        if (!expect && accepts)
            expect = say_now->bytes;
        if (!expect && known && say_now == &evm_words[EVM_KNOWN])
            expect = "\"" HASH "\"";
        if (!expect && known && say_now == &evm_words[EVM_NONCE]) {
            probe_wanted = true;
            if (at_once && found == FOUND)
                expect = "\"" HASH "\"";
        }
        doubt |= !accepts && (say_now->kind == RESULT || say_now->kind == FAIL_SENT);
        final |= say_now->rank != NEVER && say_now->rank <= 2;

        CHECK_EQ(say(&s, leg, say_now, START + 10 + i), accepts ? BROADCAST_LEG_ACCEPTED : say_now->outcome);
        if (s.probes && at_once && s.b.probe == BROADCAST_UNDER_WAY) {
            broadcast_probed(&s.b, slice_str(found_bytes[found]), START + 10 + i);
            drain(&s);
        }
        CHECK(s.answers <= 1);
        if (expect)
            CHECK(answered_result(&s, expect));
    }
    if (!expect && known && doubt && !final)
        probe_wanted = true;
    CHECK_EQ(s.probes, probe_wanted);
    CHECK_EQ(s.retries, 0);
    if (!expect && probe_wanted && found == FOUND)
        expect = "\"" HASH "\"";
    if (s.b.probe == BROADCAST_UNDER_WAY) {
        CHECK(!at_once && !broadcast_is_over(&s.b));
        broadcast_probed(&s.b, slice_str(found_bytes[found]), START + 20);
        drain(&s);
    }
    if (expect)
        CHECK(answered_result(&s, expect));
    else
        CHECK(answered_error(&s, best_of(w, LEGS), w[best_of(w, LEGS)]));
    /* nothing is made up */
    if (s.answer.kind == BROADCAST_RESULT && s.answer.bytes.p == s.b.id.json)
        CHECK(known);
    CHECK(broadcast_is_over(&s.b));
    CHECK(broadcast_deadline(&s.b) == UINT64_MAX);
    runs++;
    if (test_failures != failures)
        complain(w, order, known ? "known, look-up" : "unknown, look-up", (int)found, at_once);
}

TEST(evm_every_order)
{
    runs = 0;
    for (unsigned a = 0; a < EVM_WORDS; a++)
        for (unsigned b = 0; b < EVM_WORDS; b++)
            for (unsigned c = 0; c < EVM_WORDS; c++)
                for (unsigned o = 0; o < 6; o++)
                    for (unsigned found = 0; found < FOUNDS; found++)
                        for (unsigned bits = 0; bits < 4 && test_failures < 20; bits++) {
                            const struct word *w[] = {&evm_words[a], &evm_words[b], &evm_words[c]};

                            evm_run(w, orders[o], bits & 1, (enum found)found, bits & 2);
                        }
    CHECK_EQ(runs, EVM_WORDS * EVM_WORDS * EVM_WORDS * 6 * FOUNDS * 4);
}

/* ---- Solana ---- */

/* `again`: what the retry says, or NULL when there is no endpoint for it. It comes at once, or last. */
static void solana_run(const struct word *const w[], const unsigned *order, bool known, const struct word *again,
                       bool at_once)
{
    struct shell s;
    const struct word *all[LEGS + 1] = {w[0], w[1], w[2], again};
    const char *expect = NULL;
    bool retry_wanted = false, retried = false;
    unsigned failures = test_failures;

    start(&s, CHAIN_SOLANA, known, LEGS);
    for (unsigned i = 0; i < LEGS + 1; i++) {
        bool last = i == LEGS, retry_now = s.retries && !retried && (at_once || last);

        for (unsigned part = 0; part < 2; part++) {
            const struct word *now;
            unsigned leg;

            if (part == 0 ? !retry_now : last)
                continue;
            now = part == 0 ? again : w[order[i]];
            leg = part == 0 ? LEGS : order[i];
            if (part == 0) {
                retried = true;
                CHECK_EQ(s.retry.leg, LEGS);
            }
            if (!now) {
                broadcast_withdraw(&s.b, START + 5);
                drain(&s);
                continue;
            }
            if (!expect && (now == &solana_words[SOLANA_ACCEPTS] || (!known && now == &solana_words[SOLANA_OTHER])))
                expect = now->bytes;
            if (!expect && known && now == &solana_words[SOLANA_KNOWN])
                expect = signature_json;
            if (!expect && (now == &solana_words[SOLANA_STALE] || now == &solana_words[SOLANA_BEHIND]))
                retry_wanted = true;
            say(&s, leg, now, START + 10 + i);
            CHECK(s.answers <= 1);
            if (expect)
                CHECK(answered_result(&s, expect));
        }
    }
    CHECK_EQ(s.retries, retry_wanted);
    CHECK_EQ(s.probes, 0);
    if (expect) {
        CHECK(answered_result(&s, expect));
    } else {
        unsigned best = best_of(all, retry_wanted && again ? LEGS + 1 : LEGS);

        CHECK(answered_error(&s, best, all[best]));
    }
    if (s.answer.kind == BROADCAST_RESULT && s.answer.bytes.p == s.b.id.json)
        CHECK(known);
    CHECK(broadcast_is_over(&s.b));
    runs++;
    if (test_failures != failures)
        complain(w, order, again ? again->name : "no retry", known, at_once);
}

TEST(solana_every_order)
{
    setup();
    runs = 0;
    for (unsigned a = 0; a < SOLANA_WORDS; a++)
        for (unsigned b = 0; b < SOLANA_WORDS; b++)
            for (unsigned c = 0; c < SOLANA_WORDS; c++)
                for (unsigned o = 0; o < 6; o++)
                    for (unsigned again = 0; again <= SOLANA_WORDS; again++)
                        for (unsigned bits = 0; bits < 4 && test_failures < 20; bits++) {
                            const struct word *w[] = {&solana_words[a], &solana_words[b], &solana_words[c]};

                            solana_run(w, orders[o], bits & 1, again < SOLANA_WORDS ? &solana_words[again] : NULL,
                                       bits & 2);
                        }
    CHECK_EQ(runs, SOLANA_WORDS * SOLANA_WORDS * SOLANA_WORDS * 6 * (SOLANA_WORDS + 1) * 4);
}

/* ---- time ---- */

static const struct word *const reset = &evm_words[9];
static const struct word *const funds = &evm_words[5];
static const struct word *const accepts = &evm_words[EVM_ACCEPTS];
static const struct word *const nonce = &evm_words[EVM_NONCE];

static void expire(struct shell *s, uint64_t now_ms)
{
    broadcast_expire(&s->b, now_ms);
    drain(s);
}

/* Nobody answers: the legs' time ends, the look-up's time ends, then the client has its error; then they answer. */
TEST(nobody_answers)
{
    struct shell s;

    start(&s, CHAIN_EVM, true, 2);
    CHECK_EQ(broadcast_deadline(&s.b), DEADLINE - PROBE);
    expire(&s, DEADLINE - PROBE - 1);
    CHECK_EQ(s.probes + s.answers, 0);
    expire(&s, DEADLINE - PROBE);
    CHECK_EQ(s.probes, 1);
    CHECK_EQ(s.probe.leg, 0);
    CHECK_EQ(s.answers, 0);
    CHECK_EQ(broadcast_deadline(&s.b), DEADLINE);
    expire(&s, DEADLINE);
    CHECK_EQ(s.answers, 1);
    CHECK_EQ(s.answer.kind, BROADCAST_FAIL);
    CHECK_EQ(s.answer.fail, FAIL_UPSTREAM_TIMEOUT);
    CHECK(broadcast_deadline(&s.b) == UINT64_MAX);
    CHECK(!broadcast_is_over(&s.b));
    CHECK_EQ(say(&s, 1, accepts, DEADLINE + 5), BROADCAST_LEG_ACCEPTED);
    CHECK_EQ(say(&s, 0, reset, DEADLINE + 6), BROADCAST_LEG_FAILED);
    CHECK(!broadcast_is_over(&s.b));
    broadcast_probed(&s.b, slice_str(found_bytes[FOUND]), DEADLINE + 7);
    drain(&s);
    CHECK(broadcast_is_over(&s.b));
    CHECK_EQ(s.answers, 1);
}

TEST(no_look_up_without_a_name)
{
    struct shell s;

    start(&s, CHAIN_EVM, false, 1);
    CHECK_EQ(broadcast_deadline(&s.b), DEADLINE);
    expire(&s, DEADLINE);
    CHECK_EQ(s.probes, 0);
    CHECK_EQ(s.answer.fail, FAIL_UPSTREAM_TIMEOUT);

    setup();
    start(&s, CHAIN_SOLANA, true, 1);
    CHECK_EQ(broadcast_deadline(&s.b), DEADLINE);

    broadcast_init(&s.b, CHAIN_EVM, SLICE("[\"0xc0\"]"), 1, START, DEADLINE, 0);
    CHECK_EQ(broadcast_deadline(&s.b), DEADLINE);
    broadcast_init(&s.b, CHAIN_EVM, SLICE("[\"0xc0\"]"), 1, START, START + 1000, PROBE);
    CHECK_EQ(broadcast_deadline(&s.b), START + 500);
    broadcast_init(&s.b, CHAIN_EVM, SLICE("[\"0xc0\"]"), 1, START, START, PROBE);
    CHECK_EQ(broadcast_deadline(&s.b), START);
    s.answers = s.probes = 0;
    expire(&s, START);
    CHECK_EQ(s.answers, 1);
    CHECK_EQ(s.probes, 0);
}

/* A leg that is past its time may still save the call while the look-up runs. */
TEST(late_acceptance_wins)
{
    struct shell s;

    start(&s, CHAIN_EVM, true, 2);
    expire(&s, DEADLINE - PROBE);
    CHECK_EQ(say(&s, 1, accepts, DEADLINE - 1), BROADCAST_LEG_ACCEPTED);
    CHECK(answered_result(&s, accepts->bytes));
    CHECK_EQ(s.answer.leg, 1);
}

/* What one node refuses for good is not looked up when another is silent. */
TEST(final_refusal_beats_silence)
{
    struct shell s;

    start(&s, CHAIN_EVM, true, 2);
    say(&s, 1, funds, START + 1);
    CHECK_EQ(s.answers, 0);
    expire(&s, DEADLINE - PROBE);
    CHECK_EQ(s.probes, 0);
    CHECK(answered_error(&s, 1, funds));
}

/* The look-up after "nonce too low" runs beside the legs; its budget is its own. */
TEST(nonce_look_up_beside_legs)
{
    struct shell s;

    start(&s, CHAIN_EVM, true, 2);
    say(&s, 0, nonce, START + 1);
    CHECK_EQ(s.probes, 1);
    CHECK_EQ(s.probe.leg, 0);
    CHECK_EQ(broadcast_deadline(&s.b), START + 1 + PROBE);
    expire(&s, START + 1 + PROBE);
    CHECK_EQ(s.answers, 0);
    CHECK_EQ(broadcast_deadline(&s.b), DEADLINE - PROBE);
    /* late, but not too late */
    broadcast_probed(&s.b, slice_str(found_bytes[FOUND]), START + 2 + PROBE);
    drain(&s);
    CHECK(answered_result(&s, "\"" HASH "\""));
    CHECK_EQ(s.answer.leg, 0);
    say(&s, 1, nonce, START + 5000);
    CHECK_EQ(s.probes, 1);
    CHECK(broadcast_is_over(&s.b));
}

/* With the retry under way the deadline answers with what was said; an acceptance of the retry after it only counts. */
TEST(retry_past_its_time)
{
    struct shell s;

    setup();
    start(&s, CHAIN_SOLANA, true, 1);
    CHECK_EQ(say(&s, 0, &solana_words[SOLANA_STALE], START + 1), BROADCAST_LEG_REFUSED);
    CHECK_EQ(s.retries, 1);
    CHECK_EQ(s.answers, 0);
    expire(&s, DEADLINE);
    CHECK(answered_error(&s, 0, &solana_words[SOLANA_STALE]));
    CHECK(!broadcast_is_over(&s.b));
    CHECK_EQ(say(&s, 1, &solana_words[SOLANA_ACCEPTS], DEADLINE + 1), BROADCAST_LEG_ACCEPTED);
    CHECK_EQ(s.answers, 1);
    CHECK(broadcast_is_over(&s.b));
}

/* Decisions that nobody has taken when the answer comes are dropped. */
TEST(untaken_decisions_are_dropped)
{
    struct shell s;

    start(&s, CHAIN_EVM, true, 2);
    broadcast_error(&s.b, 0, slice_str(nonce->bytes), START + 1);
    broadcast_result(&s.b, 1, slice_str(accepts->bytes), START + 1);
    CHECK(!broadcast_is_over(&s.b));
    drain(&s);
    CHECK_EQ(s.probes, 0);
    CHECK_EQ(s.answers, 1);
    CHECK(broadcast_is_over(&s.b));

    setup();
    start(&s, CHAIN_SOLANA, true, 2);
    broadcast_error(&s.b, 0, slice_str(solana_words[SOLANA_STALE].bytes), START + 1);
    broadcast_result(&s.b, 1, slice_str(signature_json), START + 1);
    drain(&s);
    CHECK_EQ(s.retries, 0);
    CHECK_EQ(s.answers, 1);
    CHECK(broadcast_is_over(&s.b));
}

TEST(as_many_legs_as_there_may_be)
{
    struct shell s;

    setup();
    start(&s, CHAIN_SOLANA, true, BROADCAST_MAX_LEGS);
    for (unsigned i = 0; i < BROADCAST_MAX_LEGS; i++)
        say(&s, i, &solana_words[SOLANA_STALE], START + i);
    CHECK_EQ(s.retries, 1);
    CHECK_EQ(s.retry.leg, BROADCAST_MAX_LEGS);
    say(&s, BROADCAST_MAX_LEGS, &solana_words[SOLANA_ACCEPTS], START + 100);
    CHECK(answered_result(&s, signature_json));
    CHECK(broadcast_is_over(&s.b));
}

TEST_MAIN()
