/* Blocks, transactions and signatures of a Solana node.  Slot s holds one to three transfers, computed from s. */
#include <string.h>

#include "base/base58.h"
#include "base/base64.h"
#include "devnode/devnode_sim.h"

enum {
    PUBKEY = 32,
    SIGNATURE = 64,
    FEE = 5000,
    INSTRUCTION = 12, /* bytes of a system transfer */
    WIRE_BYTES = 300, /* a transfer on the wire is 215 */
    MAX_TX_BYTES = 1232,
    MAX_STATUSES = 256,
    MAX_SIGNATURES = 1000,
    ACTIVITY = 64,     /* an address signs in one slot of so many ... */
    MAX_ACTIVITY = 50, /* ... and this is as far back as its history goes */
    HASH_AGE = 5,      /* slots between a transaction and the block hash it names */
    SENT_INDEX = 255
};

#define SYSTEM_PROGRAM "11111111111111111111111111111111"

enum encoding { JSON, BASE58, BASE64, PARSED };
enum details { FULL, ACCOUNTS, SIGNATURES, NONE };

struct tx {
    uint64_t slot, lamports;
    uint8_t signature[SIGNATURE], from[PUBKEY], to[PUBKEY], blockhash[PUBKEY];
};

struct style {
    enum encoding encoding;
    enum details details;
    bool versions; /* maxSupportedTransactionVersion was given */
    bool rewards;
};

static unsigned tx_count(const struct sim_call *k, uint64_t slot)
{
    return sim_solana_skipped(slot) ? 0 : 1 + (unsigned)(mix64(sim_key(k->c, SIM_VALUE) + slot * 4) % 3);
}

static void tx_fill(const struct sim_call *k, struct tx *t, uint64_t slot, unsigned index)
{
    uint64_t m = mix64(sim_key(k->c, SIM_VALUE) + slot * 4 + 1 + index);

    t->slot = slot;
    t->lamports = m % 1000000000;
    mix_id(sim_key(k->c, SIM_TX), slot << 8 | index, t->signature, SIGNATURE);
    mix_id(sim_key(k->c, SIM_ACCOUNT), m >> 8 & 1023, t->from, PUBKEY);
    mix_id(sim_key(k->c, SIM_ACCOUNT), m >> 20 & 1023, t->to, PUBKEY);
    mix_id(sim_key(k->c, SIM_BLOCK), slot > HASH_AGE ? slot - HASH_AGE : 0, t->blockhash, PUBKEY);
}

static void write_instruction(const struct tx *t, uint8_t data[INSTRUCTION])
{
    memset(data, 0, INSTRUCTION);
    data[0] = 2; /* SystemInstruction::Transfer */
    for (unsigned i = 0; i < 8; i++)
        data[4 + i] = (uint8_t)(t->lamports >> (8 * i));
}

/* A legacy transaction as it goes over the wire. */
static size_t tx_wire(const struct tx *t, uint8_t out[WIRE_BYTES])
{
    static const uint8_t header[] = {1, 0, 1, 3}, call[] = {1, 2, 2, 0, 1, INSTRUCTION};
    uint8_t *p = out;

    *p++ = 1;
    p = (uint8_t *)memcpy(p, t->signature, SIGNATURE) + SIGNATURE;
    p = (uint8_t *)memcpy(p, header, sizeof header) + sizeof header;
    p = (uint8_t *)memcpy(p, t->from, PUBKEY) + PUBKEY;
    p = (uint8_t *)memcpy(p, t->to, PUBKEY) + PUBKEY;
    p = (uint8_t *)memset(p, 0, PUBKEY) + PUBKEY; /* the system program */
    p = (uint8_t *)memcpy(p, t->blockhash, PUBKEY) + PUBKEY;
    p = (uint8_t *)memcpy(p, call, sizeof call) + sizeof call;
    write_instruction(t, p);
    return (size_t)(p + INSTRUCTION - out);
}

static void write_full_key(struct sim_call *k, const uint8_t key[PUBKEY], bool signer, bool writable)
{
    sim_text(k, "{\"pubkey\":");
    sim_base58(k, key, PUBKEY);
    sim_printf(k, ",\"signer\":%s,\"source\":\"transaction\",\"writable\":%s}", signer ? "true" : "false",
               writable ? "true" : "false");
}

static void write_full_keys(struct sim_call *k, const struct tx *t)
{
    static const uint8_t system[PUBKEY];

    sim_text(k, "\"accountKeys\":[");
    write_full_key(k, t->from, true, true);
    sim_text(k, ",");
    write_full_key(k, t->to, false, true);
    sim_text(k, ",");
    write_full_key(k, system, false, false);
    sim_text(k, "]");
}

