/* Blocks, transactions, receipts and logs of an EVM node.  All are computed from the block number: block n has one to
 * four transactions, each a token transfer with one Transfer log, so that blocks, receipts and logs agree. */
#include <stdlib.h>
#include <string.h>

#include "base/keccak.h"
#include "base/mem.h"
#include "devnode/devnode_sim.h"

enum {
    ADDRESS = 20,
    HASH = 32,
    CONTRACTS = 8,
    TX_GAS = 51000,
    MAX_LOG_BLOCKS = 10000,
    MAX_LOGS = 10000,
    MAX_ADDRESSES = 16,
    MAX_TOPICS = 8,
    TOPICS = 4,
    PRUNED = 4444,   /* EIP-4444: reth, nethermind */
    SENT_INDEX = 255 /* of transactions that were sent to the node: above all of the block's own */
};

#define GWEI 1000000000u

struct tx {
    uint64_t block, timestamp, amount, nonce;
    unsigned index;
    uint8_t hash[HASH], block_hash[HASH], from[ADDRESS], to[ADDRESS], recipient[ADDRESS];
};

/* keccak256("Transfer(address,address,uint256)") */
static const uint8_t transfer_topic[HASH] = {0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b, 0x69, 0xc2, 0xb0,
                                             0x68, 0xfc, 0x37, 0x8d, 0xaa, 0x95, 0x2b, 0xa7, 0xf1, 0x63, 0xc4,
                                             0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef};

static uint64_t block_mix(const struct sim_call *k, uint64_t n)
{
    return mix64(sim_key(k->c, SIM_VALUE) + n * 4);
}

static unsigned tx_count(const struct sim_call *k, uint64_t n)
{
    return n ? 1 + (unsigned)(block_mix(k, n) % 4) : 0;
}

static uint64_t block_time(const struct sim_call *k, uint64_t n)
{
    return (k->c->genesis_ms + n * k->c->block_time_ms) / 1000;
}

/* What logs are filtered by; cheap, as a range holds thousands. */
static void tx_parties(const struct sim_call *k, struct tx *t, uint64_t block, unsigned index)
{
    uint64_t m = mix64(block_mix(k, block) + index);

    t->block = block;
    t->index = index;
    t->amount = m % 1000000007;
    t->nonce = m >> 48;
    mix_id(sim_key(k->c, SIM_CONTRACT), m % CONTRACTS, t->to, ADDRESS);
    mix_id(sim_key(k->c, SIM_ACCOUNT), m >> 8 & 1023, t->from, ADDRESS);
    mix_id(sim_key(k->c, SIM_ACCOUNT), m >> 20 & 1023, t->recipient, ADDRESS);
}

static void tx_fill(const struct sim_call *k, struct tx *t, uint64_t block, unsigned index)
{
    tx_parties(k, t, block, index);
    t->timestamp = block_time(k, block);
    mix_id(sim_key(k->c, SIM_TX), block << 8 | index, t->hash, HASH);
    mix_id(sim_key(k->c, SIM_BLOCK), block, t->block_hash, HASH);
}

static void field_hex(struct sim_call *k, const char *name, const uint8_t *p, size_t n)
{
    sim_bytes(k, name, strlen(name));
    sim_hex(k, p, n);
}

static void field_quantity(struct sim_call *k, const char *name, uint64_t v)
{
    sim_bytes(k, name, strlen(name));
    sim_quantity(k, v);
}

static void padded_address(struct sim_call *k, const uint8_t a[ADDRESS])
{
    uint8_t word[HASH] = {0};

    memcpy(word + HASH - ADDRESS, a, ADDRESS);
    sim_hex(k, word, sizeof word);
}

static void put_word(uint8_t word[HASH], uint64_t v)
{
    memset(word, 0, HASH);
    for (unsigned i = 0; i < 8; i++)
        word[HASH - 1 - i] = (uint8_t)(v >> (8 * i));
}

