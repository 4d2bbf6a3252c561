/* What answers mean: every row of the table by its own words and code, answers as providers and nodes send them, what
 * nearly fits, and what a client or a server could do to be misread. */
#include "test.h"

#include "rpc/classify.h"

static const struct method *evm(const char *name)
{
    return method_get(CHAIN_EVM, slice_str(name));
}

static const struct method *solana(const char *name)
{
    return method_get(CHAIN_SOLANA, slice_str(name));
}

static struct classified judge(enum chain_family family, const char *method, unsigned status, const char *json)
{
    struct error_object e;

    error_object_read(&e, slice_str(json));
    return classify_error(NULL, family, method_get(family, slice_str(method)), status, &e);
}

static struct classified page(unsigned status, const char *body)
{
    return classify_failure(NULL, CHAIN_EVM, status == 200 ? FAIL_UPSTREAM_NOT_JSON : FAIL_UPSTREAM_HTTP_STATUS, status,
                            slice_str(body));
}

enum kind { K_TEXT, K_TRACE, K_LIMIT, K_CODES, K_STATUS, K_PAGE };
enum { F_EVM = 1, F_SOLANA, F_ANY };

static const struct {
    enum kind kind;
    int family;
    const char *words, *also;
    int first, last;
    enum answer_class class;
    const char *source;
} table[] = {
#define TEXT(family, words, also, class, source)  {K_TEXT, F_##family, words, also, 0, 0, ANSWER_##class, source},
#define TRACE(family, words, also, class, source) {K_TRACE, F_##family, words, also, 0, 0, ANSWER_##class, source},
#define LIMIT(family, words, also, class, source) {K_LIMIT, F_##family, words, also, 0, 0, ANSWER_##class, source},
#define CODES(family, first, last, class, source) {K_CODES, F_##family, "", "", first, last, ANSWER_##class, source},
#define STATUS(first, last, class, source)        {K_STATUS, F_ANY, "", "", first, last, ANSWER_##class, source},
#define PAGE(first, last, class, source)          {K_PAGE, F_ANY, "", "", first, last, ANSWER_##class, source},
#include "rpc/classify.def"
};

enum { ROWS = sizeof table / sizeof table[0] };

static const char *read_method(enum chain_family family, enum kind kind)
{
    return kind == K_TRACE ? "debug_traceCall" : family == CHAIN_EVM ? "eth_call" : "getAccountInfo";
}

/* By its own words, however they are written; no row hides behind another. */
static void row_decides(unsigned i, enum chain_family family)
{
    const char *method = read_method(family, table[i].kind);
    char json[512], upper[128];
    size_t n = strlen(table[i].words);
    struct classified c;

    for (size_t k = 0; k <= n; k++)
        upper[k] =
            (char)(table[i].words[k] >= 'a' && table[i].words[k] <= 'z' ? table[i].words[k] - 32 : table[i].words[k]);
    for (int form = 0; form < 4; form++) {
        switch (form) {
        case 0:
            snprintf(json, sizeof json, "{\"code\":-32098,\"message\":\"Zz: %s, %s!\"}", table[i].words, table[i].also);
            break;
        case 1:
            snprintf(json, sizeof json, "{\"message\":\"%s %s\"}", table[i].also, upper);
            break;
        case 2:
            snprintf(json, sizeof json, "{\"data\":\"%s\",\"message\":\"%s\"}", table[i].words, table[i].also);
            break;
        default:
            snprintf(json, sizeof json, "\"\\u00%02x%s, %s\"", (unsigned char)table[i].words[0], table[i].words + 1,
                     table[i].also);
        }
        c = judge(family, method, 200, json);
        if (c.class != table[i].class || c.row != i + 1)
            printf("# row %u: %s: row %u\n", i + 1, json, c.row);
        CHECK_EQ(c.class, table[i].class);
        CHECK_EQ(c.row, i + 1);
    }
    /* Not inside a word. */
    if (table[i].words[0] >= 'a' && table[i].words[0] <= 'z') {
        snprintf(json, sizeof json, "{\"message\":\"x%s %s\"}", table[i].words, table[i].also);
        CHECK(judge(family, method, 200, json).row != i + 1);
    }
    if (table[i].also[0]) {
        snprintf(json, sizeof json, "{\"message\":\"%s\"}", table[i].words);
        CHECK(judge(family, method, 200, json).row != i + 1);
    }
}

static void code_decides(unsigned i, enum chain_family family)
{
    for (int code = table[i].first - 1; code <= table[i].last + 1; code++) {
        bool mine = code >= table[i].first && code <= table[i].last;
        char json[64];
        struct classified c;

        snprintf(json, sizeof json, "{\"code\":%d,\"message\":\"zz\"}", code);
        c = judge(family, read_method(family, K_CODES), 200, json);
        if ((c.row == i + 1) != mine)
            printf("# row %u: code %d: row %u\n", i + 1, code, c.row);
        CHECK_EQ(c.row == i + 1, mine);
        CHECK(!mine || c.class == table[i].class);
    }
}