static void write_signatures(struct sim_call *k, const struct tx *t)
{
    sim_text(k, "\"signatures\":[");
    sim_base58(k, t->signature, SIGNATURE);
    sim_text(k, "]");
}

static void write_message_json(struct sim_call *k, const struct tx *t)
{
    uint8_t data[INSTRUCTION];

    write_instruction(t, data);
    sim_text(k, "{\"message\":{\"accountKeys\":[");
    sim_base58(k, t->from, PUBKEY);
    sim_text(k, ",");
    sim_base58(k, t->to, PUBKEY);
    sim_text(k,
             ",\"" SYSTEM_PROGRAM "\"],\"header\":{\"numReadonlySignedAccounts\":0,\"numReadonlyUnsignedAccounts\":1,"
             "\"numRequiredSignatures\":1},\"instructions\":[{\"accounts\":[0,1],\"data\":");
    sim_base58(k, data, sizeof data);
    sim_text(k, ",\"programIdIndex\":2,\"stackHeight\":null}]");
}

static void write_message_parsed(struct sim_call *k, const struct tx *t)
{
    sim_text(k, "{\"message\":{");
    write_full_keys(k, t);
    sim_text(k, ",\"instructions\":[{\"parsed\":{\"info\":{\"destination\":");
    sim_base58(k, t->to, PUBKEY);
    sim_text(k, ",\"lamports\":");
    sim_u64(k, t->lamports);
    sim_text(k, ",\"source\":");
    sim_base58(k, t->from, PUBKEY);
    sim_text(k, "},\"type\":\"transfer\"},\"program\":\"system\",\"programId\":\"" SYSTEM_PROGRAM
                "\",\"stackHeight\":null}]");
}

static void write_transaction(struct sim_call *k, const struct tx *t, const struct style *s)
{
    uint8_t wire[WIRE_BYTES];

    if (s->details == ACCOUNTS) {
        sim_text(k, "{");
        write_full_keys(k, t);
        sim_text(k, ",");
        write_signatures(k, t);
        sim_text(k, "}");
    } else if (s->encoding == BASE58 || s->encoding == BASE64) {
        size_t n = tx_wire(t, wire);

        sim_text(k, "[");
        if (s->encoding == BASE58)
            sim_base58(k, wire, n);
        else
            sim_base64(k, wire, n);
        sim_bytes(k, s->encoding == BASE58 ? ",\"base58\"]" : ",\"base64\"]", 10);
    } else {
        if (s->encoding == PARSED)
            write_message_parsed(k, t);
        else
            write_message_json(k, t);
        sim_text(k, ",\"recentBlockhash\":");
        sim_base58(k, t->blockhash, PUBKEY);
        sim_text(k, "},");
        write_signatures(k, t);
        sim_text(k, "}");
    }
}

static void write_meta(struct sim_call *k, const struct tx *t)
{
    uint64_t before = 2000000000 + t->lamports;

    sim_printf(k,
               "{\"computeUnitsConsumed\":150,\"err\":null,\"fee\":%u,\"innerInstructions\":[],"
               "\"loadedAddresses\":{\"readonly\":[],\"writable\":[]},",
               FEE);
    sim_text(k, "\"logMessages\":[\"Program " SYSTEM_PROGRAM " invoke [1]\",\"Program " SYSTEM_PROGRAM " success\"],");
    sim_printf(k, "\"postBalances\":[%llu,%llu,1],\"postTokenBalances\":[],\"preBalances\":[%llu,1000000,1],",
               (unsigned long long)(before - t->lamports - FEE), (unsigned long long)(1000000 + t->lamports),
               (unsigned long long)before);
    sim_text(k, "\"preTokenBalances\":[],\"rewards\":[],\"status\":{\"Ok\":null}}");
}

static void style_of(const struct sim_call *k, unsigned arg, struct style *s)
{
    struct jval m;
    struct slice text = {0};

    *s = (struct style){.encoding = JSON, .details = FULL, .rewards = true};
    if (arg < k->args && k->arg[arg].type == J_STRING) /* the old form: the encoding alone */
        text = sim_string(&k->arg[arg]);
    else if (sim_solana_config(k, arg, "encoding", &m))
        text = sim_string(&m);
    if (slice_eq(text, SLICE("base58")))
        s->encoding = BASE58;
    else if (slice_eq(text, SLICE("base64")))
        s->encoding = BASE64;
    else if (slice_eq(text, SLICE("jsonParsed")))
        s->encoding = PARSED;
    if (sim_solana_config(k, arg, "transactionDetails", &m)) {
        text = sim_string(&m);
        if (slice_eq(text, SLICE("accounts")))
            s->details = ACCOUNTS;
        else if (slice_eq(text, SLICE("signatures")))
            s->details = SIGNATURES;
        else if (slice_eq(text, SLICE("none")))
            s->details = NONE;
    }
    s->versions = sim_solana_config(k, arg, "maxSupportedTransactionVersion", &m);
    if (sim_solana_config(k, arg, "rewards", &m))
        s->rewards = m.type != J_FALSE;
}

