#include "json/jtok.h"

#include <dirent.h>
#include <stdlib.h>

#include "test.h"
#include "json/walk.h"
#ifndef TEST_DATA
#include "json/test_data.h"
#endif

/* A literal where an initializer must be constant. */
#define LIT(text)                                                                                                      \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }

/* An exact heap copy, so that AddressSanitizer sees a read past either end.  free() its p. */
static struct slice exact(struct slice s)
{
    char *p = malloc(s.n ? s.n : 1);

    if (s.n)
        memcpy(p, s.p, s.n);
    return slice_of(p, s.n);
}

/* Reads a document both ways, which must agree; 0 or JTOK_BAD. */
static int read_both(struct slice text, unsigned max_depth, struct jval *v, struct jtok *t)
{
    struct jtok walked;
    struct slice copy = exact(text);
    int r = read_whole(t, copy, max_depth, v), w = read_walking(&walked, copy, max_depth);

    CHECK_EQ(r, w);
    if (r) {
        CHECK(t->error && walked.error);
        CHECK(t->at <= text.n);
        CHECK_EQ(t->at, walked.at);
    } else {
        CHECK(!t->error && !walked.error);
        CHECK(walk_inside(v, copy));
    }
    /* Hand the token back over the caller's own bytes. */
    if (r == 0)
        v->raw.p = text.p + (v->raw.p - copy.p);
    free((char *)copy.p);
    return r;
}

static int check_text(struct slice text)
{
    struct jtok t;
    struct jval v;

    return read_both(text, JTOK_MAX_DEPTH, &v, &t);
}

static const struct {
    struct slice text;
    enum jtype type;
    struct slice raw; /* NULL: the same as the text */
} valid[] = {
#define SAME                                                                                                           \
    {                                                                                                                  \
        NULL, 0                                                                                                        \
    }
    {LIT("null"), J_NULL, SAME},
    {LIT("true"), J_TRUE, SAME},
    {LIT("false"), J_FALSE, SAME},
    {LIT(" \t\r\n null \t\r\n "), J_NULL, LIT("null")},
    {LIT("0"), J_NUMBER, SAME},
    {LIT("-0"), J_NUMBER, SAME},
    {LIT("7"), J_NUMBER, SAME},
    {LIT("-1"), J_NUMBER, SAME},
    {LIT("10"), J_NUMBER, SAME},
    {LIT("18446744073709551615"), J_NUMBER, SAME},
    {LIT("-9223372036854775809"), J_NUMBER, SAME},
    {LIT("123456789012345678901234567890123456789012345678901234567890"), J_NUMBER, SAME},
    {LIT("98.64"), J_NUMBER, SAME},
    {LIT("0.000"), J_NUMBER, SAME},
    {LIT("1e2"), J_NUMBER, SAME},
    {LIT("1E+2"), J_NUMBER, SAME},
    {LIT("-0.5e-007"), J_NUMBER, SAME},
    {LIT("1e999999999"), J_NUMBER, SAME},
    {LIT(" 5 "), J_NUMBER, LIT("5")},
    {LIT("\"\""), J_STRING, SAME},
    {LIT("\"a\""), J_STRING, SAME},
    {LIT("\"0x1a2b\""), J_STRING, SAME},
    {LIT("\"fifteen bytes..\""), J_STRING, SAME},
    {LIT("\"sixteen bytes...\""), J_STRING, SAME},
    {LIT("\"0x0000000000000000000000000000000000000000000000000000000000000001\""), J_STRING, SAME},
    {LIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), J_STRING, SAME},
    {LIT("\"\\u0041\\uABCD\\uabcd\\uFfFf\\u0000\""), J_STRING, SAME},
    {LIT("\"\\ud83d\\ude00\""), J_STRING, SAME},
    {LIT("\"\\ud800\""), J_STRING, SAME},
    {LIT("\"\\udc00 \\ud800\\ud800\""), J_STRING, SAME},
    {LIT("\"\x7f\""), J_STRING, SAME},
    {LIT("\"\xc2\x80 \xdf\xbf\""), J_STRING, SAME},
    {LIT("\"\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf\""), J_STRING, SAME},
    {LIT("\"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\""), J_STRING, SAME},
    {LIT("\"\xef\xbb\xbf\""), J_STRING, SAME},
    {LIT("\"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\\n\xe4\xb8\x96\xe7\x95\x8c\""), J_STRING, SAME},
    {LIT("[]"), J_ARRAY, SAME},
    {LIT("[ ]"), J_ARRAY, SAME},
    {LIT("{}"), J_OBJECT, SAME},
    {LIT("{ \n }"), J_OBJECT, SAME},
    {LIT("[1]"), J_ARRAY, SAME},
    {LIT("[1,2,3]"), J_ARRAY, SAME},
    {LIT(" [ 1 , 2 , 3 ] "), J_ARRAY, LIT("[ 1 , 2 , 3 ]")},
    {LIT("[[],[[]],{},[{}]]"), J_ARRAY, SAME},
    {LIT("[null,true,false,0,\"\",[],{}]"), J_ARRAY, SAME},
    {LIT("{\"a\":1}"), J_OBJECT, SAME},
    {LIT("{ \"a\" : 1 , \"b\" : [ ] }"), J_OBJECT, SAME},
    {LIT("{\"\":\"\"}"), J_OBJECT, SAME},
    {LIT("{\"a\":1,\"a\":2}"), J_OBJECT, SAME},
    {LIT("{\"k\\u0065y\":{\"\\\"\":{\"]\":\"[\"}}}"), J_OBJECT, SAME},
    {LIT("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1a2b\"}"), J_OBJECT, SAME},
    {LIT("{\"a\":[{\"b\":[{\"c\":[]}]}],\"d\":{}}"), J_OBJECT, SAME},
};

