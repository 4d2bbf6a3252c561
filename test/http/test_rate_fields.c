/* Retry-After, the x-ratelimit family and the dates in them, as servers send them and as they should not. */
#include "test.h"

#include "http/date.h"
#include "http/rate_fields.h"

#define NOW_S INT64_C(1792800000) /* 2026-10-24 00:00:00 */

TEST(dates)
{
    static const struct {
        const char *text;
        int good;
        long long s;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 1, 784111777}, /* the three of RFC 9110 section 5.6.7 */
        {"Sunday, 06-Nov-94 08:49:37 GMT", 1, 784111777},
        {"Sun Nov  6 08:49:37 1994", 1, 784111777},
        {"Sun Nov 16 08:49:37 1994", 1, 784975777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 1, 0},
        {"Thu, 29 Feb 2024 12:00:00 GMT", 1, 1709208000},
        {"Fri, 01 Mar 2024 00:00:00 GMT", 1, 1709251200},
        {"Wed, 01 Mar 2023 00:00:00 GMT", 1, 1677628800},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1, 1483228800}, /* a leap second */
        {"Mon, 01 Mar 2100 00:00:00 GMT", 1, 4107542400}, /* no leap year */
        {"Fri, 31 Dec 9999 23:59:59 GMT", 1, 253402300799},
        {"Friday, 24-Oct-76 00:00:00 GMT", 1, 3370723200}, /* 50 years ahead */
        {"Monday, 24-Oct-77 00:00:00 GMT", 1, 246499200},  /* 51: past */
        {"Wed, 29 Feb 2023 00:00:00 GMT", 0, 0},
        {"Mon, 31 Apr 2023 00:00:00 GMT", 0, 0},
        {"Sun, 00 Nov 1994 08:49:37 GMT", 0, 0},
        {"Sun, 06 Nov 1969 08:49:37 GMT", 0, 0},
        {"Sun, 06 Nov 1994 24:00:00 GMT", 0, 0},
        {"Sun, 06 Nov 1994 08:60:37 GMT", 0, 0},
        {"Sun, 06 Nov 1994 08:49:37 PST", 0, 0},
        {"Sun, 06 Nov 1994 08:49:37", 0, 0},
        {"Sun, 06 nov 1994 08:49:37 GMT", 0, 0},
        {"Sun, 6 Nov 1994 08:49:37 GMT", 0, 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", 0, 0},
        {"Sun Nov 6 08:49:37 1994", 0, 0},
        {"1994-11-06T08:49:37Z", 0, 0},
        {"Sun,", 0, 0},
        {"Sun, 06 N", 0, 0},
        {"", 0, 0},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t s = 0;

        if (http_date(slice_str(rows[i].text), NOW_S, &s) != rows[i].good || s != rows[i].s)
            printf("# %s: %lld\n", rows[i].text, (long long)s);
        CHECK_EQ(s, rows[i].s);
    }
    for (size_t n = 0; n < 29; n++) { /* cut off anywhere it is none */
        int64_t s;

        CHECK(!http_date(slice_of("Sun, 06 Nov 1994 08:49:37 GMT", n), NOW_S, &s));
    }
}

static struct rate_fields one(const char *name, const char *value)
{
    struct rate_fields f;

    rate_fields_init(&f);
    rate_fields_take(&f, slice_str(name), slice_str(value), NOW_S * 1000);
    return f;
}

TEST(retry_after)
{
    static const struct {
        const char *value;
        long long ms;
    } rows[] = {
        {"0", 0},
        {"10", 10000},
        {"1.5", 1500},
        {"0.0009", 0},
        {"30s", 30000},
        {"86400", 86400000},
        {"86401", RATE_FIELDS_MAX_MS},
        {"999999999999999", RATE_FIELDS_MAX_MS},
        {"9999999999999999", -1},
        {"99999999999999999999999999", -1},
        {"Sat, 24 Oct 2026 00:00:07 GMT", 7000},
        {"Fri, 23 Oct 2026 00:00:00 GMT", 0},
        {"Sat, 24 Oct 2037 00:00:00 GMT", RATE_FIELDS_MAX_MS},
        {"", -1},
        {"-1", -1},
        {"soon", -1},
        {"1e3", -1},
        {".5", -1},
        {"s", -1},
        {"10 20", -1},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rate_fields f = one("Retry-After", rows[i].value);

        if (f.retry_after_ms != rows[i].ms)
            printf("# %s\n", rows[i].value);
        CHECK_EQ(f.retry_after_ms, rows[i].ms);
        CHECK_EQ(rate_fields_wait_ms(&f), rows[i].ms);
    }
}

