/* Is the block that was final still the same?  What makes it doubtful is others' to say. */
#include "../test.h"

#include "upstream/past.h"

#define H32                 "0123456789abcdef0123456789abcdef"
#define A                   "\"hash\":\"0x" H32 "0123456789abcdef0123456789abcdea\""
#define A_UPPER             "\"hash\" : \"0x" H32 "0123456789ABCDEF0123456789ABCDEA\""
#define B                   "\"hash\":\"0x" H32 "0123456789abcdef0123456789abcdeb\""
#define BLOCK(number, hash) "{\"number\":\"" number "\",\"parentHash\":\"0x" H32 "\"," hash "}"

/* What is answered to the doubt, and what that means. */
static const struct {
    const char *answer;
    bool is_error;
    enum past_news want;
    bool doubted; /* afterwards */
} answers[] = {
    {BLOCK("0x10", A), false, PAST_SAME, false},
    {BLOCK("0x10", A_UPPER), false, PAST_SAME, false},
    {BLOCK("0x10", B), false, PAST_OTHER, false},
    {"null", false, PAST_NONE, false},
    {"{\"code\":-32000,\"message\":\"null\"}", true, PAST_UNTOLD, true},
    {"null", true, PAST_UNTOLD, true},
    {BLOCK("0x11", B), false, PAST_UNTOLD, true},
    {"{\"number\":\"0x10\"}", false, PAST_UNTOLD, true},
    {"{\"number\":\"0x10\",\"hash\":\"0x" H32 "\"}", false, PAST_UNTOLD, true},
    {"7", false, PAST_UNTOLD, true},
};

static struct past final_at_16(void)
{
    struct past p = {0};

    past_final(&p, 16, SLICE(BLOCK("0x10", A)));
    return p;
}

TEST(what_settles_a_doubt)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct past p = final_at_16();
        char params[PAST_PARAMS_CAP];
        enum past_news news;

        CHECK(!past_is_due(&p, 0));
        CHECK(past_doubt(&p) && past_is_due(&p, 0));
        CHECK(slice_eq(past_ask(&p, params), SLICE("[\"0x10\",false]")));
        CHECK(!past_is_due(&p, 0));
        news = past_answered(&p, answers[i].is_error, slice_str(answers[i].answer), 5);
        CHECK_EQ(news, answers[i].want);
        CHECK_EQ(p.doubted, answers[i].doubted);
        CHECK(!p.asking && !past_is_due(&p, 5));
    }
}

TEST(what_cannot_be_settled_is_no_doubt)
{
    struct past p = {0};

    CHECK(!past_doubt(&p));
    past_final(&p, 16, SLICE("{\"number\":\"0x10\"}"));
    CHECK(!past_doubt(&p) && !past_is_due(&p, 9999));
}

TEST(meanwhile_a_later_block_settles_nothing)
{
    struct past p = final_at_16();
    char params[PAST_PARAMS_CAP];

    past_doubt(&p);
    past_final(&p, 32, SLICE(BLOCK("0x20", B)));
    CHECK(slice_eq(past_ask(&p, params), SLICE("[\"0x10\",false]")));
    past_forget(&p);
    CHECK(p.asking); /* its answer is still to come */
    past_final(&p, 32, SLICE(BLOCK("0x20", B)));
    CHECK_EQ(past_answered(&p, false, SLICE("null"), 0), PAST_SAME);
    CHECK(!p.asking);
}

/* A doubt after one that was right weighs more than one after others in vain. */
TEST(nothing_is_trusted_until_it_is_asked)
{
    struct past p = final_at_16();
    char params[PAST_PARAMS_CAP];

    CHECK(!past_is_open(&p) && past_doubt(&p) && past_is_open(&p));
    past_ask(&p, params);
    CHECK(past_is_open(&p));
    CHECK_EQ(past_answered(&p, false, SLICE(BLOCK("0x10", B)), 0), PAST_OTHER);
    CHECK(!past_is_open(&p));
    past_doubt(&p);
    CHECK(past_is_open(&p) && !past_is_due(&p, 0));
    past_ask(&p, params);
    CHECK_EQ(past_answered(&p, false, SLICE(BLOCK("0x10", A)), 1000), PAST_SAME);
    past_doubt(&p);
    CHECK(!past_is_open(&p));
}

TEST(the_final_block_s_hash)
{
    struct past p = final_at_16();
    char params[PAST_PARAMS_CAP];

    CHECK(!past_final(&p, 16, SLICE(BLOCK("0x10", A))));
    CHECK(past_final(&p, 16, SLICE(BLOCK("0x10", B)))); /* what it was before settles that */
    CHECK(past_doubt(&p));
    past_ask(&p, params);
    CHECK_EQ(past_answered(&p, false, SLICE(BLOCK("0x10", B)), 0), PAST_OTHER);
    CHECK(!past_final(&p, 17, SLICE(BLOCK("0x11", B))));
    CHECK(!past_final(&p, 17, SLICE("{\"number\":\"0x11\"}")) && !past_doubt(&p));
    CHECK(!past_final(&p, 17, SLICE(BLOCK("0x11", A))) && past_doubt(&p));
}

TEST(the_head_s_hash)
{
    struct past p = {0};

    CHECK(!past_head(&p, 5, SLICE(BLOCK("0x5", A))));
    CHECK(!past_head(&p, 5, SLICE(BLOCK("0x5", A))));
    CHECK(past_head(&p, 5, SLICE(BLOCK("0x5", B))));
    CHECK(!past_head(&p, 5, SLICE(BLOCK("0x5", B))));
    CHECK(!past_head(&p, 4, SLICE(BLOCK("0x4", A)))); /* its step back is told by its number */
    CHECK(!past_head(&p, 6, SLICE(BLOCK("0x6", A))));
    CHECK(!past_head(&p, 6, SLICE("{\"number\":\"0x6\"}")));
    CHECK(past_head(&p, 6, SLICE(BLOCK("0x6", B))));
    past_forget(&p);
    CHECK(!past_head(&p, 6, SLICE(BLOCK("0x6", A))));
}

/* Each doubt in vain doubles the pause, up to a minute; one that was right ends that. */
TEST(doubts_in_vain_are_looked_into_more_seldom)
{
    static const uint64_t pauses_ms[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct past p = final_at_16();
    char params[PAST_PARAMS_CAP];
    uint64_t now_ms = 0;

    for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
        past_doubt(&p);
        CHECK(past_is_due(&p, now_ms));
        past_ask(&p, params);
        CHECK_EQ(past_answered(&p, false, SLICE(BLOCK("0x10", A)), now_ms), PAST_SAME);
        past_doubt(&p);
        CHECK(!past_is_due(&p, now_ms + pauses_ms[i] - 1));
        CHECK(past_is_due(&p, now_ms + pauses_ms[i]));
        now_ms += pauses_ms[i];
    }
    past_ask(&p, params);
    past_failed(&p, now_ms);
    CHECK(p.doubted && !past_is_due(&p, now_ms + 59999) && past_is_due(&p, now_ms + 60000));
    past_ask(&p, params);
    CHECK_EQ(past_answered(&p, false, SLICE(BLOCK("0x10", B)), now_ms), PAST_OTHER);
    past_doubt(&p);
    CHECK(past_is_due(&p, now_ms + 1000));
}

TEST_MAIN()