TEST(valid_documents)
{
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        struct jtok t;
        struct jval v;
        struct slice raw = valid[i].raw.p ? valid[i].raw : valid[i].text;

        if (read_both(valid[i].text, 8, &v, &t)) {
            printf("# %.*s: %s at %zu\n", (int)valid[i].text.n, valid[i].text.p, t.error, t.at);
            CHECK(!"refused");
            continue;
        }
        CHECK_EQ(v.type, valid[i].type);
        CHECK(slice_eq(v.raw, raw));
    }
}

static const struct {
    struct slice text;
    size_t at; /* where the error is */
} invalid[] = {
    {LIT(""), 0},
    {LIT("  \n"), 3},
    {LIT("\xef\xbb\xbf{}"), 0},
    {LIT("\xff"), 0},
    {LIT("\0"), 0},
    {LIT("1\0"), 1},
    {LIT("[1,\0]"), 3},
    {LIT("[1\0]"), 2},
    {LIT("{}\0"), 2},
    {LIT("\v1"), 0},
    {LIT("\f1"), 0},
    {LIT("\xc2\xa0"
         "1"),
     0},
    {LIT("nul"), 3},
    {LIT("nulL"), 3},
    {LIT("nullx"), 4},
    {LIT("NULL"), 0},
    {LIT("True"), 0},
    {LIT("tru"), 3},
    {LIT("trve"), 2},
    {LIT("falsy"), 4},
    {LIT("[fals]"), 5},
    {LIT("undefined"), 0},
    {LIT("NaN"), 0},
    {LIT("Infinity"), 0},
    {LIT("-Infinity"), 1},
    {LIT("-"), 1},
    {LIT("-a"), 1},
    {LIT("--1"), 1},
    {LIT("+1"), 0},
    {LIT(".5"), 0},
    {LIT("5."), 2},
    {LIT("5.x"), 2},
    {LIT("5.e1"), 2},
    {LIT("00"), 1},
    {LIT("01"), 1},
    {LIT("-01"), 2},
    {LIT("0x1"), 1},
    {LIT("1e"), 2},
    {LIT("1e+"), 3},
    {LIT("1e+-1"), 3},
    {LIT("1e1.5"), 3},
    {LIT("1 2"), 2},
    {LIT("1,"), 1},
    {LIT("1_000"), 1},
    {LIT("\xef\xbc\x91"), 0},
    {LIT("'a'"), 0},
    {LIT("abc"), 0},
    {LIT("\""), 1},
    {LIT("\"a"), 2},
    {LIT("\"a\\"), 3},
    {LIT("\"a\\\""), 4},
    {LIT("\"\\a\""), 2},
    {LIT("\"\\x41\""), 2},
    {LIT("\"\\'\""), 2},
    {LIT("\"\\\0\""), 2},
    {LIT("\"\\U0041\""), 2},
    {LIT("\"\\u\""), 3},
    {LIT("\"\\u00\""), 5},
    {LIT("\"\\u004g\""), 6},
    {LIT("\"\\u 041\""), 3},
    {LIT("\"\\u-041\""), 3},
    {LIT("\"\\u00"), 5},
    {LIT("\"\n\""), 1},
    {LIT("\"a\tb\""), 2},
    {LIT("\"\0\""), 1},
    {LIT("\"\x1f\""), 1},
    {LIT("\"\x80\""), 1},
    {LIT("\"\xbf\""), 1},
    {LIT("\"\xc0\x80\""), 1},
    {LIT("\"\xc1\xbf\""), 1},
    {LIT("\"\xc2\""), 1},
    {LIT("\"\xc2"), 1},
    {LIT("\"\xc3\x28\""), 1},
    {LIT("\"\xe0\x9f\xbf\""), 1},
    {LIT("\"\xe2\x82\""), 1},
    {LIT("\"\xed\xa0\x80\""), 1},
    {LIT("\"\xed\xbf\xbf\""), 1},
    {LIT("\"\xf0\x8f\xbf\xbf\""), 1},
    {LIT("\"\xf0\x9f\x98\""), 1},
    {LIT("\"\xf4\x90\x80\x80\""), 1},
    {LIT("\"\xf5\x80\x80\x80\""), 1},
    {LIT("\"\xfe\""), 1},
    {LIT("\"\xc3\xa9\xff\""), 3},
    {LIT("["), 1},
    {LIT("]"), 0},
    {LIT("[1"), 2},
    {LIT("[1,"), 3},
    {LIT("[1,]"), 3},
    {LIT("[,1]"), 1},
    {LIT("[,]"), 1},
    {LIT("[1,,2]"), 3},
    {LIT("[1 2]"), 3},
    {LIT("[1}"), 2},
    {LIT("[}"), 1},
    {LIT("[]]"), 2},
    {LIT("[:]"), 1},
    {LIT("[\"a\":1]"), 4},
    {LIT("[1]x"), 3},
    {LIT("{"), 1},
    {LIT("}"), 0},
    {LIT("{]"), 1},
    {LIT("{\"a\"}"), 4},
    {LIT("{\"a\""), 4},
    {LIT("{\"a\":"), 5},
    {LIT("{\"a\":}"), 5},
    {LIT("{\"a\":1"), 6},
    {LIT("{\"a\":1,"), 7},
    {LIT("{\"a\":1,}"), 7},
    {LIT("{,\"a\":1}"), 1},
    {LIT("{\"a\":1,,\"b\":2}"), 7},
    {LIT("{\"a\":1]"), 6},
    {LIT("{\"a\" 1}"), 5},
    {LIT("{\"a\"::1}"), 5},
    {LIT("{\"a\",1}"), 4},
    {LIT("{\"a\":1 \"b\":2}"), 7},
    {LIT("{a:1}"), 1},
    {LIT("{'a':1}"), 1},
    {LIT("{1:1}"), 1},
    {LIT("{null:1}"), 1},
    {LIT("{\"\xff\":1}"), 2},
    {LIT("{\"a\nb\":1}"), 3},
    {LIT("{\"\\x\":1}"), 3},
    {LIT("{\"a\":1}{}"), 7},
    {LIT("{\"a\":1},"), 7},
    {LIT("[1]//x"), 3},
    {LIT("/*x*/1"), 0},
    {LIT("[1/**/]"), 2},
    {LIT("#1"), 0},
    {LIT("[{\"a\":[1,{\"b\":2]}]}"), 15},
};

