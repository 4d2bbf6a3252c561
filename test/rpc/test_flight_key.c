#include "rpc/flight_key.h"

#include <stdlib.h>

#include "base/mem.h"
#include "rpc/flight_table.h"
#include "test.h"
#include "json/jtok.h"

struct corpus {
    const char *name;
    bool fold_hex;
    const char *texts[40];
};

static size_t key_of(char *out, const char *text, bool fold_hex)
{
    struct slice s = slice_str(text);

    if (!flight_key_is_plain(s, fold_hex))
        return flight_key_write(out, s, fold_hex);
    memcpy(out, s.p, s.n);
    return s.n;
}

/* No two of a row may ever share an answer. */
static const struct corpus different[] = {
    {"arrays",
     true,
     {"[[\"a\"],\"b\"]", "[\"a\",\"b\"]", "[\"a\",[\"b\"]]", "[[\"a\",\"b\"]]", "[\"ab\"]", "[[[\"a\"]],\"b\"]",
      "[\"a\",\"b\",[]]", "[[],\"a\",\"b\"]", "[\"a,b\"]", "[\"a\\\",\\\"b\"]", "[\"a\",\"\",\"b\"]"}},
    {"separators",
     true,
     {"[\"ab\",\"c\"]", "[\"a\",\"bc\"]", "[\"abc\"]", "[\"\",\"abc\"]", "[\"abc\",\"\"]", "[\"a\",\"b\",\"c\"]"}},
    {"topics",
     true,
     {"[{\"topics\":[[\"0xaa\"],\"0xbb\"]}]", "[{\"topics\":[\"0xaa\",\"0xbb\"]}]",
      "[{\"topics\":[[\"0xaa\",\"0xbb\"]]}]", "[{\"topics\":[null,\"0xaa\",\"0xbb\"]}]",
      "[{\"topics\":[\"0xaa\",null,\"0xbb\"]}]", "[{\"topics\":[\"0xaabb\"]}]", "[{\"topics\":[]}]", "[{}]"}},
    {"base58 case",
     false,
     {"[\"So11111111111111111111111111111111111111112\"]", "[\"so11111111111111111111111111111111111111112\"]",
      "[\"SO11111111111111111111111111111111111111112\"]"}},
    {"0X", true, {"[\"0xab\"]", "[\"0Xab\"]"}},
    {"hex case on Solana", false, {"[\"0xAB\"]", "[\"0xab\"]", "[\"0Xab\"]"}},
    {"free text",
     true,
     {"[\"Tracer\"]", "[\"tracer\"]", "[\"0xABg\"]", "[\"0xabg\"]", "[\"0xAB \"]", "[\"0xab \"]", "[\" 0xab\"]",
      "[\"AB\"]", "[\"ab\"]", "[\"x0AB\"]", "[\"x0ab\"]"}},
    {"escapes",
     true,
     {"[\"a\"]", "[\"\\u0061\"]", "[\"\\\\u0061\"]", "[\"\\\"\"]", "[\"\\\\\"]", "[\"0x\\u0041\"]", "[\"0xA\"]"}},
    {"white space in text", true, {"[\"a b\"]", "[\"ab\"]", "[\"a  b\"]", "[\"a\\tb\"]", "[\"a\\nb\"]"}},
    {"numbers",
     true,
     {"[1]", "[1.0]", "[1e0]", "[10e-1]", "[\"1\"]", "[01e1]", "[-1]", "[12]", "[1,2]", "[100]", "[1e2]",
      "[18446744073709551615]", "[18446744073709551616]", "[1.8446744073709552e19]"}},
    {"literals",
     true,
     {"[null]", "[]", "[true]", "[false]", "[\"null\"]", "[\"true\"]", "[[]]", "[{}]", "[\"\"]", "[0]"}},
    {"leading zeros", true, {"[\"0x1\"]", "[\"0x01\"]", "[\"0x\"]", "[\"0x0\"]", "[\"0x10\"]"}},
    {"tags",
     true,
     {"[\"0xaa\",\"latest\"]", "[\"0xaa\"]", "[\"0xaa\",\"pending\"]", "[\"0xaa\",\"safe\"]",
      "[\"0xaa\",\"finalized\"]", "[\"0xaa\",\"earliest\"]", "[\"0xaa\",null]", "[\"0xaa\",\"\"]",
      "[\"0xaa\",\"LATEST\"]", "[\"0xaa\",\"0x1\"]", "[\"0xaa\",{\"blockNumber\":\"0x1\"}]",
      "[\"0xaa\",{\"blockHash\":\"0x1\"}]", "[\"0xaa\",{\"blockHash\":\"0x1\",\"requireCanonical\":true}]"}},
    {"key order",
     true,
     {"[{\"a\":1,\"b\":2}]", "[{\"b\":2,\"a\":1}]", "[{\"a\":1},{\"b\":2}]", "[{\"a\":[1],\"b\":2}]",
      "[{\"a\":{\"b\":2}}]", "[{\"a\":1,\"b\":2,\"b\":2}]"}},
    {"names are no values",
     true,
     {"[{\"0xAB\":1}]", "[{\"0xab\":1}]", "[{\"0xAB\" :1,\"0xab\":1}]", "[{\"0xab\" :1,\"0xab\":1}]"}},
    {"objects and arrays", true, {"{\"a\":1}", "[{\"a\":1}]", "[\"a\",1]", "[\"a:1\"]", "[{\"a\":\"1\"}]"}},
    {"utf-8", true, {"[\"\xc3\xa9\"]", "[\"e\xcc\x81\"]", "[\"\\u00e9\"]", "[\"\xe2\x80\x83\"]", "[\" \"]"}},
};

