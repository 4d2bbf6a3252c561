/* Which block a call asks about: the usual forms, and what servers read in different ways. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>

#include "rpc/block_ref.h"

#define HASH "0x00000000000000000000000000000000000000000000000000000000000000aB"
#define A    "\"0x00000000000000000000000000000000000000Aa\""

/* "number 16", "range earliest..16", "tag finalized", ...; "+" when the answer moves with the head. */
static const char *shown(enum chain_family family, const char *method, const char *params)
{
    static const char *const kinds[] = {"none",  "missing", "tag",   "number", "hash",
                                        "range", "slot",    "epoch", "unclear"};
    static const char *const tags[] = {"", "absent", "earliest", "finalized", "safe", "latest", "pending"};
    static const char *const commitments[] = {"", " processed", " confirmed", " finalized"};
    static char out[200];
    const struct method *m = method_get(family, slice_str(method));
    struct block_ref r;
    size_t n;

    block_ref_read(&r, m, family, slice_str(params));
    n = (size_t)snprintf(out, sizeof out, "%s", kinds[r.kind]);
    if (r.kind == BLOCK_REF_NUMBER || r.kind == BLOCK_REF_SLOT || r.kind == BLOCK_REF_EPOCH)
        n += (size_t)snprintf(out + n, sizeof out - n, " %llu", (unsigned long long)r.number);
    if (r.kind == BLOCK_REF_TAG && family == CHAIN_EVM)
        n += (size_t)snprintf(out + n, sizeof out - n, " %s", tags[r.tag]);
    if (r.kind == BLOCK_REF_RANGE) {
        char from[24], to[24];

        snprintf(from, sizeof from, "%llu", (unsigned long long)r.from);
        snprintf(to, sizeof to, "%llu", (unsigned long long)r.number);
        n += (size_t)snprintf(out + n, sizeof out - n, " %s..%s", r.from_tag ? tags[r.from_tag] : from,
                              r.tag ? tags[r.tag] : to);
    }
    if (r.kind == BLOCK_REF_HASH)
        CHECK(r.hash.p > params && r.hash.n == 66 && r.hash.p[1] == 'x');
    if (r.kind != BLOCK_REF_UNCLEAR)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s", commitments[r.commitment]);
    if (r.has_min_slot && r.kind != BLOCK_REF_UNCLEAR)
        n += (size_t)snprintf(out + n, sizeof out - n, " min %llu", (unsigned long long)r.min_slot);
    snprintf(out + n, sizeof out - n, "%s", r.head ? " +" : "");
    return out;
}

static void says(enum chain_family family, const char *method, const char *params, const char *want)
{
    const char *got = shown(family, method, params);

    if (strcmp(got, want) != 0)
        printf("# %s %s\n", method, params);
    CHECK_STR(slice_str(got), want);
}

struct row {
    const char *method, *params, *want;
};

static void table(enum chain_family family, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        says(family, rows[i].method, rows[i].params, rows[i].want);
}

