/* Credential scopes: one for each text, and what may be one. */
#include "test.h"

#include <stdlib.h>

#include "base/mem.h"
#include "rpc/flight_table.h"
#include "rpc/scope.h"

static const struct hash_secret secret = {{1, 2, 3, 4}};

TEST(equal_texts_are_one)
{
    struct scopes t;
    struct scope *a, *b, *c;

    scopes_init(&t, &secret);
    a = scope_get(&t, SLICE("Bearer x"));
    b = scope_get(&t, SLICE("Bearer y"));
    c = scope_get(&t, SLICE("Bearer x"));
    CHECK(a == c && a != b);
    CHECK_EQ(t.n, 2);
    CHECK(slice_eq(scope_text(b), SLICE("Bearer y")));
    scope_unref(a);
    CHECK_EQ(t.n, 2);
    CHECK(scope_get(&t, SLICE("Bearer x")) == c);
    scope_unref(c);
    scope_unref(c);
    CHECK_EQ(t.n, 1);
    CHECK(scope_unref(NULL) == NULL && scope_ref(NULL) == NULL);
    scope_unref(b);
    scopes_deinit(&t);
}

TEST(many)
{
    enum { N = 1000 };
    struct scope *v[N];
    struct scopes t;
    char text[32];

    scopes_init(&t, &secret);
    for (int i = 0; i < N; i++)
        v[i] = scope_get(&t, slice_of(text, (size_t)snprintf(text, sizeof text, "k%d", i)));
    for (int i = 0; i < N; i++) {
        struct scope *s = scope_get(&t, slice_of(text, (size_t)snprintf(text, sizeof text, "k%d", i)));

        CHECK(s == v[i]);
        scope_unref(s);
    }
    CHECK_EQ(t.n, N);
    for (int i = 0; i < N; i++)
        scope_unref(v[i * 7 % N]);
    scopes_deinit(&t);
}

TEST(what_may_be_forwarded)
{
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        {"Bearer x", 0},
        {"x", 0},
        {"Basic dTpw", 0},
        {"NTLM abc", SCOPE_BINDS_CONNECTION},
        {"ntlm", SCOPE_BINDS_CONNECTION},
        {"Negotiate abc", SCOPE_BINDS_CONNECTION},
        {"NEGOTIATE", SCOPE_BINDS_CONNECTION},
        {"Negotiates x", 0},
        {"ntl m", 0},
    };
    char *text = mem_zero(SCOPE_MAX_BYTES + 1);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_EQ(scope_check(slice_str(rows[i].text)), rows[i].want);
    memset(text, 'x', SCOPE_MAX_BYTES + 1);
    CHECK_EQ(scope_check(slice_of(text, SCOPE_MAX_BYTES)), 0);
    CHECK_EQ(scope_check(slice_of(text, SCOPE_MAX_BYTES + 1)), SCOPE_TOO_LONG);
    free(text);
}

/* A flight for `params` whose scope is `text`, with its key. */
static struct flight *flight_of(struct flight_table *ft, struct scopes *t, const char *text, const char *params)
{
    struct message_request q = {.method.raw = SLICE("\"eth_call\""), .params = slice_str(params)};
    struct flight *f = mem_zero(sizeof *f);

    flight_init(f, &q, method_get(CHAIN_EVM, SLICE("eth_call")), 1);
    f->fold_hex = true;
    f->scope = text ? scope_get(t, slice_str(text)) : NULL;
    flight_table_key(ft, f, 0, 0);
    return f;
}

TEST(it_is_part_of_the_key)
{
    static const struct {
        const char *text, *params, *other_text, *other_params;
        int same;
    } rows[] = {
        {"a", "[]", "a", "[]", 1},   {"a", "[ \"0xAB\" ]", "a", "[\"0xab\"]", 1},
        {"a", "[]", "b", "[]", 0},   {"a", "[]", NULL, "[]", 0},
        {"a", "[]", "A", "[]", 0},   {"a", "[1]", "a", "[2]", 0},
        {NULL, "[]", NULL, "[]", 1}, {",\"method\":\"eth_call\",\"params\":[]}", "[]", NULL, "[]", 0},
    };
    struct flight_table ft;
    struct scopes t;
    char *longest = mem_zero(SCOPE_MAX_BYTES + 1);

    flight_table_init(&ft, &secret);
    scopes_init(&t, &secret);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flight *f = flight_of(&ft, &t, rows[i].text, rows[i].params);
        struct flight *g = flight_of(&ft, &t, rows[i].other_text, rows[i].other_params);

        flight_table_add(&ft, f);
        CHECK_EQ(flight_table_find(&ft, g) == f, rows[i].same);
        CHECK_EQ(f->text_hash == g->text_hash && slice_eq(f->key, g->key), rows[i].same);
        flight_table_remove(&ft, f);
        flight_deinit(f);
        flight_deinit(g);
        free(f);
        free(g);
    }
    memset(longest, 'x', SCOPE_MAX_BYTES);
    {
        struct flight *f = flight_of(&ft, &t, longest, "[1]"), *copy = mem_zero(sizeof *copy);

        CHECK_EQ(f->key.n, SCOPE_MAX_BYTES + 1 + f->tail_n);
        flight_init_copy(copy, f, 2);
        CHECK(copy->scope == f->scope && f->scope->refs == 2);
        flight_deinit(copy);
        flight_deinit(f);
        free(copy);
        free(f);
    }
    CHECK_EQ(t.n, 0);
    free(longest);
    flight_table_deinit(&ft);
    scopes_deinit(&t);
}

TEST_MAIN()