/* Blocks and transactions exist for clients from confirmed on. */
static bool confirmed_slot(struct sim_call *k, unsigned arg, uint64_t *slot)
{
    enum sim_commitment c = sim_solana_commitment(k, arg);

    if (c == SIM_PROCESSED) {
        sim_error(k, -32602, NULL, "Method does not support commitment below `confirmed`");
        return false;
    }
    *slot = sim_solana_slot(k, c);
    return true;
}

static void write_block_head(struct sim_call *k, uint64_t slot)
{
    uint64_t parent = slot ? slot - 1 - sim_solana_skipped(slot - 1) : 0;

    sim_text(k, "{\"blockHeight\":");
    sim_u64(k, sim_solana_height(slot));
    sim_text(k, ",\"blockTime\":");
    sim_u64(k, sim_solana_time(k, slot));
    sim_text(k, ",\"blockhash\":");
    sim_base58_id(k, SIM_BLOCK, slot, PUBKEY);
    sim_text(k, ",\"parentSlot\":");
    sim_u64(k, parent);
    sim_text(k, ",\"previousBlockhash\":");
    sim_base58_id(k, SIM_BLOCK, parent, PUBKEY);
}

static bool block_exists(struct sim_call *k, uint64_t slot, uint64_t top)
{
    if (slot > top) {
        sim_error(k, -32004, NULL, "Block not available for slot %llu", (unsigned long long)slot);
        return false;
    }
    if (!sim_keeps(k, k->c->keep_history, slot)) {
        sim_error(k, -32001, NULL, "Block %llu cleaned up, does not exist on node. First available block: %llu",
                  (unsigned long long)slot, (unsigned long long)(k->head + 1 - k->c->keep_history));
        return false;
    }
    if (sim_solana_skipped(slot)) {
        sim_error(k, -32007, NULL, "Slot %llu was skipped, or missing due to ledger jump to recent snapshot",
                  (unsigned long long)slot);
        return false;
    }
    return true;
}

static bool slot_arg(struct sim_call *k, uint64_t *slot)
{
    if (sim_number(&k->arg[0], slot))
        return true;
    sim_error(k, -32602, NULL, "Invalid params: invalid slot");
    return false;
}

static void get_block(struct sim_call *k)
{
    uint64_t slot, top;
    struct style s;
    struct tx t;

    if (!slot_arg(k, &slot) || !confirmed_slot(k, 1, &top) || !block_exists(k, slot, top))
        return;
    style_of(k, 1, &s);
    write_block_head(k, slot);
    if (s.rewards)
        sim_text(k, ",\"rewards\":[]");
    if (s.details == SIGNATURES)
        sim_text(k, ",\"signatures\":[");
    else if (s.details != NONE)
        sim_text(k, ",\"transactions\":[");
    for (unsigned i = 0; s.details != NONE && i < tx_count(k, slot); i++) {
        tx_fill(k, &t, slot, i);
        sim_comma(k, i == 0);
        if (s.details == SIGNATURES) {
            sim_base58(k, t.signature, SIGNATURE);
            continue;
        }
        sim_text(k, "{\"meta\":");
        write_meta(k, &t);
        sim_text(k, ",\"transaction\":");
        write_transaction(k, &t, &s);
        if (s.versions)
            sim_text(k, ",\"version\":\"legacy\"");
        sim_text(k, "}");
    }
    if (s.details != NONE)
        sim_text(k, "]");
    sim_text(k, "}");
}

static void get_block_time(struct sim_call *k)
{
    uint64_t slot;

    if (slot_arg(k, &slot) && block_exists(k, slot, sim_solana_slot(k, SIM_CONFIRMED)))
        sim_u64(k, sim_solana_time(k, slot));
}

