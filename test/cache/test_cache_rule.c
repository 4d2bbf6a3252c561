/* What may be kept, and for how long: a row for each thing that the tables of methods say of caching, and for each
 * trap. */
#include <stdlib.h>

#include "cache/cache_rule.h"
#include "test.h"

enum { FINAL = 1000 };

#define NUM(n)     .ref = CACHE_REF_NUMBER, .number = (n)
#define SPAN(a, b) .ref = CACHE_REF_RANGE, .number = (a), .to_number = (b)
#define SOLANA     .finalized_commitment = true
#define Q(...)     .q = {__VA_ARGS__}

struct row {
    const char *what;
    struct cache_question q;
    const char *result;
    enum cache_scope want; /* with finalized = 1000 known and head answers not wanted */
    enum cache_scope head; /* the same with head answers wanted */
};

#define NOT  CACHE_NOT_KEPT
#define EVER CACHE_FOREVER
#define HEAD CACHE_UNTIL_HEAD

static const struct row rows[] = {
    /* forever */
    {"eth_chainId", Q(.rule = CACHE_RULE_STATIC), "\"0x1\"", EVER, EVER},
    {"net_version", Q(.rule = CACHE_RULE_STATIC), "\"1\"", EVER, EVER},
    {"web3_sha3", Q(.rule = CACHE_RULE_STATIC),
     "\"0x47173285a8d7341e5e972fc677286384f802f8ef42a5ec5f03bbfa254cb01fad\"", EVER, EVER},
    {"getGenesisHash", Q(.rule = CACHE_RULE_STATIC), "\"5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d\"", EVER, EVER},
    {"a constant that is not there", Q(.rule = CACHE_RULE_STATIC), "null", NOT, NOT},

    /* until the next head */
    {"eth_blockNumber", Q(.rule = CACHE_RULE_HEAD), "\"0x3e9\"", NOT, HEAD},
    {"eth_gasPrice", Q(.rule = CACHE_RULE_HEAD), "\"0x3b9aca00\"", NOT, HEAD},
    {"getAccountInfo", Q(.rule = CACHE_RULE_HEAD, .ref = CACHE_REF_MISSING, .finalized_commitment = true),
     "{\"context\":{\"slot\":9},\"value\":{\"lamports\":18446744073709551615}}", NOT, HEAD},
    {"getAccountInfo of none", Q(.rule = CACHE_RULE_HEAD, .ref = CACHE_REF_MISSING),
     "{\"context\":{\"slot\":9},\"value\":null}", NOT, NOT},
    {"getSignatureStatuses, one not there", Q(.rule = CACHE_RULE_HEAD),
     "{\"context\":{\"slot\":9},\"value\":[{\"slot\":1},null]}", NOT, NOT},
    {"getSignatureStatuses, all there", Q(.rule = CACHE_RULE_HEAD),
     "{\"context\":{\"slot\":9},\"value\":[{\"slot\":1,\"err\":null}]}", NOT, HEAD},
    {"getProgramAccounts of none", Q(.rule = CACHE_RULE_HEAD), "[]", NOT, NOT},
    {"getEpochInfo", Q(.rule = CACHE_RULE_HEAD), "{\"epoch\":1}", NOT, HEAD},
    {"head of what is unclear", Q(.rule = CACHE_RULE_HEAD, .ref = CACHE_REF_UNCLEAR), "\"0x1\"", NOT, NOT},
    {"head of what is pending", Q(.rule = CACHE_RULE_HEAD, .ref = CACHE_REF_PENDING), "\"0x1\"", NOT, NOT},

    /* number <= finalized only; numeric <= finalized or blockHash, never a tag beyond its head */
    {"eth_feeHistory", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(1000)), "{\"gasUsedRatio\":[0.5]}", EVER, EVER},
    {"eth_call below finalized", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(7)), "\"0x01\"", EVER, EVER},
    {"eth_call at finalized", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(FINAL)), "\"0x01\"", EVER, EVER},
    {"eth_call above finalized", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(FINAL + 1)), "\"0x01\"", NOT, HEAD},
    {"eth_call by block hash", Q(.rule = CACHE_RULE_BY_NUMBER, .ref = CACHE_REF_HASH), "\"0x01\"", EVER, EVER},
    {"eth_call latest", Q(.rule = CACHE_RULE_BY_NUMBER, .ref = CACHE_REF_TAG), "\"0x01\"", NOT, HEAD},
    {"eth_call without block", Q(.rule = CACHE_RULE_BY_NUMBER, .ref = CACHE_REF_MISSING), "\"0x01\"", NOT, HEAD},
    {"eth_call pending", Q(.rule = CACHE_RULE_BY_NUMBER, .ref = CACHE_REF_PENDING), "\"0x01\"", NOT, NOT},
    {"eth_call unclear", Q(.rule = CACHE_RULE_BY_NUMBER, .ref = CACHE_REF_UNCLEAR), "\"0x01\"", NOT, NOT},
    {"by number without a param for it", Q(.rule = CACHE_RULE_BY_NUMBER), "\"0x01\"", NOT, NOT},
    {"by number, given a range", Q(.rule = CACHE_RULE_BY_NUMBER, SPAN(1, 2)), "\"0x01\"", NOT, NOT},
    {"eth_call that returned nothing", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(7)), "\"0x\"", NOT, NOT},
    {"eth_getCode of none by hash", Q(.rule = CACHE_RULE_BY_NUMBER, .ref = CACHE_REF_HASH), " \"0x\"\n", NOT, NOT},
    {"eth_getBalance of none", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(7)), "\"0x0\"", NOT, NOT},
    {"eth_getStorageAt", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(7)), "\"0x00\"", EVER, EVER},
    {"the genesis block", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(0)), "\"0x1\"", EVER, EVER},
    {"the largest number", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(UINT64_MAX)), "\"0x1\"", NOT, HEAD},

    /* number <= finalized and non-null */
    {"eth_getBlockByNumber", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(7)), "{\"number\":\"0x7\"}", EVER, EVER},
    {"eth_getBlockByNumber, not there", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(7)), "null", NOT, NOT},
    {"eth_getBlockReceipts, empty", Q(.rule = CACHE_RULE_BY_NUMBER, NUM(7)), "[ \t]", NOT, NOT},

    /* non-null: forever */
    {"eth_getBlockByHash", Q(.rule = CACHE_RULE_BY_HASH, .ref = CACHE_REF_HASH), "{\"number\":\"0x7\"}", EVER, EVER},
    {"by hash, above finalized", Q(.rule = CACHE_RULE_BY_HASH, .ref = CACHE_REF_HASH), "{\"number\":\"0xffff\"}", EVER,
     EVER},
    {"by hash, not there", Q(.rule = CACHE_RULE_BY_HASH, .ref = CACHE_REF_HASH), "null", NOT, NOT},
    {"by hash, empty", Q(.rule = CACHE_RULE_BY_HASH, .ref = CACHE_REF_HASH), "{ }", NOT, NOT},
    {"by hash, not a hash", Q(.rule = CACHE_RULE_BY_HASH, .ref = CACHE_REF_UNCLEAR), "{\"a\":1}", NOT, NOT},
    {"by hash, a number", Q(.rule = CACHE_RULE_BY_HASH, NUM(7)), "{\"a\":1}", NOT, NOT},
    {"by hash, a tag", Q(.rule = CACHE_RULE_BY_HASH, .ref = CACHE_REF_TAG), "{\"a\":1}", NOT, NOT},

    /* only when the answer's block <= finalized; null and pending never */
    {"receipt at finalized", Q(.rule = CACHE_RULE_BY_TX), "{\"blockHash\":\"0x1\",\"blockNumber\":\"0x3e8\"}", EVER,
     EVER},
    {"receipt in capitals", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":\"0x3E8\"}", EVER, EVER},
    {"receipt above finalized", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":\"0x3e9\"}", NOT, NOT},
    {"receipt behind its logs", Q(.rule = CACHE_RULE_BY_TX),
     "{\"logs\":[{\"blockNumber\":\"0xffff\"},[]],\"x\":{\"blockNumber\":\"0xffff\"},\"blockNumber\":\"0x1\"}", EVER,
     EVER},
    {"the block of its log only", Q(.rule = CACHE_RULE_BY_TX), "{\"logs\":[{\"blockNumber\":\"0x1\"}]}", NOT, NOT},
    {"a name that is escaped", Q(.rule = CACHE_RULE_BY_TX), "{\"block\\u004eumber\":\"0x1\"}", EVER, EVER},
    {"receipt not there", Q(.rule = CACHE_RULE_BY_TX), "null", NOT, NOT},
    {"pending transaction", Q(.rule = CACHE_RULE_BY_TX), "{\"blockHash\":null,\"blockNumber\":null}", NOT, NOT},
    {"raw transaction: no block in it", Q(.rule = CACHE_RULE_BY_TX), "\"0x02f8\"", NOT, NOT},
    {"debug_traceTransaction: the same", Q(.rule = CACHE_RULE_BY_TX), "{\"gas\":1,\"structLogs\":[]}", NOT, NOT},
    {"trace_transaction", Q(.rule = CACHE_RULE_BY_TX), "[{\"action\":{},\"blockNumber\":1000},{\"blockNumber\":1000}]",
     EVER, EVER},
    {"trace_transaction above", Q(.rule = CACHE_RULE_BY_TX), "[{\"blockNumber\":1001}]", NOT, NOT},
    {"trace_transaction of none", Q(.rule = CACHE_RULE_BY_TX), "[]", NOT, NOT},
    {"trace_get", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":999}", EVER, EVER},
    {"array of no objects", Q(.rule = CACHE_RULE_BY_TX), "[[{\"blockNumber\":1}]]", NOT, NOT},
    {"number with a fraction", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":1.0}", NOT, NOT},
    {"number with an exponent", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":1e1}", NOT, NOT},
    {"negative number", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":-1}", NOT, NOT},
    {"decimal string", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":\"12\"}", NOT, NOT},
    {"no digits", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":\"0x\"}", NOT, NOT},
    {"empty number", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":\"\"}", NOT, NOT},
    {"no hex digit", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":\"0x1g\"}", NOT, NOT},
    {"one above 64 bits", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":\"0x10000000000000001\"}", NOT, NOT},
    {"one above 64 bits, decimal", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":18446744073709551617}", NOT, NOT},
    {"an object for a number", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":{}}", NOT, NOT},
    {"cut off", Q(.rule = CACHE_RULE_BY_TX), "{\"blockNumber\":\"0x1", NOT, NOT},

    /* toBlock numeric <= finalized or blockHash */
    {"eth_getLogs", Q(.rule = CACHE_RULE_RANGE, SPAN(1, 1000)), "[{}]", EVER, EVER},
    {"eth_getLogs above finalized", Q(.rule = CACHE_RULE_RANGE, SPAN(1, 1001)), "[{}]", NOT, HEAD},
    {"eth_getLogs by hash", Q(.rule = CACHE_RULE_RANGE, .ref = CACHE_REF_HASH), "[{}]", EVER, EVER},
    {"eth_getLogs to latest", Q(.rule = CACHE_RULE_RANGE, .ref = CACHE_REF_TAG), "[{}]", NOT, HEAD},
    {"eth_getLogs without blocks", Q(.rule = CACHE_RULE_RANGE, .ref = CACHE_REF_MISSING), "[{}]", NOT, HEAD},
    {"eth_getLogs pending", Q(.rule = CACHE_RULE_RANGE, .ref = CACHE_REF_PENDING), "[{}]", NOT, NOT},
    {"eth_getLogs, none", Q(.rule = CACHE_RULE_RANGE, SPAN(1, 2)), "[]", NOT, NOT},
    {"eth_getLogs backwards", Q(.rule = CACHE_RULE_RANGE, SPAN(3, 2)), "[{}]", NOT, NOT},
    {"a range of one number", Q(.rule = CACHE_RULE_RANGE, NUM(3)), "[{}]", NOT, NOT},

    /* commitment finalized (explicit or default) and non-null */
    {"getBlock", Q(.rule = CACHE_RULE_SLOT, .ref = CACHE_REF_SLOT, .number = 9, .finalized_commitment = true),
     "{\"blockhash\":\"x\"}", EVER, EVER},
    {"getBlock confirmed", Q(.rule = CACHE_RULE_SLOT, .ref = CACHE_REF_SLOT, .number = 9), "{\"blockhash\":\"x\"}", NOT,
     NOT},
    {"getTransaction", Q(.rule = CACHE_RULE_SLOT, .finalized_commitment = true), "{\"slot\":9,\"meta\":null}", EVER,
     EVER},
    {"getTransaction confirmed", Q(.rule = CACHE_RULE_SLOT), "{\"slot\":9,\"meta\":null}", NOT, NOT},
    {"getTransaction not there", Q(.rule = CACHE_RULE_SLOT, .finalized_commitment = true), "null", NOT, NOT},
    {"getBlock unclear", Q(.rule = CACHE_RULE_SLOT, .ref = CACHE_REF_UNCLEAR, .finalized_commitment = true),
     "{\"a\":1}", NOT, NOT},

    /* non-null */
    {"getBlockTime", Q(.rule = CACHE_RULE_SETTLED, SOLANA, .ref = CACHE_REF_SLOT, .number = 5), "1574721591", EVER,
     EVER},
    {"getBlockTime not there", Q(.rule = CACHE_RULE_SETTLED, SOLANA, .ref = CACHE_REF_SLOT), "null", NOT, NOT},
    {"getTransaction as settled", Q(.rule = CACHE_RULE_SETTLED, SOLANA, .ref = CACHE_REF_MISSING), "{\"slot\":9}", EVER,
     EVER},
    {"the same confirmed", Q(.rule = CACHE_RULE_SETTLED, .ref = CACHE_REF_MISSING), "{\"slot\":9}", NOT, NOT},
    {"getInflationReward", Q(.rule = CACHE_RULE_SETTLED, SOLANA, NUM(2)), "[{\"epoch\":2,\"commission\":null}]", EVER,
     EVER},
    {"getInflationReward, one not there", Q(.rule = CACHE_RULE_SETTLED, SOLANA, NUM(2)), "[{\"epoch\":2}, null]", NOT,
     NOT},
    {"getInflationReward, not JSON", Q(.rule = CACHE_RULE_SETTLED, SOLANA, NUM(2)), "[{\"epoch\":2},", NOT, NOT},
    {"getInflationReward confirmed", Q(.rule = CACHE_RULE_SETTLED, NUM(2)), "[{\"epoch\":2}]", NOT, NOT},
    {"getInflationReward of the epoch before", Q(.rule = CACHE_RULE_SETTLED, SOLANA, .ref = CACHE_REF_MISSING),
     " [{\"epoch\":2}]", NOT, NOT},
    {"getInflationReward, nothing known", Q(.rule = CACHE_RULE_SETTLED, SOLANA), "[{\"epoch\":2}]", NOT, NOT},
    {"getInflationReward, a slot known", Q(.rule = CACHE_RULE_SETTLED, SOLANA, .ref = CACHE_REF_SLOT),
     "[{\"epoch\":2}]", NOT, NOT},
    {"settled, unclear", Q(.rule = CACHE_RULE_SETTLED, SOLANA, .ref = CACHE_REF_UNCLEAR), "1574721591", NOT, NOT},

    /* never; short TTL or none */
    {"eth_newFilter", Q(.rule = CACHE_RULE_NEVER), "\"0x1\"", NOT, NOT},
    {"eth_sendRawTransaction", Q(.rule = CACHE_RULE_NEVER), "\"0xab\"", NOT, NOT},
    {"simulateTransaction", Q(.rule = CACHE_RULE_NEVER, .finalized_commitment = true), "{\"a\":1}", NOT, NOT},
    {"getVersion", Q(.rule = CACHE_RULE_NEVER), "{\"solana-core\":\"2.0\"}", NOT, NOT},
    {"never, whatever else is said", Q(.rule = CACHE_RULE_NEVER, NUM(1)), "\"0x1\"", NOT, NOT},
    {"a rule that is none", Q(.rule = CACHE_RULE_COUNT, NUM(1)), "\"0x1\"", NOT, NOT},
};