static void write_log(struct sim_call *k, const struct tx *t)
{
    uint8_t word[HASH];

    field_hex(k, "{\"address\":", t->to, ADDRESS);
    field_hex(k, ",\"topics\":[", transfer_topic, HASH);
    sim_text(k, ",");
    padded_address(k, t->from);
    sim_text(k, ",");
    padded_address(k, t->recipient);
    put_word(word, t->amount);
    field_hex(k, "],\"data\":", word, HASH);
    field_quantity(k, ",\"blockNumber\":", t->block);
    field_hex(k, ",\"transactionHash\":", t->hash, HASH);
    field_quantity(k, ",\"transactionIndex\":", t->index);
    field_hex(k, ",\"blockHash\":", t->block_hash, HASH);
    field_quantity(k, ",\"blockTimestamp\":", t->timestamp);
    field_quantity(k, ",\"logIndex\":", t->index);
    sim_text(k, ",\"removed\":false}");
}

static void write_tx(struct sim_call *k, const struct tx *t, bool mined)
{
    uint8_t word[HASH];

    if (mined) {
        field_hex(k, "{\"blockHash\":", t->block_hash, HASH);
        field_quantity(k, ",\"blockNumber\":", t->block);
        field_quantity(k, ",\"blockTimestamp\":", t->timestamp);
        field_quantity(k, ",\"transactionIndex\":", t->index);
    } else {
        sim_text(k, "{\"blockHash\":null,\"blockNumber\":null,\"transactionIndex\":null");
    }
    field_hex(k, ",\"from\":", t->from, ADDRESS);
    sim_text(k, ",\"gas\":\"0x186a0\",\"gasPrice\":\"0x2cb417800\",\"maxFeePerGas\":\"0x59682f000\","
                "\"maxPriorityFeePerGas\":\"0x3b9aca00\"");
    field_hex(k, ",\"hash\":", t->hash, HASH);
    sim_text(k, ",\"input\":\"0xa9059cbb");
    put_word(word, 0);
    memcpy(word + HASH - ADDRESS, t->recipient, ADDRESS);
    for (unsigned i = 0; i < 2; i++) {
        char digits[2 * HASH];

        sim_bytes(k, digits, mix_hex(digits, word, HASH));
        put_word(word, t->amount);
    }
    field_quantity(k, "\",\"nonce\":", t->nonce);
    field_hex(k, ",\"to\":", t->to, ADDRESS);
    field_quantity(k, ",\"value\":\"0x0\",\"type\":\"0x2\",\"accessList\":[],\"chainId\":", k->c->chain_id);
    sim_text(k, ",\"v\":\"0x1\",\"yParity\":\"0x1\",\"r\":");
    sim_hex_id(k, SIM_ROOT, t->block << 8 | t->index, HASH);
    sim_text(k, ",\"s\":");
    sim_hex_id(k, SIM_CODE, t->block << 8 | t->index, HASH);
    sim_text(k, "}");
}

/* No bloom filter is computed: all ones is the one that never says no. */
static void write_bloom(struct sim_call *k)
{
    char ones[512];

    memset(ones, 'f', sizeof ones);
    sim_text(k, ",\"logsBloom\":\"0x");
    sim_bytes(k, ones, sizeof ones);
    sim_text(k, "\"");
}

static void write_receipt(struct sim_call *k, const struct tx *t)
{
    field_hex(k, "{\"blockHash\":", t->block_hash, HASH);
    field_quantity(k, ",\"blockNumber\":", t->block);
    field_quantity(k, ",\"contractAddress\":null,\"cumulativeGasUsed\":", (uint64_t)TX_GAS * (t->index + 1));
    field_quantity(k, ",\"effectiveGasPrice\":", 12 * (uint64_t)GWEI);
    field_hex(k, ",\"from\":", t->from, ADDRESS);
    field_quantity(k, ",\"gasUsed\":", TX_GAS);
    sim_text(k, ",\"logs\":[");
    write_log(k, t);
    sim_text(k, "]");
    write_bloom(k);
    field_hex(k, ",\"status\":\"0x1\",\"to\":", t->to, ADDRESS);
    field_hex(k, ",\"transactionHash\":", t->hash, HASH);
    field_quantity(k, ",\"transactionIndex\":", t->index);
    sim_text(k, ",\"type\":\"0x2\"}");
}

