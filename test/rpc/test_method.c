/* The method table: what each row says, which name meets which row, and what must hold for every row. */
#include "../test.h"

#include <stdio.h>

#include "rpc/method.h"

static const struct method *get(enum chain_family family, const char *name)
{
    return method_get(family, slice_str(name));
}

TEST(names_meet_their_rows)
{
    static const struct {
        enum chain_family family;
        const char *name, *row;
    } rows[] = {
        {CHAIN_EVM, "eth_call", "eth_call"},
        {CHAIN_EVM, "eth_CALL", "other"},
        {CHAIN_EVM, "eth_cal", "other"},
        {CHAIN_EVM, "eth_calls", "other"},
        {CHAIN_EVM, "eth_call ", "other"},
        {CHAIN_EVM, "", "other"},
        {CHAIN_EVM, "_", "other"},
        {CHAIN_EVM, "other", "other"},
        {CHAIN_EVM, "*", "other"},
        {CHAIN_EVM, "getSlot", "other"},
        {CHAIN_SOLANA, "eth_call", "other"},
        {CHAIN_SOLANA, "getSlot", "getSlot"},
        {CHAIN_SOLANA, "getslot", "other"},
        /* The same first and last eight bytes and the same length. */
        {CHAIN_EVM, "eth_getBlockByNumber", "eth_getBlockByNumber"},
        {CHAIN_EVM, "eth_getXXXXXByNumber", "other"},
        /* Name spaces: what has a row of its own keeps it. */
        {CHAIN_EVM, "personal_sign", "personal_*"},
        {CHAIN_EVM, "personal_", "personal_*"},
        {CHAIN_EVM, "personal_a_b", "personal_*"},
        {CHAIN_EVM, "personal_*", "personal_*"},
        {CHAIN_EVM, "personal", "other"},
        {CHAIN_EVM, "Personal_sign", "other"},
        {CHAIN_EVM, "xpersonal_sign", "other"},
        {CHAIN_SOLANA, "personal_sign", "other"},
        {CHAIN_EVM, "debug_traceTransaction", "debug_traceTransaction"},
        {CHAIN_EVM, "debug_setHead", "debug_setHead"},
        {CHAIN_EVM, "debug_other", "debug_*"},
        {CHAIN_EVM, "trace_block", "trace_block"},
        {CHAIN_EVM, "trace_other", "trace_*"},
        {CHAIN_EVM, "txpool_content", "txpool_*"},
        {CHAIN_EVM, "anvil_mine", "anvil_*"},
        {CHAIN_EVM, "evm_mine", "evm_*"},
        {CHAIN_EVM, "eth_subscribe", "eth_subscribe"},
        {CHAIN_EVM, "accountSubscribe", "other"},
        {CHAIN_SOLANA, "accountSubscribe", "*Subscribe"},
        {CHAIN_SOLANA, "accountUnsubscribe", "*Unsubscribe"},
        {CHAIN_SOLANA, "Subscribe", "*Subscribe"},
        {CHAIN_SOLANA, "accountsubscribe", "other"},
        {CHAIN_SOLANA, "accountSubscribe2", "other"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct method *m = get(rows[i].family, rows[i].name);

        CHECK_STR(slice_str(m->name), rows[i].row);
        CHECK(m == method_at(m->slot));
    }
}

TEST(long_names_are_no_way_around_a_denial)
{
    char name[4096];

    memset(name, 'a', sizeof name);
    CHECK_EQ(method_get(CHAIN_EVM, slice_of(name, sizeof name))->slot, 0);
    memcpy(name, "personal_", 9);
    for (size_t n = 9; n <= sizeof name; n++)
        CHECK(method_get(CHAIN_EVM, slice_of(name, n))->denied);
    memcpy(name + sizeof name - 9, "Subscribe", 9);
    for (size_t n = 9; n <= sizeof name; n++)
        CHECK(method_get(CHAIN_SOLANA, slice_of(name + sizeof name - n, n))->denied);
}

TEST(every_name_but_the_exact_one_misses)
{
    for (unsigned i = 1; i < method_slots(); i++) {
        const struct method *m = method_at(i);
        size_t n = strlen(m->name);
        enum chain_family family = get(CHAIN_EVM, m->name) == m ? CHAIN_EVM : CHAIN_SOLANA;
        char name[128];

        CHECK(get(family, m->name) == m);
        if (m->wild)
            continue;
        for (size_t j = 0; j < n; j++) { /* each byte changed, in either case */
            memcpy(name, m->name, n + 1);
            name[j] ^= 1;
            CHECK(method_get(family, slice_of(name, n)) != m);
            name[j] ^= 1 ^ 0x20;
            CHECK(method_get(family, slice_of(name, n)) != m);
        }
        CHECK(method_get(family, slice_of(m->name, n - 1)) != m);
        snprintf(name, sizeof name, "%sx", m->name);
        CHECK(get(family, name) != m);
        CHECK(get(family == CHAIN_EVM ? CHAIN_SOLANA : CHAIN_EVM, m->name) != m);
    }
}

/* What the columns may not say together. */
TEST(rows_are_sane)
{
    for (unsigned i = 0; i < method_slots(); i++) {
        const struct method *m = method_at(i);
        bool read = m->kind == METHOD_READ;

        CHECK_EQ(m->slot, i);
        CHECK(read || (!m->hedge && !m->retry && m->cache == CACHE_NEVER));
        CHECK(read || !m->coalesce || m->class == CLASS_BROADCAST ||
              strcmp(m->name, "eth_sendRawTransactionSync") == 0);
        CHECK(!m->denied || (!m->coalesce && !m->hedge && !m->retry));
        CHECK((m->class == CLASS_FILTER) == (m->sticky != STICKY_NONE));
        CHECK(m->class != CLASS_LOCAL || (!m->coalesce && !m->hedge && m->cache == CACHE_NEVER));
        CHECK(m->class != CLASS_UNKNOWN || (!m->coalesce && m->kind == METHOD_UNKNOWN));
        CHECK(!m->wild || !m->coalesce);
        CHECK(m->class != CLASS_STATE || m->ref >= 0);
        CHECK(m->class != CLASS_RANGE || m->ref == 0);
        CHECK(m->cache != CACHE_BY_NUMBER || m->ref >= 0);
        CHECK(m->cache != CACHE_BY_HASH || m->ref == 0);
        CHECK_EQ(m->denied, m->class == CLASS_SIGN || m->class == CLASS_ADMIN || m->class == CLASS_SUBSCRIPTION);
    }
}

TEST(rows_say_what_the_nodes_do)
{
    static const struct {
        enum chain_family family;
        const char *name;
        enum method_class class;
        int ref;
        int coalesce, hedge, retry, heavy, denied;
        enum cache_rule cache;
        enum method_sticky sticky;
        unsigned units;
    } rows[] = {
        {CHAIN_EVM, "eth_chainId", CLASS_STATIC, -1, 1, 1, 1, 0, 0, CACHE_STATIC, STICKY_NONE, 0},
        {CHAIN_EVM, "eth_blockNumber", CLASS_HEAD, -1, 1, 1, 1, 0, 0, CACHE_HEAD, STICKY_NONE, 10},
        {CHAIN_EVM, "eth_call", CLASS_STATE, 1, 1, 1, 1, 0, 0, CACHE_BY_NUMBER, STICKY_NONE, 26},
        {CHAIN_EVM, "eth_getStorageAt", CLASS_STATE, 2, 1, 1, 1, 0, 0, CACHE_BY_NUMBER, STICKY_NONE, 20},
        {CHAIN_EVM, "eth_getProof", CLASS_STATE, 2, 1, 1, 1, 0, 0, CACHE_BY_NUMBER, STICKY_NONE, 20},
        {CHAIN_EVM, "eth_getStorageValues", CLASS_STATE, 1, 1, 1, 1, 0, 0, CACHE_BY_NUMBER, STICKY_NONE, 20},
        {CHAIN_EVM, "trace_call", CLASS_STATE, 2, 1, 1, 1, 1, 0, CACHE_BY_NUMBER, STICKY_NONE, 20},
        {CHAIN_EVM, "eth_getBlockTransactionCountByNumber", CLASS_BY_NUMBER, 0, 1, 1, 1, 0, 0, CACHE_BY_NUMBER,
         STICKY_NONE, 20},
        {CHAIN_EVM, "eth_getBlockByHash", CLASS_BY_HASH, 0, 1, 1, 1, 0, 0, CACHE_BY_HASH, STICKY_NONE, 20},
        {CHAIN_EVM, "eth_getTransactionReceipt", CLASS_BY_TX, -1, 1, 1, 1, 0, 0, CACHE_BY_TX, STICKY_NONE, 20},
        {CHAIN_EVM, "eth_getLogs", CLASS_RANGE, 0, 1, 1, 1, 1, 0, CACHE_RANGE, STICKY_NONE, 60},
        {CHAIN_EVM, "eth_newFilter", CLASS_FILTER, -1, 0, 0, 0, 0, 0, CACHE_NEVER, STICKY_CREATE, 20},
        {CHAIN_EVM, "eth_getFilterChanges", CLASS_FILTER, -1, 0, 0, 0, 0, 0, CACHE_NEVER, STICKY_POLL, 20},
        {CHAIN_EVM, "eth_uninstallFilter", CLASS_FILTER, -1, 0, 0, 0, 0, 0, CACHE_NEVER, STICKY_USE, 10},
        {CHAIN_EVM, "eth_sendRawTransaction", CLASS_BROADCAST, -1, 1, 0, 0, 0, 0, CACHE_NEVER, STICKY_NONE, 40},
        {CHAIN_EVM, "eth_sendBundle", CLASS_WRITE, -1, 0, 0, 0, 0, 0, CACHE_NEVER, STICKY_NONE, 40},
        {CHAIN_EVM, "eth_sendTransaction", CLASS_SIGN, -1, 0, 0, 0, 0, 1, CACHE_NEVER, STICKY_NONE, 20},
        {CHAIN_EVM, "hardhat_setBalance", CLASS_ADMIN, -1, 0, 0, 0, 0, 1, CACHE_NEVER, STICKY_NONE, 20},
        {CHAIN_EVM, "eth_syncing", CLASS_LOCAL, -1, 0, 0, 1, 0, 0, CACHE_NEVER, STICKY_NONE, 0},
        {CHAIN_EVM, "eth_subscribe", CLASS_SUBSCRIPTION, -1, 0, 0, 0, 0, 1, CACHE_NEVER, STICKY_NONE, 10},
        {CHAIN_SOLANA, "getAccountInfo", CLASS_HEAD, 1, 1, 1, 1, 0, 0, CACHE_HEAD, STICKY_NONE, 1},
        {CHAIN_SOLANA, "getSignaturesForAddress", CLASS_HEAD, 1, 1, 1, 1, 0, 0, CACHE_HEAD, STICKY_NONE, 10},
        {CHAIN_SOLANA, "getTokenAccountsByOwner", CLASS_HEAD, 2, 1, 1, 1, 0, 0, CACHE_HEAD, STICKY_NONE, 1},
        {CHAIN_SOLANA, "getSlot", CLASS_HEAD, 0, 1, 1, 1, 0, 0, CACHE_HEAD, STICKY_NONE, 1},
        {CHAIN_SOLANA, "getBlocks", CLASS_HEAD, METHOD_REF_ANY, 1, 1, 1, 0, 0, CACHE_HEAD, STICKY_NONE, 10},
        {CHAIN_SOLANA, "getProgramAccounts", CLASS_HEAD, 1, 1, 0, 1, 1, 0, CACHE_HEAD, STICKY_NONE, 10},
        {CHAIN_SOLANA, "getBlock", CLASS_SLOT, 1, 1, 1, 1, 1, 0, CACHE_SLOT, STICKY_NONE, 10},
        {CHAIN_SOLANA, "getTransaction", CLASS_BY_TX, 1, 1, 1, 1, 0, 0, CACHE_SETTLED, STICKY_NONE, 10},
        {CHAIN_SOLANA, "simulateTransaction", CLASS_HEAD, 1, 1, 1, 1, 1, 0, CACHE_NEVER, STICKY_NONE, 1},
        {CHAIN_SOLANA, "sendTransaction", CLASS_BROADCAST, -1, 1, 0, 0, 0, 0, CACHE_NEVER, STICKY_NONE, 1},
        {CHAIN_SOLANA, "requestAirdrop", CLASS_WRITE, -1, 0, 0, 0, 0, 0, CACHE_NEVER, STICKY_NONE, 1},
        {CHAIN_SOLANA, "getHealth", CLASS_LOCAL, -1, 0, 0, 1, 0, 0, CACHE_NEVER, STICKY_NONE, 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct method *m = get(rows[i].family, rows[i].name);

        CHECK(!m->wild || rows[i].class == CLASS_ADMIN);
        CHECK_EQ(m->class, rows[i].class);
        CHECK_EQ(m->ref, rows[i].ref);
        CHECK_EQ(m->coalesce, rows[i].coalesce);
        CHECK_EQ(m->hedge, rows[i].hedge);
        CHECK_EQ(m->retry, rows[i].retry);
        CHECK_EQ(m->heavy, rows[i].heavy);
        CHECK_EQ(m->denied, rows[i].denied);
        CHECK_EQ(m->cache, rows[i].cache);
        CHECK_EQ(m->sticky, rows[i].sticky);
        CHECK_EQ(m->units, rows[i].units);
    }
}

TEST(only_reads_may_be_loosened)
{
    CHECK(method_may_loosen(get(CHAIN_EVM, "eth_syncing"), false));
    CHECK(method_may_loosen(get(CHAIN_EVM, "vendor_read"), true));
    CHECK(!method_may_loosen(get(CHAIN_EVM, "vendor_read"), false));
    CHECK(!method_may_loosen(get(CHAIN_EVM, "eth_getFilterChanges"), true));
    CHECK(!method_may_loosen(get(CHAIN_EVM, "eth_sendTransaction"), true));
    CHECK(!method_may_loosen(get(CHAIN_EVM, "anvil_mine"), true));
    CHECK(!method_may_loosen(get(CHAIN_SOLANA, "requestAirdrop"), true));
    CHECK(!method_may_loosen(get(CHAIN_SOLANA, "accountSubscribe"), true));
}

/* Private, conditional and synchronous sends and bundles go to one endpoint, once. */
TEST(which_methods_are_broadcast)
{
    static const struct {
        enum chain_family family;
        const char *method;
        bool is;
    } rows[] = {
        {CHAIN_EVM, "eth_sendRawTransaction", true},
        {CHAIN_EVM, "eth_sendRawTransactionSync", false},
        {CHAIN_EVM, "eth_sendRawTransactionConditional", false},
        {CHAIN_EVM, "eth_sendPrivateRawTransaction", false},
        {CHAIN_EVM, "eth_sendTransaction", false},
        {CHAIN_EVM, "eth_sendBundle", false},
        {CHAIN_EVM, "sendTransaction", false},
        {CHAIN_EVM, "", false},
        {CHAIN_SOLANA, "sendTransaction", true},
        {CHAIN_SOLANA, "sendRawTransaction", true},
        {CHAIN_SOLANA, "simulateTransaction", false},
        {CHAIN_SOLANA, "sendBundle", false},
        {CHAIN_SOLANA, "SendTransaction", false},
        {CHAIN_SOLANA, "eth_sendRawTransaction", false},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_EQ(get(rows[i].family, rows[i].method)->class == CLASS_BROADCAST, rows[i].is);
}

TEST_MAIN()