/* false: no such transaction up to the slot `top`. */
static bool find_tx(struct sim_call *k, const uint8_t signature[SIGNATURE], uint64_t top, struct tx *t)
{
    const struct sim_sent *sent;
    uint64_t at, slot;

    if (mix_find(sim_key(k->c, SIM_TX), signature, SIGNATURE, &at) && at >> 8 <= top &&
        (at & 255) < tx_count(k, at >> 8)) {
        tx_fill(k, t, at >> 8, (unsigned)(at & 255));
        return true;
    }
    sent = sim_sent_find(k->c, signature, SIGNATURE);
    if (!sent)
        return false;
    slot = sent->head + 1;
    slot += sim_solana_skipped(slot);
    if (slot > top)
        return false;
    tx_fill(k, t, slot, SENT_INDEX);
    memcpy(t->signature, signature, SIGNATURE);
    return true;
}

static bool signature_of(struct sim_call *k, const struct jval *v, uint8_t out[SIGNATURE])
{
    struct slice s = sim_string(v);

    if (s.n >= SIGNATURE && s.n <= 88 && base58_decode(out, SIGNATURE, s) == SIGNATURE)
        return true;
    sim_error(k, -32602, NULL, "Invalid param: %s", s.n < SIGNATURE || s.n > 88 ? "WrongSize" : "Invalid");
    return false;
}

static void get_transaction(struct sim_call *k)
{
    uint8_t signature[SIGNATURE];
    uint64_t top;
    struct style s;
    struct tx t;

    if (!signature_of(k, &k->arg[0], signature) || !confirmed_slot(k, 1, &top))
        return;
    if (!find_tx(k, signature, top, &t)) {
        sim_text(k, "null");
        return;
    }
    style_of(k, 1, &s);
    s.details = FULL;
    sim_text(k, "{\"blockTime\":");
    sim_u64(k, sim_solana_time(k, t.slot));
    sim_text(k, ",\"meta\":");
    write_meta(k, &t);
    sim_text(k, ",\"slot\":");
    sim_u64(k, t.slot);
    sim_text(k, ",\"transaction\":");
    write_transaction(k, &t, &s);
    if (s.versions)
        sim_text(k, ",\"version\":\"legacy\"");
    sim_text(k, "}");
}

static void get_signature_statuses(struct sim_call *k)
{
    uint64_t processed = sim_solana_slot(k, SIM_PROCESSED), confirmed = sim_solana_slot(k, SIM_CONFIRMED),
             final = sim_solana_slot(k, SIM_FINALIZED);
    uint8_t signature[SIGNATURE];
    unsigned n = 0;
    struct jtok t;
    struct jval e;
    struct tx tx;

    sim_solana_open_context(k, processed);
    sim_text(k, "[");
    jtok_init(&t, k->arg[0].raw, 2);
    if (jtok_array(&t)) {
        sim_error(k, -32602, NULL, "Invalid params: expected an array of signatures");
        return;
    }
    while (jtok_element(&t) == 0 && jtok_value(&t, &e) == 0) {
        if (n == MAX_STATUSES) {
            sim_error(k, -32602, NULL, "Too many inputs provided; max %u", MAX_STATUSES);
            return;
        }
        if (!signature_of(k, &e, signature))
            return;
        sim_comma(k, n++ == 0);
        if (!find_tx(k, signature, processed, &tx)) {
            sim_text(k, "null");
            continue;
        }
        sim_printf(k, "{\"confirmationStatus\":\"%s\",\"confirmations\":",
                   tx.slot <= final       ? "finalized"
                   : tx.slot <= confirmed ? "confirmed"
                                          : "processed");
        if (tx.slot <= final)
            sim_text(k, "null");
        else
            sim_u64(k, processed - tx.slot);
        sim_text(k, ",\"err\":null,\"slot\":");
        sim_u64(k, tx.slot);
        sim_text(k, ",\"status\":{\"Ok\":null}}");
    }
    sim_text(k, "]}");
}

/* The slot of the signature in a configuration member, or `otherwise`. */
static uint64_t slot_of(struct sim_call *k, const char *name, uint64_t otherwise)
{
    uint8_t signature[SIGNATURE];
    struct jval m;
    struct tx t;

    if (sim_solana_config(k, 1, name, &m) && base58_decode(signature, SIGNATURE, sim_string(&m)) == SIGNATURE &&
        find_tx(k, signature, UINT64_MAX >> 8, &t))
        return t.slot;
    return otherwise;
}