TEST(evm_forms)
{
    static const struct row rows[] = {
        {"eth_chainId", "", "none"},
        {"web3_sha3", "[\"0x\"]", "none"},
        {"eth_blockNumber", "[]", "none +"},
        {"eth_gasPrice", "", "none +"},
        {"eth_getTransactionReceipt", "[\"" HASH "\"]", "none +"},
        {"eth_syncing", "", "none +"},
        {"vendor_x", "[\"latest\"]", "none +"},
        {"eth_sendRawTransaction", "[\"0x\"]", "none"},

        {"eth_getBalance", "[" A ",\"latest\"]", "tag latest +"},
        {"eth_getBalance", "[" A ",\"pending\"]", "tag pending +"},
        {"eth_getBalance", "[" A ",\"safe\"]", "tag safe +"},
        {"eth_getBalance", "[" A ",\"finalized\"]", "tag finalized +"},
        {"eth_getBalance", "[" A ",\"earliest\"]", "tag earliest"},
        {"eth_getBalance", "[" A "]", "missing +"},
        {"eth_getBalance", "[]", "missing +"},
        {"eth_getBalance", "", "missing +"},
        {"eth_getBalance", "[" A ",null]", "missing +"},
        {"eth_getBalance", " [ " A " , \"0x10\" ] ", "number 16"},
        {"eth_getBalance", "[" A ",\"0x0\"]", "number 0"},
        {"eth_getBalance", "[" A ",\"0xaBcD\"]", "number 43981"},
        {"eth_getBalance", "[" A ",\"0xffffffffffffffff\"]", "number 18446744073709551615"},
        {"eth_getBalance", "[" A ",\"" HASH "\"]", "hash"},
        {"eth_getBalance", "[" A ",{\"blockNumber\":\"0x10\"}]", "number 16"},
        {"eth_getBalance", "[" A ",{\"blockNumber\":\"latest\"}]", "tag latest +"},
        {"eth_getBalance", "[" A ",{\"blockHash\":\"" HASH "\"}]", "hash"},
        {"eth_getBalance", "[" A ",{\"blockHash\":\"" HASH "\",\"requireCanonical\":false}]", "hash"},
        {"eth_getBalance", "[" A ",{\"requireCanonical\":false , \"blockHash\" : \"" HASH "\"}]", "hash"},

        {"eth_call", "[{\"to\":" A ",\"data\":\"0x\"},\"latest\"]", "tag latest +"},
        {"eth_call", "[{\"to\":" A ",\"data\":\"0x\"},\"0x1\",{}]", "number 1"},
        {"eth_call", "[{\"to\":" A ",\"data\":\"latest\"}]", "missing +"},
        {"eth_call", "[[[\"0x1\"],{\"a\":[1,\"]\"]}],\"0x2\",\"latest\"]", "number 2"},
        {"eth_call", "[{\"to\":{\"x\":1},\"data\":\"0x\"},\"latest\"]", "tag latest +"},
        {"eth_call", "[{\"data\":\"}\"},\"latest\"]", "tag latest +"},
        {"eth_call", "[{},\"0x1\",{},\"latest\"]", "number 1"},
        {"eth_call", "[{},{},\"latest\"]", "unclear +"},
        {"eth_call", "[{}, \"latest\"]", "tag latest +"},
        {"eth_getBalance", "[\"a\\\"\",\"latest\"]", "tag latest +"},
        {"eth_getBalance", "[\"\",\"latest\"]", "tag latest +"},
        {"eth_getBalance", "[" A ",\"0x1\",\"latest\"]", "number 1"},
        {"eth_getBalance", "[[" A "],\"latest\"]", "tag latest +"},
        {"eth_getBalance", "[[\"" HASH "\",\"latest\"]]", "missing +"},
        {"eth_getBalance", "[\"latest\"]", "missing +"},
        {"eth_getStorageAt", "[" A ",\"latest\"]", "missing +"},
        {"eth_getBlockByNumber", "[\"latest\"]", "tag latest +"},
        {"eth_getBlockByNumber", "[ \"latest\"]", "tag latest +"},
        {"eth_getLogs", "[\"latest\"]", "unclear +"},
        {"eth_feeHistory", "[\"0x5\",\"0x10\",[25.5]]", "number 16"},
        {"eth_getStorageAt", "[" A ",\"0x0\",\"0x10\"]", "number 16"},
        {"eth_getStorageAt", "[" A ",\"0x10\"]", "missing +"},
        {"eth_getProof", "[" A ",[\"0x1\",\"0x2\"],\"0x10\"]", "number 16"},
        {"eth_getStorageValues", "[{" A ":[\"0x1\"]},\"0x10\"]", "number 16"},
        {"trace_call", "[{},[\"trace\"],\"0x10\"]", "number 16"},
        {"trace_callMany", "[[],\"0x10\"]", "number 16"},
        {"eth_getBlockByNumber", "[\"0x10\",false]", "number 16"},
        {"eth_getBlockByNumber", "[\"latest\",true]", "tag latest +"},
        {"eth_getTransactionByBlockNumberAndIndex", "[\"0x10\",\"0x0\"]", "number 16"},
        {"eth_getBlockReceipts", "[\"" HASH "\"]", "hash"},
        {"eth_getBlockByHash", "[\"" HASH "\",false]", "hash"},
        {"eth_getBlockByHash", "[\"0x10\",false]", "number 16"},

        {"eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x10\",\"topics\":[]}]", "range 1..16"},
        {"eth_getLogs", "[{\"toBlock\":\"0x10\",\"fromBlock\":\"earliest\"}]", "range earliest..16"},
        {"eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"latest\"}]", "range 1..latest +"},
        {"eth_getLogs", "[{\"fromBlock\":\"0x1\"}]", "range 1..absent +"},
        {"eth_getLogs", "[{\"toBlock\":\"0x1\"}]", "range absent..1 +"},
        {"eth_getLogs", "[{\"fromBlock\":null,\"toBlock\":\"0x1\"}]", "range absent..1 +"},
        {"eth_getLogs", "[{\"fromBlock\":\"finalized\",\"toBlock\":\"0x1\"}]", "range finalized..1 +"},
        {"eth_getLogs", "[{}]", "range absent..absent +"},
        {"eth_getLogs", "[{\"blockHash\":\"" HASH "\",\"address\":" A "}]", "hash"},
        {"eth_getLogs", "[]", "missing +"},
        {"eth_getLogs", "[null]", "missing +"},
        {"trace_filter", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x2\",\"count\":5}]", "range 1..2"},
    };

    table(CHAIN_EVM, rows, sizeof rows / sizeof rows[0]);
}