static void write_block(struct sim_call *k, uint64_t n, bool full)
{
    unsigned txs = tx_count(k, n);
    static const uint8_t zero[HASH];
    struct tx t;

    field_quantity(k, "{\"baseFeePerGas\":", 12 * (uint64_t)GWEI);
    sim_text(k, ",\"blobGasUsed\":\"0x0\",\"difficulty\":\"0x0\",\"excessBlobGas\":\"0x0\",\"extraData\":\"0x\","
                "\"gasLimit\":\"0x1c9c380\"");
    field_quantity(k, ",\"gasUsed\":", (uint64_t)TX_GAS * txs);
    sim_text(k, ",\"hash\":");
    sim_hex_id(k, SIM_BLOCK, n, HASH);
    write_bloom(k);
    sim_text(k, ",\"miner\":");
    sim_hex_id(k, SIM_VALIDATOR, n % 16, ADDRESS);
    sim_text(k, ",\"mixHash\":");
    sim_hex_id(k, SIM_STATE, n, HASH);
    field_quantity(k, ",\"nonce\":\"0x0000000000000000\",\"number\":", n);
    sim_text(k, ",\"parentBeaconBlockRoot\":");
    sim_hex_id(k, SIM_ROOT, n * 8, HASH);
    sim_text(k, ",\"parentHash\":");
    if (n)
        sim_hex_id(k, SIM_BLOCK, n - 1, HASH);
    else
        sim_hex(k, zero, HASH);
    sim_text(k, ",\"receiptsRoot\":");
    sim_hex_id(k, SIM_ROOT, n * 8 + 1, HASH);
    /* Of the empty list, as every block since the merge has it. */
    sim_text(k, ",\"sha3Uncles\":\"0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347\"");
    field_quantity(k, ",\"size\":", 700 + 200 * txs);
    sim_text(k, ",\"stateRoot\":");
    sim_hex_id(k, SIM_ROOT, n * 8 + 2, HASH);
    field_quantity(k, ",\"timestamp\":", block_time(k, n));
    sim_text(k, ",\"transactions\":[");
    for (unsigned i = 0; i < txs; i++) {
        sim_comma(k, i == 0);
        if (full) {
            tx_fill(k, &t, n, i);
            write_tx(k, &t, true);
        } else {
            sim_hex_id(k, SIM_TX, n << 8 | i, HASH);
        }
    }
    sim_text(k, "],\"transactionsRoot\":");
    sim_hex_id(k, SIM_ROOT, n * 8 + 3, HASH);
    sim_text(k, ",\"uncles\":[],\"withdrawals\":[],\"withdrawalsRoot\":");
    sim_hex_id(k, SIM_ROOT, n * 8 + 4, HASH);
    sim_text(k, "}");
}

static bool hash_arg(struct sim_call *k, unsigned i, uint8_t out[HASH])
{
    if (mix_unhex(out, HASH, sim_string(&k->arg[i])) == HASH)
        return true;
    sim_error(k, -32602, NULL, "invalid argument %u: cannot unmarshal into Go value of type common.Hash", i);
    return false;
}

/* false: the answer (null or an error) is written. */
static bool known_number(struct sim_call *k, uint64_t *n)
{
    if (!sim_evm_block_number(k, &k->arg[0], n))
        return false;
    if (!sim_keeps(k, k->c->keep_history, *n)) {
        sim_error(k, PRUNED, NULL, "pruned history unavailable");
        return false;
    }
    if (*n <= k->head)
        return true;
    sim_text(k, "null");
    return false;
}

