/* Filters and the endpoints that hold them, with time as a number. */
#include "test.h"

#include "upstream/filters.h"

static const struct hash_secret secret = {{1, 2, 3, 4}};

static struct filter_id id(uint64_t n)
{
    return filter_id_of(n << 40, n);
}

static size_t bind(struct filters *t, uint64_t n, unsigned endpoint, const char *own, uint64_t now_ms)
{
    size_t dropped;

    CHECK_EQ(filters_bind(t, id(n), endpoint, slice_str(own), NULL, now_ms, &dropped), 0);
    return dropped;
}

static void check(struct filters *t, uint64_t n, unsigned endpoint, const char *own, uint64_t now_ms)
{
    const struct filter *f = filters_use(t, id(n), now_ms);

    CHECK(f != NULL);
    if (f) {
        CHECK_EQ(filter_endpoint(f), endpoint);
        CHECK_STR(filter_own(f), own);
    }
}

TEST(ids_are_read_as_written)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t hi, lo;
    } rows[] = {
        {"0x123456789abcdef0fedcba9876543210", true, UINT64_C(0x123456789abcdef0), UINT64_C(0xfedcba9876543210)},
        {"0X123456789ABCDEF0fedcba9876543210", true, UINT64_C(0x123456789abcdef0), UINT64_C(0xfedcba9876543210)},
        {"0xffffffffffffffffffffffffffffffff", true, UINT64_MAX, UINT64_MAX},
        {"0x10000000000000000000000000000000", true, UINT64_C(1) << 60, 0},
        {"0x023456789abcdef0fedcba9876543210", false, 0, 0}, /* never given out */
        {"0x123456789abcdef0fedcba987654321", false, 0, 0},
        {"0x123456789abcdef0fedcba98765432100", false, 0, 0},
        {"0x123456789abcdeg0fedcba9876543210", false, 0, 0},
        {"0x123456789abcde@0fedcba9876543210", false, 0, 0},
        {"0y123456789abcdef0fedcba9876543210", false, 0, 0},
        {"123456789abcdef0fedcba987654321000", false, 0, 0},
        {"0x1", false, 0, 0},
        {"", false, 0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct filter_id got;

        CHECK_EQ(filter_id_read(&got, slice_str(rows[i].text)), rows[i].good);
        if (rows[i].good) {
            CHECK(got.hi == rows[i].hi && got.lo == rows[i].lo);
        }
    }
}

TEST(any_random_bits_make_an_id_that_comes_back)
{
    static const uint64_t bits[] = {0, 1, UINT64_C(1) << 59, UINT64_C(1) << 60, UINT64_C(1) << 63, UINT64_MAX};

    for (size_t i = 0; i < 36; i++) {
        struct filter_id a = filter_id_of(bits[i / 6], bits[i % 6]), b;
        char text[FILTERS_TEXT];

        filter_id_text(a, text);
        CHECK(text[2] != '0');
        CHECK(filter_id_read(&b, slice_of(text, sizeof text)));
        CHECK(a.hi == b.hi && a.lo == b.lo);
    }
}

TEST(endpoints_may_hand_out_the_same_id)
{
    struct filters *t = filters_new(&secret, 10);

    CHECK_EQ(bind(t, 1, 0, "\"0x1\"", 0), 0);
    CHECK_EQ(bind(t, 2, 1, "\"0x1\"", 0), 0);
    CHECK_EQ(bind(t, 3, 1, "\"0x2\"", 0), 0);
    check(t, 1, 0, "\"0x1\"", 1);
    check(t, 2, 1, "\"0x1\"", 1);
    check(t, 3, 1, "\"0x2\"", 1);
    CHECK(filters_use(t, id(4), 1) == NULL);
    filters_free(t);
}

TEST(an_own_id_given_out_again_is_its_new_holder_s)
{
    struct filters *t = filters_new(&secret, 10);

    bind(t, 1, 0, "\"0x1\"", 0);
    bind(t, 2, 1, "\"0x1\"", 0);
    CHECK_EQ(bind(t, 3, 0, "\"0x1\"", 1), 0);
    CHECK(filters_use(t, id(1), 2) == NULL);
    check(t, 2, 1, "\"0x1\"", 2);
    check(t, 3, 0, "\"0x1\"", 2);
    CHECK_EQ(filters_count(t), 2);
    filters_free(t);
}

TEST(what_cannot_be_bound_changes_nothing)
{
    struct filters *t = filters_new(&secret, 10);
    char own[FILTERS_OWN_MAX + 1];
    size_t dropped;

    memset(own, '1', sizeof own);
    bind(t, 1, 0, "\"0x1\"", 0);
    CHECK_EQ(filters_bind(t, id(1), 0, SLICE("\"0x2\""), NULL, 0, &dropped), FILTERS_TAKEN);
    CHECK_EQ(filters_bind(t, id(1), 0, SLICE("\"0x1\""), NULL, 0, &dropped), FILTERS_TAKEN);
    CHECK_EQ(filters_bind(t, id(2), 0, slice_of(own, sizeof own), NULL, 0, &dropped), FILTERS_TOO_LONG);
    CHECK_EQ(filters_bind(t, id(2), 0, slice_of(own, sizeof own - 1), NULL, 0, &dropped), 0);
    check(t, 1, 0, "\"0x1\"", 1);
    CHECK_EQ(filters_count(t), 2);
    filters_free(t);
}