TEST(resets)
{
    CHECK_EQ(one("x-ratelimit-reset", "12").reset_ms, 12000);
    CHECK_EQ(one("X-RateLimit-Reset", "1792800009").reset_ms, 9000);
    CHECK_EQ(one("X-Rate-Limit-Reset", "1792800000250").reset_ms, 250);
    CHECK_EQ(one("ratelimit-reset", "1792799999").reset_ms, 0);
    CHECK_EQ(one("x-ratelimit-reset", "Sat, 24 Oct 2026 00:01:00 GMT").reset_ms, 60000);
    CHECK_EQ(one("x-ratelimit-reset", "2026-10-24").reset_ms, -1);
    CHECK_EQ(one("x-ratelimit-resets", "12").reset_ms, -1);
}

TEST(the_family)
{
    struct rate_fields f;

    CHECK_EQ(one("X-RateLimit-Limit", "50").limit, 50);
    CHECK_EQ(one("ratelimit-limit", "100, 100;w=60").limit, 100);
    CHECK_EQ(one("x-rate-limit-remaining", "7").remaining, 7);
    CHECK_EQ(one("x-ratelimit-method-limit", "40").method_limit, 40);
    CHECK_EQ(one("x-ratelimit-method-remaining", "0").method_remaining, 0);
    CHECK_EQ(one("x-ratelimit-remaining", "many").remaining, -1);
    CHECK_EQ(one("x-ratelimit-tier", "free").limit, -1);

    /* The wait is that of Retry-After, else the reset once nothing remains. */
    rate_fields_init(&f);
    CHECK_EQ(rate_fields_wait_ms(&f), -1);
    CHECK(rate_fields_take(&f, SLICE("x-ratelimit-reset"), SLICE("5"), 0));
    CHECK_EQ(rate_fields_wait_ms(&f), -1);
    CHECK(rate_fields_take(&f, SLICE("x-ratelimit-remaining"), SLICE("0"), 0));
    CHECK_EQ(rate_fields_wait_ms(&f), 5000);
    CHECK(!rate_fields_method_only(&f));
    CHECK(rate_fields_take(&f, SLICE("Retry-After"), SLICE("2"), 0));
    CHECK_EQ(rate_fields_wait_ms(&f), 2000);

    rate_fields_init(&f);
    CHECK(!rate_fields_method_only(&f));
    rate_fields_take(&f, SLICE("x-ratelimit-method-remaining"), SLICE("0"), 0);
    CHECK(rate_fields_method_only(&f));
    rate_fields_take(&f, SLICE("x-ratelimit-remaining"), SLICE("0"), 0);
    CHECK(!rate_fields_method_only(&f));
}

/* The quick look lets every field of the family by, and most others not. */
TEST(quick_look)
{
    static const char *const names[] = {"Retry-After", "x-ratelimit-reset", "X-RateLimit-Method-Remaining",
                                        "RateLimit-Limit", "x-rate-limit-limit"};
    static const char *const others[] = {"content-length", "date", "server", "x-request-id1", "", "r", "x", "x-",
                                         "cf-ray"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK(rate_fields_may_be(slice_str(names[i])));
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct rate_fields f;

        CHECK(i == 3 || !rate_fields_may_be(slice_str(others[i])));
        CHECK(!rate_fields_take(&f, slice_str(others[i]), SLICE("1"), 0));
    }
}

TEST(reads_lines)
{
    struct rate_fields f;

    rate_fields_read(&f, SLICE("Retry-After: 7\nx-ratelimit-remaining:0\nbroken\nX-RateLimit-Reset: 3\n"), 0);
    CHECK_EQ(f.retry_after_ms, 7000);
    CHECK_EQ(f.remaining, 0);
    CHECK_EQ(f.reset_ms, 3000);
    rate_fields_read(&f, slice_of(NULL, 0), 0);
    CHECK_EQ(f.retry_after_ms, -1);
    rate_fields_read(&f, SLICE("retry-after: 2"), 0);
    CHECK_EQ(f.retry_after_ms, 2000);
}

TEST_MAIN()
