#include "test.h"

#include "upstream/endpoint.h"
#include "upstream/secrets.h"

static const struct header_conf headers[] = {{"x-api-key", "header-key-0123456789"}, {"x-chain", "ethereum"}};

static void init(struct endpoint *e, struct endpoint_conf *conf, const char *url)
{
    conf->name = "n";
    conf->url = url;
    conf->headers = headers;
    conf->n_headers = 2;
    CHECK_EQ(endpoint_init(e, conf), 0);
}

static bool scrubbed(const struct endpoint *e, const char *text, const char *want)
{
    char copy[512];
    size_t n = strlen(text);

    memcpy(copy, text, n);
    endpoint_scrub(e, slice_of(copy, n));
    return slice_eq(slice_of(copy, n), slice_str(want));
}

TEST(nothing_to_hide)
{
    static const struct endpoint_conf plain = {.name = "n", .url = "http://h/v1"};
    struct endpoint e;

    CHECK_EQ(endpoint_init(&e, &plain), 0);
    CHECK_EQ(e.secrets.n, 0);
    CHECK(scrubbed(&e, "execution reverted", "execution reverted"));
    endpoint_deinit(&e);
}

TEST(of_url_and_headers)
{
    struct endpoint_conf conf = {0};
    struct endpoint e;

    init(&e, &conf,
         "https://some-user:some-password@h/solana-mainnet/v2/aBcDeFgHiJkLmNoP123?api-key=0123456789abcdef&x=y");
    CHECK(scrubbed(&e, "no /v2/aBcDeFgHiJkLmNoP123 on solana-mainnet", "no /v2/******************* on solana-mainnet"));
    CHECK(scrubbed(&e, "0123456789abcdef", "****************"));
    CHECK(scrubbed(&e, "pw some-password, twice some-password", "pw *************, twice *************"));
    CHECK(scrubbed(&e, "c29tZS11c2VyOnNvbWUtcGFzc3dvcmQ=", "********************************"));
    CHECK(scrubbed(&e, "key header-key-0123456789 of ethereum", "key ********************* of ethereum"));
    CHECK(scrubbed(&e, "application/json", "application/json"));
    endpoint_deinit(&e);
}

TEST(of_auth)
{
    struct endpoint_conf conf = {.auth = {.kind = AUTH_BEARER, .bearer = "bearertoken"}};
    struct endpoint e;

    init(&e, &conf, "http://h/");
    CHECK(memmem(e.head, e.head_n, "\r\nAuthorization: Bearer bearertoken\r\n", 37) != NULL);
    CHECK(scrubbed(&e, "you said Bearer bearertoken", "you said Bearer ***********"));
    endpoint_deinit(&e);

    conf.auth = (struct auth_conf){.kind = AUTH_BASIC, .basic = {"Aladdin", "open sesame"}};
    init(&e, &conf, "http://h/");
    /* RFC 7617 section 2 */
    CHECK(memmem(e.head, e.head_n, "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n", 52) != NULL);
    CHECK(scrubbed(&e, "QWxhZGRpbjpvcGVuIHNlc2FtZQ== open sesame", "**************************** ***********"));
    endpoint_deinit(&e);

    conf.auth = (struct auth_conf){.kind = AUTH_HEADER, .header = {"x-token", "short-one"}};
    init(&e, &conf, "http://h/");
    CHECK(memmem(e.head, e.head_n, "\r\nx-token: short-one\r\n", 22) != NULL);
    CHECK(scrubbed(&e, "short-one", "*********"));
    endpoint_deinit(&e);

    conf.auth = (struct auth_conf){.kind = AUTH_QUERY, .query = {"key", "a b/\xc3\xb6&=12345678"}};
    init(&e, &conf, "http://h/p?x=1");
    CHECK(memmem(e.head, e.head_n, "POST /p?x=1&key=a%20b%2F%C3%B6%26%3D12345678 HTTP/1.1\r\n", 55) != NULL);
    CHECK(scrubbed(&e, "a%20b%2F%C3%B6%26%3D12345678", "****************************"));
    endpoint_deinit(&e);
    init(&e, &conf, "http://h");
    CHECK(memmem(e.head, e.head_n, "POST /?key=a%20b", 16) != NULL);
    endpoint_deinit(&e);
}