/* All of a row are one question. */
static const struct corpus equal[] = {
    {"white space",
     true,
     {"[1,{\"a\":[true,null]},\"b c\"]", " [ 1 , { \"a\" : [ true , null ] } , \"b c\" ] ",
      "[\n\t1,\r\n{\"a\":\t[true,null]},\"b c\"]"}},
    {"checksummed address",
     true,
     {"[{\"to\":\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\"},\"latest\"]",
      "[{\"to\":\"0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48\"},\"latest\"]",
      "[{\"to\":\"0xA0B86991C6218B36C1D19D4A2E9EB0CE3606EB48\"}, \"latest\"]"}},
    {"short hex", true, {"[\"0xF\"]", "[\"0xf\"]", "[ \"0xF\" ]"}},
    {"white space on Solana", false, {"[\"aB\",{\"encoding\":\"base64\"}]", "[\"aB\", {\"encoding\": \"base64\"}]"}},
};

TEST(no_two_questions_share_a_key)
{
    char a[256], b[256];

    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++)
        for (const char *const *x = different[i].texts; *x; x++)
            for (const char *const *y = x + 1; *y; y++) {
                size_t n = key_of(a, *x, different[i].fold_hex), m = key_of(b, *y, different[i].fold_hex);

                if (n == m && memcmp(a, b, n) == 0)
                    printf("# %s: %s and %s\n", different[i].name, *x, *y);
                CHECK(n != m || memcmp(a, b, n) != 0);
            }
}

TEST(one_question_has_one_key)
{
    char a[256], b[256];

    for (size_t i = 0; i < sizeof equal / sizeof equal[0]; i++)
        for (const char *const *y = equal[i].texts + 1; *y; y++) {
            size_t n = key_of(a, equal[i].texts[0], equal[i].fold_hex), m = key_of(b, *y, equal[i].fold_hex);

            CHECK(n == m && memcmp(a, b, n) == 0);
        }
}