TEST(removed_once)
{
    struct filters *t = filters_new(&secret, 10);

    bind(t, 1, 0, "\"0x1\"", 0);
    bind(t, 2, 0, "\"0x2\"", 0);
    CHECK(filters_remove(t, id(1)));
    CHECK(!filters_remove(t, id(1)));
    CHECK(filters_use(t, id(1), 0) == NULL);
    check(t, 2, 0, "\"0x2\"", 0);
    CHECK_EQ(filters_count(t), 1);
    filters_free(t);
}

TEST(idle_ones_expire_used_ones_do_not)
{
    struct filters *t = filters_new(&secret, 10);

    bind(t, 1, 0, "1", 0);
    bind(t, 2, 0, "2", 0);
    bind(t, 3, 0, "3", 5);
    check(t, 1, 0, "1", FILTERS_IDLE_MS - 1);
    CHECK_EQ(filters_expire(t, FILTERS_IDLE_MS - 1), 0);
    CHECK(filters_use(t, id(2), FILTERS_IDLE_MS) == NULL); /* also before it is dropped */
    CHECK_EQ(filters_expire(t, FILTERS_IDLE_MS), 1);
    CHECK_EQ(filters_expire(t, FILTERS_IDLE_MS + 5), 1);
    CHECK_EQ(filters_count(t), 1);
    check(t, 1, 0, "1", FILTERS_IDLE_MS + 5);
    CHECK_EQ(filters_expire(t, 3 * (uint64_t)FILTERS_IDLE_MS), 1);
    CHECK_EQ(filters_expire(t, 3 * (uint64_t)FILTERS_IDLE_MS), 0);
    filters_free(t);
}

TEST(the_least_recently_used_makes_room)
{
    struct filters *t = filters_new(&secret, 3);

    bind(t, 1, 0, "1", 0);
    bind(t, 2, 0, "2", 0);
    bind(t, 3, 0, "3", 0);
    check(t, 1, 0, "1", 1);
    CHECK_EQ(bind(t, 4, 0, "4", 2), 1);
    CHECK(filters_use(t, id(2), 2) == NULL);
    CHECK_EQ(bind(t, 5, 0, "4", 2), 0); /* takes the place of its former holder */
    check(t, 1, 0, "1", 2);
    check(t, 3, 0, "3", 2);
    CHECK_EQ(filters_count(t), 3);
    filters_free(t);
}

TEST(belongs_to_its_scope)
{
    struct filters *t = filters_new(&secret, 2);
    struct scopes scopes;
    struct scope *a, *b;
    size_t dropped;

    scopes_init(&scopes, &secret);
    a = scope_get(&scopes, SLICE("a"));
    b = scope_get(&scopes, SLICE("b"));
    CHECK_EQ(filters_bind(t, id(1), 0, SLICE("1"), a, 0, &dropped), 0);
    CHECK_EQ(filters_bind(t, id(2), 0, SLICE("2"), b, 0, &dropped), 0);
    CHECK(filter_scope(filters_use(t, id(1), 0)) == a && filter_scope(filters_use(t, id(2), 0)) == b);
    scope_unref(a);
    scope_unref(b);
    CHECK_EQ(scopes.n, 2); /* filters hold them */
    CHECK_EQ(filters_bind(t, id(3), 0, SLICE("3"), NULL, 0, &dropped), 0);
    CHECK(dropped == 1 && scopes.n == 1 && filter_scope(filters_use(t, id(3), 0)) == NULL);
    filters_free(t);
    scopes_deinit(&scopes);
}

TEST(many)
{
    enum { N = 5000, MAX = 4000 };
    struct filters *t = filters_new(&secret, MAX);
    size_t dropped = 0;
    char own[24];

    for (unsigned i = 1; i <= N; i++) {
        snprintf(own, sizeof own, "\"0x%x\"", i / 3);
        dropped += bind(t, i, i % 3, own, i);
    }
    CHECK_EQ(dropped, N - MAX);
    CHECK_EQ(filters_count(t), MAX);
    for (unsigned i = 1; i <= N; i++) {
        snprintf(own, sizeof own, "\"0x%x\"", i / 3);
        if (i <= N - MAX)
            CHECK(filters_use(t, id(i), N) == NULL);
        else
            check(t, i, i % 3, own, N);
    }
    for (unsigned i = 1; i <= N; i++)
        CHECK_EQ(filters_remove(t, id(i)), i > N - MAX);
    CHECK_EQ(filters_count(t), 0);
    filters_free(t);
}

TEST_MAIN()
