/* Phrases are found where they stand, and nowhere else; against memmem. */
#include "test.h"

#include "base/phrases.h"

#define T(text)                                                                                                        \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }

static const struct slice words[] = {T("rate limit"), T("rate"),         T("limited to"),
                                     T(""),           T("rate limited"), T("over rate")};
enum { WORDS = sizeof words / sizeof words[0] };

static unsigned found_in(const char *text, enum phrases_where where)
{
    struct phrases s;
    struct phrases_found f;
    unsigned bits = 0;

    phrases_init(&s, words, WORDS, where);
    phrases_find(&s, slice_str(text), &f);
    for (unsigned i = 0; i < WORDS; i++)
        bits |= (unsigned)phrases_has(&f, i) << i;
    return bits;
}

TEST(phrases_are_found)
{
    static const struct {
        const char *text;
        unsigned at_words, anywhere;
    } rows[] = {
        {"", 0, 0},
        {"rat", 0, 0},
        {"rate", 2, 2},
        {"over rate limit", 1 | 2 | 32, 1 | 2 | 32},
        {"you are rate limited to 5", 1 | 2 | 4 | 16, 1 | 2 | 4 | 16},
        {"unlimited to all", 0, 4},
        {"separate", 0, 2},
        {"x_rate limit", 1 | 2, 1 | 2},
        {"rate  limit", 2, 2},
        {"rate limi", 2, 2},
        {"RATE LIMIT", 0, 0},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ(found_in(rows[i].text, PHRASES_AT_WORDS), rows[i].at_words);
        CHECK_EQ(found_in(rows[i].text, PHRASES_ANYWHERE), rows[i].anywhere);
    }
}

/* Any text of few letters, so that much nearly fits: what memmem finds is found. */
TEST(as_memmem)
{
    static const struct slice some[] = {T("abab"), T("ababa"), T("aabb"), T("babb"), T("bbbb"), T("abba")};
    struct phrases s;
    struct phrases_found f;
    uint32_t seed = 1;

    phrases_init(&s, some, 6, PHRASES_ANYWHERE);
    for (unsigned round = 0; round < 5000; round++) {
        char text[24];
        size_t n = round % (sizeof text + 1);

        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = (char)('a' + (seed >> 24 & 1));
        }
        phrases_find(&s, slice_of(text, n), &f);
        for (unsigned i = 0; i < 6; i++)
            CHECK_EQ(phrases_has(&f, i), memmem(text, n, some[i].p, some[i].n) != NULL);
    }
}

TEST(lower_case)
{
    char text[] = "AZaz@[`{09\xc3\x84";

    phrases_lower(text, sizeof text - 1);
    CHECK_STR(slice_str(text), "azaz@[`{09\xc3\x84");
}

TEST_MAIN()
