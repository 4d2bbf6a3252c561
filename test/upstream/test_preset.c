#include "upstream/preset.h"

#include "test.h"
#include "upstream/limiter.h"

static uint32_t cost(const char *preset, enum chain_family family, const char *method)
{
    return preset_units(preset ? preset_find(preset) : NULL, method_get(family, slice_str(method)));
}

TEST(costs_by_provider)
{
    static const struct {
        const char *preset;
        enum chain_family family;
        const char *method;
        uint32_t units;
    } rows[] = {
        {NULL, CHAIN_EVM, "eth_call", 26},
        {"alchemy", CHAIN_EVM, "eth_call", 26},
        {"alchemy", CHAIN_EVM, "eth_sendRawTransaction", 250},
        {"infura", CHAIN_EVM, "eth_call", 80},
        {"infura", CHAIN_EVM, "no_suchMethod", 80},
        {"infura", CHAIN_EVM, "eth_getLogs", 255},
        {"infura", CHAIN_EVM, "eth_getUncleByBlockHashAndIndex", 150},
        {"infura", CHAIN_EVM, "debug_traceTransaction", 1000},
        {"helius", CHAIN_SOLANA, "getProgramAccounts", 10},
        {"helius", CHAIN_SOLANA, "getBalance", 1},
        {"drpc", CHAIN_EVM, "eth_chainId", 10},
        {"drpc", CHAIN_EVM, "eth_call", 20},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_EQ(cost(rows[i].preset, rows[i].family, rows[i].method), rows[i].units);
}

/* With every preset each method that costs something can leave, and a source is named. */
TEST(every_preset_works)
{
    size_t n = 0;

    for (const struct preset *p; (p = preset_at(n)); n++) {
        struct limiter l;

        CHECK(preset_find(p->name) == p);
        CHECK(strncmp(p->source, "https://", 8) == 0);
        CHECK(p->limits.requests_per_s || p->limits.units_per_s);
        limiter_init(&l, &p->limits, 0, 0);
        for (unsigned slot = 0; slot < method_slots(); slot++) {
            enum limiter_why why;

            CHECK(limiter_when(&l, slot, 1, preset_units(p, method_at(slot)), 0, &why) != LIMITER_NEVER);
        }
    }
    CHECK_EQ(n, 7);
    CHECK(preset_find("nobody") == NULL);
}

TEST_MAIN()
