#include "base/spare.h"

#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "test.h"

enum { K = 1024 };

static char *area(size_t cap)
{
    char *p = malloc(cap);

    memset(p, 'x', cap);
    return p;
}

TEST(the_smallest_that_fits_is_taken)
{
    static const size_t kept[] = {64 * K, 300 * K, 100 * K, 200 * K};
    static const struct {
        size_t want, got;
    } t[] = {
        {65535, 0},                      /* not worth it */
        {64 * K, 64 * K},                /* exactly */
        {90 * K, 100 * K},  {90 * K, 0}, /* 200 is more than twice as much */
        {190 * K, 200 * K}, {301 * K, 0}, {151 * K, 300 * K}, {64 * K, 0},
    };
    struct spare *s = spare_new();
    size_t cap;

    for (size_t i = 0; i < 4; i++)
        spare_give(s, area(kept[i]), kept[i]);
    CHECK_EQ(s->bytes, 664 * K);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        char *p = spare_take(s, t[i].want, &cap);

        CHECK_EQ(p ? cap : 0, t[i].got);
        if (p)
            memset(p, 0, cap);
        free(p);
    }
    CHECK_EQ(s->bytes, 0);
    spare_free(s);
}

TEST(what_is_kept_is_bounded_and_the_newest_stays)
{
    struct spare *s = spare_new();
    size_t cap;
    char *p;

    spare_give(s, area(K), K); /* too small, and too large */
    spare_give(s, area(SPARE_MAX + 1), SPARE_MAX + 1);
    CHECK_EQ(s->n, 0);
    for (size_t i = 0; i < 6; i++)
        spare_give(s, area((100 + i) * K), (100 + i) * K);
    CHECK_EQ(s->n, SPARE_AREAS);
    CHECK_EQ(s->bytes, (102 + 103 + 104 + 105) * K);
    for (size_t i = 0; i < 2; i++)
        spare_give(s, area(SPARE_MAX), SPARE_MAX);
    CHECK_EQ(s->n, 2);
    CHECK_EQ(s->bytes, SPARE_KEPT);
    spare_give(s, area(100 * K), 100 * K);
    CHECK_EQ(s->n, 2);
    p = spare_take(s, 100 * K, &cap);
    CHECK_EQ(cap, 100 * K);
    free(p);
    spare_free(s);
}

TEST(an_answer_gives_its_bytes_back_and_may_outlive_the_owner)
{
    struct spare *s = spare_new();
    struct buf b;
    struct blob *first, *second;
    size_t cap;
    char *p;

    buf_init(&b, SPARE_MAX);
    CHECK_EQ(buf_reserve_exact(&b, 80 * K), 0);
    first = blob_take_from(&b, s);
    blob_ref(first);
    blob_unref(first);
    CHECK_EQ(s->n, 0);
    blob_unref(first);
    CHECK_EQ(s->n, 1);
    p = spare_take(s, 80 * K, &cap);
    CHECK(p != NULL);
    b.p = p;
    b.cap = cap;
    second = blob_take_from(&b, s);
    CHECK_EQ(buf_reserve_exact(&b, K), 0);
    blob_unref(blob_take_from(&b, s)); /* a small one is just freed */
    CHECK_EQ(s->n, 0);
    spare_free(s);
    blob_unref(second); /* under ASan: neither leaks nor is freed twice */
}

TEST_MAIN()
