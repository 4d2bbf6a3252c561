/* What servers say instead of answering a batch, and what that makes of its members. */
#include "test.h"

#include "upstream/batch_refusal.h"

static const struct {
    const char *from;
    unsigned status;
    const char *body; /* to a batch with the ids 1, 2, 3, 4, 5 */
    enum batch_refusal what;
    int whole;
    unsigned limit, answered;
    const char *names; /* joined with | */
} bodies[] = {
#define E(code, message)      "\"error\":{\"code\":" #code ",\"message\":\"" message "\"}"
#define ONE(code, message)    "{\"jsonrpc\":\"2.0\",\"id\":null," E(code, message) "}"
#define OK(id)                "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":\"0x1\"}"
#define NO(id, code, message) "{\"jsonrpc\":\"2.0\",\"id\":" #id "," E(code, message) "}"
    {"geth, more than 1000 items", 200, "[" NO(1, -32600, "batch too large") "]", BATCH_REFUSAL_CALLS, 1, 0, 0, ""},
    {"geth, only notifications known", 200, "[" NO(null, -32600, "batch too large") "]", BATCH_REFUSAL_CALLS, 1, 0, 0,
     ""},
    {"geth, response too large", 200,
     "[" OK(1) "," OK(2) "," NO(3, -32003, "response too large") "," NO(4, -32003, "response too large") "," NO(
         5, -32003, "response too large") "]",
     BATCH_REFUSAL_ANSWER, 0, 2, 5, ""},
    {"geth, response too large at once", 200,
     "[" NO(1, -32003, "response too large") "," NO(2, -32003, "response too large") "," NO(
         3, -32003, "response too large") "," NO(4, -32003, "response too large") "," NO(5, -32003,
                                                                                         "response too large") "]",
     BATCH_REFUSAL_ANSWER, 1, 0, 0, ""},
    {"geth, timeout", 200,
     "[" OK(1) "," NO(2, -32002, "request timed out") "," NO(3, -32002, "request timed out") "," NO(
         4, -32002, "request timed out") "," NO(5, -32002, "request timed out") "]",
     BATCH_REFUSAL_NONE, 0, 0, 5, ""},
    {"jsonrpsee, batch too big", 200,
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32010,\"message\":\"The batch request was too large\","
     "\"data\":\"Exceeded max limit of 4\"}}",
     BATCH_REFUSAL_CALLS, 1, 4, 0, ""},
    {"jsonrpsee, response too big", 200,
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32011,\"message\":\"The batch response was too large\","
     "\"data\":\"Exceeded max limit of 167772160\"}}",
     BATCH_REFUSAL_ANSWER, 1, 0, 0, ""},
    {"jsonrpsee, batches disabled", 200, ONE(-32005, "Batched requests are not supported by this server"),
     BATCH_REFUSAL_DISABLED, 1, 0, 0, ""},
    {"jsonrpsee, request too big", 413, ONE(-32007, "Request is too big"), BATCH_REFUSAL_BYTES, 1, 0, 0, ""},
    {"erigon, newer", 200,
     "{\"jsonrpc\":\"2.0\",\"id\":null," E(
         -32000, "batch limit 2 exceeded (can increase by --rpc.batch.limit). Requested batch of size: 5") "}",
     BATCH_REFUSAL_CALLS, 1, 2, 0, ""},
    {"erigon, older", 200, ONE(-32000, "batch limit 3 exceeded: 5 requests given"), BATCH_REFUSAL_CALLS, 1, 3, 0, ""},
    {"a limit that cannot be", 200, ONE(-32000, "batch limit 100 exceeded"), BATCH_REFUSAL_CALLS, 1, 0, 0, ""},
    {"a limit of none", 200, ONE(-32000, "batch limit 0 exceeded"), BATCH_REFUSAL_CALLS, 1, 0, 0, ""},
    {"erigon, a method", 200, ONE(-32000, "method trace_filter not allowed in a batch request"), BATCH_REFUSAL_METHOD,
     1, 0, 0, "trace_filter|"},
    {"nethermind, size", 413, ONE(-32005, "Batch size limit exceeded"), BATCH_REFUSAL_CALLS, 1, 0, 0, ""},
    {"nethermind, response", 200,
     "[" OK(1) "," OK(2) "," OK(3) "," NO(4, -32005, "MaxBatchResponseBodySize of 33554432 bytes exceeded") "," NO(
         5, -32005, "MaxBatchResponseBodySize of 33554432 bytes exceeded") "]",
     BATCH_REFUSAL_ANSWER, 0, 3, 5, ""},
    {"besu", 200, ONE(-32005, "Number of requests in batch exceeds max batch size"), BATCH_REFUSAL_CALLS, 1, 0, 0, ""},
    {"proxyd", 413, ONE(-32014, "too many RPC calls in batch request"), BATCH_REFUSAL_CALLS, 1, 0, 0, ""},
    {"proxyd, backend response", 500, ONE(-32020, "backend response too large"), BATCH_REFUSAL_ANSWER, 1, 0, 0, ""},
    {"Hedera, disabled", 200, ONE(-32202, "Batch requests are disabled"), BATCH_REFUSAL_DISABLED, 1, 0, 0, ""},
    {"Hedera, amount", 200, ONE(-32203, "Batch request amount 5 exceeds max 4"), BATCH_REFUSAL_CALLS, 1, 4, 0, ""},
    {"Infura, an unsupported method in it", 200, ONE(-32601, "The method eth_foo does not exist/is not available"),
     BATCH_REFUSAL_METHOD, 1, 0, 0, "eth_foo|"},
    {"Alchemy", 400, "{\"jsonrpc\":\"2.0\",\"id\":1," E(-32600, "Unsupported methods [trace_block] in batch call") "}",
     BATCH_REFUSAL_METHOD, 1, 0, 0, "trace_block|"},
    {"Alchemy, two", 200, ONE(-32600, "Unsupported methods [trace_block, debug_x] in batch call"), BATCH_REFUSAL_METHOD,
     1, 0, 0, "trace_block|debug_x|"},
    {"dRPC, in every element", 500,
     "[" NO(1, 31, "Batch of more than 3 requests are not allowed on free tier") "," NO(
         2, 31,
         "Batch of more than 3 requests are not allowed on free tier") "," NO(3, 31,
                                                                              "Batch of more than 3 requests are not "
                                                                              "allowed on free tier") "," NO(4, 31,
                                                                                                             "Batch of "
                                                                                                             "more "
                                                                                                             "than 3 "
                                                                                                             "requests "
                                                                                                             "are not "
                                                                                                             "allowed "
                                                                                                             "on free "
                                                                                                             "tier") "," NO(5,
                                                                                                                            31,
                                                                                                                            "Batch of "
                                                                                                                            "more "
                                                                                                                            "than 3 "
                                                                                                                            "requests "
                                                                                                                            "are not "
                                                                                                                            "allowed "
                                                                                                                            "on free "
                                                                                                                            "tier") "]",
     BATCH_REFUSAL_CALLS, 1, 3, 0, ""},
    {"dRPC, as one", 500,
     ONE(31, "Batch of more than 3 requests are not allowed on free tier, to use this feature register paid account"),
     BATCH_REFUSAL_CALLS, 1, 3, 0, ""},
    {"agave", 413, "<h1>too long</h1>", BATCH_REFUSAL_BYTES, 1, 0, 0, ""},
    {"geth, Content-Length", 413, "content length too large (6000000>5242880)\n", BATCH_REFUSAL_BYTES, 1, 0, 0, ""},
    {"nginx", 413, "<html><head><title>413 Request Entity Too Large</title></head></html>", BATCH_REFUSAL_BYTES, 1, 0,
     0, ""},
    {"a plain text", 400, "batch requests are disabled\n", BATCH_REFUSAL_DISABLED, 1, 0, 0, ""},
    {"not JSON-RPC", 400, "{\"error\":\"JSON-RPC batch requests are disabled\"}", BATCH_REFUSAL_DISABLED, 1, 0, 0, ""},
    {"an error of its own make", 400, "{\"msg\":\"Batch requests are not supported\"}", BATCH_REFUSAL_DISABLED, 1, 0, 0,
     ""},
    {"arrays not known", 200, ONE(-32600, "Invalid Request"), BATCH_REFUSAL_DISABLED, 1, 0, 0, ""},
    {"arrays not parsed", 200, ONE(-32700, "Parse error"), BATCH_REFUSAL_DISABLED, 1, 0, 0, ""},
    {"arrays not known, in an array", 200, "[" NO(null, -32600, "Invalid Request") "]", BATCH_REFUSAL_DISABLED, 1, 0, 0,
     ""},
    {"method not allowed", 405, "no", BATCH_REFUSAL_DISABLED, 1, 0, 0, ""},
    {"content type", 415, "no", BATCH_REFUSAL_DISABLED, 1, 0, 0, ""},
    {"not implemented", 501, "no", BATCH_REFUSAL_DISABLED, 1, 0, 0, ""},
    {"unclear", 200, ONE(-32000, "something"), BATCH_REFUSAL_UNCLEAR, 1, 0, 0, ""},
    {"unclear, HTTP", 400, "Bad Request", BATCH_REFUSAL_UNCLEAR, 1, 0, 0, ""},
    {"a result for all", 200, OK(1), BATCH_REFUSAL_UNCLEAR, 1, 0, 0, ""},
    {"no ids", 200, "[{\"result\":1},{\"result\":2}]", BATCH_REFUSAL_UNCLEAR, 1, 0, 0, ""},
    {"nothing", 200, "[]", BATCH_REFUSAL_UNCLEAR, 1, 0, 0, ""},
    {"agave, nothing", 200, "", BATCH_REFUSAL_UNCLEAR, 1, 0, 0, ""},
    {"an unsupported method in it, not named", 200, ONE(-32601, "Method not found"), BATCH_REFUSAL_METHOD, 1, 0, 0, ""},
    /* Not about the batch. */
    {"rate limit by HTTP", 429, "{\"error\":\"slow down\"}", BATCH_REFUSAL_NONE, 0, 0, 0, ""},
    {"Infura, rate limit", 200, ONE(-32005, "daily request count exceeded, request rate limited"), BATCH_REFUSAL_NONE,
     0, 0, 0, ""},
    {"Alchemy, rate limit", 200, ONE(429, "Your app has exceeded its compute units per second capacity"),
     BATCH_REFUSAL_NONE, 0, 0, 0, ""},
    {"erigon, busy", 503, ONE(-32005, "server overloaded"), BATCH_REFUSAL_NONE, 0, 0, 0, ""},
    {"bad gateway", 502, "<html>", BATCH_REFUSAL_NONE, 0, 0, 0, ""},
    {"no key", 401, ONE(-32000, "unauthorized"), BATCH_REFUSAL_NONE, 0, 0, 0, ""},
    {"the others lost", 200, "[" NO(1, 3, "execution reverted") "]", BATCH_REFUSAL_NONE, 0, 0, 1, ""},
    {"a contract that speaks of batches", 200, "[" NO(1, -32000, "execution reverted: batch too large") "]",
     BATCH_REFUSAL_NONE, 0, 0, 1, ""},
    {"one member's own", 200, "[" OK(1) "," NO(5, -32000, "batch size too large for this filter") "]",
     BATCH_REFUSAL_NONE, 0, 0, 2, ""},
    {"QuickNode, over the rate", 200,
     "[" OK(1) "," OK(2) "," OK(3) "," OK(4) "," NO(5, 429, "request limit reached") "]", BATCH_REFUSAL_NONE, 0, 0, 5,
     ""},
    {"all well", 200, "[" OK(5) "," OK(4) "," OK(3) "," OK(2) "," OK(1) "]", BATCH_REFUSAL_NONE, 0, 0, 5, ""},
    {"all reverted", 200,
     "[" NO(1, 3, "execution reverted") "," NO(2, 3, "execution reverted") "," NO(3, 3, "execution reverted") "," NO(
         4, 3, "execution reverted") "," NO(5, 3, "execution reverted") "]",
     BATCH_REFUSAL_NONE, 0, 0, 5, ""},
    {"cut off", 200, "[" OK(1) "," OK(2), BATCH_REFUSAL_UNCLEAR, 1, 0, 0, ""},
};

