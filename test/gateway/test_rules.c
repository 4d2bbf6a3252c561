/* What a chain does with each method: the table's row, and what the configuration says to it. */
#include "../test.h"

#include "gateway/rules.h"

static struct config *conf;
static struct rules rules;

static void open_rules(const char *family, const char *chain_keys)
{
    struct buf text, report;

    buf_init(&text, 1 << 20);
    buf_init(&report, 1 << 20);
    CHECK_EQ(
        buf_printf(&text,
                   "{\"chains\":{\"a\":{\"family\":\"%s\"%s,\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\"}]}}}",
                   family, chain_keys),
        0);
    conf = NULL;
    CHECK_EQ(config_parse(&conf, buf_get(&text), "endpoints.json", &report), 0);
    CHECK_STR(buf_get(&report), "");
    if (conf)
        rules_init(&rules, &conf->chains[0], 10000);
    buf_deinit(&text);
    buf_deinit(&report);
}

static void close_rules(void)
{
    rules_deinit(&rules);
    conf = config_free(conf);
}

static const struct method_rule *rule(const char *name)
{
    const struct method_rule *r = rules_get(&rules, slice_str(name));

    CHECK(r == rules_get(&rules, slice_str(name)));
    CHECK(r->m == method_get(rules.family, slice_str(name)));
    return r;
}

/* "acdhrv": allow, coalesce, cache, heDge, retry, heaVy; '-' where it is off. */
static const char *letters(const char *name)
{
    static char out[7];
    const struct method_rule *r = rule(name);
    const bool is[] = {r->allow, r->coalesce, r->cache, r->hedge, r->retry, r->heavy};

    for (size_t i = 0; i < 6; i++)
        out[i] = "acshrv"[i];
    for (size_t i = 0; i < 6; i++)
        if (!is[i])
            out[i] = '-';
    return out;
}

#define LETTERS(name, want) CHECK_STR(slice_str(letters(name)), want)

TEST(without_settings_the_table_counts)
{
    open_rules("evm", "");
    LETTERS("eth_call", "acshr-");
    LETTERS("eth_getLogs", "acs-rv");
    LETTERS("eth_getFilterChanges", "a-----");
    LETTERS("eth_sendRawTransaction", "ac----");
    LETTERS("eth_sendTransaction", "------");
    LETTERS("personal_sign", "------");
    LETTERS("anvil_mine", "------");
    LETTERS("eth_subscribe", "------");
    LETTERS("eth_syncing", "a---r-");
    LETTERS("vendor_method", "a-----");
    LETTERS("debug_unheardOf", "a----v");
    CHECK_EQ(rule("eth_call")->timeout_ms, 10000);
    CHECK_EQ(rule("eth_call")->units, 26);
    CHECK_EQ(rule("vendor_method")->timeout_ms, 10000);
    close_rules();
    open_rules("solana", "");
    LETTERS("getSlot", "acshr-");
    LETTERS("accountSubscribe", "------");
    LETTERS("slotUnsubscribe", "------");
    LETTERS("eth_sendTransaction", "a-----");
    close_rules();
}

TEST(exact_names_then_the_longest_pattern_key_by_key)
{
    open_rules("evm", ",\"methods\":{\"*\":{\"timeout_ms\":100,\"units\":1,\"heavy\":true},"
                      "\"eth_*\":{\"timeout_ms\":200,\"coalesce\":false},"
                      "\"eth_get*\":{\"units\":3},"
                      "\"eth_getBalance\":{\"coalesce\":true,\"heavy\":false}}");
    LETTERS("eth_getBalance", "acshr-");
    CHECK_EQ(rule("eth_getBalance")->timeout_ms, 200);
    CHECK_EQ(rule("eth_getBalance")->units, 3);
    LETTERS("eth_getCode", "a-s-rv");
    CHECK_EQ(rule("eth_getCode")->units, 3);
    LETTERS("eth_call", "a-s-rv");
    CHECK_EQ(rule("eth_call")->units, 1);
    CHECK_EQ(rule("eth_call")->timeout_ms, 200);
    CHECK_EQ(rule("net_version")->timeout_ms, 100);
    /* The same for names that have no row. */
    CHECK_EQ(rule("eth_getNews")->timeout_ms, 200);
    CHECK_EQ(rule("eth_getNews")->units, 3);
    CHECK_EQ(rule("eth_news")->units, 1);
    CHECK_EQ(rule("vendor_x")->timeout_ms, 100);
    LETTERS("vendor_x", "a----v");
    close_rules();
}