TEST(evm_what_is_not_plain_is_unclear)
{
    static const char *const points[] = {
        "\"\"",
        "\"0x\"",
        "\"0x01\"",
        "\"0x00\"",
        "\"0X10\"",
        "\"10\"",
        "10",
        "1e1",
        "true",
        "[]",
        "[\"latest\"]",
        "\"Latest\"",
        "\"LATEST\"",
        "\"latest \"",
        "\" latest\"",
        "\"lat\\u0065st\"",
        "\"0x1\\u0030\"",
        "\"\\u0030x10\"",
        "\"0x10 \"",
        "\"-0x1\"",
        "\"0x1g\"",
        "\"0x10000000000000000\"",
        /* one digit less, one more, and one that is none */
        "\"0x0000000000000000000000000000000000000000000000000000000000000aB\"",
        "\"0x000000000000000000000000000000000000000000000000000000000000000aB\"",
        "\"0x0000000000000000000000000000000000000000000000000000000000000gaB\"",
        "{}",
        "{\"blockNumber\":16}",
        "{\"blockNumber\":null}",
        "{\"blockNumber\":\"0x01\"}",
        "{\"blockHash\":\"0x10\"}",
        "{\"blockHash\":null}",
        "{\"blockNumber\":\"0x1\",\"blockHash\":\"" HASH "\"}",
        "{\"blockHash\":\"" HASH "\",\"requireCanonical\":true}",
        "{\"blockHash\":\"" HASH "\",\"requireCanonical\":0}",
        "{\"blockNumber\":\"0x1\",\"blockNumber\":\"latest\"}",
        "{\"blockNumber\":\"0x1\",\"BlockNumber\":\"latest\"}",
        "{\"BLOCKNUMBER\":\"0x1\"}",
        "{\"block\\u004eumber\":\"0x1\"}",
        "{\"blockNumber\":\"0x1\",\"other\":1}",
        "{\"blockNumber\":\"0x1\",\"bloc\xe2\x84\xaaNumber\":\"latest\"}",
        "{\"blockNumber\":\"0x1\",\"\":1}",
        "{\"requireCanonical\":false}",
        "{\"blockNumber\":{\"blockNumber\":\"0x1\"}}",
    };
    static const struct row rows[] = {
        {"eth_getBalance", "{\"address\":" A ",\"block\":\"0x1\"}", "unclear +"},
        {"eth_getBalance", "{}", "unclear +"},
        {"eth_getLogs", "{\"fromBlock\":\"0x1\",\"toBlock\":\"0x2\"}", "unclear +"},
        {"eth_getLogs", "[\"0x1\"]", "unclear +"},
        {"eth_getLogs", "[\"" HASH "\"]", "unclear +"},
        {"eth_getLogs", "[[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x2\"}]]", "unclear +"},
        {"eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x02\"}]", "unclear +"},
        {"eth_getLogs", "[{\"fromBlock\":1,\"toBlock\":\"0x2\"}]", "unclear +"},
        {"eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x2\",\"toBlock\":\"latest\"}]", "unclear +"},
        {"eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x2\",\"toblock\":\"latest\"}]", "unclear +"},
        {"eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x2\",\"to\\u0042lock\":\"latest\"}]", "unclear +"},
        {"eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x2\",\"toBloc\xe2\x84\xaa\":\"latest\"}]", "unclear +"},
        {"eth_getLogs", "[{\"blockHash\":\"" HASH "\",\"toBlock\":\"0x2\"}]", "unclear +"},
        {"eth_getLogs", "[{\"blockHash\":\"0x2\"}]", "unclear +"},
        {"eth_getLogs", "[{\"blockHash\":null}]", "unclear +"},
    };
    char params[400];

    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        snprintf(params, sizeof params, "[" A ",%s]", points[i]);
        says(CHAIN_EVM, "eth_getBalance", params, "unclear +");
        snprintf(params, sizeof params, "[%s,false]", points[i]);
        says(CHAIN_EVM, "eth_getBlockByNumber", params, "unclear +");
    }
    table(CHAIN_EVM, rows, sizeof rows / sizeof rows[0]);
}

