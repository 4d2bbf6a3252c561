#include "json/jout.h"

#include <inttypes.h>
#include <stdlib.h>

#include "test.h"
#include "json/jtok.h"

/* A literal where an initializer must be constant. */
#define LIT(text)                                                                                                      \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }

static const struct {
    struct slice text;
    const char *out;
} strings[] = {
    {LIT(""), "\"\""},
    {{NULL, 0}, "\"\""},
    {LIT("plain"), "\"plain\""},
    {LIT("\"\\/"), "\"\\\"\\\\/\""},
    {LIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
    {LIT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\""},
    {LIT("caf\xc3\xa9 \xe4\xb8\x96 \xf0\x9f\x98\x80"), "\"caf\xc3\xa9 \xe4\xb8\x96 \xf0\x9f\x98\x80\""},
    {LIT("\xff"), "\"\xef\xbf\xbd\""},
    {LIT("a\xc3"), "\"a\xef\xbf\xbd\""},
    {LIT("\xc3(\xed\xa0\x80"), "\"\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {LIT("0123456789012345678901234567890123456789\n0123456789012345678901234567890123456789"),
     "\"0123456789012345678901234567890123456789\\n0123456789012345678901234567890123456789\""},
};

TEST(strings_are_escaped)
{
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        struct buf b;
        struct jtok t;
        struct jval v;

        buf_init(&b, 4096);
        CHECK_EQ(jout_string(&b, strings[i].text), 0);
        CHECK_STR(buf_get(&b), strings[i].out);
        jtok_init(&t, buf_get(&b), 1);
        CHECK_EQ(jtok_value(&t, &v), 0);
        CHECK_EQ(jtok_finish(&t), 0);
        buf_deinit(&b);
    }
}

/* Whatever the bytes, what comes out is JSON, and reads back as it was where it was UTF-8. */
TEST(any_bytes_make_json)
{
    uint64_t seed = 42;

    for (unsigned round = 0; round < 20000; round++) {
        char text[64], back[512];
        size_t n = round % sizeof text;
        struct buf b;
        struct jtok t;
        struct jval v;

        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = (char)(seed >> 56);
            if (round & 1)
                text[i] &= 0x7f;
        }
        buf_init(&b, 4096);
        CHECK_EQ(jout_string(&b, slice_of(text, n)), 0);
        jtok_init(&t, buf_get(&b), 1);
        CHECK_EQ(jtok_value(&t, &v), 0);
        CHECK_EQ(jtok_finish(&t), 0);
        if (round & 1) {
            CHECK_EQ(jtok_text(&v, back, sizeof back), n);
            CHECK(memcmp(back, text, n) == 0);
        }
        buf_deinit(&b);
    }
}

static void check_u64(uint64_t v)
{
    char want[32], got[20];
    int n = snprintf(want, sizeof want, "%" PRIu64, v);

    CHECK_STR(slice_of(got, jout_digits(got, v)), want);
    CHECK_EQ(n, (int)jout_digits(got, v));
}

TEST(digits)
{
    uint64_t power = 1;

    for (uint64_t v = 0; v < 20000; v++)
        check_u64(v);
    for (unsigned i = 0; i < 20; i++, power *= 10) {
        check_u64(power - 1);
        check_u64(power);
        check_u64(power + 1);
    }
    for (unsigned bit = 0; bit < 64; bit++) {
        check_u64(UINT64_C(1) << bit);
        check_u64((UINT64_C(1) << bit) - 1);
    }
    check_u64(UINT64_MAX);
}

TEST(numbers)
{
    struct buf b;

    buf_init(&b, 4096);
    CHECK_EQ(jout_u64(&b, UINT64_MAX), 0);
    CHECK_STR(buf_get(&b), "18446744073709551615");
    CHECK_EQ(jout_u64(&b, 0), 0);
    CHECK_STR(buf_get(&b), "184467440737095516150");
    buf_deinit(&b);
}

TEST(keys_and_commas)
{
    struct buf b;

    buf_init(&b, 4096);
    CHECK_EQ(jout_sep(&b), 0);
    buf_str(&b, "{");
    CHECK_EQ(jout_sep(&b), 0);
    jout_key(&b, "a");
    CHECK_EQ(jout_sep(&b), 0);
    jout_u64(&b, 1);
    jout_key(&b, "b\"");
    buf_str(&b, "[");
    CHECK_EQ(jout_sep(&b), 0);
    jout_u64(&b, 2);
    CHECK_EQ(jout_sep(&b), 0);
    jout_string(&b, SLICE("{"));
    CHECK_EQ(jout_sep(&b), 0);
    buf_str(&b, "{");
    jout_key(&b, "c");
    buf_str(&b, "null}]");
    jout_key(&b, "");
    buf_str(&b, "{}}");
    CHECK_STR(buf_get(&b), "{\"a\":1,\"b\\\"\":[2,\"{\",{\"c\":null}],\"\":{}}");
    buf_deinit(&b);
}

/* Whatever the maximum, the outcome is told and nothing is written by halves. */
TEST(a_full_buffer)
{
    for (size_t max = 0; max < 12; max++) {
        struct buf b;

        buf_init(&b, max);
        CHECK_EQ(jout_string(&b, SLICE("a\n\xff"
                                       "b")),
                 max < 9 ? BUF_FULL : 0);
        CHECK_EQ(b.n, max < 9 ? 0 : 9);
        buf_deinit(&b);

        buf_init(&b, max);
        CHECK_EQ(jout_u64(&b, 1234), max < 4 ? BUF_FULL : 0);
        buf_clear(&b);
        CHECK_EQ(jout_key(&b, "key"), max < 6 ? BUF_FULL : 0);
        CHECK_EQ(b.n, max < 6 ? 0 : 6);
        buf_deinit(&b);
    }
}

TEST_MAIN()