static void status_decides(unsigned i)
{
    bool some = false;

    for (int status = table[i].first; status <= table[i].last; status++) {
        struct classified c = table[i].kind == K_STATUS
                                  ? judge(CHAIN_EVM, "eth_call", (unsigned)status, "{\"code\":-32603}")
                                  : page((unsigned)status, "<html>");

        some |= c.row == i + 1 && c.class == table[i].class;
        CHECK(c.row && c.row <= i + 1);
    }
    CHECK(some);
}

TEST(every_row_decides)
{
    CHECK_EQ(classify_rows(), ROWS);
    for (unsigned i = 0; i < ROWS; i++) {
        CHECK(table[i].source[0] != '\0');
        for (enum chain_family family = CHAIN_EVM; family <= CHAIN_SOLANA; family++) {
            if (table[i].family == (family == CHAIN_EVM ? F_SOLANA : F_EVM))
                continue;
            if (table[i].kind == K_TRACE && family == CHAIN_SOLANA)
                continue;
            if (table[i].kind <= K_LIMIT)
                row_decides(i, family);
            else if (table[i].kind == K_CODES)
                code_decides(i, family);
            else
                status_decides(i);
        }
    }
}

static const struct {
    enum chain_family family;
    const char *method;
    unsigned status;
    const char *json;
    enum answer_class class;
} seen[] = {
    /* Contracts and programs, whatever they say. */
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":3,\"message\":\"execution reverted: rate limit exceeded\",\"data\":\"0x08c379a0\"}",
     ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32000,\"message\":\"execution reverted: Unauthorized\"}",
     ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":-32015,\"message\":\"VM execution error.\",\"data\":\"Reverted 0x08c379a0\"}", ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "eth_estimateGas", 200,
     "{\"code\":-32603,\"message\":\"Error: VM Exception while processing transaction: reverted with reason string "
     "'capacity'\"}",
     ANSWER_DETERMINISTIC},
    {CHAIN_SOLANA, "simulateTransaction", 200,
     "{\"code\":-32002,\"message\":\"Transaction simulation failed: Error processing Instruction 0: rate "
     "limit\",\"data\":{}}",
     ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":3,\"message\":\"Unknown block\"}", ANSWER_MISSING_DATA}, /* Alchemy */
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32000,\"message\":\"out of gas\"}", ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "eth_estimateGas", 200,
     "{\"code\":-32000,\"message\":\"err: insufficient funds for gas * price + value: address 0xab have 0 want 1 "
     "(supplied gas 2)\"}",
     ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "debug_traceCall", 200, "{\"code\":-32000,\"message\":\"insufficient funds for gas * price + value\"}",
     ANSWER_AMBIGUOUS},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32003,\"message\":\"EVM error: InvalidJump\"}", ANSWER_DETERMINISTIC},

    /* Rates. */
    {CHAIN_EVM, "eth_call", 429,
     "{\"code\":429,\"message\":\"Your app has exceeded its compute units per second capacity. If you have retries "
     "enabled, you "
     "can safely ignore this message.\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":429,\"message\":\"Your app has exceeded its compute units per second capacity.\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_call", 429, "{\"code\":-32005,\"message\":\"project ID request rate exceeded\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32016,\"message\":\"over rate limit\"}",
     ANSWER_RATE_LIMITED_ENDPOINT}, /* Base */
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":-32000,\"message\":\"429 Too Many Requests: "
     "{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"error\\\":{\\\"code\\\":-32016,"
     "\\\"message\\\":\\\"over rate limit\\\"},\\\"id\\\":2239375}\\n\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":-32007,\"message\":\"50/second request limit reached - reduce calls per second or upgrade your "
     "account\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_SOLANA, "getSlot", 200, "{\"code\":-32007,\"message\":\"15/second request limit reached\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_getLogs", 200, "{\"code\":-32012,\"message\":\"credits limited to 6000/sec\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":15,\"message\":\"You reached Public endpoint rate limit, please upgrade to paid plan\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_call", 429,
     "{\"code\":429,\"message\":\"Public RPC Rate Limit Hit, limit will reset in 60 seconds\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32029,\"message\":\"rejected\"}",
     ANSWER_RATE_LIMITED_ENDPOINT}, /* TheRPC */
    {CHAIN_SOLANA, "sendTransaction", 429,
     "{\"code\":-32097,\"message\":\"Network congested. Endpoint is globally rate limited.\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_SOLANA, "getTokenAccountsByOwner", 429,
     "{\"code\":429,\"message\":\"Too many requests for a specific RPC call, contact your app developer or "
     "support@rpcpool.com.\"}",
     ANSWER_RATE_LIMITED_METHOD},
    {CHAIN_SOLANA, "getAccountInfo", 429, "{\"code\":429,\"message\":\"Too many requests from your IP\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":-32000,\"message\":\"alchemy_getAssetTransfers is a method with custom rate limits that you have "
     "exceeded\"}",
     ANSWER_RATE_LIMITED_METHOD},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":-32005,\"message\":\"You've hit the maximum number of concurrent requests\"}", ANSWER_TOO_MANY_AT_ONCE},
    {CHAIN_EVM, "eth_sendRawTransaction", 429, "{\"code\":-32017,\"message\":\"sender is over rate limit\"}",
     ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":-32005,\"message\":\"Rate limit exceeded. To obtain higher limits, please request a personal token "
     "from the archive "
     "team.\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},

    /* Quotas. */
    {CHAIN_EVM, "eth_call", 429,
     "{\"code\":429,\"message\":\"Monthly capacity limit exceeded. Visit https://x to upgrade\"}",
     ANSWER_QUOTA_EXHAUSTED},
    {CHAIN_EVM, "eth_call", 429,
     "{\"code\":-32005,\"message\":\"daily request count exceeded, request rate "
     "limited\",\"data\":{\"see\":\"https://x\"}}",
     ANSWER_QUOTA_EXHAUSTED},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32001,\"message\":\"Exceeded the quota usage\"}",
     ANSWER_QUOTA_EXHAUSTED}, /* 1RPC */
    {CHAIN_EVM, "eth_call", 403, "{\"code\":-32000,\"message\":\"You have reached the free tier limit\"}",
     ANSWER_QUOTA_EXHAUSTED},
    {CHAIN_SOLANA, "getSlot", 429, "{\"code\":-32429,\"message\":\"max usage reached\"}", ANSWER_QUOTA_EXHAUSTED},

    /* Credentials. */
    {CHAIN_EVM, "eth_call", 401, "{\"code\":-32600,\"message\":\"Must be authenticated!\"}", ANSWER_AUTH},
    {CHAIN_EVM, "eth_call", 403, "{\"code\":-32600,\"message\":\"Origin not on whitelist.\"}", ANSWER_AUTH},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":-32000,\"message\":\"Unauthorized: You must authenticate your request with an API key.\"}",
     ANSWER_AUTH},
    {CHAIN_EVM, "eth_sendRawTransaction", 401, "{\"code\":-32600,\"message\":\"Must be authenticated!\"}", ANSWER_AUTH},
    {CHAIN_SOLANA, "getSlot", 403, "{\"code\":403,\"message\":\"Access forbidden\"}", ANSWER_AUTH},

    /* Plans. */
    {CHAIN_EVM, "debug_traceTransaction", 403,
     "{\"code\":-32002,\"message\":\"Access to archival, debug, or trace data is not included in your current plan\"}",
     ANSWER_UNSUPPORTED_METHOD},
    {CHAIN_EVM, "eth_getBalance", 403,
     "{\"code\":-32002,\"message\":\"Access to archival, debug, or trace data is not included in your current plan\"}",
     ANSWER_NO_ARCHIVE},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":-32602,\"message\":\"Archive requests require a personal token. Get one at: "
     "https://www.allnodes.com/publicnode\"}",
     ANSWER_NO_ARCHIVE},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32000,\"message\":\"project ID does not have access to archive state\"}",
     ANSWER_NO_ARCHIVE},

    /* Ranges and sizes. */
    {CHAIN_EVM, "eth_getLogs", 200, "{\"code\":-32005,\"message\":\"query returned more than 10000 results\"}",
     ANSWER_TOO_LARGE},
    {CHAIN_EVM, "eth_getLogs", 200, "{\"code\":-32602,\"message\":\"range 1000000 exceeds limit of 10000\"}",
     ANSWER_TOO_LARGE},
    {CHAIN_EVM, "eth_getLogs", 413, "{\"code\":-32614,\"message\":\"eth_getLogs is limited to a 10,000 range\"}",
     ANSWER_TOO_LARGE},
    {CHAIN_EVM, "eth_getLogs", 200, "{\"code\":-32602,\"message\":\"eth_getLogs is limited to 0 - 50 blocks range\"}",
     ANSWER_TOO_LARGE},
    {CHAIN_EVM, "eth_getLogs", 200,
     "{\"code\":35,\"message\":\"ranges over 10000 blocks are not supported on free plan\"}", ANSWER_TOO_LARGE},
    {CHAIN_EVM, "eth_getLogs", 400,
     "{\"code\":-32600,\"message\":\"You can make eth_getLogs requests with up to a 10 block range. Based on your "
     "parameters, this "
     "block range should work: [0x18708eb, 0x18708f4]\"}",
     ANSWER_TOO_LARGE},
    {CHAIN_EVM, "eth_getLogs", 200,
     "{\"code\":-32000,\"message\":\"block range is larger than max block range, block range = 5120, max block range = "
     "5000\"}",
     ANSWER_TOO_LARGE},
    {CHAIN_EVM, "eth_getLogs", 200,
     "{\"code\":-32602,\"message\":\"query exceeds max results 20000, retry with the range 1-2\"}", ANSWER_TOO_LARGE},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32003,\"message\":\"response too large\"}", ANSWER_TOO_LARGE},

    /* Data. */
    {CHAIN_EVM, "eth_getLogs", 200, "{\"code\":-32602,\"message\":\"block range extends beyond current head block\"}",
     ANSWER_NODE_BEHIND},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32000,\"message\":\"header not found\"}", ANSWER_MISSING_DATA},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32001,\"message\":\"block not found: 0x1b4\"}", ANSWER_MISSING_DATA},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32000,\"message\":\"block #123 not found\"}", ANSWER_MISSING_DATA},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":-32000,\"message\":\"missing trie node c6eb (path ) state 0xc6eb is not available, not found\"}",
     ANSWER_NO_ARCHIVE},
    {CHAIN_EVM, "eth_getBalance", 200, "{\"code\":-32000,\"message\":\"historical state 0xab12 is not available\"}",
     ANSWER_NO_ARCHIVE},
    {CHAIN_EVM, "eth_getBalance", 200,
     "{\"code\":-32000,\"message\":\"required historical state unavailable (reexec=128)\"}", ANSWER_NO_ARCHIVE},
    {CHAIN_EVM, "eth_getBlockByNumber", 200, "{\"code\":4444,\"message\":\"pruned history unavailable\"}",
     ANSWER_NO_ARCHIVE},
    {CHAIN_EVM, "eth_getTransactionReceipt", 200,
     "{\"code\":-32000,\"message\":\"transaction indexing is in progress\"}", ANSWER_NODE_UNHEALTHY},
    {CHAIN_SOLANA, "getSlot", 200,
     "{\"code\":-32005,\"message\":\"Node is behind by 42 slots\",\"data\":{\"numSlotsBehind\":42}}",
     ANSWER_NODE_UNHEALTHY},
    {CHAIN_SOLANA, "getBlock", 200,
     "{\"code\":-32001,\"message\":\"Block 5 cleaned up, does not exist on node. First available block: 9\"}",
     ANSWER_NO_ARCHIVE},
    {CHAIN_SOLANA, "getBlock", 200, "{\"code\":-32004,\"message\":\"Block not available for slot 7\"}",
     ANSWER_MISSING_DATA},
    {CHAIN_SOLANA, "getBlock", 200,
     "{\"code\":-32007,\"message\":\"Slot 7 was skipped, or missing due to ledger jump to recent snapshot\"}",
     ANSWER_MISSING_DATA},
    {CHAIN_SOLANA, "getBlock", 200,
     "{\"code\":-32009,\"message\":\"Slot 7 was skipped, or missing in long-term storage\"}", ANSWER_MISSING_DATA},
    {CHAIN_SOLANA, "getProgramAccounts", 200,
     "{\"code\":-32010,\"message\":\"Abc excluded from account secondary indexes; this RPC method unavailable for "
     "key\"}",
     ANSWER_MISSING_DATA},
    {CHAIN_SOLANA, "getBalance", 200,
     "{\"code\":-32016,\"message\":\"Minimum context slot has not been reached\",\"data\":{\"contextSlot\":1}}",
     ANSWER_NODE_BEHIND},
    {CHAIN_SOLANA, "getBlock", 200,
     "{\"code\":-32015,\"message\":\"Transaction version (0) is not supported by the requesting "
     "client.\"}",
     ANSWER_DETERMINISTIC},

    /* Methods. */
    {CHAIN_EVM, "eth_foo", 200, "{\"code\":-32601,\"message\":\"the method eth_foo does not exist/is not available\"}",
     ANSWER_UNSUPPORTED_METHOD},
    {CHAIN_EVM, "trace_block", 400,
     "{\"code\":-32600,\"message\":\"Unsupported method: trace_block. See available methods at x\"}",
     ANSWER_UNSUPPORTED_METHOD},
    {CHAIN_EVM, "eth_newFilter", 200, "{\"code\":35,\"message\":\"method is not available on freetier\"}",
     ANSWER_UNSUPPORTED_METHOD},
    {CHAIN_EVM, "eth_foo", 403, "{\"code\":-32601,\"message\":\"rpc method is not whitelisted\"}",
     ANSWER_UNSUPPORTED_METHOD},
    {CHAIN_SOLANA, "getProgramAccounts", 410,
     "{\"code\":410,\"message\":\"The RPC call or parameters have been disabled.\"}", ANSWER_UNSUPPORTED_METHOD},

    /* Batches. */
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32005,\"message\":\"Batched requests are not supported by this server\"}",
     ANSWER_BATCH_REFUSED},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32600,\"message\":\"batch too large\"}", ANSWER_BATCH_REFUSED},
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":31,\"message\":\"Batch of more than 3 requests are not allowed on free tier\"}", ANSWER_BATCH_REFUSED},

    /* Time-outs and faults. */
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32002,\"message\":\"request timed out\"}", ANSWER_NODE_TIMEOUT},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32000,\"message\":\"execution aborted (timeout = 5s)\"}",
     ANSWER_NODE_TIMEOUT},
    {CHAIN_EVM, "eth_call", 408,
     "{\"code\":30,\"message\":\"Request timeout on the free tier, please upgrade your tier to the paid one\"}",
     ANSWER_NODE_TIMEOUT},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32016,\"message\":\"eth_call failed\"}",
     ANSWER_NODE_TIMEOUT}, /* nethermind */
    {CHAIN_EVM, "eth_call", 503, "{\"code\":-32011,\"message\":\"no backends available for method\"}",
     ANSWER_SERVER_FAULT},
    {CHAIN_EVM, "eth_call", 503, "{\"code\":-32603,\"message\":\"oops\"}", ANSWER_SERVER_FAULT},
    {CHAIN_EVM, "eth_call", 500, "{\"code\":-32000,\"message\":\"something odd\"}", ANSWER_AMBIGUOUS},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32603,\"message\":\"Internal error\"}", ANSWER_AMBIGUOUS},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32768}", ANSWER_AMBIGUOUS},
    {CHAIN_EVM, "eth_call", 404, "{\"code\":-32768}", ANSWER_AMBIGUOUS},
    {CHAIN_EVM, "eth_call", 500, "{\"code\":-32768}", ANSWER_AMBIGUOUS},
    {CHAIN_SOLANA, "getSlot", 200, "{\"code\":-32603,\"message\":\"Internal error\"}", ANSWER_AMBIGUOUS},
    {CHAIN_EVM, "eth_call", 400, "{\"code\":-32000,\"message\":\"filter not found\"}",
     ANSWER_DETERMINISTIC}, /* Alchemy */
    {CHAIN_EVM, "eth_call", 200,
     "{\"code\":-32602,\"message\":\"invalid argument 0: hex string has length 38, want 40\"}", ANSWER_DETERMINISTIC},
    {CHAIN_SOLANA, "getBalance", 200, "{\"code\":-32602,\"message\":\"Invalid param: WrongSize\"}",
     ANSWER_DETERMINISTIC},

    /* Transactions: the mempool's verdicts are the transaction's own. */
    {CHAIN_EVM, "eth_sendRawTransaction", 200, "{\"code\":-32000,\"message\":\"already known\"}", ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "eth_sendRawTransaction", 200, "{\"code\":-32000,\"message\":\"replacement transaction underpriced\"}",
     ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "eth_sendRawTransaction", 200,
     "{\"code\":-32000,\"message\":\"nonce too low: next nonce 5, tx nonce 4\"}", ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "eth_sendRawTransaction", 429, "{\"code\":-32005,\"message\":\"project ID request rate exceeded\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_sendRawTransaction", 429, "{\"code\":-32600,\"message\":\"slow down\"}",
     ANSWER_RATE_LIMITED_ENDPOINT},
    {CHAIN_EVM, "eth_sendRawTransaction", 403, "{\"code\":-32602,\"message\":\"no\"}", ANSWER_AUTH},
    {CHAIN_EVM, "eth_sendRawTransaction", 402, "{\"code\":-32602,\"message\":\"no\"}", ANSWER_QUOTA_EXHAUSTED},
    {CHAIN_EVM, "eth_sendRawTransaction", 200, "{\"code\":-32010,\"message\":\"backend offline\"}",
     ANSWER_SERVER_FAULT},
    {CHAIN_SOLANA, "sendTransaction", 200, "{\"code\":-32005,\"message\":\"Node is unhealthy\"}",
     ANSWER_NODE_UNHEALTHY},

    /* The client's own words in an error of its request. */
    {CHAIN_EVM, "rate limit", 200,
     "{\"code\":-32601,\"message\":\"the method rate limit does not exist/is not available\"}",
     ANSWER_UNSUPPORTED_METHOD},
    {CHAIN_SOLANA, "getBalance", 200,
     "{\"code\":-32602,\"message\":\"Invalid params: unknown variant `monthly capacity limit`, expected "
     "`processed`.\"}",
     ANSWER_DETERMINISTIC},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32602,\"message\":\"invalid argument 1: unauthorized\"}",
     ANSWER_DETERMINISTIC},

    /* Near. */
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32000,\"message\":\"accurate limit\"}", ANSWER_AMBIGUOUS},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32000,\"message\":\"unlimited to all\"}", ANSWER_AMBIGUOUS},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32000,\"message\":\"tx type not supported\"}", ANSWER_AMBIGUOUS},
    {CHAIN_EVM, "eth_call", 200, "{\"code\":-32000,\"message\":\"batch 7 is unknown\"}", ANSWER_AMBIGUOUS},
    {CHAIN_SOLANA, "getSlot", 200, "{\"code\":-32000,\"message\":\"missing trie node\"}", ANSWER_AMBIGUOUS},
};

