#include "test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "devnode/devnode.h"
#include "devnode/devnode_chain.h"
#include "json/jtok.h"

#define NOW 1795237357000u

static struct devnode_chain *chain(bool solana, uint64_t seed, size_t result_bytes, uint64_t lag)
{
    struct devnode_conf conf;

    devnode_conf_default(&conf);
    conf.solana = solana;
    conf.seed = seed;
    conf.result_bytes = result_bytes;
    conf.head_lag = lag;
    if (solana)
        conf.block_time_ms = 400;
    return devnode_chain_new(&conf);
}

/* Answers into a static text, so that checks stay short; every answer must be JSON. */
static const char *ask(struct devnode_chain *c, const char *method, const char *params, uint64_t now_ms)
{
    static struct buf out;
    static char braces[1 << 20];
    struct jtok t;
    struct jval v;

    buf_init(&out, sizeof braces / 2);
    CHECK_EQ(devnode_chain_call(c, slice_str(method), slice_str(params), now_ms, &out), 0);
    snprintf(braces, sizeof braces, "{%.*s}", (int)out.n, out.p);
    buf_deinit(&out);
    jtok_init(&t, slice_str(braces), 64);
    CHECK(jtok_value(&t, &v) == 0 && jtok_finish(&t) == 0);
    return braces;
}

/* The text after `"key":"` up to the quote; "" when there is none. */
static const char *member(const char *json, const char *key)
{
    static char out[4][256];
    static unsigned turn;
    char want[64], *to = out[turn++ % 4];
    const char *at;

    snprintf(want, sizeof want, "\"%s\":\"", key);
    at = strstr(json, want);
    to[0] = 0;
    if (at)
        snprintf(to, 256, "%.*s", (int)strcspn(at + strlen(want), "\""), at + strlen(want));
    return to;
}

#define HAS(json, text)                                                                                                \
    do {                                                                                                               \
        const char *json_ = (json);                                                                                    \
        if (!strstr(json_, text))                                                                                      \
            printf("# %.300s\n", json_ ? json_ : "");                                                                  \
        CHECK(strstr(json_, text) != NULL);                                                                            \
    } while (0)

TEST(same_chain_on_every_node)
{
    struct devnode_chain *a = chain(false, 1, 0, 0), *b = chain(false, 2, 0, 0);
    char first[8192];

    snprintf(first, sizeof first, "%s", ask(a, "eth_getBlockByNumber", "[\"latest\",true]", NOW));
    CHECK_STR(slice_str(ask(b, "eth_getBlockByNumber", "[\"latest\",true]", NOW)), first);
    snprintf(first, sizeof first, "%s", ask(a, "eth_newBlockFilter", "[]", NOW));
    CHECK(strcmp(first, ask(b, "eth_newBlockFilter", "[]", NOW)) != 0);
    devnode_chain_free(a);
    devnode_chain_free(b);
}

TEST(head_follows_the_clock)
{
    struct devnode_chain *c = chain(false, 1, 0, 0), *late = chain(false, 1, 0, 3);
    uint64_t head = devnode_chain_head(c, NOW);
    char want[64];

    CHECK_EQ(devnode_chain_head(c, NOW + 12000), head + 1);
    CHECK_EQ(devnode_chain_head(c, NOW + 120000), head + 10);
    CHECK_EQ(devnode_chain_head(late, NOW), head - 3);
    CHECK_EQ(devnode_chain_head(c, 0), 0);
    snprintf(want, sizeof want, "{\"result\":\"0x%llx\"}", (unsigned long long)head);
    CHECK_STR(slice_str(ask(c, "eth_blockNumber", "[]", NOW)), want);
    CHECK_STR(slice_str(ask(c, "eth_blockNumber", "", NOW)), want);
    CHECK_STR(slice_str(ask(c, "eth_blockNumber", "null", NOW)), want);
    devnode_chain_free(c);
    devnode_chain_free(late);
}