/* At every length and place: what the quick test passes is what the walk would write. */
TEST(plain_text_is_its_own_key)
{
    static const char sample[] = "[\"0123456789abcdef0123456789abcdef\",{\"k\":[1,2,3]},\"latest\",\"ghijklm\"]";
    static const char odd[] = {' ', '\n', 'A', 'F', 'X', 'G', 'W', '@', 'Z', '_', 'a'};
    char text[sizeof sample], key[sizeof sample];

    for (size_t at = 2; at < 34; at++)
        for (size_t k = 0; k < sizeof odd; k++)
            for (int fold = 0; fold < 2; fold++) {
                struct slice s = slice_of(text, sizeof sample - 1);
                size_t n;

                memcpy(text, sample, sizeof sample);
                text[at] = odd[k];
                n = flight_key_write(key, s, fold);
                if (flight_key_is_plain(s, fold))
                    CHECK(n == s.n && memcmp(key, text, n) == 0);
                if (odd[k] == ' ' || (fold && (odd[k] == 'A' || odd[k] == 'F')))
                    CHECK(!flight_key_is_plain(s, fold));
            }
}

static struct flight *flight_of(const struct flight_table *t, const char *params, uint64_t head, uint64_t write,
                                void *chain)
{
    struct message_request q = {.method = {.raw = SLICE("\"eth_call\""), .type = J_STRING},
                                .params = slice_str(params)};
    struct flight *f = mem_zero(sizeof *f);

    flight_init(f, &q, method_get(CHAIN_EVM, SLICE("eth_call")), 1);
    f->chain = chain;
    f->fold_hex = true;
    flight_table_key(t, f, head, write);
    return f;
}

static void drop(struct flight_table *t, struct flight *f)
{
    flight_table_remove(t, f);
    flight_deinit(f);
    free(f);
}

TEST(a_flight_is_found_by_its_whole_key)
{
    static const struct hash_secret secret = {{1, 2, 3, 4}};
    struct flight_table t;
    struct flight *a, *b;
    int one, two;

    flight_table_init(&t, &secret);
    a = flight_of(&t, "[\"0xAA\",\"latest\"]", 7, 3, &one);
    flight_table_add(&t, a);
#define FOUND(params, head, write, chain, want)                                                                        \
    b = flight_of(&t, params, head, write, chain);                                                                     \
    CHECK(flight_table_find(&t, b) == (want));                                                                         \
    drop(&t, b)
    FOUND("[\"0xaa\", \"latest\"]", 7, 3, &one, a);
    FOUND("[\"0xab\",\"latest\"]", 7, 3, &one, NULL);
    FOUND("[\"0xaa\",\"latest\"]", 8, 3, &one, NULL);
    FOUND("[\"0xaa\",\"latest\"]", 7, 4, &one, NULL);
    FOUND("[\"0xaa\",\"latest\"]", 3, 7, &one, NULL);
    FOUND("[\"0xaa\",\"latest\"]", 7, 3, &two, NULL);
    /* Equal hashes say nothing. */
    b = flight_of(&t, "[\"0xcc\",\"latest\"]", 7, 3, &one);
    b->key_hash = a->key_hash;
    CHECK(flight_table_find(&t, b) == NULL);
    drop(&t, b);
    flight_table_remove(&t, a);
    FOUND("[\"0xaa\",\"latest\"]", 7, 3, &one, NULL);
    drop(&t, a);
    flight_table_deinit(&t);
}

TEST(the_table_grows_and_empties)
{
    enum { N = 5000 };
    static const struct hash_secret secret = {{5, 6, 7, 8}};
    static struct flight *f[N];
    struct flight_table t;
    char params[32];

    flight_table_init(&t, &secret);
    for (int i = 0; i < N; i++) {
        snprintf(params, sizeof params, "[%d]", i);
        f[i] = flight_of(&t, params, 0, 0, NULL);
        CHECK(flight_table_find(&t, f[i]) == NULL);
        flight_table_add(&t, f[i]);
    }
    CHECK_EQ(t.n, N);
    for (int i = 0; i < N; i++)
        CHECK(flight_table_find(&t, f[i]) == f[i]);
    for (int i = 0; i < N; i++)
        drop(&t, f[(i * 7919) % N]);
    flight_table_deinit(&t);
}

TEST_MAIN()
