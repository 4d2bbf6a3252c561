/* State methods of an EVM node: what depends on accounts and the head, not on blocks' contents. */
#include <string.h>

#include "devnode/devnode_sim.h"

enum { ADDRESS = 20, WORD = 32, CODE_BYTES = 64, MAX_FEE_HISTORY = 1024, MAX_PERCENTILES = 16 };

#define ETHER     1000000000000000000u
#define GWEI      1000000000u
#define FINAL_LAG 64
#define SAFE_LAG  32
#define BASE_FEE  (12 * (uint64_t)GWEI)

/* A tag, a quantity, or absent (latest).  A number past the head is for the method to judge. */
bool sim_evm_block_number(struct sim_call *k, const struct jval *v, uint64_t *out)
{
    struct slice s = v ? sim_string(v) : (struct slice){0};
    struct jval number;
    uint64_t h = k->head;

    if (!v || v->type == J_NULL) {
        *out = h;
        return true;
    }
    if (sim_member(v, "blockNumber", &number) && number.type == J_STRING) /* EIP-1898 */
        return sim_evm_block_number(k, &number, out);
    if (sim_member(v, "blockHash", &number)) {
        uint8_t hash[WORD];

        if (mix_unhex(hash, sizeof hash, sim_string(&number)) == WORD &&
            mix_find(sim_key(k->c, SIM_BLOCK), hash, WORD, out) && *out <= h)
            return true;
        sim_error(k, -32000, NULL, "header for hash not found");
        return false;
    }
    if (slice_eq(s, SLICE("latest")) || slice_eq(s, SLICE("pending")))
        *out = h;
    else if (slice_eq(s, SLICE("safe")))
        *out = h > SAFE_LAG ? h - SAFE_LAG : 0;
    else if (slice_eq(s, SLICE("finalized")))
        *out = h > FINAL_LAG ? h - FINAL_LAG : 0;
    else if (slice_eq(s, SLICE("earliest")))
        *out = 0;
    else if (!sim_quantity_parse(s, out)) {
        sim_error(k, -32602, NULL, "invalid argument: block number is neither a tag nor a hex quantity");
        return false;
    }
    return true;
}

/* For state methods: the block must exist. */
static bool state_block(struct sim_call *k, unsigned i)
{
    uint64_t n;

    if (!sim_evm_block_number(k, i < k->args ? &k->arg[i] : NULL, &n))
        return false;
    if (n > k->head) {
        sim_error(k, -32000, NULL, "header not found");
        return false;
    }
    if (!sim_keeps(k, k->c->keep_state, n)) { /* geth trie/errors.go */
        sim_error(k, -32000, NULL, "missing trie node %016llx (path ) state is not available", (unsigned long long)n);
        return false;
    }
    return true;
}

static bool address(struct sim_call *k, unsigned i, uint8_t out[ADDRESS])
{
    if (mix_unhex(out, ADDRESS, sim_string(&k->arg[i])) == ADDRESS)
        return true;
    sim_error(k, -32602, NULL, "invalid argument %u: cannot unmarshal into Go value of type common.Address", i);
    return false;
}

static uint64_t about(struct sim_call *k, const uint8_t *p, size_t n, uint64_t what)
{
    return mix_slice(sim_key(k->c, SIM_STATE) ^ what, slice_of((const char *)p, n));
}

static void chain_id(struct sim_call *k)
{
    sim_quantity(k, k->c->chain_id);
}

static void net_version(struct sim_call *k)
{
    sim_printf(k, "\"%llu\"", (unsigned long long)k->c->chain_id);
}

static void client_version(struct sim_call *k)
{
    sim_text(k, "\"millrace-devnode/v1.0.0/linux-amd64\"");
}

static void block_number(struct sim_call *k)
{
    sim_quantity(k, k->head);
}

static void answer_false(struct sim_call *k)
{
    sim_text(k, "false");
}

static void answer_true(struct sim_call *k)
{
    sim_text(k, "true");
}

static void answer_empty(struct sim_call *k)
{
    sim_text(k, "[]");
}

static uint64_t base_fee(const struct sim_call *k, uint64_t block)
{
    return BASE_FEE + mix64(sim_key(k->c, SIM_VALUE) ^ block) % (4 * (uint64_t)GWEI);
}

static void gas_price(struct sim_call *k)
{
    sim_quantity(k, base_fee(k, k->head) + GWEI);
}

static void priority_fee(struct sim_call *k)
{
    sim_quantity(k, GWEI);
}

static void blob_base_fee(struct sim_call *k)
{
    sim_quantity(k, 1);
}