TEST(evm_blocks_are_linked)
{
    struct devnode_chain *c = chain(false, 1, 0, 0);
    char params[128], parent[80], number[32], tx[80];
    const char *r;

    snprintf(parent, sizeof parent, "%s",
             member(ask(c, "eth_getBlockByNumber", "[\"latest\",false]", NOW), "parentHash"));
    CHECK_EQ(strlen(parent), 66);
    snprintf(params, sizeof params, "[\"%s\",true]", parent);
    r = ask(c, "eth_getBlockByHash", params, NOW);
    CHECK_STR(slice_str(member(r, "hash")), parent);
    snprintf(number, sizeof number, "%s", member(r, "number"));
    snprintf(tx, sizeof tx, "%s", member(strstr(r, "\"transactions\""), "hash"));
    snprintf(params, sizeof params, "[\"%s\"]", tx);
    r = ask(c, "eth_getTransactionReceipt", params, NOW);
    CHECK_STR(slice_str(member(r, "blockHash")), parent);
    CHECK_STR(slice_str(member(r, "transactionHash")), tx);
    snprintf(params, sizeof params, "[{\"fromBlock\":\"%s\",\"toBlock\":\"%s\"}]", number, number);
    HAS(ask(c, "eth_getLogs", params, NOW), tx);
    /* Before that block was there, nobody knew its transaction. */
    snprintf(params, sizeof params, "[\"%s\"]", tx);
    CHECK_STR(slice_str(ask(c, "eth_getTransactionByHash", params, NOW - 24000)), "{\"result\":null}");
    devnode_chain_free(c);
}

TEST(evm_errors)
{
    static const struct {
        const char *method, *params, *has;
    } rows[] = {
        {"eth_nope", "[]", "\"code\":-32601,\"message\":\"the method eth_nope does not exist/is not available\""},
        {"eth_no\"pe", "[]", "\"message\":\"the method eth_nope does"},
        {"eth_subscribe", "[\"newHeads\"]", "\"code\":-32601,\"message\":\"notifications not supported\""},
        {"eth_getBalance", "[]", "\"message\":\"missing value for required argument 0\""},
        {"eth_getBalance", "{\"a\":1}", "\"message\":\"non-array args\""},
        {"eth_getBalance", "[\"0x12\",\"latest\"]", "\"code\":-32602"},
        {"eth_getBalance", "[\"0x1111111111111111111111111111111111111111\",\"0xffffffffff\"]", "header not found"},
        {"eth_getBalance", "[\"0x1111111111111111111111111111111111111111\",\"0x01\"]", "\"code\":-32602"},
        {"eth_call", "[{\"data\":\"0xdeadbeef00\"},\"latest\"]", "\"code\":3,\"message\":\"execution reverted"},
        {"eth_call", "[{\"data\":\"0xdeadbeef00\"},\"latest\"]", "\"data\":\"0x08c379a0"},
        {"eth_getBlockByNumber", "[\"0xffffffffff\",false]", "\"result\":null"},
        {"eth_getLogs", "[{\"fromBlock\":\"0x0\",\"toBlock\":\"latest\"}]", "exceed maximum block range"},
        {"eth_getLogs", "[{\"toBlock\":\"0xffffffffff\"}]", "block range extends beyond current head block"},
        {"eth_getLogs", "[{\"fromBlock\":\"0x5\",\"toBlock\":\"0x4\"}]", "invalid block range params"},
        {"eth_getFilterChanges", "[\"0x1\"]", "\"code\":-32000,\"message\":\"filter not found\""},
        {"eth_uninstallFilter", "[\"0x1\"]", "\"result\":false"},
    };
    struct devnode_chain *c = chain(false, 1, 0, 0);

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        HAS(ask(c, rows[i].method, rows[i].params, NOW), rows[i].has);
    devnode_chain_free(c);
}

