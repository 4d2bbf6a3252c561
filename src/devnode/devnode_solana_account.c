/* Accounts and tokens of a Solana node.  What an account is follows from its key alone. */
#include <string.h>

#include "base/base58.h"
#include "devnode/devnode_sim.h"

enum {
    PUBKEY = 32,
    TOKEN_BYTES = 165,
    MAX_KEYS = 100, /* agave: MAX_MULTIPLE_ACCOUNTS */
    PROGRAM_ACCOUNTS = 8,
    OWNER_ACCOUNTS = 2,
    ABSENT_EVERY = 16, /* one key in so many has no account */
    TOKEN_AMOUNT = 9864
};

#define TOKEN_PROGRAM  "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
#define SYSTEM_PROGRAM "11111111111111111111111111111111"
#define NATIVE_LOADER  "NativeLoader1111111111111111111111111111111"
/* uiAmount is a real that a double printer would change to 98.640000000000001. */
#define TOKEN_UI "{\"amount\":\"9864\",\"decimals\":2,\"uiAmount\":98.64,\"uiAmountString\":\"98.64\"}"

enum encoding { BINARY, BASE58, BASE64, PARSED };
enum kind { ABSENT, SYSTEM, TOKEN, PROGRAM };

struct view { /* how accounts are to be shown */
    enum encoding encoding;
    uint64_t offset, length; /* dataSlice; length UINT64_MAX: all */
};

struct account {
    enum kind kind;
    uint8_t key[PUBKEY], wallet[PUBKEY], mint[PUBKEY];
    struct slice owner; /* program, as base58 */
    uint64_t lamports;
};

static uint64_t key_mix(const struct sim_call *k, const uint8_t key[PUBKEY])
{
    return mix_slice(sim_key(k->c, SIM_ACCOUNT), slice_of((const char *)key, PUBKEY));
}

static void account_fill(const struct sim_call *k, struct account *a, const uint8_t key[PUBKEY])
{
    uint64_t m = key_mix(k, key);
    uint8_t token[PUBKEY];
    static const uint8_t zero[PUBKEY];

    memcpy(a->key, key, PUBKEY);
    mix_id(sim_key(k->c, SIM_ACCOUNT), m >> 8 & 1023, a->wallet, PUBKEY);
    mix_id(sim_key(k->c, SIM_CONTRACT), m >> 20 & 7, a->mint, PUBKEY);
    a->lamports = m % 5000000000000u;
    if (memcmp(key, zero, PUBKEY) == 0 ||
        (base58_decode(token, PUBKEY, SLICE(TOKEN_PROGRAM)) == PUBKEY && memcmp(key, token, PUBKEY) == 0)) {
        a->kind = PROGRAM;
        a->owner = SLICE(NATIVE_LOADER);
        a->lamports = 1;
    } else if (m % ABSENT_EVERY == 0 && !k->c->pad_n) {
        a->kind = ABSENT;
    } else if (m & 1) {
        a->kind = TOKEN;
        a->owner = SLICE(TOKEN_PROGRAM);
        a->lamports = 2039280;
    } else {
        a->kind = SYSTEM;
        a->owner = SLICE(SYSTEM_PROGRAM);
    }
}

/* The layout of spl-token's Account. */
static size_t account_data(const struct account *a, uint8_t out[TOKEN_BYTES])
{
    memset(out, 0, TOKEN_BYTES);
    if (a->kind == PROGRAM) {
        memcpy(out, "system_program", 14);
        return 14;
    }
    if (a->kind != TOKEN)
        return 0;
    memcpy(out, a->mint, PUBKEY);
    memcpy(out + PUBKEY, a->wallet, PUBKEY);
    out[64] = TOKEN_AMOUNT & 255;
    out[65] = TOKEN_AMOUNT >> 8;
    out[108] = 1; /* initialized */
    return TOKEN_BYTES;
}

static void write_parsed(struct sim_call *k, const struct account *a)
{
    sim_text(k, "{\"parsed\":{\"info\":{\"isNative\":false,\"mint\":");
    sim_base58(k, a->mint, PUBKEY);
    sim_text(k, ",\"owner\":");
    sim_base58(k, a->wallet, PUBKEY);
    sim_text(k, ",\"state\":\"initialized\",\"tokenAmount\":" TOKEN_UI
                "},\"type\":\"account\"},\"program\":\"spl-token\",\"space\":165}");
}

