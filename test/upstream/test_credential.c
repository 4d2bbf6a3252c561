#include "test.h"

#include "upstream/credential.h"
#include "upstream/jwt.h"

static const struct {
    const char *printed;
    int r;
    const char *token;
} tokens[] = {
    {"abc", 0, "abc"},
    {"  abc\r\n", 0, "abc"},
    {"\n\n\tabc.def_-~+/=\n", 0, "abc.def_-~+/="},
    {"", CREDENTIAL_EMPTY, NULL},
    {" \r\n\t ", CREDENTIAL_EMPTY, NULL},
    {"a b", CREDENTIAL_BAD_BYTE, NULL},
    {"a\nb", CREDENTIAL_BAD_BYTE, NULL},
    {"a\r\nX-Injected: 1", CREDENTIAL_BAD_BYTE, NULL},
    {"a\x7f", CREDENTIAL_BAD_BYTE, NULL},
    {"a\x01", CREDENTIAL_BAD_BYTE, NULL},
    {"t\xc3\xb6ken", CREDENTIAL_BAD_BYTE, NULL},
};

TEST(what_is_taken_for_a_token)
{
    static char longest[CREDENTIAL_MAX_TOKEN + 2];
    struct slice t;

    for (unsigned i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        CHECK_EQ(credential_token(slice_str(tokens[i].printed), &t), tokens[i].r);
        if (tokens[i].r == 0)
            CHECK_STR(t, tokens[i].token);
        else
            CHECK(*credential_reason(tokens[i].r));
    }
    CHECK_EQ(credential_token(slice_of("\0", 1), &t), CREDENTIAL_BAD_BYTE);
    CHECK_EQ(credential_token(slice_of("a\0b", 3), &t), CREDENTIAL_BAD_BYTE);
    memset(longest, 'x', sizeof longest);
    CHECK_EQ(credential_token(slice_of(longest, CREDENTIAL_MAX_TOKEN), &t), 0);
    CHECK_EQ(credential_token(slice_of(longest, CREDENTIAL_MAX_TOKEN + 1), &t), CREDENTIAL_TOO_LONG);
}

/* Payloads in base64url; the signature is nobody's business here. */
static const struct {
    const char *token;
    int64_t exp_s; /* -1: none */
} jwts[] = {
    {"h.eyJleHAiOjE3MDAwMDAwMDB9.s", 1700000000},                       /* {"exp":1700000000} */
    {"h.eyJzdWIiOiJhPj8-PyIsImV4cCI6MTcwMDAwMDAwMC41fQ.s", 1700000000}, /* {"sub":"a>?>?","exp":1700000000.5} */
    {"h.eyJleHAiOiIxNzAwMDAwMDAwIn0.s", -1},                            /* {"exp":"1700000000"} */
    {"h.eyJleHAiOi0xfQ.s", -1},                                         /* {"exp":-1} */
    {"h.eyJleHAiOjFlOX0.s", -1},                                        /* {"exp":1e9} */
    {"h.eyJleHAiOjk5OTk5OTk5OTk5OTk5OTk5OTl9.s", -1},                   /* {"exp":9999999999999999999} */
    {"h.e30.s", -1},                                                    /* {} */
    {"h.W10.s", -1},                                                    /* [] */
    {"h.!!!!.s", -1},
    {"h..s", -1},
    {"opaque-token", -1},
    {"two.parts", -1},
    {"..", -1},
    {"", -1},
};

TEST(exp_of_a_jwt)
{
    for (unsigned i = 0; i < sizeof jwts / sizeof jwts[0]; i++) {
        int64_t exp_s = -1;
        bool found = jwt_exp(slice_str(jwts[i].token), &exp_s);

        CHECK_EQ(found, jwts[i].exp_s >= 0);
        if (found)
            CHECK_EQ(exp_s, jwts[i].exp_s);
    }
}

#define HEX32 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

TEST(secret_of_an_engine_jwt)
{
    uint8_t s[JWT_SECRET_BYTES];

    CHECK_EQ(jwt_secret(SLICE(HEX32), s), 0);
    CHECK_EQ(s[0], 0);
    CHECK_EQ(s[1], 0x11);
    CHECK_EQ(s[31], 0xff);
    CHECK_EQ(jwt_secret(SLICE(" 0x" HEX32 "\n"), s), 0);
    CHECK_EQ(s[16], 0);
    CHECK_EQ(jwt_secret(SLICE(HEX32 "0"), s), JWT_BAD_SECRET);
    CHECK_EQ(jwt_secret(SLICE("0x"), s), JWT_BAD_SECRET);
    CHECK_EQ(jwt_secret(SLICE(""), s), JWT_BAD_SECRET);
    CHECK_EQ(jwt_secret(SLICE("g0112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"), s), JWT_BAD_SECRET);
}

