#include "test.h"

#include <stdint.h>

#include "base/base58.h"

static size_t unhex(uint8_t *out, const char *text)
{
    unsigned v;
    size_t n = 0;

    for (; sscanf(text + 2 * n, "%2x", &v) == 1; n++)
        out[n] = (uint8_t)v;
    return n;
}

TEST(base58_both_ways)
{
    static const struct {
        const char *hex, *text;
    } rows[] = {
        {"", ""},
        {"00", "1"},
        {"000000", "111"},
        {"61", "2g"},
        {"626262", "a3gV"},
        {"516b6fcd0f", "ABnLTmg"},
        {"00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L"},
        {"73696d706c792061206c6f6e6720737472696e67", "2cFupjhnEsSn59qHXstmK2ffpLv2"},
    };
    uint8_t bytes[64], back[64];
    char text[128];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = unhex(bytes, rows[i].hex);

        CHECK_STR(slice_of(text, base58_encode(text, bytes, n)), rows[i].text);
        CHECK_EQ(base58_decode(back, sizeof back, slice_str(rows[i].text)), n);
        CHECK(memcmp(bytes, back, n) == 0);
    }
    CHECK(base58_decode(back, sizeof back, SLICE("0")) == (size_t)-1);
    CHECK(base58_decode(back, 2, SLICE("a3gV")) == (size_t)-1);
}

TEST(base58_of_all_lengths)
{
    uint8_t bytes[200] = {0}, back[200];
    char text[400];

    for (size_t n = 0; n <= sizeof bytes; n++) {
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)((n * 1000 + i) * UINT64_C(0x9e3779b97f4a7c15) >> (n % 3 ? 40 : 62));
        CHECK_EQ(base58_decode(back, sizeof back, slice_of(text, base58_encode(text, bytes, n))), n);
        CHECK(memcmp(bytes, back, n) == 0);
    }
}

TEST(base58_refuses)
{
    static const char *const rows[] = {"0", "O", "I", "l", "a3gV ", "a3gV\n", "a3-gV", "\xc3\xa9"};
    static char long_text[4000];
    static uint8_t back[BASE58_MAX];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK(base58_decode(back, sizeof back, slice_str(rows[i])) == (size_t)-1);
    CHECK(base58_decode(back, sizeof back, slice_of("a\0b", 3)) == (size_t)-1);
    memset(long_text, 'z', sizeof long_text);
    CHECK(base58_decode(back, sizeof back, slice_of(long_text, sizeof long_text)) == (size_t)-1);
    memset(long_text, '1', sizeof long_text);
    CHECK(base58_decode(back, sizeof back, slice_of(long_text, sizeof long_text)) == (size_t)-1);
    CHECK_EQ(base58_decode(back, sizeof back, slice_of(long_text, BASE58_MAX)), BASE58_MAX);
    CHECK_EQ(base58_encode(long_text, back, BASE58_MAX + 1), 0);
}

TEST_MAIN()