TEST(whole_batches)
{
    struct batch_answer a;

    batch_answer_init(&a);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct slice body = slice_str(bodies[i].body), name;
        struct batch_verdict v;
        char names[128] = "";
        unsigned before = test_failures;
        enum fail f;

        batch_answer_begin(&a);
        for (uint64_t id = 1; id <= 5; id++)
            batch_answer_expect(&a, id);
        f = batch_answer_scan(&a, body, 64);
        batch_refusal_judge(&v, &a, f, body, bodies[i].status);
        CHECK_EQ(v.what, bodies[i].what);
        CHECK_EQ(v.whole, bodies[i].whole);
        CHECK_EQ(v.limit, bodies[i].limit);
        CHECK_EQ(a.answered, bodies[i].answered);
        CHECK_EQ(batch_verdict_alone(&v),
                 v.what == BATCH_REFUSAL_UNCLEAR || (v.what == BATCH_REFUSAL_METHOD && bodies[i].names[0] == '\0'));
        /* what is said to all and is no refusal is everybody's answer */
        CHECK_EQ(v.error.n > 0, f == FAIL_NONE && a.shape == BATCH_ANSWER_OBJECT && v.what == BATCH_REFUSAL_NONE);
        if (v.error.n)
            CHECK(slice_eq(v.error, a.whole.payload));
        while (batch_refusal_name(&v.methods, &name))
            snprintf(names + strlen(names), sizeof names - strlen(names), "%.*s|", (int)name.n, name.p);
        CHECK_STR(slice_str(names), bodies[i].names);
        if (test_failures != before)
            printf("# in \"%s\"\n", bodies[i].from);
    }
    batch_answer_deinit(&a);
}