TEST(evm_plain_answers)
{
    static const char address[] = "[\"0x1111111111111111111111111111111111111111\",\"latest\"]";
    struct devnode_chain *c = chain(false, 1, 0, 0);
    char once[128];

    CHECK_STR(slice_str(ask(c, "eth_chainId", "[]", NOW)), "{\"result\":\"0x1\"}");
    CHECK_STR(slice_str(ask(c, "net_version", "[]", NOW)), "{\"result\":\"1\"}");
    CHECK_STR(slice_str(ask(c, "eth_syncing", "[]", NOW)), "{\"result\":false}");
    HAS(ask(c, "eth_getBalance", address, NOW), "\"result\":\"0x");
    HAS(ask(c, "eth_getCode", address, NOW), "\"result\":\"0x");
    HAS(ask(c, "eth_feeHistory", "[\"0x2\",\"latest\",[25]]", NOW), "\"gasUsedRatio\":[0.");
    snprintf(once, sizeof once, "%s",
             ask(c, "eth_call", "[{\"to\":\"0x11\",\"data\":\"0x70a08231\"},\"latest\"]", NOW));
    CHECK_EQ(strlen(once), strlen("{\"result\":\"0x\"}") + 64);
    CHECK_STR(slice_str(ask(c, "eth_call", "[{\"to\":\"0x11\",\"data\":\"0x70a08231\"},\"latest\"]", NOW + 99999)),
              once);
    CHECK(strcmp(ask(c, "eth_call", "[{\"to\":\"0x12\",\"data\":\"0x70a08231\"},\"latest\"]", NOW), once) != 0);
    devnode_chain_free(c);
}

TEST(results_of_a_given_size)
{
    static const size_t sizes[] = {1, 2, 3, 42, 66, 67, 1024, 16384};

    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct devnode_chain *c = chain(false, 1, sizes[i], 0);
        size_t n = strlen(ask(c, "eth_call", "[{\"to\":\"0x11\"},\"latest\"]", NOW)) - strlen("{\"result\":\"\"}");

        CHECK_EQ(n, sizes[i] < 2 ? 2 : sizes[i]);
        devnode_chain_free(c);
        c = chain(true, 1, sizes[i], 0);
        n = strlen(ask(c, "getAccountInfo", "[\"11111111111111111111111111111111\"]", NOW));
        CHECK(n >= sizes[i] / 4 * 4 && n < sizes[i] + 300);
        devnode_chain_free(c);
    }
}

TEST(sent_transaction_lands_in_the_next_block)
{
    struct devnode_chain *c = chain(false, 1, 0, 0);
    char params[128], hash[80];

    snprintf(hash, sizeof hash, "%s", member(ask(c, "eth_sendRawTransaction", "[\"0x02f8aa\"]", NOW), "result"));
    CHECK_EQ(strlen(hash), 66);
    HAS(ask(c, "eth_sendRawTransaction", "[\"0x02f8aa\"]", NOW), "\"code\":-32000,\"message\":\"already known\"");
    snprintf(params, sizeof params, "[\"%s\"]", hash);
    CHECK_STR(slice_str(ask(c, "eth_getTransactionReceipt", params, NOW)), "{\"result\":null}");
    HAS(ask(c, "eth_getTransactionByHash", params, NOW), "\"blockHash\":null");
    HAS(ask(c, "eth_getTransactionReceipt", params, NOW + 12000), hash);
    HAS(ask(c, "eth_sendRawTransaction", "[\"0x02f\"]", NOW), "\"code\":-32602");
    devnode_chain_free(c);
}

TEST(filters_report_each_block_once)
{
    struct devnode_chain *c = chain(false, 1, 0, 0);
    char params[64], logs[64];

    snprintf(params, sizeof params, "[\"%s\"]", member(ask(c, "eth_newBlockFilter", "[]", NOW), "result"));
    snprintf(logs, sizeof logs, "[\"%s\"]", member(ask(c, "eth_newFilter", "[{}]", NOW), "result"));
    CHECK_STR(slice_str(ask(c, "eth_getFilterChanges", params, NOW)), "{\"result\":[]}");
    CHECK_STR(slice_str(ask(c, "eth_getFilterChanges", logs, NOW)), "{\"result\":[]}");
    CHECK_EQ(strlen(ask(c, "eth_getFilterChanges", params, NOW + 24000)), strlen("{\"result\":[,]}") + 2 * 68);
    CHECK_STR(slice_str(ask(c, "eth_getFilterChanges", params, NOW + 24000)), "{\"result\":[]}");
    HAS(ask(c, "eth_getFilterChanges", logs, NOW + 24000), "\"logIndex\"");
    CHECK_STR(slice_str(ask(c, "eth_uninstallFilter", params, NOW)), "{\"result\":true}");
    HAS(ask(c, "eth_getFilterChanges", params, NOW), "filter not found");
    HAS(ask(c, "eth_getFilterChanges", logs, NOW + 400000), "filter not found");
    for (unsigned i = 0; i < 1000; i++)
        ask(c, "eth_newFilter", "[{\"topics\":[]}]", NOW);
    HAS(ask(c, "eth_newFilter", "[{}]", NOW), "too many filters");
    devnode_chain_free(c);
}