static bool known_hash(struct sim_call *k, uint64_t *n)
{
    uint8_t hash[HASH];

    if (!hash_arg(k, 0, hash))
        return false;
    if (mix_find(sim_key(k->c, SIM_BLOCK), hash, HASH, n) && *n <= k->head)
        return true;
    sim_text(k, "null");
    return false;
}

static bool wants_full(const struct sim_call *k)
{
    return k->args > 1 && k->arg[1].type == J_TRUE;
}

static void block_by_number(struct sim_call *k)
{
    uint64_t n;

    if (known_number(k, &n))
        write_block(k, n, wants_full(k));
}

static void block_by_hash(struct sim_call *k)
{
    uint64_t n;

    if (known_hash(k, &n))
        write_block(k, n, wants_full(k));
}

static void block_receipts(struct sim_call *k)
{
    uint64_t n;
    struct tx t;

    if (!known_number(k, &n))
        return;
    sim_text(k, "[");
    for (unsigned i = 0; i < tx_count(k, n); i++) {
        sim_comma(k, i == 0);
        tx_fill(k, &t, n, i);
        write_receipt(k, &t);
    }
    sim_text(k, "]");
}

static void tx_count_by_number(struct sim_call *k)
{
    uint64_t n;

    if (known_number(k, &n))
        sim_quantity(k, tx_count(k, n));
}

static void tx_count_by_hash(struct sim_call *k)
{
    uint64_t n;

    if (known_hash(k, &n))
        sim_quantity(k, tx_count(k, n));
}

static void write_tx_at(struct sim_call *k, uint64_t n)
{
    uint64_t index;
    struct tx t;

    if (!sim_quantity_parse(sim_string(&k->arg[1]), &index)) {
        sim_error(k, -32602, NULL, "invalid argument 1: invalid index");
    } else if (index >= tx_count(k, n)) {
        sim_text(k, "null");
    } else {
        tx_fill(k, &t, n, (unsigned)index);
        write_tx(k, &t, true);
    }
}

static void tx_by_number_and_index(struct sim_call *k)
{
    uint64_t n;

    if (known_number(k, &n))
        write_tx_at(k, n);
}

static void tx_by_hash_and_index(struct sim_call *k)
{
    uint64_t n;

    if (known_hash(k, &n))
        write_tx_at(k, n);
}

/* 0: no such transaction; 1: it waits for its block; 2: it is in a block.  -1: an error was written. */
static int find_tx(struct sim_call *k, struct tx *t)
{
    uint8_t hash[HASH];
    uint64_t at;
    const struct sim_sent *sent;

    if (!hash_arg(k, 0, hash))
        return -1;
    if (mix_find(sim_key(k->c, SIM_TX), hash, HASH, &at) && at >> 8 <= k->head && (at & 255) < tx_count(k, at >> 8)) {
        tx_fill(k, t, at >> 8, (unsigned)(at & 255));
        return 2;
    }
    sent = sim_sent_find(k->c, hash, HASH);
    if (!sent)
        return 0;
    tx_fill(k, t, sent->head + 1, SENT_INDEX);
    memcpy(t->hash, hash, HASH);
    return k->head > sent->head ? 2 : 1;
}

static void tx_by_hash(struct sim_call *k)
{
    struct tx t;
    int found = find_tx(k, &t);

    if (found == 0)
        sim_text(k, "null");
    else if (found > 0)
        write_tx(k, &t, found == 2);
}

static void tx_receipt(struct sim_call *k)
{
    struct tx t;
    int found = find_tx(k, &t);

    if (found == 2)
        write_receipt(k, &t);
    else if (found >= 0)
        sim_text(k, "null");
}