static void write_account(struct sim_call *k, const struct account *a, const struct view *v)
{
    uint8_t data[TOKEN_BYTES];
    size_t space = account_data(a, data), n = space, from = 0;

    if (a->kind == ABSENT) {
        sim_text(k, "null");
        return;
    }
    if (v->length != UINT64_MAX) {
        from = v->offset < n ? (size_t)v->offset : n;
        n = v->length < n - from ? (size_t)v->length : n - from;
    }
    sim_text(k, "{\"data\":");
    if (k->c->pad_n) {
        /* Hex digits are base64 digits too; whole groups of four. */
        sim_text(k, "[\"");
        sim_bytes(k, k->c->pad, k->c->pad_n / 4 * 4);
        sim_text(k, "\",\"base64\"]");
        space = k->c->pad_n / 4 * 3;
    } else if (v->encoding == PARSED && a->kind == TOKEN) {
        write_parsed(k, a);
    } else if (v->encoding == BINARY) {
        sim_base58(k, data + from, n);
    } else if (v->encoding == BASE58) {
        sim_text(k, "[");
        sim_base58(k, data + from, n);
        sim_text(k, ",\"base58\"]");
    } else {
        sim_text(k, "[");
        sim_base64(k, data + from, n);
        sim_text(k, ",\"base64\"]");
    }
    sim_text(k, ",\"executable\":");
    sim_bytes(k, a->kind == PROGRAM ? "true" : "false", a->kind == PROGRAM ? 4 : 5);
    sim_text(k, ",\"lamports\":");
    sim_u64(k, a->lamports);
    sim_text(k, ",\"owner\":\"");
    sim_slice(k, a->owner);
    sim_text(k, "\",\"rentEpoch\":18446744073709551615,\"space\":");
    sim_u64(k, space);
    sim_text(k, "}");
}

static void view_of(const struct sim_call *k, unsigned config_arg, struct view *v)
{
    struct jval m, n;
    struct slice s;

    *v = (struct view){.encoding = BINARY, .length = UINT64_MAX};
    if (sim_solana_config(k, config_arg, "encoding", &m)) {
        s = sim_string(&m);
        if (slice_eq(s, SLICE("base58")))
            v->encoding = BASE58;
        else if (slice_eq(s, SLICE("jsonParsed")))
            v->encoding = PARSED;
        else if (!slice_eq(s, SLICE("binary")))
            v->encoding = BASE64;
    }
    if (sim_solana_config(k, config_arg, "dataSlice", &m) && sim_member(&m, "offset", &n) &&
        sim_number(&n, &v->offset) && sim_member(&m, "length", &n))
        sim_number(&n, &v->length);
}

static void get_account_info(struct sim_call *k)
{
    uint8_t key[PUBKEY];
    uint64_t slot;
    struct account a;
    struct view v;

    if (!sim_solana_pubkey(k, &k->arg[0], key) || !sim_solana_context(k, 1, &slot))
        return;
    view_of(k, 1, &v);
    account_fill(k, &a, key);
    sim_solana_open_context(k, slot);
    write_account(k, &a, &v);
    sim_text(k, "}");
}

static void get_multiple_accounts(struct sim_call *k)
{
    uint8_t key[PUBKEY];
    unsigned n = 0;
    uint64_t slot;
    struct account a;
    struct view v;
    struct jtok t;
    struct jval e;

    if (!sim_solana_context(k, 1, &slot))
        return;
    view_of(k, 1, &v);
    sim_solana_open_context(k, slot);
    sim_text(k, "[");
    jtok_init(&t, k->arg[0].raw, 2);
    if (jtok_array(&t)) {
        sim_error(k, -32602, NULL, "Invalid params: expected an array of keys");
        return;
    }
    while (jtok_element(&t) == 0 && jtok_value(&t, &e) == 0) {
        if (n == MAX_KEYS) {
            sim_error(k, -32602, NULL, "Too many inputs provided; max %u", MAX_KEYS);
            return;
        }
        if (!sim_solana_pubkey(k, &e, key))
            return;
        account_fill(k, &a, key);
        sim_comma(k, n++ == 0);
        write_account(k, &a, &v);
    }
    sim_text(k, "]}");
}

static void get_balance(struct sim_call *k)
{
    uint8_t key[PUBKEY];
    uint64_t slot;
    struct account a;

    if (!sim_solana_pubkey(k, &k->arg[0], key) || !sim_solana_context(k, 1, &slot))
        return;
    account_fill(k, &a, key);
    sim_solana_open_context(k, slot);
    sim_u64(k, a.kind == ABSENT ? 0 : a.lamports);
    sim_text(k, "}");
}