static enum cache_scope judge(const struct row *r, bool known, bool head)
{
    struct cache_question q = r->q;

    q.finalized_known = known;
    q.finalized = FINAL;
    q.head_wanted = head;
    return cache_rule_judge(&q, slice_str(r->result));
}

TEST(rules)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        enum cache_scope want = judge(r, true, false), head = judge(r, true, true);

        if (want != r->want || head != r->head)
            printf("# %s: %d and %d with heads, expected %d and %d\n", r->what, want, head, r->want, r->head);
        CHECK(want == r->want && head == r->head);
    }
}

/* What is kept because it is final is not kept while nobody knows what is final. */
TEST(unknown_finalized)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        bool by_final = r->q.ref == CACHE_REF_NUMBER || r->q.ref == CACHE_REF_RANGE || r->q.rule == CACHE_RULE_BY_TX;
        enum cache_scope got = judge(r, false, false);

        if (got != (by_final && r->q.rule != CACHE_RULE_SETTLED ? CACHE_NOT_KEPT : r->want))
            printf("# %s: %d\n", r->what, got);
        CHECK_EQ(got, by_final && r->q.rule != CACHE_RULE_SETTLED ? CACHE_NOT_KEPT : r->want);
    }
}

/* The look beforehand promises at least what the answer gets. */
TEST(scope_before_answer)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int head = 0; head < 2; head++) {
            struct cache_question q = rows[i].q;
            enum cache_scope got;

            q.finalized_known = true;
            q.finalized = FINAL;
            q.head_wanted = head;
            got = cache_rule_judge(&q, slice_str(rows[i].result));
            CHECK(got == CACHE_NOT_KEPT || got == cache_rule_scope(&q));
        }
}

