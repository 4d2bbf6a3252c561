/* What refusals mean: every row of the table as a message of its own, and the messages of nodes as they are sent. */
#include "test.h"

#include "rpc/broadcast_verdict.h"

static enum broadcast_verdict judge(enum chain_family family, const char *json)
{
    struct error_object e;

    error_object_read(&e, slice_str(json));
    return broadcast_judge(family, &e);
}

static enum broadcast_verdict judge_text(enum chain_family family, int code, const char *before, const char *words,
                                         const char *after)
{
    char json[512];

    snprintf(json, sizeof json, "{\"code\":%d,\"message\":\"%s%s%s\"}", code, before, words, after);
    return judge(family, json);
}

static const struct {
    enum chain_family family;
    const char *words;
    int code;
    enum broadcast_verdict verdict;
} table[] = {
#define TEXT(family, words, verdict) {CHAIN_##family, words, 0, BROADCAST_##verdict},
#define CODE(family, code, verdict)  {CHAIN_##family, NULL, code, BROADCAST_##verdict},
#include "rpc/broadcast_verdict.def"
};

static const char *upper(const char *words, char *out)
{
    size_t i;

    for (i = 0; words[i]; i++)
        out[i] = (char)(words[i] >= 'a' && words[i] <= 'z' ? words[i] - 32 : words[i]);
    out[i] = '\0';
    return out;
}

TEST(every_row_decides)
{
    char up[128];

    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        enum chain_family family = table[i].family;
        const char *words = table[i].words;

        if (words) {
            CHECK_EQ(judge_text(family, -32000, "", words, ""), table[i].verdict);
            CHECK_EQ(judge_text(family, -32000, "INTERNAL_ERROR: ", words, ": have 1, want 2"), table[i].verdict);
            CHECK_EQ(judge_text(family, -32000, "", upper(words, up), ""), table[i].verdict);
            /* the middle of another word, or a part of the words */
            CHECK_EQ(judge_text(family, -32000, "zz", words, ""),
                     strstr(words, " nonce too low") ? BROADCAST_NONCE_TOO_LOW : BROADCAST_REFUSED_OTHER);
            CHECK_EQ(judge_text(family, -32000, "", words + strlen(words) / 2, ""), BROADCAST_REFUSED_OTHER);
        } else {
            CHECK_EQ(judge_text(family, table[i].code, "", "some words", ""), table[i].verdict);
        }
    }
}