TEST(a_jwt_is_written)
{
    char out[JWT_TEXT_CAP];
    uint8_t mac[32];
    size_t n = jwt_write(out, 1700000000);

    CHECK_STR(slice_of(out, n), "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3MDAwMDAwMDB9");
    memset(mac, 0xfb, sizeof mac);
    n = jwt_sign(out, n, mac);
    CHECK_STR(slice_of(out, n), "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3MDAwMDAwMDB9."
                                "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
}

TEST(generations)
{
    struct credential c;

    credential_init(&c, false);
    CHECK(!credential_holds(&c, 0));
    CHECK_EQ(credential_take(&c, SLICE("one\n"), 1000, 0), CREDENTIAL_NEW);
    CHECK_EQ(c.generation, 1);
    CHECK_EQ(c.due_ms, UINT64_MAX); /* a file that is watched */
    CHECK_EQ(credential_take(&c, SLICE("one"), 2000, 0), CREDENTIAL_SAME);
    CHECK_EQ(c.generation, 1);
    CHECK_EQ(credential_take(&c, SLICE("two"), 3000, 0), CREDENTIAL_NEW);
    CHECK_EQ(c.generation, 2);
    CHECK_EQ(credential_take(&c, SLICE(""), 4000, 0), CREDENTIAL_EMPTY);
    CHECK_EQ(c.due_ms, 4000 + CREDENTIAL_FIRST_RETRY_MS);
    CHECK(credential_holds(&c, 4));
    CHECK_STR(slice_of(c.token, c.token_n), "two");
    credential_deinit(&c);
    CHECK(c.token == NULL);
}

TEST(failures_back_off)
{
    static const uint64_t wait_ms[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct credential c;

    credential_init(&c, true);
    for (unsigned i = 0; i < sizeof wait_ms / sizeof wait_ms[0]; i++) {
        credential_failed(&c, 100);
        CHECK_EQ(c.due_ms, 100 + wait_ms[i]);
    }
    CHECK_EQ(credential_take(&c, SLICE("x"), 200, 0), CREDENTIAL_NEW);
    CHECK_EQ(c.due_ms, 200 + CREDENTIAL_PERIOD_MS);
    credential_failed(&c, 300);
    CHECK_EQ(c.due_ms, 300 + CREDENTIAL_FIRST_RETRY_MS);
    credential_deinit(&c);
}

/* exp 1700000000; how long before it, and in how many ms to look again. */
static const struct {
    int64_t left_s;
    uint64_t wait_ms;
} plans[] = {
    {86400, CREDENTIAL_MAX_PERIOD_MS},
    {3600, 3300000},
    {601, 301000},
    {600, 300000},
    {300, 150000},
    {60, 30000},
    {2, 1000},
    {1, 1000},
    {0, 1000},
    {-59, 1000},
};

TEST(looks_before_exp)
{
    for (unsigned i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        struct credential c;

        credential_init(&c, i % 2);
        CHECK_EQ(credential_take(&c, slice_str(jwts[0].token), 7, 1700000000 - plans[i].left_s), CREDENTIAL_NEW);
        CHECK_EQ(c.due_ms, 7 + plans[i].wait_ms);
        credential_deinit(&c);
    }
}

TEST(an_expired_token_is_not_used)
{
    struct credential c;

    credential_init(&c, false);
    CHECK_EQ(credential_take(&c, slice_str(jwts[0].token), 0, 1700000000 + CREDENTIAL_LEEWAY_S), CREDENTIAL_EXPIRED);
    CHECK_EQ(c.generation, 0);
    CHECK_EQ(credential_take(&c, slice_str(jwts[0].token), 0, 1700000000 - 100), CREDENTIAL_NEW);
    CHECK(credential_holds(&c, 1700000000 + CREDENTIAL_LEEWAY_S - 1));
    CHECK(!credential_holds(&c, 1700000000 + CREDENTIAL_LEEWAY_S));
    /* The next one has no exp. */
    CHECK_EQ(credential_take(&c, SLICE("opaque"), 0, 1800000000), CREDENTIAL_NEW);
    CHECK(credential_holds(&c, 1900000000));
    credential_deinit(&c);
}

TEST(refusals_are_looked_into_once_in_a_while)
{
    struct credential c;

    credential_init(&c, false);
    CHECK(credential_refused(&c, 10));
    CHECK(!credential_refused(&c, 11));
    CHECK(!credential_refused(&c, 10 + CREDENTIAL_REFUSED_MS - 1));
    CHECK(credential_refused(&c, 10 + CREDENTIAL_REFUSED_MS));
    credential_deinit(&c);
}

TEST_MAIN()