static void fee_history(struct sim_call *k)
{
    uint64_t count, newest, first;
    unsigned rewards = 0;
    struct jtok t;
    struct jval v;

    if (!sim_quantity_parse(sim_string(&k->arg[0]), &count) && !sim_number(&k->arg[0], &count)) {
        sim_error(k, -32602, NULL, "invalid argument 0: invalid block count");
        return;
    }
    if (!sim_evm_block_number(k, &k->arg[1], &newest))
        return;
    if (newest > k->head) {
        sim_error(k, -32000, NULL, "request beyond head block: requested %llu, head %llu", (unsigned long long)newest,
                  (unsigned long long)k->head);
        return;
    }
    count = count > MAX_FEE_HISTORY ? MAX_FEE_HISTORY : count;
    count = count > newest + 1 ? newest + 1 : count;
    if (k->args > 2 && k->arg[2].type == J_ARRAY) {
        jtok_init(&t, k->arg[2].raw, 2);
        if (jtok_array(&t) == 0)
            while (rewards < MAX_PERCENTILES && jtok_element(&t) == 0 && jtok_value(&t, &v) == 0)
                rewards++;
    }
    first = newest + 1 - count;
    sim_text(k, "{\"oldestBlock\":");
    sim_quantity(k, first);
    if (rewards) {
        sim_text(k, ",\"reward\":[");
        for (uint64_t b = first; b <= newest; b++) {
            {
                sim_comma(k, b == first);
                sim_text(k, "[");
            }
            for (unsigned i = 0; i < rewards; i++) {
                sim_comma(k, i == 0);
                sim_quantity(k, GWEI / 2 * (i + 1));
            }
            sim_text(k, "]");
        }
        sim_text(k, "]");
    }
    sim_text(k, ",\"baseFeePerGas\":[");
    for (uint64_t b = first; b <= newest + 1; b++) {
        sim_comma(k, b == first);
        sim_quantity(k, base_fee(k, b));
    }
    sim_text(k, "],\"gasUsedRatio\":[");
    /* Reals that a round trip through a double printer would change: gateways must pass them as bytes. */
    for (uint64_t b = first; b <= newest; b++)
        sim_printf(k, "%s0.%08llu", b > first ? "," : "",
                   (unsigned long long)(mix64(sim_key(k->c, SIM_VALUE) + b) % 100000000));
    sim_text(k, "],\"baseFeePerBlobGas\":[");
    for (uint64_t b = first; b <= newest + 1; b++) {
        sim_comma(k, b == first);
        sim_text(k, "\"0x1\"");
    }
    sim_text(k, "],\"blobGasUsedRatio\":[");
    for (uint64_t b = first; b <= newest; b++) {
        sim_comma(k, b == first);
        sim_text(k, "0");
    }
    sim_text(k, "]}");
}

/* Error(string) "devnode says no", as Solidity encodes it. */
static const char revert_data[] = "\"0x08c379a0"
                                  "0000000000000000000000000000000000000000000000000000000000000020"
                                  "000000000000000000000000000000000000000000000000000000000000000f"
                                  "6465766e6f64652073617973206e6f0000000000000000000000000000000000\"";

/* The ABI's string "SIM": offset, length, bytes. */
static const char string_sim[] = "\"0x"
                                 "0000000000000000000000000000000000000000000000000000000000000020"
                                 "0000000000000000000000000000000000000000000000000000000000000003"
                                 "53494d0000000000000000000000000000000000000000000000000000000000\"";

static struct slice call_data(const struct jval *tx)
{
    struct jval v;

    if (sim_member(tx, "input", &v) || sim_member(tx, "data", &v))
        return sim_string(&v);
    return (struct slice){0};
}

static bool reverts(struct sim_call *k, struct slice data)
{
    if (!slice_starts(data, SLICE("0xdeadbeef")))
        return false;
    sim_error(k, 3, revert_data, "execution reverted: devnode says no");
    return true;
}

/* A word that depends on the call alone, small enough for a uint128. */
static void result_word(struct sim_call *k, uint8_t word[WORD])
{
    uint64_t h = mix_slice(sim_key(k->c, SIM_STATE), k->arg[0].raw);

    memset(word, 0, WORD);
    mix_id(h, 1, word + 16, 16);
}

/* A result of about the configured size: one real word, then filler. */
static void padded_word(struct sim_call *k, const uint8_t word[WORD])
{
    char head[2 * WORD];
    size_t n = k->c->pad_n > 2 ? k->c->pad_n - 2 : 0, first = n < sizeof head ? n : sizeof head;

    mix_hex(head, word, WORD);
    sim_text(k, "\"0x");
    /* A short result keeps the end of the word, where it differs. */
    sim_bytes(k, head + sizeof head - first, first);
    sim_bytes(k, k->c->pad, n - first);
    sim_text(k, "\"");
}