TEST(a_token_from_outside)
{
    struct endpoint_conf conf = {.auth = {.kind = AUTH_BEARER_FILE, .bearer_file = "f"}};
    static char huge[70000];
    struct endpoint e;

    init(&e, &conf, "http://h/");
    CHECK(e.head == NULL);
    CHECK(!endpoint_usable(&e, 0));
    CHECK_EQ(endpoint_authorize(&e, SLICE("first-token"), 1), 0);
    CHECK(endpoint_usable(&e, 0));
    CHECK_EQ(e.generation, 1);
    CHECK(scrubbed(&e, "first-token second-token", "*********** second-token"));
    CHECK_EQ(endpoint_authorize(&e, SLICE("second-token"), 2), 0);
    CHECK(memmem(e.head, e.head_n, "Bearer second-token\r\n", 21) != NULL);
    CHECK(memmem(e.head, e.head_n, "first", 5) == NULL);
    /* What left with the first one may be answered only now. */
    CHECK(scrubbed(&e, "first-token second-token", "*********** ************"));
    memset(huge, 'x', sizeof huge);
    CHECK_EQ(endpoint_authorize(&e, slice_of(huge, sizeof huge), 3), ENDPOINT_BAD_URL);
    CHECK(memmem(e.head, e.head_n, "Bearer second-token\r\n", 21) != NULL);
    CHECK_EQ(endpoint_authorize(&e, slice_of(NULL, 0), 3), 0);
    CHECK(e.head == NULL && !endpoint_usable(&e, 0));
    CHECK(scrubbed(&e, "first-token second-token", "*********** ************"));
    for (unsigned i = 0; i < 20; i++) {
        char token[] = "token-number-a";

        token[13] = (char)('a' + i);
        CHECK_EQ(endpoint_authorize(&e, slice_str(token), 4 + i), 0);
    }
    CHECK(scrubbed(&e, "token-number-t token-number-m token-number-l first-token",
                   "************** ************** token-number-l first-token")); /* the last eight */
    endpoint_deinit(&e);
}

/* An error is JSON: what it repeats may be spelled with escapes, and must be JSON afterwards. */
TEST(spelled_with_escapes)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{\"message\":\"no a+b\\/c\\\"d8 here\"}", "{\"message\":\"no ********** here\"}"},
        {"\\u0061+b/c\\\"d8", "**************"},
        {"a\\u002Bb\\u002fc\\u0022\\u00648", "****************************"},
        {"a\\u002Bb\\u002fc\\u0022\\u0064", "a\\u002Bb\\u002fc\\u0022\\u0064"}, /* cut off */
        {"a+b\\/c\\\"d", "a+b\\/c\\\"d"},
        {"\\\\a+b/c\\\"d8\\n", "\\\\*********\\n"},
        {"\\na+b/c\\\"d8", "\\n*********"},
        {"\\a+b/c\\\"d8", "\\*********"}, /* no JSON */
        {"\\u00", "\\u00"},
        {"\\", "\\"},
        {"\\ud83d\\ude00a+b/c\\\"d8", "\\ud83d\\ude00*********"},
    };
    struct endpoint_conf conf = {.auth = {.kind = AUTH_HEADER, .header = {"x-token", "a+b/c\"d8"}}};
    struct endpoint e;

    init(&e, &conf, "http://h/");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!scrubbed(&e, rows[i].text, rows[i].want))
            printf("# %s\n", rows[i].text);
        CHECK(scrubbed(&e, rows[i].text, rows[i].want));
    }
    endpoint_deinit(&e);
    /* A secret that begins like the end of an escape: the escape stays whole. */
    conf.auth.header.value = "nine-lives";
    init(&e, &conf, "http://h/");
    CHECK(scrubbed(&e, "\\nine-lives", "\\nine-lives"));
    CHECK(scrubbed(&e, "\\nnine-lives", "\\n**********"));
    endpoint_deinit(&e);
}

TEST_MAIN()