TEST(invalid_documents)
{
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        struct jtok t;
        struct jval v;
        int r = read_both(invalid[i].text, 8, &v, &t);

        if (r == 0 || t.at != invalid[i].at) {
            printf("# row %zu, %.*s: at %zu, expected %zu\n", i, (int)invalid[i].text.n, invalid[i].text.p, t.at,
                   invalid[i].at);
            CHECK(!"accepted, or the error is elsewhere");
        }
    }
}

/* Each valid row again, moved to every offset of a vector and with long neighbours. */
TEST(valid_documents_anywhere)
{
    char text[512];

    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
        for (size_t before = 0; before < 40; before++) {
            size_t n = 0;

            text[n++] = '[';
            text[n++] = '"';
            memset(text + n, 'x', before);
            n += before;
            memcpy(text + n, "\",", 2);
            n += 2;
            memcpy(text + n, valid[i].text.p, valid[i].text.n);
            n += valid[i].text.n;
            text[n++] = ']';
            CHECK_EQ(check_text(slice_of(text, n)), 0);
        }
}

static const char *const wholes[] = {
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1a2b\"}",
    "{\"jsonrpc\" : \"2.0\", \"id\": \"\\u00e9\xc3\xa9\", "
    "\"method\":\"eth_call\",\n\t\"params\":[{\"to\":\"0x00000000000000000000\"},"
    "[],{},null,true,false,-1.5e+10,18446744073709551615,\"\xf0\x9f\x98\x80 \\ud83d\\ude00\"]}",
    "[[[[\"long enough to be looked at in more than one vector of thirty-two bytes, and then some\"]]]]",
    "\"a string alone, of more than sixteen bytes, with an \\u0065scape and \xe4\xb8\x96\"",
    "{}",
    "null",
};