TEST(solana_forms)
{
    static const struct row rows[] = {
        {"getGenesisHash", "", "none"},
        {"getRecentPrioritizationFees", "[[]]", "none +"},
        {"getSlot", "", "missing finalized +"},
        {"getSlot", "[]", "missing finalized +"},
        {"getSlot", "[null]", "missing finalized +"},
        {"getSlot", "[{}]", "missing finalized +"},
        {"getSlot", "[{\"commitment\":\"processed\"}]", "tag processed +"},
        {"getSlot", "[{\"commitment\":\"confirmed\",\"minContextSlot\":5}]", "tag confirmed min 5 +"},
        {"getSlot", "[{\"minContextSlot\":18446744073709551615}]", "missing finalized min 18446744073709551615 +"},
        {"getSlot", "[{\"minContextSlot\":null}]", "missing finalized +"},
        {"getBalance", "[\"key\",{\"commitment\":\"finalized\"}]", "tag finalized +"},
        {"getBalance", "[\"key\"]", "missing finalized +"},
        {"getAccountInfo", "[\"key\",{\"encoding\":\"base64\",\"commitment\":\"confirmed\"}]", "tag confirmed +"},
        {"getTokenAccountsByOwner", "[\"key\",{\"mint\":\"m\"},{\"commitment\":\"confirmed\"}]", "tag confirmed +"},
        {"getTokenAccountsByOwner", "[\"key\",{\"commitment\":\"confirmed\"}]", "missing finalized +"},
        {"getBlocks", "[5,10,{\"commitment\":\"confirmed\"}]", "tag confirmed +"},
        {"getBlocks", "[5,{\"commitment\":\"confirmed\"}]", "tag confirmed +"},
        {"getBlocks", "[5,null,{\"commitment\":\"confirmed\"}]", "tag confirmed +"},
        {"getBlocks", "[5]", "missing finalized +"},
        {"getBlocksWithLimit", "[5,10,{\"commitment\":\"confirmed\"}]", "tag confirmed +"},
        {"getLeaderSchedule", "[{\"commitment\":\"processed\"}]", "tag processed +"},
        {"getLeaderSchedule", "[5,{\"commitment\":\"processed\"}]", "tag processed +"},
        {"simulateTransaction", "[\"tx\",{\"commitment\":\"processed\",\"accounts\":{\"commitment\":1}}]",
         "tag processed +"},

        {"getBlock", "[430]", "slot 430 finalized"},
        {"getBlock", "[430,{\"commitment\":\"confirmed\",\"rewards\":false}]", "slot 430 confirmed"},
        {"getBlock", "[430,{\"rewards\":false}]", "slot 430 finalized"},
        {"getBlock", "[430,\"json\"]", "slot 430 finalized"},
        {"getBlock", "[430,null]", "slot 430 finalized"},
        {"getBlockTime", "[430]", "slot 430"},
        {"getTransaction", "[\"sig\"]", "none finalized +"},
        {"getTransaction", "[\"sig\",\"base64\"]", "none finalized +"},
        {"getTransaction", "[\"sig\",{\"commitment\":\"confirmed\"}]", "none confirmed +"},
        {"getInflationReward", "[[\"key\"],{\"epoch\":2}]", "epoch 2 finalized"},
        {"getInflationReward", "[[\"key\"],{\"epoch\":2,\"commitment\":\"confirmed\"}]", "epoch 2 confirmed"},
        {"getInflationReward", "[[\"key\"]]", "missing finalized +"},
        {"getInflationReward", "[[\"key\"],{\"epoch\":null}]", "missing finalized +"},
        {"getInflationReward", "[[\"key\"],{\"commitment\":\"finalized\"}]", "missing finalized +"},

        {"getSlot", "[{\"commitment\":\"max\"}]", "unclear +"},
        {"getSlot", "[{\"commitment\":null}]", "unclear +"},
        {"getSlot", "[{\"commitment\":\"Finalized\"}]", "unclear +"},
        {"getSlot", "[{\"commitment\":\"processed\",\"commitment\":\"finalized\"}]", "unclear +"},
        {"getSlot", "[{\"comm\\u0069tment\":\"processed\"}]", "unclear +"},
        {"getSlot", "[{\"minContextSlot\":-1}]", "unclear +"},
        {"getSlot", "[{\"minContextSlot\":1.5}]", "unclear +"},
        {"getSlot", "[{\"minContextSlot\":18446744073709551616}]", "unclear +"},
        {"getSlot", "[{\"minContextSlot\":\"5\"}]", "unclear +"},
        {"getSlot", "[\"processed\"]", "unclear +"},
        {"getSlot", "{\"commitment\":\"processed\"}", "unclear +"},
        {"getBlocks", "[5,{\"commitment\":\"confirmed\"},{\"commitment\":\"finalized\"}]", "unclear +"},
        {"getBlock", "[]", "unclear +"},
        {"getBlock", "[\"430\"]", "unclear +"},
        {"getBlock", "[430.0]", "unclear +"},
        {"getBlock", "[-1]", "unclear +"},
        {"getBlock", "[430,7]", "unclear +"},
        {"getBlock", "[{\"commitment\":\"finalized\"}]", "unclear +"},
        {"getBlockTime", "[\"430\"]", "unclear +"},
        {"getTransaction", "[\"sig\",7]", "unclear +"},
    };

    table(CHAIN_SOLANA, rows, sizeof rows / sizeof rows[0]);
}