/* Some accounts that hang on `key`: of a program, or token accounts of a wallet. */
static void write_keyed(struct sim_call *k, const uint8_t key[PUBKEY], unsigned count, bool tokens,
                        const struct view *v)
{
    uint64_t space = key_mix(k, key);
    uint8_t id[PUBKEY];
    char owner[64];
    struct account a;

    sim_text(k, "[");
    for (unsigned i = 0; i < count; i++) {
        mix_id(space, i, id, PUBKEY);
        account_fill(k, &a, id);
        a.kind = TOKEN;
        a.owner = SLICE(TOKEN_PROGRAM);
        if (tokens)
            memcpy(a.wallet, key, PUBKEY);
        else
            a.owner = slice_of(owner, base58_encode(owner, key, PUBKEY));
        sim_comma(k, i == 0);
        sim_text(k, "{\"account\":");
        write_account(k, &a, v);
        sim_text(k, ",\"pubkey\":");
        sim_base58(k, id, PUBKEY);
        sim_text(k, "}");
    }
    sim_text(k, "]");
}

static void get_program_accounts(struct sim_call *k)
{
    uint8_t key[PUBKEY];
    uint64_t slot;
    struct jval m;
    struct view v;
    bool context;

    if (!sim_solana_pubkey(k, &k->arg[0], key) || !sim_solana_context(k, 1, &slot))
        return;
    view_of(k, 1, &v);
    context = sim_solana_config(k, 1, "withContext", &m) && m.type == J_TRUE;
    if (context)
        sim_solana_open_context(k, slot);
    write_keyed(k, key, PROGRAM_ACCOUNTS, false, &v);
    if (context)
        sim_text(k, "}");
}

static void get_token_accounts(struct sim_call *k)
{
    uint8_t key[PUBKEY];
    uint64_t slot;
    struct jval m;
    struct view v;

    if (!sim_solana_pubkey(k, &k->arg[0], key) || !sim_solana_context(k, 2, &slot))
        return;
    if (!sim_member(&k->arg[1], "mint", &m) && !sim_member(&k->arg[1], "programId", &m)) {
        sim_error(k, -32602, NULL, "Invalid params: missing mint or programId");
        return;
    }
    view_of(k, 2, &v);
    sim_solana_open_context(k, slot);
    write_keyed(k, key, OWNER_ACCOUNTS, true, &v);
    sim_text(k, "}");
}

static void get_token_amount(struct sim_call *k)
{
    uint8_t key[PUBKEY];
    uint64_t slot;

    if (!sim_solana_pubkey(k, &k->arg[0], key) || !sim_solana_context(k, 1, &slot))
        return;
    sim_solana_open_context(k, slot);
    sim_text(k, TOKEN_UI "}");
}

static void get_token_largest(struct sim_call *k)
{
    uint8_t key[PUBKEY], id[PUBKEY];
    uint64_t slot;

    if (!sim_solana_pubkey(k, &k->arg[0], key) || !sim_solana_context(k, 1, &slot))
        return;
    mix_id(key_mix(k, key), 0, id, PUBKEY);
    sim_solana_open_context(k, slot);
    sim_text(k, "[{\"address\":");
    sim_base58(k, id, PUBKEY);
    sim_text(k, ",\"amount\":\"9864\",\"decimals\":2,\"uiAmount\":98.64,\"uiAmountString\":\"98.64\"}]}");
}

const struct sim_method sim_solana_account_methods[] = {
    SIM_METHOD("getAccountInfo", get_account_info, 1),
    SIM_METHOD("getMultipleAccounts", get_multiple_accounts, 1),
    SIM_METHOD("getBalance", get_balance, 1),
    SIM_METHOD("getTokenAccountsByOwner", get_token_accounts, 2),
    SIM_METHOD("getTokenAccountsByDelegate", get_token_accounts, 2),
    SIM_METHOD("getTokenAccountBalance", get_token_amount, 1),
    SIM_METHOD("getProgramAccounts", get_program_accounts, 1),
    SIM_METHOD("getTokenSupply", get_token_amount, 1),
    SIM_METHOD("getTokenLargestAccounts", get_token_largest, 1),
    SIM_METHODS_END,
};
