/* Who lacks old blocks: tables of (time, what is learned, who lacks what then), and what each method needs. */
#include "../test.h"

#include "upstream/archive.h"

enum what { MISSED, HAD, LOOK };

struct step {
    uint64_t at_ms;
    enum what what;
    unsigned who;
    enum archive_kind kind;
    uint64_t depth;
    uint64_t lacking; /* of that kind and depth, then */
};

#define STATE   ARCHIVE_STATE
#define TRACE   ARCHIVE_TRACE
#define PROOF   ARCHIVE_PROOF
#define HISTORY ARCHIVE_HISTORY
#define UNKNOWN ARCHIVE_UNKNOWN
#define FORGET  ARCHIVE_FORGET_MS
#define DOUBT   ARCHIVE_DOUBT_MS

static void check(const char *name, struct archive *a, const struct step *s, size_t steps)
{
    for (size_t i = 0; i < steps; i++) {
        unsigned before = test_failures;

        if (s[i].what == MISSED)
            archive_missed(a, s[i].who, s[i].kind, s[i].depth, s[i].at_ms);
        else if (s[i].what == HAD)
            archive_had(a, s[i].who, s[i].kind, s[i].depth, s[i].at_ms);
        CHECK_EQ(archive_lacking(a, s[i].kind, s[i].depth, s[i].at_ms), s[i].lacking);
        CHECK_EQ(archive_lacking_(a, s[i].kind, s[i].depth, s[i].at_ms), s[i].lacking);
        if (test_failures != before)
            printf("# %s, step %zu\n", name, i);
    }
}