TEST(as_seen)
{
    for (unsigned i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        struct classified c = judge(seen[i].family, seen[i].method, seen[i].status, seen[i].json);

        if (c.class != seen[i].class)
            printf("# %s, %s: row %u, %s\n", seen[i].method, seen[i].json, c.row, answer_meaning(c.class)->name);
        CHECK_EQ(c.class, seen[i].class);
    }
}

TEST(pages)
{
    static const struct {
        unsigned status;
        const char *body;
        enum answer_class class;
    } rows[] = {
        {200, "<!DOCTYPE html><title>Just a moment...</title>", ANSWER_TRANSPORT},
        {200, "", ANSWER_TRANSPORT},
        {200, "Monthly capacity limit exceeded", ANSWER_QUOTA_EXHAUSTED},
        {200, "header not found", ANSWER_TRANSPORT}, /* only limits are read out of a page */
        {301, "", ANSWER_MISCONFIGURED},
        {400, "Supplied content type is not allowed.", ANSWER_AMBIGUOUS},
        {401, "", ANSWER_AUTH},
        {402, "", ANSWER_QUOTA_EXHAUSTED},
        {403, "<html>error code: 1020", ANSWER_AUTH},
        {403, "{\"message\":\"API Rate Limit Exceeded\"}", ANSWER_RATE_LIMITED_ENDPOINT},
        {404, "404 page not found", ANSWER_MISCONFIGURED},
        {405, "Used HTTP Method is not allowed. POST or OPTIONS is required", ANSWER_MISCONFIGURED},
        {408, "", ANSWER_NODE_TIMEOUT},
        {413, "Payload Too Large", ANSWER_TOO_LARGE},
        {415, "", ANSWER_MISCONFIGURED},
        {418, "", ANSWER_AMBIGUOUS},
        {429, "<html>error code: 1015", ANSWER_RATE_LIMITED_ENDPOINT},
        {429, "Too many connections. Please try again later.", ANSWER_TOO_MANY_AT_ONCE},
        {500, "", ANSWER_SERVER_FAULT},
        {502, "<html>502 Bad Gateway", ANSWER_SERVER_FAULT},
        {503, "backend read error", ANSWER_SERVER_FAULT},
        {522, "error code: 522", ANSWER_SERVER_FAULT},
        {599, "", ANSWER_SERVER_FAULT},
        {600, "", ANSWER_TRANSPORT},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct classified c = page(rows[i].status, rows[i].body);

        if (c.class != rows[i].class)
            printf("# %u %s: %s\n", rows[i].status, rows[i].body, answer_meaning(c.class)->name);
        CHECK_EQ(c.class, rows[i].class);
    }
}