static void eth_call(struct sim_call *k)
{
    struct slice data;
    uint8_t word[WORD];

    if (k->arg[0].type != J_OBJECT) {
        sim_error(k, -32602, NULL, "invalid argument 0: cannot unmarshal into Go value of type ethapi.TransactionArgs");
        return;
    }
    if (!state_block(k, 1))
        return;
    data = call_data(&k->arg[0]);
    if (reverts(k, data))
        return;
    result_word(k, word);
    if (k->c->pad_n) {
        padded_word(k, word);
    } else if (slice_starts(data, SLICE("0x313ce567"))) { /* decimals() */
        memset(word, 0, WORD);
        word[WORD - 1] = 18;
        sim_hex(k, word, WORD);
    } else if (slice_starts(data, SLICE("0x95d89b41")) || slice_starts(data, SLICE("0x06fdde03"))) {
        sim_text(k, string_sim); /* symbol(), name() */
    } else {
        sim_hex(k, word, WORD);
    }
}

static void estimate_gas(struct sim_call *k)
{
    struct slice data = call_data(&k->arg[0]);

    if (!state_block(k, 1) || reverts(k, data))
        return;
    sim_quantity(k, 21000 + 16 * (data.n > 2 ? (data.n - 2) / 2 : 0) + (data.n > 2 ? 30000 : 0));
}

static void get_balance(struct sim_call *k)
{
    uint8_t a[ADDRESS];

    if (address(k, 0, a) && state_block(k, 1))
        sim_quantity(k, about(k, a, sizeof a, 1) % (16 * ETHER));
}

static void get_code(struct sim_call *k)
{
    uint8_t a[ADDRESS], code[CODE_BYTES];

    if (!address(k, 0, a) || !state_block(k, 1))
        return;
    if (about(k, a, sizeof a, 2) & 1) {
        sim_text(k, "\"0x\"");
        return;
    }
    mix_id(about(k, a, sizeof a, 2), 0, code, sizeof code);
    memcpy(code, "\x60\x80\x60\x40\x52", 5);
    sim_hex(k, code, sizeof code);
}

static void get_storage_at(struct sim_call *k)
{
    uint8_t a[ADDRESS], word[WORD];

    if (!address(k, 0, a) || !state_block(k, 2))
        return;
    mix_id(about(k, a, sizeof a, 3) ^ mix_slice(4, k->arg[1].raw), 0, word, sizeof word);
    sim_hex(k, word, sizeof word);
}

static void get_transaction_count(struct sim_call *k)
{
    uint8_t a[ADDRESS];

    if (address(k, 0, a) && state_block(k, 1))
        sim_quantity(k, about(k, a, sizeof a, 5) % 4096);
}

static void peer_count(struct sim_call *k)
{
    sim_quantity(k, 32);
}

static void no_notifications(struct sim_call *k)
{
    sim_error(k, -32601, NULL, "notifications not supported");
}

const struct sim_method sim_evm_methods[] = {
    SIM_METHOD("eth_call", eth_call, 1),
    SIM_METHOD("eth_blockNumber", block_number, 0),
    SIM_METHOD("eth_chainId", chain_id, 0),
    SIM_METHOD("eth_getBalance", get_balance, 1),
    SIM_METHOD("eth_gasPrice", gas_price, 0),
    SIM_METHOD("eth_maxPriorityFeePerGas", priority_fee, 0),
    SIM_METHOD("eth_blobBaseFee", blob_base_fee, 0),
    SIM_METHOD("eth_feeHistory", fee_history, 2),
    SIM_METHOD("eth_estimateGas", estimate_gas, 1),
    SIM_METHOD("eth_getCode", get_code, 1),
    SIM_METHOD("eth_getStorageAt", get_storage_at, 2),
    SIM_METHOD("eth_getTransactionCount", get_transaction_count, 1),
    SIM_METHOD("eth_syncing", answer_false, 0),
    SIM_METHOD("eth_accounts", answer_empty, 0),
    SIM_METHOD("eth_subscribe", no_notifications, 0),
    SIM_METHOD("eth_unsubscribe", no_notifications, 0),
    SIM_METHOD("net_version", net_version, 0),
    SIM_METHOD("net_listening", answer_true, 0),
    SIM_METHOD("net_peerCount", peer_count, 0),
    SIM_METHOD("web3_clientVersion", client_version, 0),
    SIM_METHODS_END,
};