TEST(every_prefix_is_invalid)
{
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        struct slice s = slice_str(wholes[i]);

        CHECK_EQ(check_text(s), 0);
        for (s.n--; s.n; s.n--)
            CHECK_EQ(check_text(s), JTOK_BAD);
    }
}

/* The error of a text that is only cut off says so, and stands at its end. */
TEST(cut_off_is_told_apart)
{
    struct jtok t;
    struct jval v;
    struct slice s = SLICE("{\"a\":[1,true,\"x\\u00e9\"]}");

    for (s.n--; s.n; s.n--) {
        CHECK_EQ(read_both(s, 8, &v, &t), JTOK_BAD);
        CHECK_EQ(t.at, s.n);
        CHECK_STR(slice_str(t.error), "the text ends early");
    }
}

static struct slice nested(char *text, unsigned depth, char open, bool fill)
{
    size_t n = 0;
    const char *inner = open == '{' ? "{\"a\":" : "[";

    for (unsigned i = 0; i < depth; i++) {
        const char *s = i + 1 == depth && !fill ? (open == '{' ? "{" : "[") : inner;

        memcpy(text + n, s, strlen(s));
        n += strlen(s);
    }
    if (fill)
        text[n++] = '1';
    memset(text + n, open == '{' ? '}' : ']', depth);
    return slice_of(text, n + depth);
}

TEST(depth_limit_is_exact)
{
    static char text[8 * (JTOK_MAX_DEPTH + 2)];
    struct jtok t;
    struct jval v;

    for (unsigned kind = 0; kind < 4; kind++) {
        char open = kind & 1 ? '{' : '[';
        bool fill = kind & 2;

        for (unsigned depth = 1; depth <= JTOK_MAX_DEPTH + 1;
             depth += depth < 5 || depth > JTOK_MAX_DEPTH - 5 ? 1 : 100) {
            struct slice s = nested(text, depth, open, fill);

            CHECK_EQ(read_both(s, depth, &v, &t), depth <= JTOK_MAX_DEPTH ? 0 : JTOK_BAD);
            CHECK_EQ(read_both(s, depth - 1, &v, &t), JTOK_BAD);
            CHECK_STR(slice_str(t.error), "nested too deeply");
            /* The limit cannot be raised past what the scanner has room for. */
            CHECK_EQ(read_both(s, 100000, &v, &t), depth <= JTOK_MAX_DEPTH ? 0 : JTOK_BAD);
        }
    }
    CHECK_EQ(read_both(SLICE("1"), 0, &v, &t), 0);
    CHECK_EQ(read_both(SLICE("[]"), 0, &v, &t), JTOK_BAD);
    /* Width is not depth. */
    CHECK_EQ(read_both(SLICE("[[],[],{},{\"a\":[]},[]]"), 3, &v, &t), 0);
    CHECK_EQ(read_both(SLICE("[[],[],{},{\"a\":[]},[]]"), 2, &v, &t), JTOK_BAD);
}