/* How an exchange ends, against what base/fail.def says of asking another endpoint. */
TEST(failures)
{
    for (int f = FAIL_NONE + 1; f < FAIL_COUNT; f++) {
        enum answer_class c = classify_failure(NULL, CHAIN_EVM, (enum fail)f, 0, slice_of(NULL, 0)).class;

        CHECK_EQ(answer_meaning(c)->elsewhere != ELSEWHERE_NO, fail_get((enum fail)f)->retry);
    }
#define FAILS(f, status) classify_failure(NULL, CHAIN_SOLANA, FAIL_##f, status, slice_of(NULL, 0)).class
    CHECK_EQ(FAILS(NONE, 200), ANSWER_OK);
    CHECK_EQ(FAILS(UPSTREAM_TIMEOUT, 0), ANSWER_TIMEOUT);
    CHECK_EQ(FAILS(UPSTREAM_CONNECT, 0), ANSWER_UNREACHED);
    CHECK_EQ(FAILS(UPSTREAM_RESET, 0), ANSWER_TRANSPORT);
    CHECK_EQ(FAILS(UPSTREAM_TRUNCATED, 200), ANSWER_TRANSPORT);
    CHECK_EQ(FAILS(UPSTREAM_TOO_LARGE, 200), ANSWER_DETERMINISTIC);
    CHECK_EQ(FAILS(UPSTREAM_NO_RESULT, 200), ANSWER_TRANSPORT);
    CHECK_EQ(FAILS(UPSTREAM_NO_RESULT, 503), ANSWER_SERVER_FAULT);
    CHECK_EQ(FAILS(UPSTREAM_TIMEOUT, 503), ANSWER_TIMEOUT);
    CHECK_EQ(FAILS(QUEUE_TIMEOUT, 0), ANSWER_LOCAL);
}