TEST(numbers_beyond_the_head_move_with_it)
{
    static const struct {
        enum chain_family family;
        const char *method, *params;
        int unknown, at_15, at_16;
    } rows[] = {
        {CHAIN_EVM, "eth_getBlockByNumber", "[\"0x10\"]", 1, 1, 0},
        {CHAIN_EVM, "eth_getBlockByNumber", "[\"0x0\"]", 0, 0, 0},
        {CHAIN_EVM, "eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x10\"}]", 1, 1, 0},
        {CHAIN_EVM, "eth_getLogs", "[{\"fromBlock\":\"0x10\",\"toBlock\":\"0x1\"}]", 1, 1, 0},
        {CHAIN_EVM, "eth_getBlockByHash", "[\"" HASH "\"]", 0, 0, 0},
        {CHAIN_EVM, "eth_chainId", "", 0, 0, 0},
        {CHAIN_EVM, "eth_call", "[{}]", 1, 1, 1},
        {CHAIN_SOLANA, "getBlock", "[16]", 1, 1, 0},
        {CHAIN_SOLANA, "getSlot", "", 1, 1, 1},
        {CHAIN_SOLANA, "getInflationReward", "[[],{\"epoch\":100}]", 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct block_ref r;

        block_ref_read(&r, method_get(rows[i].family, slice_str(rows[i].method)), rows[i].family,
                       slice_str(rows[i].params));
        CHECK_EQ(block_ref_is_head(&r, 0), rows[i].unknown);
        CHECK_EQ(block_ref_is_head(&r, 15), rows[i].at_15);
        CHECK_EQ(block_ref_is_head(&r, 16), rows[i].at_16);
    }
}

/* Cut anywhere, and with each byte changed, a text is never read beyond its end: the allocation is exact. */
TEST(broken_texts_are_harmless)
{
    static const struct {
        enum chain_family family;
        const char *method, *params;
    } rows[] = {
        {CHAIN_EVM, "eth_getBalance", "[" A ",{\"blockHash\":\"" HASH "\",\"requireCanonical\":false}]"},
        {CHAIN_EVM, "eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x10\",\"topics\":[null,[\"0x1\"]]}]"},
        {CHAIN_SOLANA, "getBlock", "[430,{\"commitment\":\"confirmed\",\"minContextSlot\":5}]"},
        {CHAIN_SOLANA, "getBlocks", "[5,{\"commitment\":\"confirmed\"}]"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct method *m = method_get(rows[i].family, slice_str(rows[i].method));
        size_t n = strlen(rows[i].params);
        struct block_ref r;

        for (size_t cut = 1; cut < n; cut++) {
            char *p = malloc(cut);

            memcpy(p, rows[i].params, cut);
            block_ref_read(&r, m, rows[i].family, slice_of(p, cut));
            for (size_t j = 0; j < cut; j++) {
                p[j] ^= 0x15;
                block_ref_read(&r, m, rows[i].family, slice_of(p, cut));
                p[j] ^= 0x15;
            }
            free(p);
        }
    }
}

TEST_MAIN()