TEST(denied_methods_can_be_allowed)
{
    open_rules("evm",
               ",\"methods\":{\"anvil_*\":{\"allow\":true},\"anvil_reset\":{\"allow\":false},"
               "\"evm_mine\":{\"allow\":true},\"hardhat_set*\":{\"allow\":true},\"eth_sign\":{\"allow\":true},"
               "\"debug_*\":{\"allow\":false},\"debug_traceCall\":{\"allow\":true},\"eth_secret\":{\"allow\":false}}");
    LETTERS("anvil_mine", "a-----");
    LETTERS("anvil_reset", "------");
    LETTERS("anvil_resetX", "a-----");
    LETTERS("evm_mine", "a-----");
    LETTERS("evm_mine2", "------");
    LETTERS("evm_snapshot", "------");
    LETTERS("hardhat_setBalance", "a-----");
    LETTERS("hardhat_mine", "------");
    LETTERS("eth_sign", "a-----");
    LETTERS("eth_signTransaction", "------");
    LETTERS("debug_traceCall", "acs-rv");
    LETTERS("debug_traceTransaction", "-cs-rv");
    LETTERS("debug_unheardOf", "-----v");
    LETTERS("eth_secret", "------");
    LETTERS("eth_call", "acshr-");
    close_rules();
}

TEST(a_list_of_what_is_allowed)
{
    open_rules("evm",
               ",\"methods\":{\"*\":{\"allow\":false},\"eth_call\":{\"allow\":true},\"eth_get*\":{\"allow\":true}}");
    LETTERS("eth_call", "acshr-");
    LETTERS("eth_getLogs", "acs-rv");
    LETTERS("eth_getNews", "a-----");
    LETTERS("eth_blockNumber", "-cshr-");
    LETTERS("vendor_x", "------");
    LETTERS("trace_x", "-----v");
    LETTERS("personal_sign", "------");
    close_rules();
    open_rules("evm", ",\"methods\":{\"*\":{\"allow\":true}}");
    LETTERS("personal_sign", "a-----");
    LETTERS("eth_subscribe", "a-----");
    close_rules();
    open_rules("solana", ",\"methods\":{\"slot*\":{\"allow\":true},\"rootSubscribe\":{\"allow\":true}}");
    LETTERS("slotSubscribe", "a-----");
    LETTERS("slotUnsubscribe", "a-----");
    LETTERS("rootSubscribe", "a-----");
    LETTERS("rootUnsubscribe", "------");
    LETTERS("accountSubscribe", "------");
    close_rules();
}

TEST(nothing_is_loosened_that_makes_or_changes_something)
{
    open_rules("evm", ",\"methods\":{\"*\":{\"coalesce\":true,\"cache\":true,\"retry\":true,\"hedge\":true},"
                      "\"eth_*\":{\"coalesce\":true,\"retry\":true},\"personal_*\":{\"allow\":true,\"coalesce\":true},"
                      "\"vendor_read\":{\"coalesce\":true},\"vendor_*\":{\"coalesce\":true,\"retry\":true}}");
    LETTERS("eth_getFilterChanges", "a-----");
    LETTERS("eth_newFilter", "a-----");
    LETTERS("eth_sendRawTransaction", "ac----");
    LETTERS("eth_sendBundle", "a-----");
    LETTERS("eth_sendTransaction", "------");
    LETTERS("personal_sign", "a-----");
    LETTERS("anvil_mine", "------");
    LETTERS("eth_syncing", "ac-hr-"); /* a read: the user knows better */
    LETTERS("eth_unheardOf", "a-----");
    LETTERS("vendor_read", "ac----"); /* named in full */
    LETTERS("vendor_write", "a-----");
    close_rules();
}

TEST(coalescing_of_a_chain_and_of_a_method)
{
    open_rules("evm", ",\"coalesce\":false,\"methods\":{\"eth_chainId\":{\"coalesce\":true}}");
    LETTERS("eth_call", "a-shr-");
    LETTERS("eth_sendRawTransaction", "a-----");
    LETTERS("eth_chainId", "acshr-");
    close_rules();
}

TEST(many_patterns)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    CHECK_EQ(buf_str(&b, ",\"methods\":{"), 0);
    for (unsigned i = 0; i < 300; i++)
        CHECK_EQ(
            buf_printf(&b, "\"v_%u\":{\"timeout_ms\":%u},\"w%u_*\":{\"timeout_ms\":%u},", i, 1000 + i, i, 2000 + i), 0);
    CHECK_EQ(buf_str(&b, "\"eth_call\":{\"timeout_ms\":77}}"), 0);
    CHECK_EQ(buf_str(&b, ""), 0);
    CHECK_EQ(buf_printf(&b, "%c", 0), 0);
    open_rules("evm", b.p);
    for (unsigned i = 0; i < 300; i++) {
        char name[32];

        snprintf(name, sizeof name, "v_%u", i);
        CHECK_EQ(rule(name)->timeout_ms, 1000 + i);
        snprintf(name, sizeof name, "w%u_x", i);
        CHECK_EQ(rule(name)->timeout_ms, 2000 + i);
    }
    CHECK_EQ(rule("eth_call")->timeout_ms, 77);
    CHECK_EQ(rule("v_")->timeout_ms, 10000);
    close_rules();
    buf_deinit(&b);
}

TEST_MAIN()
