/* All ways to find the end of a plain run must agree, at every length, offset and position of the odd byte.
 * Texts are exact heap copies, so that AddressSanitizer sees a read past either end. */
#include "json/jstr.h"

#include <stdlib.h>

#include "test.h"

static const char *by_definition(const char *p, const char *end)
{
    for (; p < end; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x80 || *p == '"' || *p == '\\')
            break;
    return p;
}

/* How many variants disagree with the definition from any starting point of the text. */
static unsigned disagreeing(const char *start, const char *end)
{
    size_t n;
    const struct jstr_variant *v = jstr_variants(&n);
    unsigned bad = 0;

    for (const char *p = start; p <= end; p++) {
        const char *want = by_definition(p, end);

        for (size_t i = 0; i < n; i++)
            bad += v[i].find(start, p, end) != want;
        bad += jstr_find(start, p, end) != want;
        bad += jstr_find_long(start, p, end) != want;
    }
    return bad;
}

TEST(every_byte_is_classified)
{
    for (unsigned c = 0; c < 256; c++)
        for (size_t n = 1; n <= 300; n += n < 40 ? 1 : 37)
            for (size_t at = 0; at < n; at += n < 40 ? 1 : 23) {
                char *text = malloc(n);

                memset(text, 'a', n);
                text[at] = (char)c;
                CHECK_EQ(disagreeing(text, text + n), 0);
                free(text);
            }
}

TEST(random_bytes_agree)
{
    uint64_t seed = 88172645463325252u;

    for (unsigned round = 0; round < 3000; round++) {
        size_t n = round % 400;
        char *text = malloc(n ? n : 1);

        for (size_t i = 0; i < n; i++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            /* Mostly plain, so that runs get long; the rest is anything. */
            text[i] = seed % 61 ? (char)(0x23 + (seed >> 8) % 0x39) : (char)(seed >> 16);
        }
        CHECK_EQ(disagreeing(text, text + n), 0);
        free(text);
    }
}

TEST(plain_bytes_stay_plain)
{
    char text[256];

    for (unsigned c = 0x20; c < 0x80; c++) {
        if (c == '"' || c == '\\')
            continue;
        memset(text, (char)c, sizeof text);
        CHECK(jstr_find(text, text, text + sizeof text) == text + sizeof text);
    }
}

/* Every code point goes out and comes back; every other two- and three-byte start is refused. */
TEST(utf8_round_trip)
{
    unsigned bad = 0;
    char s[4];

    for (uint32_t code = 0; code < 0x110000; code++) {
        size_t n = jstr_put_utf8(s, code);
        bool surrogate = code >= 0xd800 && code < 0xe000;

        bad += jstr_utf8(s, s + n) != (surrogate ? 0 : n);
        for (size_t cut = 1; cut < n; cut++)
            bad += jstr_utf8(s, s + cut) != 0;
    }
    CHECK_EQ(bad, 0);
}

/* Counts the accepted sequences: there are exactly as many as code points in each length, so nothing overlong is in. */
TEST(utf8_counts)
{
    unsigned two = 0, three = 0, four = 0;

    for (unsigned a = 0x80; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            char s[4] = {(char)a, (char)b, 0, 0};

            two += jstr_utf8(s, s + 2) == 2;
            for (unsigned c = 0; c < 256; c++) {
                s[2] = (char)c;
                three += jstr_utf8(s, s + 3) == 3;
                s[3] = (char)0x80;
                four += jstr_utf8(s, s + 4) == 4;
            }
        }
    CHECK_EQ(two, 0x800 - 0x80);
    CHECK_EQ(three, 0x10000 - 0x800 - 0x800);
    CHECK_EQ(four, 0x100000 / 64);
}

TEST_MAIN()