/* Three endpoints; has and not: bits of those that are configured. */
#define RUN(name_, family_, has_, not_, ...)                                                                           \
    TEST(name_)                                                                                                        \
    {                                                                                                                  \
        static const struct step steps[] = {__VA_ARGS__};                                                              \
        struct archive a;                                                                                              \
                                                                                                                       \
        archive_init(&a, 3);                                                                                           \
        for (unsigned i = 0; i < 3; i++)                                                                               \
            if (((has_) | (not_)) >> i & 1)                                                                            \
                archive_configure(&a, i, family_, (has_) >> i & 1);                                                    \
        check(#name_, &a, steps, sizeof steps / sizeof steps[0]);                                                      \
    }

/* clang-format off */
RUN(nothing_is_known, CHAIN_EVM, 0, 0,
    {0, LOOK, 0, STATE, 1, 0}, {0, LOOK, 0, STATE, 1000000, 0}, {0, LOOK, 0, HISTORY, UNKNOWN, 0})

RUN(what_is_missed_is_lacked, CHAIN_EVM, 0, 0,
    {0, MISSED, 1, STATE, 5000, 2}, {0, LOOK, 0, STATE, 2500, 2}, {0, LOOK, 0, STATE, 2499, 0},
    {0, LOOK, 0, STATE, 9999999, 2}, {0, LOOK, 0, STATE, UNKNOWN, 2},
    {1, MISSED, 0, STATE, 3000, 3}, {1, LOOK, 0, STATE, 1500, 1}, {1, LOOK, 0, STATE, 2500, 3})

RUN(kinds_go_by_themselves, CHAIN_EVM, 0, 0,
    {0, MISSED, 0, STATE, 5000, 1}, {0, LOOK, 0, TRACE, 5000, 0}, {0, LOOK, 0, PROOF, 5000, 0},
    {0, LOOK, 0, HISTORY, 5000, 0}, {0, MISSED, 2, HISTORY, 9000000, 4}, {0, LOOK, 0, STATE, 9000000, 1})

/* From the first block upwards: one answer for each halving, and none nearer than a state window. */
RUN(a_miss_goes_half_way, CHAIN_EVM, 0, 0,
    {0, MISSED, 0, STATE, 20000000, 1}, {0, LOOK, 0, STATE, 10000000, 1}, {0, LOOK, 0, STATE, 9999999, 0},
    {0, MISSED, 0, STATE, 9999999, 1}, {0, LOOK, 0, STATE, 5000000, 1}, {0, LOOK, 0, STATE, 4999998, 0},
    {0, MISSED, 0, STATE, 200, 1}, {0, LOOK, 0, STATE, 128, 1}, {0, LOOK, 0, STATE, 127, 0},
    {0, MISSED, 0, STATE, 60, 1}, {0, LOOK, 0, STATE, 59, 0}, {0, MISSED, 0, STATE, 1, 1}, {0, LOOK, 0, STATE, 0, 0})

RUN(but_not_past_what_it_had, CHAIN_EVM, 0, 0,
    {0, HAD, 0, STATE, 9000, 0}, {0, HAD, 0, STATE, 100, 0}, {0, MISSED, 0, STATE, 10000, 1},
    {0, LOOK, 0, STATE, 9001, 1}, {0, LOOK, 0, STATE, 9000, 0},
    {0, MISSED, 0, STATE, 8000, 1}, {0, LOOK, 0, STATE, 4000, 1}, {0, LOOK, 0, STATE, 3999, 0}) /* it has it no more */

RUN(an_answer_from_below_corrects, CHAIN_EVM, 0, 0,
    {0, MISSED, 0, STATE, 5000, 1}, {0, HAD, 0, STATE, 4000, 0}, {0, LOOK, 0, STATE, 4001, 1},
    {0, HAD, 0, STATE, 6000, 0}, {0, LOOK, 0, STATE, 6001, 1},
    {0, MISSED, 0, STATE, UNKNOWN, 1}, {0, LOOK, 0, STATE, 6000, 0}, {0, HAD, 0, STATE, UNKNOWN, 1})

RUN(it_is_forgotten, CHAIN_EVM, 0, 0,
    {1000, MISSED, 0, STATE, 5000, 1}, {1000 + FORGET - 1, LOOK, 0, STATE, 5000, 1},
    {1000 + FORGET, LOOK, 0, STATE, 5000, 0}, {1000 + FORGET, LOOK, 0, STATE, UNKNOWN, 0},
    {1000 + FORGET, MISSED, 0, STATE, 8000, 1}, {1000 + FORGET, LOOK, 0, STATE, 3999, 0}, /* not what was before */
    {1000 + FORGET, MISSED, 1, STATE, 300, 2}, {2000 + FORGET, MISSED, 0, STATE, 9000, 3}, /* goes on */
    {1000 + 2 * FORGET, LOOK, 0, STATE, 9000, 1}, {2000 + 2 * FORGET, LOOK, 0, STATE, 9000, 0})

RUN(new_state_is_soon_asked_for_again, CHAIN_EVM, 0, 0,
    {0, MISSED, 0, STATE, 5, 1}, {DOUBT - 1, LOOK, 0, STATE, 5, 1}, {DOUBT, LOOK, 0, STATE, 5, 0},
    {DOUBT, LOOK, 0, STATE, 5000, 0},
    {DOUBT, MISSED, 0, STATE, 5000, 1}, {DOUBT, MISSED, 0, STATE, 5, 1}, {DOUBT, MISSED, 0, STATE, 5000, 1},
    {2 * DOUBT, LOOK, 0, STATE, 5, 0},
    {0, MISSED, 1, PROOF, 5, 2}, {DOUBT, LOOK, 0, PROOF, 5, 2}, {FORGET, LOOK, 0, PROOF, 5, 0},
    {0, MISSED, 1, HISTORY, 5, 2}, {DOUBT, LOOK, 0, HISTORY, 5, 2})

RUN(configured, CHAIN_EVM, 1, 4,
    {0, LOOK, 0, STATE, 127, 0}, {0, LOOK, 0, STATE, 128, 4}, {0, LOOK, 0, TRACE, 128, 4}, {0, LOOK, 0, PROOF, 128, 4},
    {0, LOOK, 0, HISTORY, 20000000, 0}, {0, LOOK, 0, STATE, UNKNOWN, 4}, {0, LOOK, 0, HISTORY, UNKNOWN, 0},
    {0, MISSED, 0, STATE, 500, 4}, {0, MISSED, 0, HISTORY, 500, 0}, /* an archive is one */
    {0, MISSED, 0, PROOF, 500, 5}, /* but for proofs */
    {0, HAD, 2, STATE, 500, 4}, /* that it is none was said */
    {0, MISSED, 2, STATE, 100, 4}, {0, LOOK, 0, STATE, 99, 0},
    {FORGET, LOOK, 0, STATE, 127, 0}, {FORGET, LOOK, 0, STATE, 128, 4})

RUN(configured_on_solana, CHAIN_SOLANA, 1, 2,
    {0, LOOK, 0, HISTORY, 431999, 0}, {0, LOOK, 0, HISTORY, 432000, 2}, {0, LOOK, 0, STATE, 1000000, 0},
    {0, MISSED, 2, HISTORY, 40, 4}, {0, LOOK, 0, HISTORY, 39, 0}, {0, LOOK, 0, HISTORY, 500000, 6})
/* clang-format on */

TEST(the_last_of_many)
{
    struct archive a;

    archive_init(&a, ARCHIVE_MAX);
    archive_missed(&a, ARCHIVE_MAX - 1, ARCHIVE_STATE, 500, 0);
    archive_configure(&a, 0, CHAIN_EVM, false);
    CHECK_EQ(archive_lacking(&a, ARCHIVE_STATE, 500, 1), UINT64_C(1) << 63 | 1);
    CHECK_EQ(archive_missing(&a, 0, ARCHIVE_STATE, 1), 128);
    CHECK_EQ(archive_missing(&a, 63, ARCHIVE_STATE, 1), 250);
    CHECK_EQ(archive_missing(&a, 63, ARCHIVE_STATE, ARCHIVE_FORGET_MS), ARCHIVE_UNKNOWN);
    CHECK_EQ(archive_missing(&a, 62, ARCHIVE_STATE, 1), ARCHIVE_UNKNOWN);
}

TEST(what_methods_need)
{
    static const struct {
        enum chain_family family;
        const char *method;
        enum archive_kind kind;
    } rows[] = {
        {CHAIN_EVM, "eth_call", ARCHIVE_STATE},
        {CHAIN_EVM, "eth_getBalance", ARCHIVE_STATE},
        {CHAIN_EVM, "eth_getStorageAt", ARCHIVE_STATE},
        {CHAIN_EVM, "eth_simulateV1", ARCHIVE_STATE},
        {CHAIN_EVM, "eth_getProof", ARCHIVE_PROOF},
        {CHAIN_EVM, "eth_feeHistory", ARCHIVE_HISTORY},
        {CHAIN_EVM, "eth_getBlockByNumber", ARCHIVE_HISTORY},
        {CHAIN_EVM, "eth_getLogs", ARCHIVE_HISTORY},
        {CHAIN_EVM, "eth_getBlockReceipts", ARCHIVE_HISTORY},
        {CHAIN_EVM, "eth_getTransactionReceipt", ARCHIVE_HISTORY},
        {CHAIN_EVM, "debug_getRawBlock", ARCHIVE_HISTORY},
        {CHAIN_EVM, "debug_traceBlockByNumber", ARCHIVE_TRACE},
        {CHAIN_EVM, "debug_traceTransaction", ARCHIVE_TRACE},
        {CHAIN_EVM, "debug_traceCall", ARCHIVE_TRACE},
        {CHAIN_EVM, "trace_block", ARCHIVE_TRACE},
        {CHAIN_EVM, "trace_filter", ARCHIVE_TRACE},
        {CHAIN_EVM, "trace_replayTransaction", ARCHIVE_TRACE},
        {CHAIN_EVM, "arbtrace_call", ARCHIVE_TRACE},
        {CHAIN_SOLANA, "getBlock", ARCHIVE_HISTORY},
        {CHAIN_SOLANA, "getBlockTime", ARCHIVE_HISTORY},
        {CHAIN_SOLANA, "getTransaction", ARCHIVE_HISTORY},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_STR(slice_str(archive_kind_name(archive_kind_of(method_get(rows[i].family, slice_str(rows[i].method))))),
                  archive_kind_name(rows[i].kind));
}

TEST_MAIN()