/* The one place with a real hash: clients compute it too, and ethers refuses an answer that differs. */
static void send_raw_transaction(struct sim_call *k)
{
    struct slice text = sim_string(&k->arg[0]);
    uint8_t *raw = mem_array(text.n + 1, 1), hash[HASH];
    size_t n = mix_unhex(raw, text.n, text);

    if (n == (size_t)-1 || n == 0) {
        sim_error(k, -32602, NULL, "invalid argument 0: cannot unmarshal into Go value of type hexutil.Bytes");
    } else {
        keccak256(raw, n, hash);
        if (sim_sent_add(k->c, hash, HASH, k->head))
            sim_hex(k, hash, HASH);
        else
            sim_error(k, -32000, NULL, "already known");
    }
    free(raw);
}

/* ---- logs ---- */

struct criteria {
    uint64_t from, to;
    uint8_t address[MAX_ADDRESSES][ADDRESS];
    unsigned addresses;
    uint8_t topic[TOPICS][MAX_TOPICS][HASH];
    unsigned topics[TOPICS]; /* 0: any */
    unsigned depth;          /* positions given */
};

/* One hex string or an array of them, each n bytes, into out.  false: malformed or too many. */
static bool hex_set(const struct jval *v, uint8_t *out, size_t n, unsigned max, unsigned *count)
{
    struct jtok t;
    struct jval e;

    if (v->type == J_NULL)
        return true;
    if (v->type == J_STRING) {
        *count = 1;
        return mix_unhex(out, n, sim_string(v)) == n;
    }
    if (v->type != J_ARRAY)
        return false;
    jtok_init(&t, v->raw, 4);
    if (jtok_array(&t))
        return false;
    while (jtok_element(&t) == 0) {
        if (jtok_value(&t, &e) || *count == max || mix_unhex(out + n * *count, n, sim_string(&e)) != n)
            return false;
        ++*count;
    }
    return !t.error;
}

static bool parse_topics(const struct jval *v, struct criteria *q)
{
    struct jtok t;
    struct jval e;

    if (v->type == J_NULL)
        return true;
    if (v->type != J_ARRAY)
        return false;
    jtok_init(&t, v->raw, 8);
    if (jtok_array(&t))
        return false;
    while (jtok_element(&t) == 0) {
        if (jtok_value(&t, &e) || q->depth == TOPICS ||
            !hex_set(&e, q->topic[q->depth][0], HASH, MAX_TOPICS, &q->topics[q->depth]))
            return false;
        q->depth++;
    }
    return !t.error;
}

static bool parse_criteria(struct sim_call *k, const struct jval *v, struct criteria *q)
{
    struct jval m;
    uint8_t hash[HASH];

    memset(q, 0, sizeof *q);
    q->from = q->to = k->head;
    if (v->type != J_OBJECT) {
        sim_error(k, -32602, NULL, "invalid argument 0: filter is no object");
        return false;
    }
    if (sim_member(v, "blockHash", &m) && m.type != J_NULL) {
        if (sim_member(v, "fromBlock", &m) || sim_member(v, "toBlock", &m)) {
            sim_error(k, -32602, NULL,
                      "invalid argument 0: cannot specify both BlockHash and FromBlock/ToBlock, "
                      "choose one or the other");
            return false;
        }
        sim_member(v, "blockHash", &m);
        if (mix_unhex(hash, HASH, sim_string(&m)) != HASH ||
            !mix_find(sim_key(k->c, SIM_BLOCK), hash, HASH, &q->from) || q->from > k->head) {
            sim_error(k, -32000, NULL, "unknown block");
            return false;
        }
        q->to = q->from;
    } else {
        if (sim_member(v, "fromBlock", &m) && !sim_evm_block_number(k, &m, &q->from))
            return false;
        if (sim_member(v, "toBlock", &m) && !sim_evm_block_number(k, &m, &q->to))
            return false;
    }
    if (sim_member(v, "address", &m) && !hex_set(&m, q->address[0], ADDRESS, MAX_ADDRESSES, &q->addresses)) {
        sim_error(k, -32602, NULL, "invalid argument 0: invalid address in filter");
        return false;
    }
    if (sim_member(v, "topics", &m) && !parse_topics(&m, q)) {
        sim_error(k, -32602, NULL, "invalid argument 0: invalid topic in filter");
        return false;
    }
    return true;
}