TEST(messages_of_nodes)
{
    static const struct {
        enum chain_family family;
        const char *json;
        enum broadcast_verdict verdict;
    } rows[] = {
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"already known\"}", BROADCAST_ALREADY_KNOWN},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"ALREADY_EXISTS: already known\"}", BROADCAST_ALREADY_KNOWN},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"Known transaction\"}", BROADCAST_ALREADY_KNOWN},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"known transaction: 12ab\"}", BROADCAST_ALREADY_KNOWN},
        {CHAIN_EVM, "{\"code\":-32010,\"message\":\"AlreadyKnown\"}", BROADCAST_ALREADY_KNOWN},
        {CHAIN_EVM, "{\"code\":1000,\"message\":\"Already known transaction\"}", BROADCAST_ALREADY_KNOWN},
        {CHAIN_EVM, "{\"code\":-32010,\"message\":\"Transaction with the same hash was already imported.\"}",
         BROADCAST_ALREADY_KNOWN},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"alread\\u0079 known\"}", BROADCAST_ALREADY_KNOWN},
        {CHAIN_EVM, "\"already known\"", BROADCAST_ALREADY_KNOWN},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"unknown transaction type\"}", BROADCAST_REFUSED_OTHER},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"unknown transaction\"}", BROADCAST_REFUSED_OTHER},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"unknown transaction; already known\"}", BROADCAST_ALREADY_KNOWN},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"boom\",\"data\":\"already known\"}", BROADCAST_REFUSED_OTHER},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"nonce too low: next nonce 5, tx nonce 4\"}",
         BROADCAST_NONCE_TOO_LOW},
        {CHAIN_EVM, "{\"code\":-32001,\"message\":\"Nonce too low\"}", BROADCAST_NONCE_TOO_LOW},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"authority nonce too low\"}", BROADCAST_REFUSED_FINAL},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"insufficient funds for gas * price + value: balance 0\"}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_EVM, "{\"code\":-32003,\"message\":\"insufficient funds for gas * price + value: have 0 want 1\"}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_EVM, "{\"code\":-32004,\"message\":\"Upfront cost exceeds account balance\"}", BROADCAST_REFUSED_FINAL},
        {CHAIN_EVM, "{\"code\":-32005,\"message\":\"Transaction gas limit exceeds block gas limit\"}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"replacement transaction underpriced\"}", BROADCAST_REFUSED_FINAL},
        {CHAIN_EVM, "{\"code\":-32000,\"message\":\"INTERNAL_ERROR: could not replace existing tx\"}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_EVM, "{\"code\":-32010,\"message\":\"FeeTooLowToCompete\"}", BROADCAST_REFUSED_FINAL},
        {CHAIN_EVM, "{\"code\":-32009,\"message\":\"Gas price below configured minimum gas price\"}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_EVM, "{\"code\":3,\"message\":\"execution reverted: x\",\"data\":\"0x\"}", BROADCAST_REFUSED_FINAL},
        {CHAIN_EVM, "{\"code\":-32603,\"message\":\"rejected\"}", BROADCAST_REFUSED_OTHER},
        {CHAIN_EVM, "{\"code\":-32003,\"message\":\"txpool is full\"}", BROADCAST_REFUSED_NODE},
        {CHAIN_EVM, "{\"code\":-32601,\"message\":\"the method eth_sendRawTransaction does not exist\"}",
         BROADCAST_REFUSED_NODE},
        {CHAIN_EVM, "{\"code\":-32016,\"message\":\"timeout\"}", BROADCAST_REFUSED_NODE},
        {CHAIN_EVM, "{\"code\":-32016,\"message\":\"over rate limit\"}", BROADCAST_RATE_LIMITED},
        {CHAIN_EVM, "{\"code\":-32017,\"message\":\"sender is over rate limit\"}", BROADCAST_RATE_LIMITED},
        {CHAIN_EVM, "{\"code\":-32007,\"message\":\"15/second request limit reached\"}", BROADCAST_RATE_LIMITED},
        {CHAIN_EVM, "{\"code\":429,\"message\":\"x\"}", BROADCAST_RATE_LIMITED},
        {CHAIN_EVM, "null", BROADCAST_REFUSED_OTHER},
        {CHAIN_EVM, "{}", BROADCAST_REFUSED_OTHER},
        /* agave rpc-client-api custom_error.rs */
        {CHAIN_SOLANA,
         "{\"code\":-32002,\"message\":\"Transaction simulation failed: This transaction has already been processed\","
         "\"data\":{\"accounts\":null,\"err\":\"AlreadyProcessed\",\"logs\":[],\"unitsConsumed\":0}}",
         BROADCAST_ALREADY_KNOWN},
        {CHAIN_SOLANA, "{\"code\":-32002,\"message\":\"x\",\"data\":{\"err\":\"AlreadyProcessed\"}}",
         BROADCAST_ALREADY_KNOWN},
        {CHAIN_SOLANA, "{\"code\":-32002,\"message\":\"x\",\"data\":{\"err\":\"alreadyprocessed\"}}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_SOLANA,
         "{\"code\":-32002,\"message\":\"Transaction simulation failed: This transaction has already been processed\"}",
         BROADCAST_ALREADY_KNOWN},
        /* the message is believed only where there is no data */
        {CHAIN_SOLANA,
         "{\"code\":-32002,\"message\":\"This transaction has already been processed\","
         "\"data\":{\"err\":{\"InstructionError\":[0,{\"Custom\":1}]}}}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_SOLANA,
         "{\"code\":-32002,\"message\":\"This transaction has already been processed\",\"data\":{\"err\":null}}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_SOLANA,
         "{\"code\":-32002,\"message\":\"Transaction simulation failed: Error processing Instruction 0\","
         "\"data\":{\"err\":{\"InstructionError\":[0,\"AlreadyProcessed\"]},\"logs\":[\"Program log: "
         "AlreadyProcessed\","
         "\"BlockhashNotFound\"]}}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_SOLANA,
         "{\"code\":-32002,\"message\":\"Transaction simulation failed: Blockhash not found\","
         "\"data\":{\"err\":\"BlockhashNotFound\",\"logs\":[]}}",
         BROADCAST_STALE_BLOCKHASH},
        {CHAIN_SOLANA, "{\"code\":-32002,\"message\":\"Transaction simulation failed: Blockhash not found\"}",
         BROADCAST_STALE_BLOCKHASH},
        {CHAIN_SOLANA, "{\"code\":-32002,\"message\":\"x\",\"data\":{\"err\":\"InsufficientFundsForFee\"}}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_SOLANA, "{\"code\":-32003,\"message\":\"This transaction has already been processed\"}",
         BROADCAST_REFUSED_FINAL},
        {CHAIN_SOLANA, "{\"code\":-32005,\"message\":\"Node is behind by 42 slots\",\"data\":{\"numSlotsBehind\":42}}",
         BROADCAST_NODE_BEHIND},
        {CHAIN_SOLANA, "{\"code\":-32005,\"message\":\"rate limit exceeded\"}", BROADCAST_RATE_LIMITED},
        {CHAIN_SOLANA, "{\"code\":-32097,\"message\":\"Network congested. Endpoint is globally rate limited.\"}",
         BROADCAST_RATE_LIMITED},
        {CHAIN_SOLANA, "{\"code\":-32000,\"message\":\"already known\"}", BROADCAST_REFUSED_OTHER},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum broadcast_verdict v = judge(rows[i].family, rows[i].json);

        if (v != rows[i].verdict)
            printf("# %s\n", rows[i].json);
        CHECK_EQ(v, rows[i].verdict);
    }
}

TEST_MAIN()