/* A container opened by hand counts against the limit of the values taken inside it. */
TEST(walked_containers_count)
{
    struct jtok t;
    struct jval v;

    jtok_init(&t, SLICE("[[[1]]]"), 3);
    CHECK_EQ(jtok_array(&t), 0);
    CHECK_EQ(t.depth, 1);
    CHECK_EQ(jtok_element(&t), 0);
    CHECK_EQ(jtok_value(&t, &v), 0);
    CHECK_STR(v.raw, "[[1]]");
    CHECK_EQ(jtok_element(&t), JTOK_END);
    CHECK_EQ(t.depth, 0);
    CHECK_EQ(jtok_finish(&t), 0);

    jtok_init(&t, SLICE("[[[1]]]"), 2);
    CHECK_EQ(jtok_array(&t), 0);
    CHECK_EQ(jtok_element(&t), 0);
    CHECK_EQ(jtok_value(&t, &v), JTOK_BAD);
    CHECK_EQ(t.at, 2);
}

TEST(walk_a_request)
{
    struct jtok t;
    struct jval key, v;
    enum jtype type;

    jtok_init(&t,
              SLICE(" {\"jsonrpc\":\"2.0\", \"i\\u0064\" : 18446744073709551615,\"params\":[ 1 ,[2], {\"x\":{}}] } "),
              16);
    CHECK_EQ(jtok_peek(&t, &type), 0);
    CHECK_EQ(type, J_OBJECT);
    CHECK_EQ(jtok_object(&t), 0);
    CHECK_EQ(jtok_member(&t, &key), 0);
    CHECK_STR(key.raw, "\"jsonrpc\"");
    CHECK_EQ(key.type, J_STRING);
    CHECK(!key.escaped);
    CHECK(jtok_text_eq(&key, SLICE("jsonrpc")));
    CHECK_EQ(jtok_value(&t, &v), 0);
    CHECK_STR(v.raw, "\"2.0\"");
    CHECK_EQ(jtok_member(&t, &key), 0);
    CHECK(key.escaped);
    CHECK(jtok_text_eq(&key, SLICE("id")));
    CHECK_EQ(jtok_value(&t, &v), 0);
    CHECK_STR(v.raw, "18446744073709551615");
    CHECK_EQ(v.type, J_NUMBER);
    CHECK_EQ(jtok_member(&t, &key), 0);
    CHECK_STR(key.raw, "\"params\"");
    CHECK_EQ(jtok_peek(&t, &type), 0);
    CHECK_EQ(type, J_ARRAY);
    CHECK_EQ(jtok_array(&t), 0);
    CHECK_EQ(jtok_element(&t), 0);
    CHECK_EQ(jtok_value(&t, &v), 0);
    CHECK_STR(v.raw, "1");
    CHECK_EQ(jtok_element(&t), 0);
    CHECK_EQ(jtok_value(&t, &v), 0);
    CHECK_STR(v.raw, "[2]");
    CHECK_EQ(v.type, J_ARRAY);
    CHECK_EQ(jtok_element(&t), 0);
    CHECK_EQ(jtok_object(&t), 0);
    CHECK_EQ(t.depth, 3);
    CHECK_EQ(jtok_member(&t, &key), 0);
    CHECK_EQ(jtok_object(&t), 0);
    CHECK_EQ(jtok_member(&t, &key), JTOK_END);
    CHECK_EQ(jtok_member(&t, &key), JTOK_END);
    CHECK_EQ(jtok_element(&t), JTOK_END);
    CHECK_EQ(jtok_member(&t, &key), JTOK_END);
    CHECK_EQ(t.depth, 0);
    CHECK_EQ(jtok_finish(&t), 0);
    CHECK_EQ(jtok_finish(&t), 0);
}

