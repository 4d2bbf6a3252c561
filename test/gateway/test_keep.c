/* From a call's params to the cache's rules: which answers may be kept for good, by how far the chain is final.  On
 * Solana a node that answers at commitment finalized says itself that the slot is. */
#include "test.h"

#include "cache/cache_rule.h"
#include "gateway/keep.h"
#include "rpc/block_ref.h"

#define A    "\"0x00000000000000000000000000000000000000aa\""
#define HASH "0x00000000000000000000000000000000000000000000000000000000000000aa"

static bool is_fixed(enum chain_family family, const char *method, const char *params, uint64_t finalized)
{
    const struct method *m = method_get(family, slice_str(method));
    struct cache_question q = {.rule = (enum cache_rule_kind)m->cache, .finalized = finalized, .finalized_known = true};
    bool rows = m->class == CLASS_RANGE || strcmp(method, "getInflationReward") == 0; /* the answer is an array */
    struct block_ref r;

    block_ref_read(&r, m, family, slice_str(params));
    return keep_question(&q, &r) &&
           cache_rule_judge(&q, slice_str(rows ? "[{}]" : "{\"blockNumber\":\"0x10\"}")) == CACHE_FOREVER;
}

TEST(fixed_answers)
{
    static const struct {
        enum chain_family family;
        const char *method, *params;
        int at_15, at_16;
    } rows[] = {
        {CHAIN_EVM, "eth_chainId", "", 1, 1},
        {CHAIN_EVM, "eth_blockNumber", "", 0, 0},
        {CHAIN_EVM, "eth_getBalance", "[" A ",\"0x10\"]", 0, 1},
        {CHAIN_EVM, "eth_getBalance", "[" A ",\"0x010\"]", 0, 0},
        {CHAIN_EVM, "eth_getBalance", "[" A ",\"latest\"]", 0, 0},
        {CHAIN_EVM, "eth_getBalance", "[" A ",\"finalized\"]", 0, 0},
        {CHAIN_EVM, "eth_getBalance", "[" A ",\"earliest\"]", 0, 0},
        {CHAIN_EVM, "eth_getBalance", "[" A ",{\"blockHash\":\"" HASH "\"}]", 1, 1},
        {CHAIN_EVM, "eth_getBalance", "[" A ",{\"blockHash\":\"" HASH "\",\"requireCanonical\":true}]", 0, 0},
        {CHAIN_EVM, "eth_getBlockByHash", "[\"" HASH "\",true]", 1, 1},
        {CHAIN_EVM, "eth_getBlockByHash", "[\"0x1\",true]", 0, 0},
        {CHAIN_EVM, "eth_getTransactionByHash", "[\"" HASH "\"]", 0, 1},
        {CHAIN_EVM, "eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x10\"}]", 0, 1},
        {CHAIN_EVM, "eth_getLogs", "[{\"fromBlock\":\"0x10\",\"toBlock\":\"0x1\"}]", 0, 0},
        {CHAIN_EVM, "eth_getLogs", "[{\"fromBlock\":\"earliest\",\"toBlock\":\"0x1\"}]", 0, 0},
        {CHAIN_EVM, "eth_getLogs", "[{\"blockHash\":\"" HASH "\"}]", 1, 1},
        {CHAIN_EVM, "eth_newFilter", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x2\"}]", 0, 0},
        {CHAIN_EVM, "eth_syncing", "", 0, 0},
        {CHAIN_EVM, "vendor_x", "[\"0x1\"]", 0, 0},
        {CHAIN_SOLANA, "getBlock", "[16]", 1, 1},
        {CHAIN_SOLANA, "getBlock", "[16,{\"commitment\":\"confirmed\"}]", 0, 0},
        {CHAIN_SOLANA, "getBlockTime", "[16]", 1, 1},
        {CHAIN_SOLANA, "getTransaction", "[\"sig\"]", 1, 1},
        {CHAIN_SOLANA, "getTransaction", "[\"sig\",{\"commitment\":\"confirmed\"}]", 0, 0},
        {CHAIN_SOLANA, "getTransaction", "[\"sig\",{\"commitment\":\"\"}]", 0, 0},
        {CHAIN_SOLANA, "getInflationReward", "[[],{\"epoch\":100}]", 1, 1},
        {CHAIN_SOLANA, "getInflationReward", "[[]]", 0, 0},
        {CHAIN_SOLANA, "getAccountInfo", "[\"key\",{\"commitment\":\"finalized\"}]", 0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (is_fixed(rows[i].family, rows[i].method, rows[i].params, 15) != rows[i].at_15 ||
            is_fixed(rows[i].family, rows[i].method, rows[i].params, 16) != rows[i].at_16)
            printf("# %s %s\n", rows[i].method, rows[i].params);
        CHECK_EQ(is_fixed(rows[i].family, rows[i].method, rows[i].params, 15), rows[i].at_15);
        CHECK_EQ(is_fixed(rows[i].family, rows[i].method, rows[i].params, 16), rows[i].at_16);
    }
}

TEST_MAIN()
