/* Requests and responses as extents: what is valid, what is not, and whose id it was. */
#include "test.h"

#include "base/buf.h"
#include "rpc/message.h"

struct want {
    const char *text;
    const char *id;     /* "" : none */
    const char *method; /* with quotes; NULL: do not look */
    const char *params; /* "" : none */
    int valid, notification;
};

#define V "\"jsonrpc\":\"2.0\""

static const struct want requests[] = {
    {"{" V ",\"id\":1,\"method\":\"a\",\"params\":[1, 2]}", "1", "\"a\"", "[1, 2]", 1, 0},
    {" { \"params\" : {\"x\":1} , \"method\" : \"b\" , \"id\" : \"q\\u0041\\\"\" , " V " } ", "\"q\\u0041\\\"\"",
     "\"b\"", "{\"x\":1}", 1, 0},
    {"{" V ",\"id\":18446744073709551616123,\"method\":\"a\"}", "18446744073709551616123", "\"a\"", "", 1, 0},
    {"{" V ",\"id\":-1.5e300,\"method\":\"a\"}", "-1.5e300", "\"a\"", "", 1, 0},
    {"{" V ",\"id\":null,\"method\":\"a\"}", "null", "\"a\"", "", 1, 0},
    {"{" V ",\"method\":\"a\"}", "", "\"a\"", "", 1, 1},
    {"{" V ",\"id\":7,\"method\":\"a\",\"params\":null}", "7", "\"a\"", "", 1, 0},
    {"{" V ",\"id\":7,\"method\":\"a\",\"extra\":[{}]}", "7", "\"a\"", "", 1, 0},
    {"{" V ",\"\\u0069d\":7,\"m\\u0065thod\":\"a\"}", "7", "\"a\"", "", 1, 0},
    {"{\"jsonrpc\":\"2\\u002e0\",\"id\":7,\"method\":\"a\"}", "7", "\"a\"", "", 1, 0},
    /* invalid, the id known */
    {"{\"id\":7,\"method\":\"a\"}", "7", NULL, "", 0, 0},
    {"{\"jsonrpc\":\"1.0\",\"id\":7,\"method\":\"a\"}", "7", NULL, "", 0, 0},
    {"{\"jsonrpc\":2.0,\"id\":7,\"method\":\"a\"}", "7", NULL, "", 0, 0},
    {"{" V ",\"id\":7}", "7", NULL, "", 0, 0},
    {"{" V ",\"id\":7,\"method\":1}", "7", NULL, "", 0, 0},
    {"{" V ",\"id\":7,\"method\":\"a\",\"params\":\"x\"}", "7", NULL, "", 0, 0},
    {"{" V ",\"id\":7,\"method\":\"a\",\"params\":true}", "7", NULL, "", 0, 0},
    {"{" V ",\"id\":7,\"method\":\"a\",\"method\":\"b\"}", "7", NULL, "", 0, 0},
    {"{" V "," V ",\"id\":7,\"method\":\"a\"}", "7", NULL, "", 0, 0},
    {"{" V ",\"method\":1}", "", NULL, "", 0, 0},
    /* invalid, and the id cannot be known */
    {"{" V ",\"id\":7,\"id\":8,\"method\":\"a\"}", "", NULL, "", 0, 0},
    {"{" V ",\"id\":7,\"\\u0069d\":7,\"method\":\"a\"}", "", NULL, "", 0, 0},
    {"{" V ",\"id\":{},\"method\":\"a\"}", "", NULL, "", 0, 0},
    {"{" V ",\"id\":[1],\"method\":\"a\"}", "", NULL, "", 0, 0},
    {"{" V ",\"id\":true,\"method\":\"a\"}", "", NULL, "", 0, 0},
    {"1", "", NULL, "", 0, 0},
    {"\"x\"", "", NULL, "", 0, 0},
    {"{}", "", NULL, "", 0, 0},
};