static void get_signatures_for_address(struct sim_call *k)
{
    uint64_t top, limit = MAX_SIGNATURES, before, until, phase, newest;
    uint8_t key[PUBKEY];
    unsigned n = 0;
    struct jval m;

    if (!sim_solana_pubkey(k, &k->arg[0], key) || !confirmed_slot(k, 1, &top))
        return;
    if (sim_solana_config(k, 1, "limit", &m) && (!sim_number(&m, &limit) || !limit || limit > MAX_SIGNATURES)) {
        sim_error(k, -32602, NULL, "Invalid limit; max %u", MAX_SIGNATURES);
        return;
    }
    before = slot_of(k, "before", UINT64_MAX);
    until = slot_of(k, "until", 0);
    phase = mix_slice(k->c->key, slice_of((const char *)key, PUBKEY)) % ACTIVITY;
    newest = top > ACTIVITY ? top - (top - phase) % ACTIVITY : 0;
    sim_text(k, "[");
    for (unsigned i = 0; i < MAX_ACTIVITY && n < limit && newest > (uint64_t)i * ACTIVITY; i++) {
        uint64_t slot = newest - (uint64_t)i * ACTIVITY;

        slot -= sim_solana_skipped(slot);
        if (slot >= before)
            continue;
        if (slot <= until)
            break;
        sim_comma(k, n++ == 0);
        sim_text(k, "{\"blockTime\":");
        sim_u64(k, sim_solana_time(k, slot));
        sim_printf(k, ",\"confirmationStatus\":\"%s\",\"err\":null,\"memo\":null,\"signature\":",
                   slot <= sim_solana_slot(k, SIM_FINALIZED) ? "finalized" : "confirmed");
        sim_base58_id(k, SIM_TX, slot << 8, SIGNATURE);
        sim_text(k, ",\"slot\":");
        sim_u64(k, slot);
        sim_text(k, "}");
    }
    sim_text(k, "]");
}

/* The bytes of a transaction; false with the error written. */
static bool tx_bytes(struct sim_call *k, uint8_t out[MAX_TX_BYTES], size_t *n)
{
    struct slice text = sim_string(&k->arg[0]);
    struct jval m;
    bool base64 = sim_solana_config(k, 1, "encoding", &m) && slice_eq(sim_string(&m), SLICE("base64"));

    if (text.n > (base64 ? 1644 : 1683)) {
        sim_error(k, -32602, NULL, "%s encoded solana_transaction::versioned::VersionedTransaction too large",
                  base64 ? "base64" : "base58");
        return false;
    }
    *n = base64 ? base64_decode(out, MAX_TX_BYTES, text) : base58_decode(out, MAX_TX_BYTES, text);
    if (*n != (size_t)-1 && *n > 1 + SIGNATURE && out[0] >= 1 && out[0] < 128)
        return true;
    sim_error(k, -32602, NULL, "failed to deserialize solana_transaction::versioned::VersionedTransaction");
    return false;
}

/* The first signature, which follows the count of signatures, names the transaction. */
static void send_transaction(struct sim_call *k)
{
    uint8_t wire[MAX_TX_BYTES];
    size_t n;

    if (!tx_bytes(k, wire, &n))
        return;
    sim_sent_add(k->c, wire + 1, SIGNATURE, k->head);
    sim_base58(k, wire + 1, SIGNATURE);
}

static void request_airdrop(struct sim_call *k)
{
    uint8_t key[PUBKEY], signature[SIGNATURE];

    if (!sim_solana_pubkey(k, &k->arg[0], key))
        return;
    mix_id(sim_key(k->c, SIM_SENT), mix_next(&k->c->random), signature, SIGNATURE);
    sim_sent_add(k->c, signature, SIGNATURE, k->head);
    sim_base58(k, signature, SIGNATURE);
}

static void simulate_transaction(struct sim_call *k)
{
    uint8_t wire[MAX_TX_BYTES];
    uint64_t slot;
    size_t n;

    if (!tx_bytes(k, wire, &n) || !sim_solana_context(k, 1, &slot))
        return;
    sim_solana_open_context(k, slot);
    sim_text(k, "{\"accounts\":null,\"err\":null,\"innerInstructions\":null,\"logs\":[\"Program " SYSTEM_PROGRAM
                " invoke [1]\",\"Program " SYSTEM_PROGRAM
                " success\"],\"replacementBlockhash\":null,\"returnData\":null,\"unitsConsumed\":150}}");
}

const struct sim_method sim_solana_tx_methods[] = {
    SIM_METHOD("getBlock", get_block, 1),
    SIM_METHOD("getTransaction", get_transaction, 1),
    SIM_METHOD("getSignaturesForAddress", get_signatures_for_address, 1),
    SIM_METHOD("getSignatureStatuses", get_signature_statuses, 1),
    SIM_METHOD("sendTransaction", send_transaction, 1),
    SIM_METHOD("simulateTransaction", simulate_transaction, 1),
    SIM_METHOD("getBlockTime", get_block_time, 1),
    SIM_METHOD("requestAirdrop", request_airdrop, 1),
    SIM_METHODS_END,
};