TEST(null_results)
{
    struct slice null = SLICE("null"), empty = SLICE("[]");

    CHECK_EQ(classify_result(evm("eth_getTransactionReceipt"), null), ANSWER_NOT_HERE_YET);
    CHECK_EQ(classify_result(evm("eth_getBlockByNumber"), null), ANSWER_NOT_HERE_YET);
    CHECK_EQ(classify_result(evm("eth_getBlockByHash"), null), ANSWER_NOT_HERE_YET);
    CHECK_EQ(classify_result(solana("getTransaction"), null), ANSWER_NOT_HERE_YET);
    CHECK_EQ(classify_result(solana("getBlock"), null), ANSWER_NOT_HERE_YET);
    CHECK_EQ(classify_result(evm("eth_getLogs"), null), ANSWER_OK);
    CHECK_EQ(classify_result(evm("eth_call"), null), ANSWER_OK);
    CHECK_EQ(classify_result(evm("eth_foo"), null), ANSWER_OK);
    CHECK_EQ(classify_result(evm("eth_getTransactionReceipt"), empty), ANSWER_OK);
    CHECK_EQ(classify_result(evm("eth_getTransactionReceipt"), SLICE("true")), ANSWER_OK);
}

TEST(rules_of_the_configuration)
{
    static const struct classify_rule rules[] = {
        {.family = CHAIN_SOLANA, .code = -32009, .class = ANSWER_DETERMINISTIC},
        {.any_family = true, .status = 403, .class = ANSWER_RATE_LIMITED_ENDPOINT},
        {.family = CHAIN_EVM, .code = -32000, .text = {"our own", 7}, .class = ANSWER_SERVER_FAULT},
        {.family = CHAIN_EVM, .text = {"reverted: odd", 13}, .class = ANSWER_NODE_BEHIND},
    };
    static const struct {
        enum chain_family family;
        unsigned status;
        const char *json;
        enum answer_class class;
        int rule; /* -1: none */
    } rows[] = {
        {CHAIN_SOLANA, 200, "{\"code\":-32009,\"message\":\"m\"}", ANSWER_DETERMINISTIC, 0},
        {CHAIN_SOLANA, 200, "{\"code\":-32007,\"message\":\"m\"}", ANSWER_MISSING_DATA, -1},
        {CHAIN_EVM, 200, "{\"code\":-32009,\"message\":\"m\"}", ANSWER_RATE_LIMITED_ENDPOINT, -1},
        {CHAIN_EVM, 403, "{\"code\":-32009,\"message\":\"m\"}", ANSWER_RATE_LIMITED_ENDPOINT, 1},
        {CHAIN_SOLANA, 403, "{\"message\":\"m\"}", ANSWER_RATE_LIMITED_ENDPOINT, 1},
        {CHAIN_EVM, 200, "{\"code\":-32000,\"message\":\"It is OUR OWN\"}", ANSWER_SERVER_FAULT, 2},
        {CHAIN_EVM, 200, "{\"code\":-32001,\"message\":\"our own\"}", ANSWER_MISSING_DATA, -1},
        {CHAIN_EVM, 200, "{\"code\":3,\"message\":\"execution reverted: odd\"}", ANSWER_NODE_BEHIND, 3},
        {CHAIN_EVM, 200, "{\"code\":3}", ANSWER_DETERMINISTIC, -1},
    };
    struct classify_conf conf = {rules, sizeof rules / sizeof rules[0]};

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error_object e;
        struct classified c;

        error_object_read(&e, slice_str(rows[i].json));
        c = classify_error(&conf, rows[i].family, evm("eth_call"), rows[i].status, &e);
        CHECK_EQ(c.class, rows[i].class);
        if (rows[i].rule >= 0)
            CHECK_EQ(c.row, CLASSIFY_BY_RULE + rows[i].rule);
        else
            CHECK(c.row <= ROWS);
    }
    CHECK_EQ(classify_failure(&conf, CHAIN_EVM, FAIL_UPSTREAM_HTTP_STATUS, 403, SLICE("<html>")).class,
             ANSWER_RATE_LIMITED_ENDPOINT);
    CHECK_EQ(classify_failure(&conf, CHAIN_EVM, FAIL_UPSTREAM_HTTP_STATUS, 404, SLICE("<html>")).class,
             ANSWER_MISCONFIGURED);
}