static void check_request(const struct message_request *q, const struct want *w)
{
    CHECK_STR(q->id, w->id);
    CHECK_EQ(q->invalid == NULL, w->valid);
    CHECK_EQ(q->notification, w->notification);
    if (w->method) {
        CHECK_STR(q->method.raw, w->method);
        CHECK_STR(q->params, w->params);
    }
}

TEST(single_requests)
{
    struct message_body b;

    message_body_init(&b);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        message_body_scan(&b, slice_str(requests[i].text), 10, 32);
        CHECK_EQ(b.fail, FAIL_NONE);
        CHECK(!b.array);
        CHECK_EQ(b.n, 1);
        check_request(&b.requests[0], &requests[i]);
    }
    message_body_deinit(&b);
}

/* White space makes the scanner take the long way, which must come to the same. */
static void check_both_ways(const char *text)
{
    struct message_body a, b;
    char spaced[1024];
    int n = snprintf(spaced, sizeof spaced, "{ %s", text + 1);

    CHECK((size_t)n < sizeof spaced);
    message_body_init(&a);
    message_body_init(&b);
    message_body_scan(&a, slice_str(text), 10, 32);
    message_body_scan(&b, slice_str(spaced), 10, 32);
    CHECK_EQ(a.fail, b.fail);
    CHECK_EQ(a.n, b.n);
    if (a.fail)
        CHECK_EQ(a.at + 1, b.at);
    for (size_t i = 0; !a.fail && !b.fail && i < a.n; i++) {
        const struct message_request *p = &a.requests[i], *q = &b.requests[i];

        CHECK(slice_eq(p->id, q->id) && slice_eq(p->params, q->params));
        CHECK(p->invalid == q->invalid && p->notification == q->notification);
        CHECK(p->invalid || (slice_eq(p->method.raw, q->method.raw) && p->method.escaped == q->method.escaped &&
                             p->method.type == q->method.type));
    }
    message_body_deinit(&a);
    message_body_deinit(&b);
}

TEST(compact_requests)
{
    static const char *const members[] = {"\"jsonrpc\":\"2.0\"",
                                          "\"id\":1",
                                          "\"id\":\"a\\n\"",
                                          "\"method\":\"m\"",
                                          "\"method\":\"a_name_longer_than_16_bytes\"",
                                          "\"method\":\"\\u0061\"",
                                          "\"params\":[]",
                                          "\"params\":{\"a\":[\"b\",{}]}",
                                          "\"params\":null",
                                          "\"id\":null",
                                          "\"id\":-1.5e3",
                                          "\"id\":01",
                                          "\"id\":[]",
                                          "\"jsonrpc\":\"2.1\"",
                                          "\"method\":1",
                                          "\"params\":[",
                                          "\"x\":1",
                                          "\"method\":\"m",
                                          ""};
    enum { N = sizeof members / sizeof members[0] };
    char text[512];

    for (size_t a = 0; a < N; a++)
        for (size_t b = 0; b < N; b++)
            for (size_t c = 0; c < N; c++)
                for (size_t d = 0; d < N; d++) {
                    snprintf(text, sizeof text, "{%s,%s,%s,%s}", members[a], members[b], members[c], members[d]);
                    check_both_ways(text);
                }
    for (size_t a = 0; a < N; a++)
        for (size_t b = 0; b < N; b++)
            for (size_t c = 0; c < N; c++) {
                snprintf(text, sizeof text, "{%s,%s,%s}", members[a], members[b], members[c]);
                check_both_ways(text);
            }
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (requests[i].text[0] == '{')
            check_both_ways(requests[i].text);
}