static bool in_set(const uint8_t *set, unsigned count, const uint8_t *v, size_t n)
{
    for (unsigned i = 0; i < count; i++)
        if (memcmp(set + i * n, v, n) == 0)
            return true;
    return count == 0;
}

static bool matches(const struct criteria *q, const struct tx *t)
{
    uint8_t word[HASH] = {0};

    if (q->depth > 3 || !in_set(q->address[0], q->addresses, t->to, ADDRESS) ||
        !in_set(q->topic[0][0], q->topics[0], transfer_topic, HASH))
        return false;
    memcpy(word + HASH - ADDRESS, t->from, ADDRESS);
    if (!in_set(q->topic[1][0], q->topics[1], word, HASH))
        return false;
    memcpy(word + HASH - ADDRESS, t->recipient, ADDRESS);
    return in_set(q->topic[2][0], q->topics[2], word, HASH);
}

void sim_evm_logs(struct sim_call *k, const struct jval *v, const struct sim_block_range *only)
{
    struct criteria q;
    struct tx t;
    unsigned found = 0;

    if (!parse_criteria(k, v, &q))
        return;
    if (only) {
        q.from = only->from;
        q.to = only->to;
    } else if (q.from > q.to) {
        sim_error(k, -32602, NULL, "invalid block range params");
        return;
    } else if (q.to > k->head) {
        sim_error(k, -32602, NULL, "block range extends beyond current head block");
        return;
    } else if (!sim_keeps(k, k->c->keep_history, q.from)) {
        sim_error(k, PRUNED, NULL, "pruned history unavailable");
        return;
    }
    if (q.to >= q.from && q.to - q.from >= MAX_LOG_BLOCKS) {
        sim_error(k, -32602, NULL, "exceed maximum block range: %u", MAX_LOG_BLOCKS);
        return;
    }
    sim_text(k, "[");
    for (uint64_t n = q.from; n <= q.to; n++) {
        for (unsigned i = 0; i < tx_count(k, n); i++) {
            tx_parties(k, &t, n, i);
            if (!matches(&q, &t))
                continue;
            if (found == MAX_LOGS) {
                sim_error(k, -32005, NULL, "query returned more than %u results", MAX_LOGS);
                return;
            }
            tx_fill(k, &t, n, i);
            if (found++)
                sim_text(k, ",");
            write_log(k, &t);
        }
    }
    sim_text(k, "]");
}

static void get_logs(struct sim_call *k)
{
    sim_evm_logs(k, &k->arg[0], NULL);
}

const struct sim_method sim_evm_block_methods[] = {
    SIM_METHOD("eth_getTransactionReceipt", tx_receipt, 1),
    SIM_METHOD("eth_getBlockByNumber", block_by_number, 1),
    SIM_METHOD("eth_getTransactionByHash", tx_by_hash, 1),
    SIM_METHOD("eth_getLogs", get_logs, 1),
    SIM_METHOD("eth_getBlockByHash", block_by_hash, 1),
    SIM_METHOD("eth_sendRawTransaction", send_raw_transaction, 1),
    SIM_METHOD("eth_getBlockReceipts", block_receipts, 1),
    SIM_METHOD("eth_getBlockTransactionCountByNumber", tx_count_by_number, 1),
    SIM_METHOD("eth_getBlockTransactionCountByHash", tx_count_by_hash, 1),
    SIM_METHOD("eth_getTransactionByBlockNumberAndIndex", tx_by_number_and_index, 2),
    SIM_METHOD("eth_getTransactionByBlockHashAndIndex", tx_by_hash_and_index, 2),
    SIM_METHODS_END,
};