/* What follows is told apart where it matters: what is deterministic harms nobody, what is parked was refused. */
TEST(meanings)
{
    for (int i = 0; i < ANSWER_CLASSES; i++) {
        const struct answer_meaning *a = answer_meaning((enum answer_class)i);

        CHECK_EQ(answer_class_named(slice_str(a->name)), i);
        CHECK(a->text[0] != '\0');
        CHECK(a->elsewhere != ELSEWHERE_NO || (a->harm == HARM_NONE && a->park == PARK_NONE));
        CHECK(a->park == PARK_NONE || (a->refused && a->harm == HARM_NONE));
        CHECK(a->elsewhere != ELSEWHERE_NO || !a->again);
        CHECK(a->learn != LEARN_RATE || a->park != PARK_NONE);
    }
    CHECK_EQ(answer_class_named(SLICE("RATE_LIMITED_ENDPOINT")), ANSWER_CLASSES);
    CHECK_EQ(answer_class_named(SLICE("")), ANSWER_CLASSES);
    CHECK_STR(slice_str(answer_meaning(ANSWER_RATE_LIMITED_ENDPOINT)->name), "rate_limited_endpoint");
}

TEST(who_may_move)
{
    static const struct {
        enum answer_class class;
        int read, unknown, create, use, write;
    } rows[] = {
        {ANSWER_OK, 0, 0, 0, 0, 0},        {ANSWER_DETERMINISTIC, 0, 0, 0, 0, 0},
        {ANSWER_TRANSPORT, 1, 0, 0, 0, 0}, {ANSWER_TIMEOUT, 1, 0, 0, 0, 0},
        {ANSWER_UNREACHED, 1, 1, 1, 0, 0}, {ANSWER_RATE_LIMITED_ENDPOINT, 1, 1, 1, 0, 0},
        {ANSWER_AMBIGUOUS, 1, 0, 0, 0, 0}, {ANSWER_LOCAL, 1, 1, 1, 0, 0},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct answer_meaning *a = answer_meaning(rows[i].class);

        CHECK_EQ(answer_may_move(a, evm("eth_call")), rows[i].read);
        CHECK_EQ(answer_may_move(a, evm("eth_foo")), rows[i].unknown);
        CHECK_EQ(answer_may_move(a, evm("eth_newFilter")), rows[i].create);
        CHECK_EQ(answer_may_move(a, evm("eth_getFilterChanges")), rows[i].use);
        CHECK_EQ(answer_may_move(a, evm("eth_sendRawTransaction")), rows[i].write);
    }
}