TEST(finish_wants_all_closed)
{
    struct jtok t;
    struct jval v;

    jtok_init(&t, SLICE("[1"), 4);
    CHECK_EQ(jtok_array(&t), 0);
    CHECK_EQ(jtok_element(&t), 0);
    CHECK_EQ(jtok_value(&t, &v), 0);
    CHECK_EQ(jtok_finish(&t), JTOK_BAD);

    jtok_init(&t, SLICE("1 x"), 4);
    CHECK_EQ(jtok_value(&t, &v), 0);
    CHECK_EQ(jtok_finish(&t), JTOK_BAD);
    CHECK_EQ(t.at, 2);
}

TEST(errors_stay)
{
    struct jtok t;
    struct jval v;
    enum jtype type;

    jtok_init(&t, SLICE("[1,x,2]"), 4);
    CHECK_EQ(jtok_value(&t, &v), JTOK_BAD);
    CHECK(t.error != NULL);
    CHECK_EQ(t.at, 3);
    CHECK_EQ(jtok_peek(&t, &type), JTOK_BAD);
    CHECK_EQ(jtok_value(&t, &v), JTOK_BAD);
    CHECK_EQ(jtok_object(&t), JTOK_BAD);
    CHECK_EQ(jtok_member(&t, &v), JTOK_BAD);
    CHECK_EQ(jtok_array(&t), JTOK_BAD);
    CHECK_EQ(jtok_element(&t), JTOK_BAD);
    CHECK_EQ(jtok_finish(&t), JTOK_BAD);
    CHECK_EQ(t.at, 3);
}

TEST(opening_the_wrong_kind)
{
    struct jtok t;
    struct jval v;

    jtok_init(&t, SLICE("[1]"), 4);
    CHECK_EQ(jtok_object(&t), JTOK_BAD);
    CHECK_EQ(t.at, 0);
    jtok_init(&t, SLICE("{}"), 4);
    CHECK_EQ(jtok_array(&t), JTOK_BAD);
    jtok_init(&t, SLICE("1"), 4);
    CHECK_EQ(jtok_array(&t), JTOK_BAD);
    jtok_init(&t, slice_of(NULL, 0), 4);
    CHECK_EQ(jtok_value(&t, &v), JTOK_BAD);
    CHECK_EQ(t.at, 0);
}

/* Forgetting to take a value is an error, not a skipped value. */
TEST(a_value_must_be_taken)
{
    struct jtok t;
    struct jval key;

    jtok_init(&t, SLICE("[1,2]"), 4);
    CHECK_EQ(jtok_array(&t), 0);
    CHECK_EQ(jtok_element(&t), 0);
    CHECK_EQ(jtok_element(&t), JTOK_BAD);
    jtok_init(&t, SLICE("{\"a\":\"b\"}"), 4);
    CHECK_EQ(jtok_object(&t), 0);
    CHECK_EQ(jtok_member(&t, &key), 0);
    CHECK_EQ(jtok_member(&t, &key), JTOK_BAD);
}