TEST(without_a_body)
{
    static const struct {
        unsigned status;
        enum batch_refusal what;
    } rows[] = {
        {200, BATCH_REFUSAL_UNCLEAR},  {400, BATCH_REFUSAL_UNCLEAR},  {413, BATCH_REFUSAL_BYTES},
        {405, BATCH_REFUSAL_DISABLED}, {415, BATCH_REFUSAL_DISABLED}, {401, BATCH_REFUSAL_NONE},
        {403, BATCH_REFUSAL_NONE},     {429, BATCH_REFUSAL_NONE},     {500, BATCH_REFUSAL_NONE},
        {503, BATCH_REFUSAL_NONE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_EQ(batch_refusal_of(rows[i].status, false, 0, (struct slice){0}), rows[i].what);
}

TEST(only_the_front_of_a_text_is_looked_at)
{
    static char text[600];

    memset(text, ' ', sizeof text);
    memcpy(text + 570, "batch too large", 15);
    CHECK_EQ(batch_refusal_of(200, true, -32000, slice_of(text, sizeof text)), BATCH_REFUSAL_UNCLEAR);
    CHECK_EQ(batch_refusal_of(200, true, -32000, slice_of(text + 100, sizeof text - 100)), BATCH_REFUSAL_CALLS);
}

TEST(members_to_be_asked_alone)
{
    static const struct {
        enum chain_family family;
        int alone;
        const char *error;
    } rows[] = {
        {CHAIN_EVM, 1, "{\"code\":429,\"message\":\"\"}"},
        {CHAIN_SOLANA, 1, "{\"code\":429,\"message\":\"Too many requests for a specific RPC call\"}"},
        {CHAIN_SOLANA, 1, "{\"code\":-32097,\"message\":\"Network congested. Endpoint is globally rate limited.\"}"},
        {CHAIN_EVM, 1, "{\"message\":\"project ID request rate exceeded\",\"data\":{},\"code\":-32005}"},
        {CHAIN_EVM, 1, "{\"code\":-32007,\"message\":\"50/second request limit reached - reduce calls\"}"},
        {CHAIN_EVM, 1, "{\"code\":-32009,\"message\":\"trace requests limited to 5/sec\"}"},
        {CHAIN_EVM, 1, "{\"code\":-32012,\"message\":\"credits limited to 300/sec\"}"},
        {CHAIN_EVM, 1, "{\"code\":-32016,\"message\":\"over rate limit\"}"},
        {CHAIN_EVM, 1, "{\"code\":-32003,\"message\":\"response too large\"}"},
        {CHAIN_EVM, 1, "{\"code\":-32002,\"message\":\"request timed out\"}"},
        {CHAIN_EVM, 1, "{\"code\":31,\"message\":\"Batch of more than 3 requests are not allowed\"}"},
        {CHAIN_EVM, 1, "{\"code\":-32600,\"message\":\"batch too large\"}"},
        {CHAIN_EVM, 1, "{\"code\":-32000,\"message\":\"method trace_block not allowed in a batch request\"}"},
        {CHAIN_EVM, 1, "\"Too Many Requests\""},
        /* Answers. */
        {CHAIN_EVM, 0, "{\"code\":3,\"message\":\"execution reverted: rate limit\",\"data\":\"0x\"}"},
        {CHAIN_EVM, 0, "{\"code\":-32000,\"message\":\"execution reverted: too many requests\"}"},
        {CHAIN_EVM, 0, "{\"code\":-32000,\"message\":\"Execution Reverted: batch too large\"}"},
        {CHAIN_EVM, 0, "{\"code\":-32005,\"message\":\"query returned more than 10000 results\"}"},
        {CHAIN_EVM, 0, "{\"code\":-32005,\"message\":\"block range is too wide\"}"},
        {CHAIN_EVM, 0, "{\"code\":-32003,\"message\":\"insufficient funds for gas\"}"},
        {CHAIN_EVM, 0, "{\"code\":-32002,\"message\":\"resource unavailable\"}"},
        {CHAIN_EVM, 0, "{\"code\":-32000,\"message\":\"header not found\"}"},
        {CHAIN_EVM, 0, "{\"code\":-32601,\"message\":\"the method x does not exist/is not available\"}"},
        {CHAIN_EVM, 0, "{\"code\":-32602,\"message\":\"invalid argument 0\"}"},
        {CHAIN_EVM, 0, "{\"code\":-32008,\"message\":\"Response is too big\"}"},
        {CHAIN_SOLANA, 0, "{\"code\":-32002,\"message\":\"Transaction simulation failed: rate limit\"}"},
        {CHAIN_SOLANA, 0, "{\"code\":-32002,\"message\":\"request timed out\"}"},
        {CHAIN_SOLANA, 0, "{\"code\":-32005,\"message\":\"Node is behind by 42 slots\"}"},
        {CHAIN_SOLANA, 0, "{\"code\":-32007,\"message\":\"Slot 5 was skipped, or missing\"}"},
        {CHAIN_SOLANA, 0, "{\"code\":-32009,\"message\":\"Slot 5 was skipped, or missing in long-term storage\"}"},
        {CHAIN_SOLANA, 0, "{\"code\":-32012,\"message\":\"scan aborted\"}"},
        {CHAIN_SOLANA, 0, "{\"code\":-32016,\"message\":\"Minimum context slot has not been reached\"}"},
        {CHAIN_EVM, 0, "{}"},
        {CHAIN_EVM, 0, "7"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ(batch_error_retry_alone(rows[i].family, slice_str(rows[i].error)), rows[i].alone);
        if (test_failures && batch_error_retry_alone(rows[i].family, slice_str(rows[i].error)) != rows[i].alone)
            printf("# for %s\n", rows[i].error);
    }
}

TEST_MAIN()
