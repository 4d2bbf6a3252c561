/* Error objects as endpoints send them. */
#include "test.h"

#include "rpc/error_object.h"

static const struct {
    const char *json;
    int good, has_code;
    long long code;
    const char *message, *data; /* the message in lower case */
} rows[] = {
    {"{\"code\":-32000,\"message\":\"Nonce too low\"}", 1, 1, -32000, "nonce too low", ""},
    {" { \"data\" : {\"a\":[1]} , \"message\" : \"x\\u0041\\n\" , \"code\" : 3 } ", 1, 1, 3, "xa\n", "{\"a\":[1]}"},
    {"{\"code\":3,\"message\":\"m\",\"data\":\"0x08c379a0\"}", 1, 1, 3, "m", "\"0x08c379a0\""},
    {"{\"code\":3,\"message\":\"m\",\"data\":null}", 1, 1, 3, "m", ""},
    {"{\"code\":0,\"message\":\"\"}", 1, 1, 0, "", ""},
    {"{\"message\":\"m\"}", 1, 0, 0, "m", ""},
    {"{\"code\":\"-32000\",\"message\":7}", 1, 0, 0, "", ""},
    {"{\"code\":-32000.0,\"message\":\"m\"}", 1, 0, 0, "m", ""},
    {"{\"code\":1e3}", 1, 0, 0, "", ""},
    {"{\"code\":999999999999999999}", 1, 1, 999999999999999999, "", ""},
    {"{\"code\":-9999999999999999999}", 1, 0, 0, "", ""},
    {"{}", 1, 0, 0, "", ""},
    {"{\"c\\u006fde\":5,\"other\":{\"code\":6}}", 1, 1, 5, "", ""},
    {"\"Rate LIMITED\"", 1, 0, 0, "rate limited", ""},
    {"7", 0, 0, 0, "", ""},
    {"[]", 0, 0, 0, "", ""},
    {"true", 0, 0, 0, "", ""},
    {"", 0, 0, 0, "", ""},
    {"{\"code\":1", 0, 0, 0, "", ""},
    {"{\"code\":1}}", 0, 0, 0, "", ""},
    {"{\"code\":1,\"message\":\"m\",}", 0, 0, 0, "", ""},
};

TEST(errors_are_read)
{
    char text[ERROR_OBJECT_TEXT_CAP];
    struct error_object e;

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ(error_object_read(&e, slice_str(rows[i].json)), rows[i].good);
        CHECK_EQ(e.has_code, rows[i].has_code);
        CHECK_EQ(e.has_code ? e.code : 0, rows[i].code);
        CHECK_STR(error_object_text(&e, text), rows[i].message);
        CHECK_STR(e.data, rows[i].data);
    }
}

/* A long message is cut, never inside an escape. */
TEST(long_messages)
{
    static char json[4 * ERROR_OBJECT_TEXT_CAP];
    char text[ERROR_OBJECT_TEXT_CAP];
    struct error_object e;

    for (size_t n = ERROR_OBJECT_TEXT_CAP - 8; n < ERROR_OBJECT_TEXT_CAP + 8; n++)
        for (int escaped = 0; escaped < 2; escaped++) {
            size_t at = (size_t)snprintf(json, sizeof json, "{\"message\":\"%s", escaped ? "\\u0041" : "A"), want;
            struct slice got;

            memset(json + at, 'B', n - 1);
            memcpy(json + at + n - 1, "\"}", 3);
            CHECK(error_object_read(&e, slice_str(json)));
            got = error_object_text(&e, text);
            want = escaped && n + 5 > ERROR_OBJECT_TEXT_CAP ? ERROR_OBJECT_TEXT_CAP - 5
                   : n < ERROR_OBJECT_TEXT_CAP              ? n
                                                            : ERROR_OBJECT_TEXT_CAP;
            CHECK_EQ(got.n, want);
            CHECK(got.p[0] == 'a');
            CHECK(got.p[want - 1] == 'b');
        }
}

/* An escape that does not fit whole is left out. */
TEST(escapes_at_the_cut)
{
    static char json[4 * ERROR_OBJECT_TEXT_CAP];
    char text[ERROR_OBJECT_TEXT_CAP];
    struct error_object e;

    for (size_t n = ERROR_OBJECT_TEXT_CAP - 14; n <= ERROR_OBJECT_TEXT_CAP; n++) {
        size_t at = (size_t)snprintf(json, sizeof json, "{\"message\":\""), fits = (ERROR_OBJECT_TEXT_CAP - n) / 6;
        struct slice got;

        memset(json + at, 'x', n);
        strcpy(json + at + n, "\\u0041\\u0042\\u0043 and so on\"}");
        CHECK(error_object_read(&e, slice_str(json)));
        got = error_object_text(&e, text);
        CHECK_EQ(got.n, n + fits);
        CHECK(fits == 0 || got.p[got.n - 1] == (fits == 1 ? 'a' : 'b'));
    }
}

TEST(words_of_data)
{
    static const struct {
        const char *json, *words;
    } rows_[] = {
        {"{\"message\":\"Server error\",\"data\":\"Header \\u006eot found\"}", "server error\nheader not found"},
        {"{\"message\":\"m\",\"data\":\"0x08c379a0\"}", "m"},
        {"{\"message\":\"m\",\"data\":\"\"}", "m"},
        {"{\"message\":\"m\",\"data\":{\"a\":\"rate limit\"}}", "m"},
        {"{\"message\":\"m\",\"data\":7}", "m"},
        {"{\"data\":\"D\"}", "d"},
        {"{\"code\":1}", ""},
        {"\"Plain\"", "plain"},
    };
    static char json[4 * ERROR_OBJECT_TEXT_CAP];
    char text[ERROR_OBJECT_TEXT_CAP];
    struct error_object e;

    for (unsigned i = 0; i < sizeof rows_ / sizeof rows_[0]; i++) {
        CHECK(error_object_read(&e, slice_str(rows_[i].json)));
        CHECK_STR(error_object_words(&e, text), rows_[i].words);
    }
    for (size_t n = ERROR_OBJECT_TEXT_CAP - 6; n < ERROR_OBJECT_TEXT_CAP + 6; n++) { /* what is left for the data */
        size_t at = (size_t)snprintf(json, sizeof json, "{\"message\":\"");

        memset(json + at, 'x', n);
        strcpy(json + at + n, "\",\"data\":\"Abcdefgh\"}");
        CHECK(error_object_read(&e, slice_str(json)));
        CHECK_EQ(error_object_words(&e, text).n, ERROR_OBJECT_TEXT_CAP);
    }
}

TEST_MAIN()