static const struct {
    const char *raw;
    struct slice text;
} decoded[] = {
    {"\"\"", LIT("")},
    {"\"plain\"", LIT("plain")},
    {"\"\xc3\xa9\"", LIT("\xc3\xa9")},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", LIT("\"\\/\b\f\n\r\t")},
    {"\"a\\nb\"", LIT("a\nb")},
    {"\"\\u0041\\u00e9\\u20AC\"", LIT("A\xc3\xa9\xe2\x82\xac")},
    {"\"\\u0000\"", LIT("\0")},
    {"\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"", LIT("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf")},
    {"\"\\ud83d\\ude00\"", LIT("\xf0\x9f\x98\x80")},
    {"\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", LIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
    {"\"\\ud800\"", LIT("\xef\xbf\xbd")},
    {"\"\\udc00\"", LIT("\xef\xbf\xbd")},
    {"\"\\ud800x\"", LIT("\xef\xbf\xbdx")},
    {"\"\\ud800\\n\"", LIT("\xef\xbf\xbd\n")},
    {"\"\\ud800\\u0041\"", LIT("\xef\xbf\xbd"
                               "A")},
    {"\"\\ud800\\ud83d\\ude00\"", LIT("\xef\xbf\xbd\xf0\x9f\x98\x80")},
    {"\"\\ude00\\ud83d\"", LIT("\xef\xbf\xbd\xef\xbf\xbd")},
};

TEST(text_is_decoded)
{
    for (size_t i = 0; i < sizeof decoded / sizeof *decoded; i++) {
        struct slice want = decoded[i].text, raw = exact(slice_str(decoded[i].raw));
        char *out = malloc(want.n ? want.n : 1);
        struct jtok t;
        struct jval v;

        CHECK_EQ(read_whole(&t, raw, 1, &v), 0);
        CHECK_EQ(jtok_text(&v, out, want.n), want.n);
        CHECK(slice_eq(slice_of(out, want.n), want));
        for (size_t cap = 0; cap < want.n; cap++)
            CHECK(jtok_text(&v, out, cap) == (size_t)-1);
        CHECK(jtok_text_eq(&v, want));
        if (want.n) {
            CHECK(!jtok_text_eq(&v, slice_of(want.p, want.n - 1)));
            memcpy(out, want.p, want.n);
            out[want.n - 1] ^= 1;
            CHECK(!jtok_text_eq(&v, slice_of(out, want.n)));
        }
        CHECK(!jtok_text_eq(&v, SLICE("something else, and longer")));
        free(out);
        free((char *)raw.p);
    }
}

TEST(text_of_no_string)
{
    struct jval v = {SLICE("12"), J_NUMBER, false};
    char out[4];

    CHECK(jtok_text(&v, out, sizeof out) == (size_t)-1);
    CHECK(!jtok_text_eq(&v, SLICE("12")));
    CHECK(!jtok_text_eq(&v, SLICE("")));
}

/* An odd byte at each place of a long string is found, whatever it is and wherever the vectors fall. */
TEST(long_strings)
{
    enum { LEN = 700 };
    static char text[LEN];

    for (size_t n = 2; n < LEN; n += n < 300 ? 1 : 57) {
        memset(text, 'd', n);
        text[0] = text[n - 1] = '"';
        CHECK_EQ(check_text(slice_of(text, n)), 0);
        for (size_t at = 1; at + 1 < n; at += n < 80 ? 1 : 13) {
            static const char odd[] = {'\n', '\0', '\x1f', '\x80', '\xff', '"', '\\'};

            for (size_t i = 0; i < sizeof odd; i++) {
                text[at] = odd[i];
                CHECK_EQ(check_text(slice_of(text, n)), JTOK_BAD);
                text[at] = 'd';
            }
        }
    }
}

/* Whole files: what nodes and clients send, and what they must not. */
static unsigned read_files(const char *folder, int want)
{
    char path[4096];
    DIR *d;
    struct dirent *e;
    unsigned n = 0;

    snprintf(path, sizeof path, "%s/%s", TEST_DATA, folder);
    d = opendir(path);
    while (d && (e = readdir(d)) != NULL) {
        char *text = malloc(1 << 20);
        size_t len;
        FILE *f;

        snprintf(path, sizeof path, "%s/%s/%s", TEST_DATA, folder, e->d_name);
        f = strstr(e->d_name, ".json") ? fopen(path, "rb") : NULL;
        if (f) {
            len = fread(text, 1, 1 << 20, f);
            fclose(f);
            if (check_text(slice_of(text, len)) != want) {
                printf("# %s\n", path);
                CHECK(!"the other outcome");
            }
            n++;
        }
        free(text);
    }
    if (d)
        closedir(d);
    return n;
}

TEST(valid_files)
{
    CHECK(read_files("valid", 0) > 0);
}

TEST(invalid_files)
{
    CHECK(read_files("invalid", JTOK_BAD) > 0);
}

TEST_MAIN()