TEST(solana_answers)
{
    static const char key[] = "[\"vines1vzrYbzLMRdu58ou5XTby4qAqVRLmqo36NKPTg\",{\"encoding\":\"base64\"}]";
    static const struct {
        const char *method, *params, *has;
    } rows[] = {
        {"getAccountInfo", key, "\"rentEpoch\":18446744073709551615"},
        {"getAccountInfo", key, "{\"result\":{\"context\":{\"apiVersion\":"},
        {"getAccountInfo", key, "AAA\",\"base64\"]"},
        {"getAccountInfo", "[\"vines\"]", "\"code\":-32602"},
        {"getTokenAccountBalance", key, "\"uiAmount\":98.64,"},
        {"getMultipleAccounts", "[[\"11111111111111111111111111111111\"]]", "\"executable\":true"},
        {"getProgramAccounts", key, "{\"result\":[{\"account\":{"},
        {"getBalance", key, "\"value\":"},
        {"getHealth", "", "{\"result\":\"ok\"}"},
        {"getVersion", "", "\"solana-core\":"},
        {"getMinimumBalanceForRentExemption", "[165]", "{\"result\":2039280}"},
        {"getBlock", "[27]", "\"code\":-32007"},
        {"getBlock", "[99999999999]", "\"code\":-32004"},
        {"getBlock", "[28,{\"commitment\":\"processed\"}]", "\"code\":-32602"},
        {"getBlock", "[28,{\"transactionDetails\":\"signatures\"}]", "\"parentSlot\":26"},
        {"getSlot", "[{\"minContextSlot\":99999999999}]", "\"code\":-32016"},
        {"getSignatureStatuses", "[[]]", "\"value\":[]"},
        {"sendTransaction", "[\"AA==\",{\"encoding\":\"base64\"}]", "\"code\":-32602"},
        {"eth_chainId", "[]", "\"code\":-32601,\"message\":\"Method not found\""},
    };
    struct devnode_chain *c = chain(true, 1, 0, 0);

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        HAS(ask(c, rows[i].method, rows[i].params, NOW), rows[i].has);
    devnode_chain_free(c);
}

TEST(solana_commitments_are_ordered)
{
    struct devnode_chain *c = chain(true, 1, 0, 0);

    for (uint64_t now = NOW; now < NOW + 40 * 400; now += 400) {
        uint64_t slot[3];

        slot[0] = strtoull(ask(c, "getSlot", "[{\"commitment\":\"processed\"}]", now) + 10, NULL, 10);
        slot[1] = strtoull(ask(c, "getSlot", "[{\"commitment\":\"confirmed\"}]", now) + 10, NULL, 10);
        slot[2] = strtoull(ask(c, "getSlot", "[]", now) + 10, NULL, 10);
        CHECK(slot[0] >= slot[1] && slot[1] > slot[2]);
        CHECK(slot[0] % 20 != 7 && slot[1] % 20 != 7 && slot[2] % 20 != 7);
    }
    devnode_chain_free(c);
}