TEST(empty_results)
{
    static const char *const empties[] = {"",   "null",    "\"\"", "\"0x\"", "\"0x0\"", "[]",
                                          "{}", " null\n", "[ ]",  "{\n}",   "  ",      "[\r\n\t ]"};
    static const char *const not_empty[] = {"0", "false", "\"0\"", "[0]", "{\"a\":0}", "\"0x00\"", "\"null\"", "[[]]"};
    struct cache_question q = {.rule = CACHE_RULE_STATIC};

    for (size_t i = 0; i < sizeof empties / sizeof *empties; i++)
        CHECK_EQ(cache_rule_judge(&q, slice_str(empties[i])), CACHE_NOT_KEPT);
    for (size_t i = 0; i < sizeof not_empty / sizeof *not_empty; i++)
        CHECK_EQ(cache_rule_judge(&q, slice_str(not_empty[i])), CACHE_FOREVER);
    CHECK_EQ(cache_rule_judge(&q, slice_of(NULL, 0)), CACHE_NOT_KEPT);
}

/* {"data":"0x00...","blockNumber":"0x1"} */
static enum cache_scope judge_long(size_t before, size_t behind)
{
    struct cache_question q = {.rule = CACHE_RULE_BY_TX, .finalized_known = true, .finalized = FINAL};
    size_t size = before + behind + 100, n = 0;
    char *text = malloc(size);
    enum cache_scope got;