TEST(the_same_requests_in_one_array)
{
    enum { N = sizeof requests / sizeof requests[0] };
    struct message_body b;
    struct buf text;

    buf_init(&text, 65536);
    for (size_t i = 0; i < N; i++)
        buf_printf(&text, "%c%s", i ? ',' : '[', requests[i].text);
    buf_str(&text, " ] ");
    message_body_init(&b);
    message_body_scan(&b, buf_get(&text), N, 32);
    CHECK_EQ(b.fail, FAIL_NONE);
    CHECK(b.array);
    CHECK_EQ(b.n, N);
    for (size_t i = 0; i < N; i++)
        check_request(&b.requests[i], &requests[i]);
    message_body_scan(&b, buf_get(&text), N - 1, 32);
    CHECK_EQ(b.fail, FAIL_BATCH_TOO_LARGE);
    for (size_t n = 0; n < text.n - 2; n++) { /* cut anywhere, nothing of it may run */
        message_body_scan(&b, slice_of(text.p, n), N, 32);
        CHECK_EQ(b.fail, FAIL_PARSE_ERROR);
    }
    message_body_deinit(&b);
    buf_deinit(&text);
}

TEST(whole_bodies_that_fail)
{
    static const struct {
        const char *text;
        enum fail fail;
    } rows[] = {
        {"", FAIL_PARSE_ERROR},           {"  ", FAIL_PARSE_ERROR},
        {"[]", FAIL_EMPTY_BATCH},         {" [ ] ", FAIL_EMPTY_BATCH},
        {"[1,]", FAIL_PARSE_ERROR},       {"{} {}", FAIL_PARSE_ERROR},
        {"[[1]", FAIL_PARSE_ERROR},       {"{\"a\":\"\xff\"}", FAIL_PARSE_ERROR},
        {"[[[[[]]]]]", FAIL_PARSE_ERROR}, /* deeper than 4 */
        {"[[[[]]]]", FAIL_NONE},
    };
    struct message_body b;

    message_body_init(&b);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        message_body_scan(&b, slice_str(rows[i].text), 10, 4);
        CHECK_EQ(b.fail, rows[i].fail);
        if (rows[i].fail == FAIL_PARSE_ERROR)
            CHECK(b.why && b.at <= strlen(rows[i].text));
    }
    message_body_deinit(&b);
}