TEST(solana_signatures_lead_to_transactions)
{
    static const char list[] = "[\"vines1vzrYbzLMRdu58ou5XTby4qAqVRLmqo36NKPTg\",{\"limit\":2}]";
    struct devnode_chain *c = chain(true, 1, 0, 0);
    char params[2048], signature[128], wire[1024];
    const char *r;

    snprintf(signature, sizeof signature, "%s", member(ask(c, "getSignaturesForAddress", list, NOW), "signature"));
    CHECK(strlen(signature) >= 64);
    snprintf(params, sizeof params, "[\"%s\",{\"encoding\":\"base64\"}]", signature);
    r = ask(c, "getTransaction", params, NOW);
    HAS(r, "\"meta\":{");
    r = strstr(r, "\"transaction\":[\"");
    CHECK(r != NULL);
    if (r) {
        snprintf(wire, sizeof wire, "%.*s", (int)strcspn(r + 16, "\""), r + 16);
        snprintf(params, sizeof params, "[\"%s\",{\"encoding\":\"base64\"}]", wire);
        HAS(ask(c, "sendTransaction", params, NOW), signature);
        HAS(ask(c, "simulateTransaction", params, NOW), "\"unitsConsumed\":150");
    }
    devnode_chain_free(c);
}

TEST(lagging_solana_node_is_unhealthy)
{
    struct devnode_chain *c = chain(true, 1, 0, 200);

    HAS(ask(c, "getHealth", "[]", NOW), "\"code\":-32005,\"message\":\"Node is behind by 200 slots\","
                                        "\"data\":{\"numSlotsBehind\":200}");
    devnode_chain_free(c);
}

/* The newest `keep` blocks have their state and their content, the one below them has neither. */
TEST(what_is_old_is_pruned)
{
    struct devnode_conf conf;
    struct devnode_chain *c;
    uint64_t head;
    char params[128];

    devnode_conf_default(&conf);
    conf.keep_state = 128;
    conf.keep_history = 1000;
    c = devnode_chain_new(&conf);
    head = devnode_chain_head(c, NOW);
    for (uint64_t keep = 128; keep <= 1000; keep += 872)
        for (uint64_t i = 0; i < 2; i++) {
            unsigned long long n = head - keep + 1 - i;

            snprintf(params, sizeof params, "[\"0x%040x\",\"0x%llx\"]", 7, n);
            HAS(ask(c, "eth_getBalance", params, NOW), keep > 128 || i ? "missing trie node" : "\"result\":\"0x");
            snprintf(params, sizeof params, "[\"0x%llx\",false]", n);
            HAS(ask(c, "eth_getBlockByNumber", params, NOW), keep > 128 && i ? "\"code\":4444," : "\"result\":{");
            snprintf(params, sizeof params, "[{\"fromBlock\":\"0x%llx\",\"toBlock\":\"0x%llx\"}]", n, n);
            HAS(ask(c, "eth_getLogs", params, NOW), keep > 128 && i ? "\"code\":4444," : "\"result\":[");
        }
    HAS(ask(c, "eth_getBalance", "[\"0x0000000000000000000000000000000000000007\",\"earliest\"]", NOW),
        "missing trie node");
    devnode_chain_free(c);
    conf.solana = true;
    conf.block_time_ms = 400;
    c = devnode_chain_new(&conf);
    head = devnode_chain_head(c, NOW);
    snprintf(params, sizeof params, "[%llu]", (unsigned long long)(head - 1000));
    HAS(ask(c, "getBlock", params, NOW), "\"code\":-32001,");
    snprintf(params, sizeof params, "[%llu]", (unsigned long long)(head - 990));
    CHECK(!strstr(ask(c, "getBlock", params, NOW), "\"code\":-32001,"));
    devnode_chain_free(c);
}

TEST(a_full_buffer_is_reported)
{
    struct devnode_chain *c = chain(false, 1, 0, 0);
    struct buf out;

    for (size_t max = 0; max < 3000; max += 7) {
        int r;

        buf_init(&out, max);
        r = devnode_chain_call(c, SLICE("eth_getBlockByNumber"), SLICE("[\"latest\",false]"), NOW, &out);
        CHECK(r == 0 || r == BUF_FULL);
        CHECK(r == 0 ? out.p[out.n - 1] == '}' : max < 2500);
        buf_deinit(&out);
    }
    devnode_chain_free(c);
}

TEST_MAIN()
