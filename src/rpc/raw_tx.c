#include "rpc/raw_tx.h"

#include "base/base58.h"
#include "base/base64.h"
#include "base/hex.h"
#include "base/keccak.h"
#include "json/jtok.h"

enum {
    HASH_TEXT = 2 + 2 * KECCAK_BYTES,
    SIGNATURE = 64,
    SIGNATURE_TEXT_MIN = SIGNATURE, /* all bytes zero */
    SIGNATURE_TEXT_MAX = 88,
    CHUNK = 272, /* bytes of hex decoded at a time: two blocks of the hash */
    PARAMS_DEPTH = 16,
    /* What agave takes (rpc/src/rpc.rs MAX_BASE58_SIZE; PACKET_DATA_SIZE is 1232 bytes). Room for longer ones in
       base64, whose cost is linear (SIMD-0296). */
    BASE58_TEXT_MAX = 1683,
    SOLANA_MAX_BYTES = 4096,
    RLP_SHORT_LIST = 0xc0, /* first byte of a list of up to 55 bytes */
    RLP_LONG_LIST = 0xf8,  /* and of longer ones, plus the length of the length less one */
};

static struct slice unquoted(struct slice s)
{
    return slice_of(s.p + 1, s.n - 2);
}

/* Bytes [from, from + n) of hex digits; false when one is none. */
static bool hex_bytes(struct slice digits, size_t from, size_t n, uint8_t *out)
{
    const char *p = digits.p + 2 * from;

    for (size_t i = 0; i < n; i++, p += 2) {
        int hi = hex_digit(p[0]), lo = hex_digit(p[1]);

        if (hi < 0 || lo < 0)
            return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

/* The bytes that the header of an RLP list takes, when the list fills exactly n bytes of which p[0..have) are here;
 * else 0 (Ethereum Yellow Paper appendix B; a length that could be shorter is refused, as nodes do). */
static size_t list_header(const uint8_t *p, size_t have, size_t n)
{
    size_t extra, length = 0;

    if (have == 0 || p[0] < RLP_SHORT_LIST)
        return 0;
    if (p[0] < RLP_LONG_LIST)
        return n == 1 + (size_t)(p[0] - RLP_SHORT_LIST) ? 1 : 0;
    extra = (size_t)(p[0] - RLP_LONG_LIST) + 1;
    if (extra > 4 || have < 1 + extra || p[1] == 0)
        return 0;
    for (size_t i = 0; i < extra; i++)
        length = length << 8 | p[1 + i];
    return length > 55 && n == 1 + extra + length ? 1 + extra : 0;
}

/* May the hash of these n bytes, whose first ones are in head, be taken for the transaction's? */
static bool hash_is_of_bytes(const uint8_t *head, size_t have, size_t n)
{
    size_t header;

    if (have == 0)
        return false;
    switch (head[0]) {
    case 1:
    case 2:
    case 4:
        return list_header(head + 1, have - 1, n - 1) != 0;
    case 3:
        header = list_header(head + 1, have - 1, n - 1);
        /* The chain id comes first; in the network's wrapper it is the transaction, a list. */
        return header && 1 + header < have && head[1 + header] < RLP_SHORT_LIST;
    default:
        return list_header(head, have, n) != 0;
    }
}

static bool evm_hash(struct slice text, uint8_t hash[KECCAK_BYTES])
{
    struct slice digits;
    uint8_t chunk[CHUNK];
    struct keccak k;
    size_t n;

    if (text.n < 4 || text.n % 2 || text.p[0] != '0' || (text.p[1] | 0x20) != 'x')
        return false;
    digits = slice_of(text.p + 2, text.n - 2);
    n = digits.n / 2;
    if (n > RAW_TX_MAX_BYTES)
        return false;
    keccak_init(&k);
    for (size_t at = 0, part; at < n; at += part) {
        part = n - at < CHUNK ? n - at : CHUNK;
        if (!hex_bytes(digits, at, part, chunk))
            return false;
        if (at == 0 && !hash_is_of_bytes(chunk, part, n))
            return false;
        keccak_add(&k, chunk, part);
    }
    keccak_final(&k, hash);
    return true;
}

static bool evm_read(struct raw_tx_id *id, struct slice text)
{
    static const char digit[] = "0123456789abcdef";
    uint8_t hash[KECCAK_BYTES];
    char *o = id->json;

    if (!evm_hash(text, hash))
        return false;
    *o++ = '"';
    *o++ = '0';
    *o++ = 'x';
    for (unsigned i = 0; i < KECCAK_BYTES; i++) {
        *o++ = digit[hash[i] >> 4];
        *o++ = digit[hash[i] & 15];
    }
    *o++ = '"';
    id->n = (size_t)(o - id->json);
    return true;
}

/* A transaction begins with the number of its signatures as a compact-u16: one byte for any number that fits. */
static bool solana_read(struct raw_tx_id *id, struct slice text, bool base64)
{
    uint8_t tx[SOLANA_MAX_BYTES];
    size_t n, digits;

    if (!base64 && text.n > BASE58_TEXT_MAX)
        return false;
    n = base64 ? base64_decode(tx, sizeof tx, text) : base58_decode(tx, sizeof tx, text);
    if (n == (size_t)-1 || n == 0 || tx[0] == 0 || tx[0] > 127 || n <= 1 + (size_t)tx[0] * SIGNATURE)
        return false;
    id->json[0] = '"';
    digits = base58_encode(id->json + 1, tx + 1, SIGNATURE);
    id->json[1 + digits] = '"';
    id->n = digits + 2;
    return true;
}

/* What the config object says of the encoding: 0, or JTOK_BAD when that is not to be known. */
static int encoding_of(struct jtok *t, bool *base64)
{
    struct jval key, v;
    bool seen = false;
    int r = jtok_object(t);

    while (r == 0 && (r = jtok_member(t, &key)) == 0) {
        r = jtok_value(t, &v);
        if (r || !jtok_text_eq(&key, SLICE("encoding")))
            continue;
        if (seen)
            return JTOK_BAD;
        seen = true;
        if (jtok_text_eq(&v, SLICE("base64")))
            *base64 = true;
        else if (v.type != J_NULL && !jtok_text_eq(&v, SLICE("base58")))
            return JTOK_BAD;
    }
    return r == JTOK_END ? 0 : JTOK_BAD;
}

bool raw_tx_read(struct raw_tx_id *id, enum chain_family family, struct slice params)
{
    struct jtok t;
    struct jval text, none;
    enum jtype type;
    bool base64 = false;

    id->n = 0;
    jtok_init(&t, params, PARAMS_DEPTH);
    if (jtok_array(&t) || jtok_element(&t) || jtok_value(&t, &text) || text.type != J_STRING || text.escaped)
        return false;
    if (family == CHAIN_SOLANA && jtok_element(&t) == 0) {
        if (jtok_peek(&t, &type) || (type == J_NULL ? jtok_value(&t, &none) : encoding_of(&t, &base64)))
            return false;
        if (jtok_element(&t) != JTOK_END)
            return false;
    } else if (family == CHAIN_EVM && jtok_element(&t) != JTOK_END) {
        return false;
    }
    if (jtok_finish(&t))
        return false;
    return family == CHAIN_SOLANA ? solana_read(id, unquoted(text.raw), base64) : evm_read(id, unquoted(text.raw));
}

/* The text of a JSON string that is nothing but a plain string. */
static bool plain_string(struct slice value, struct slice *text)
{
    struct jtok t;
    struct jval v;

    jtok_init(&t, value, 1);
    if (jtok_value(&t, &v) || jtok_finish(&t) || v.type != J_STRING || v.escaped)
        return false;
    *text = unquoted(v.raw);
    return true;
}

bool raw_tx_same(const struct raw_tx_id *id, enum chain_family family, struct slice value)
{
    struct slice text;

    if (id->n == 0 || !plain_string(value, &text))
        return false;
    return family == CHAIN_EVM ? slice_eq_nocase(text, raw_tx_text(id)) : slice_eq(text, raw_tx_text(id));
}

bool raw_tx_is_id(enum chain_family family, struct slice value)
{
    uint8_t bytes[SIGNATURE];
    struct slice text;

    if (!plain_string(value, &text))
        return false;
    if (family == CHAIN_SOLANA)
        return text.n >= SIGNATURE_TEXT_MIN && text.n <= SIGNATURE_TEXT_MAX &&
               base58_decode(bytes, sizeof bytes, text) == SIGNATURE;
    return text.n == HASH_TEXT && text.p[0] == '0' && (text.p[1] | 0x20) == 'x' &&
           hex_bytes(slice_of(text.p + 2, text.n - 2), 0, KECCAK_BYTES, bytes);
}
