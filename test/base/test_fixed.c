/* Logarithms and powers of two, against known values. */
#include "../test.h"

#include "base/fixed.h"

static int near(int64_t got, int64_t want, int64_t slack)
{
    return got >= want - slack && got <= want + slack;
}

TEST(logarithms)
{
    static const struct {
        uint64_t v;
        int32_t want;
    } rows[] = {
        {0, 0},
        {1, 0},
        {2, 65536},
        {3, 103872},
        {1000, 653117},
        {1500, 691453},
        {65536, 1048576},
        {123456789, 1761631},
        {UINT64_C(1) << 40, 40 * 65536},
        {UINT64_MAX, 64 * 65536},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK(near(fixed_log2(rows[i].v), rows[i].want, 600));
    for (uint64_t v = 1; v < 100000; v++)
        CHECK(fixed_log2(v) <= fixed_log2(v + 1));
}

TEST(powers)
{
    static const struct {
        uint64_t x;
        uint32_t want;
    } rows[] = {
        {0, 65536},     {65536, 32768},  {2 * 65536, 16384}, {32768, 46341},  {16384, 55109},
        {49152, 38968}, {16 * 65536, 1}, {17 * 65536, 0},    {UINT64_MAX, 0}, {UINT64_C(1) << 50, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK(near(fixed_exp2_neg(rows[i].x), rows[i].want, 600));
    for (uint64_t x = 0; x < 20 * 65536; x++)
        CHECK(fixed_exp2_neg(x) + 1 >= fixed_exp2_neg(x + 1));
}

TEST_MAIN()
