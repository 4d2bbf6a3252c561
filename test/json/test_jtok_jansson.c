/* Two readers that share no code must agree on what is JSON, and on what its strings say. */
#include <stdint.h>
#include <stdlib.h>

#include "test.h"
#include "json/jansson_twin.h"
#include "json/walk.h"

enum { ROUNDS = 200000, DEPTH = 64, TEXT_MAX = 512 };

static const char *const seeds[] = {
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1a2b\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"eth_call\",\"params\":[{\"to\":"
    "\"0x0000000000000000000000000000000000000000\"},\"latest\"]}",
    "[1,-2,3.5,-4e5,6E+7,8e-9,0,-0,0.0]",
    "[null,true,false,[],{},\"\",[[]],{\"a\":{}}]",
    "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\",\"\xc3\xa9\xe4\xb8\x96\xf0\x9f\x98\x80\"]",
    " { \"a\" : [ 1 , 2 ] ,\n\t\"b\" : { \"c\" : \"a string of more than thirty-two bytes in all\" } } ",
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\xd0\xbf"
    "0123456789abcdef0123456789abcdef0123\"",
    "12345",
};

static uint64_t state = 2463534242;

static size_t below(size_t n)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (size_t)(state % n);
}

/* One small change: the bytes that JSON is made of far more often than others. */
static size_t mutate(char *text, size_t n)
{
    static const char alphabet[] =
        "{}[]\",:\\/ \n\t0123456789-+.eEunltrfasbx\x01\x1f\x7f\x80\xbf\xc2\xe0\xed\xf0\xf4\xff";
    size_t at = n ? below(n) : 0, len;
    char c = alphabet[below(sizeof alphabet)]; /* its NUL too */

    switch (below(5)) {
    case 0:
        if (n)
            text[at] = c;
        return n;
    case 1:
        if (n == TEXT_MAX)
            return n;
        memmove(text + at + 1, text + at, n - at);
        text[at] = c;
        return n + 1;
    case 2:
        if (n == 0)
            return 0;
        memmove(text + at, text + at + 1, n - at - 1);
        return n - 1;
    case 3: /* a piece from elsewhere over this place */
        len = n ? below(n - at) : 0;
        if (len)
            memmove(text + at, text + below(n - len), len);
        return n;
    default:
        return below(8) ? n : at; /* cut off */
    }
}

TEST(mutated_documents_agree)
{
    unsigned good = 0, bad = 0, unable = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        char buf[TEXT_MAX];
        const char *seed = seeds[round % (sizeof seeds / sizeof *seeds)];
        size_t n = strlen(seed);
        struct slice text;
        char *copy;
        struct jtok t, w;
        struct jval v;
        json_t *j;
        enum twin twin;
        int r;

        memcpy(buf, seed, n);
        for (size_t k = below(4); k; k--)
            n = mutate(buf, n);
        copy = malloc(n ? n : 1);
        memcpy(copy, buf, n);
        text = slice_of(copy, n);
        r = read_whole(&t, text, DEPTH, &v);
        CHECK_EQ(read_walking(&w, text, DEPTH), r);
        twin = twin_load(text, &j);
        if (twin != TWIN_UNABLE && (twin == TWIN_GOOD) != (r == 0)) {
            printf("# %.*s\n", (int)n, copy);
            CHECK(!"they disagree");
        }
        good += twin == TWIN_GOOD;
        bad += twin == TWIN_BAD;
        unable += twin == TWIN_UNABLE;
        json_decref(j);
        free(copy);
    }
    /* The mutations are worth something only while both outcomes are common. */
    printf("# %u good, %u bad, %u beyond jansson\n", good, bad, unable);
    CHECK(good > ROUNDS / 10 && bad > ROUNDS / 10);
}

TEST(strings_decode_alike)
{
    static const char *const pieces[] = {"a",
                                         "0x12",
                                         "\\n",
                                         "\\\"",
                                         "\\\\",
                                         "\\/",
                                         "\\u0000",
                                         "\\u0041",
                                         "\\u00e9",
                                         "\\u20ac",
                                         "\\ud83d\\ude00",
                                         "\\uDBFF\\uDFFF",
                                         "\xc3\xa9",
                                         "\xe4\xb8\x96",
                                         "\xf0\x9f\x98\x80",
                                         "a longer piece, past sixteen bytes"};

    for (unsigned round = 0; round < 20000; round++) {
        char text[TEXT_MAX], out[TEXT_MAX];
        size_t n = 0, len;
        struct jtok t;
        struct jval v;
        json_t *j;

        text[n++] = '"';
        for (size_t k = below(8); k; k--) {
            const char *piece = pieces[below(sizeof pieces / sizeof *pieces)];

            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
        }
        text[n++] = '"';
        CHECK_EQ(read_whole(&t, slice_of(text, n), 1, &v), 0);
        CHECK_EQ(twin_load(slice_of(text, n), &j), TWIN_GOOD);
        len = jtok_text(&v, out, sizeof out);
        CHECK(slice_eq(slice_of(out, len), slice_of(json_string_value(j), json_string_length(j))));
        CHECK(jtok_text_eq(&v, slice_of(json_string_value(j), json_string_length(j))));
        json_decref(j);
    }
}

TEST_MAIN()