    n += (size_t)snprintf(text, size, "{\"data\":\"");
    memset(text + n, '0', before);
    n += before;
    n += (size_t)snprintf(text + n, size - n, "\",\"blockNumber\":\"0x1\",\"rest\":\"");
    memset(text + n, '0', behind);
    n += behind;
    n += (size_t)snprintf(text + n, size - n, "\"}");
    got = cache_rule_judge(&q, slice_of(text, n));
    free(text);
    return got;
}

TEST(long_results)
{
    CHECK_EQ(judge_long(10, 10), CACHE_FOREVER);
    CHECK_EQ(judge_long(65000, 10), CACHE_FOREVER);
    CHECK_EQ(judge_long(10, 1000000), CACHE_FOREVER); /* found before the end of what is read */
    CHECK_EQ(judge_long(65536, 10), CACHE_NOT_KEPT);  /* behind it */
    CHECK_EQ(judge_long(65536 - 9 - 3, 10), CACHE_NOT_KEPT);
}

TEST(names)
{
    CHECK_STR(slice_str(cache_rule_name(CACHE_RULE_BY_HASH)), "hash");
    CHECK_STR(slice_str(cache_rule_name(CACHE_RULE_HEAD)), "head");
    CHECK_STR(slice_str(cache_rule_name(CACHE_RULE_COUNT)), "never");
}

/* What is told apart early is what would not be kept. */
TEST(what_moves_is_not_kept)
{
    for (unsigned rule = 0; rule < CACHE_RULE_COUNT; rule++)
        for (unsigned ref = 0; ref <= CACHE_REF_UNCLEAR; ref++)
            for (unsigned flags = 0; flags < 8; flags++) {
                struct cache_question q = {.rule = (enum cache_rule_kind)rule,
                                           .ref = (enum cache_ref)ref,
                                           .finalized_known = flags & 1,
                                           .finalized_commitment = flags & 2,
                                           .head_wanted = flags & 4,
                                           .finalized = UINT64_MAX};

                if (cache_rule_moves(&q))
                    CHECK_EQ(cache_rule_scope(&q), CACHE_NOT_KEPT);
            }
}

TEST_MAIN()