TEST(responses)
{
    static const struct {
        const char *text;
        enum fail fail;
        int kind;
        const char *payload;
        long long id; /* -1: unknown, -2: null */
    } rows[] = {
        {"{" V ",\"id\":5,\"result\":{\"a\":18446744073709551615}}", FAIL_NONE, MESSAGE_RESULT,
         "{\"a\":18446744073709551615}", 5},
        {"{\"result\":98.640000 ,\"id\":\"5\"}\n", FAIL_NONE, MESSAGE_RESULT, "98.640000", 5},
        {"{\"id\":5,\"result\":null}", FAIL_NONE, MESSAGE_RESULT, "null", 5},
        {"{\"id\":5,\"error\":{\"code\":3,\"data\":\"0x\"}}", FAIL_NONE, MESSAGE_ERROR, "{\"code\":3,\"data\":\"0x\"}",
         5},
        {"{\"id\":5,\"result\":null,\"error\":{\"code\":3}}", FAIL_NONE, MESSAGE_ERROR, "{\"code\":3}", 5},
        {"{\"id\":5,\"result\":1,\"error\":null}", FAIL_NONE, MESSAGE_RESULT, "1", 5},
        {"{\"id\":null,\"error\":{\"code\":-32700}}", FAIL_NONE, MESSAGE_ERROR, "{\"code\":-32700}", -2},
        {"{\"id\":5.0,\"result\":1}", FAIL_NONE, MESSAGE_RESULT, "1", -1},
        {"{\"id\":-5,\"result\":1}", FAIL_NONE, MESSAGE_RESULT, "1", -1},
        {"{\"id\":\"0x5\",\"result\":1}", FAIL_NONE, MESSAGE_RESULT, "1", -1},
        {"{\"id\":99999999999999999999,\"result\":1}", FAIL_NONE, MESSAGE_RESULT, "1", -1},
        {"{" V ",\"result\":1}", FAIL_UPSTREAM_NO_ID, 0, NULL, 0},
        {"{" V ",\"id\":5}", FAIL_UPSTREAM_NO_RESULT, 0, NULL, 0},
        {"{\"id\":5,\"error\":null}", FAIL_UPSTREAM_NO_RESULT, 0, NULL, 0},
        {"{\"status\":\"ok\"}", FAIL_UPSTREAM_NOT_RPC, 0, NULL, 0},
        {"[{\"id\":5,\"result\":1}]", FAIL_UPSTREAM_NOT_RPC, 0, NULL, 0},
        {"\"ok\"", FAIL_UPSTREAM_NOT_RPC, 0, NULL, 0},
        {"{\"id\":5,\"result\":1,\"result\":2}", FAIL_UPSTREAM_NOT_RPC, 0, NULL, 0},
        {"{\"id\":5,\"id\":6,\"result\":2}", FAIL_UPSTREAM_NOT_RPC, 0, NULL, 0},
        {"{" V ",\"result\":\"0x1\",\"id\":5}", FAIL_NONE, MESSAGE_RESULT, "\"0x1\"", 5},
        {"{" V ",\"result\":[{}],\"id\":0} ", FAIL_NONE, MESSAGE_RESULT, "[{}]", 0},
        {"{" V ",\"id\":5,\"result\": {} }", FAIL_NONE, MESSAGE_RESULT, "{}", 5},
        {"{" V ",\"id\":5 ,\"result\":{}}", FAIL_NONE, MESSAGE_RESULT, "{}", 5},
        {"{" V ",\"id\":9223372036854775807,\"result\":1}", FAIL_NONE, MESSAGE_RESULT, "1", INT64_MAX},
        {"{" V ",\"id\":99999999999999999999,\"result\":1}", FAIL_NONE, MESSAGE_RESULT, "1", -1},
        {"{" V ",\"id\":5.5,\"result\":1}", FAIL_NONE, MESSAGE_RESULT, "1", -1},
        {"{" V ",\"id\":5,\"result\":1,\"error\":{\"code\":1}}", FAIL_NONE, MESSAGE_ERROR, "{\"code\":1}", 5},
        {"{" V ",\"id\":5,\"result\":1,\"id\":5}", FAIL_UPSTREAM_NOT_RPC, 0, NULL, 0},
        {"{" V ",\"id\":05,\"result\":1}", FAIL_UPSTREAM_NOT_JSON, 0, NULL, 0},
        {"{" V ",\"id\":,\"result\":1}", FAIL_UPSTREAM_NOT_JSON, 0, NULL, 0},
        {"{" V ",\"id\":5,\"result\":}", FAIL_UPSTREAM_NOT_JSON, 0, NULL, 0},
        {"{" V ",\"id\":5,\"result\":1]", FAIL_UPSTREAM_NOT_JSON, 0, NULL, 0},
        {"{" V ",\"id\":5,\"result\":1}}", FAIL_UPSTREAM_NOT_JSON, 0, NULL, 0},
        {"{" V ",\"id\":5,\"result\":[1}", FAIL_UPSTREAM_NOT_JSON, 0, NULL, 0},
        {"<html>", FAIL_UPSTREAM_NOT_JSON, 0, NULL, 0},
        {"", FAIL_UPSTREAM_NOT_JSON, 0, NULL, 0},
        {"{\"id\":5,\"result\":1", FAIL_UPSTREAM_NOT_JSON, 0, NULL, 0},
        {"{\"id\":5,\"result\":1}{", FAIL_UPSTREAM_NOT_JSON, 0, NULL, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message_response m;
        enum fail f = message_response_scan(&m, slice_str(rows[i].text), 32);

        CHECK_EQ(f, rows[i].fail);
        if (f || rows[i].fail)
            continue;
        CHECK_EQ(m.kind, rows[i].kind);
        CHECK_STR(m.payload, rows[i].payload);
        CHECK_EQ(m.id_known, rows[i].id >= 0);
        CHECK_EQ(m.id_null, rows[i].id == -2);
        if (rows[i].id >= 0)
            CHECK_EQ(m.id, rows[i].id);
    }
}

TEST_MAIN()