/* Long, escaped all over, of no form: only the start is looked at, and nothing beyond the end. */
TEST(hostile)
{
    static char json[300000];
    static const char words[] = "rate limit exceeded";
    size_t at, whole;

    /* All in escapes. */
    at = (size_t)snprintf(json, sizeof json, "{\"message\":\"");
    for (size_t i = 0; i < sizeof words - 1; i++)
        at += (size_t)snprintf(json + at, sizeof json - at, "\\u%04X", (unsigned char)words[i]);
    snprintf(json + at, sizeof json - at, "\"}");
    CHECK_EQ(judge(CHAIN_EVM, "eth_call", 200, json).class, ANSWER_RATE_LIMITED_ENDPOINT);

    /* And long. */
    whole = at + (size_t)snprintf(json + at, sizeof json - at, " ");
    memset(json + whole, 'z', 250000);
    memcpy(json + whole + 250000, "\"}", 3);
    CHECK_EQ(judge(CHAIN_EVM, "eth_call", 200, json).class, ANSWER_RATE_LIMITED_ENDPOINT);

    /* Behind what is looked at. */
    memset(json + 12, 'z', 200000);
    memcpy(json + 12 + 200000, " rate limit\"}", 14);
    CHECK_EQ(judge(CHAIN_EVM, "eth_call", 200, json).class, ANSWER_AMBIGUOUS);

    /* Every first four bytes of a phrase, again and again. */
    at = 12;
    while (at < 100000)
        at += (size_t)snprintf(json + at, sizeof json - at, "rate bloc requ meth ");
    memcpy(json + at, "\"}", 3);
    CHECK_EQ(judge(CHAIN_EVM, "eth_call", 200, json).class, ANSWER_AMBIGUOUS);
    CHECK_EQ(page(503, json).class, ANSWER_SERVER_FAULT);

    CHECK_EQ(judge(CHAIN_EVM, "eth_call", 200, "\"\"").class, ANSWER_AMBIGUOUS);
    CHECK_EQ(judge(CHAIN_EVM, "eth_call", 200, "7").class, ANSWER_AMBIGUOUS);
    CHECK_EQ(judge(CHAIN_EVM, "eth_call", 200, "{\"message\":\"\\ud83d\\u0000rate\\u0000 limit\"}").class,
             ANSWER_AMBIGUOUS);
    CHECK_EQ(judge(CHAIN_EVM, "eth_call", 200, "{\"message\":\"a\\u0000 Rate\\u0020limit\"}").class,
             ANSWER_RATE_LIMITED_ENDPOINT);
}

TEST_MAIN()
