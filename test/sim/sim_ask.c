#include "sim_ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "sim_fault.h"
#include "sim_filter.h"
#include "sim_run.h"
#include "sim_weather.h"

/* In every transaction; its number follows in 16 hex digits.  On EVM chains it is the first thing in an RLP list. */
static const char write_mark[] = "02f8c0ffee";
enum { MARK = sizeof write_mark - 1, NUMBER = 16, LARGE_BYTES = 90000, TWIN_US = 3000 };

struct method {
    bool evm;
    const char *name;
    enum ask_kind kind;
    bool of_head; /* unless its params name a block by number */
    bool heavy;
};

static const struct method methods[] = {
    {true, "eth_call", ASK_READ, true, false},
    {true, "eth_getBalance", ASK_READ, true, false},
    {true, "eth_blockNumber", ASK_HEAD, true, false},
    {true, "eth_chainId", ASK_CHAIN_ID, false, false},
    {true, "eth_getLogs", ASK_READ, true, true},
    {true, "eth_getTransactionReceipt", ASK_READ, false, false},
    {true, "eth_newFilter", ASK_FILTER, false, false},
    {true, "eth_getFilterChanges", ASK_POLL, false, false},
    {true, "eth_sendRawTransaction", ASK_WRITE, false, false},
    {true, "eth_getTransactionByHash", ASK_LOOKUP, false, false},
    {true, "eth_getBlockByNumber", ASK_FINALIZED, false, false},
    {true, "eth_syncing", ASK_SYNC, false, false},
    {false, "getHealth", ASK_SYNC, false, false},
    {false, "getMaxShredInsertSlot", ASK_SHREDS, false, false},
    {false, "getGenesisHash", ASK_CHAIN_ID, false, false},
    {false, "getSlot", ASK_HEAD, true, false},
    {false, "getAccountInfo", ASK_READ, true, false},
    {false, "getBalance", ASK_READ, true, false},
    {false, "getProgramAccounts", ASK_READ, true, true},
    {false, "getTransaction", ASK_READ, false, false},
    {false, "sendTransaction", ASK_WRITE, false, false},
};

/* -- what a question is */

static uint64_t mix(uint64_t h, unsigned char c)
{
    return (h ^ c) * UINT64_C(0x100000001b3);
}

/* Length of the string token at p, quotes included. */
static size_t string_bytes(const char *p, size_t n)
{
    size_t i = 1;

    while (i < n && p[i] != '"')
        i += p[i] == '\\' ? 2 : 1;
    return i + 1 < n ? i + 1 : n;
}

static bool is_hex(const char *p, size_t n)
{
    if (n < 4 || p[1] != '0' || (p[2] | 0x20) != 'x')
        return false;
    for (size_t i = 3; i + 1 < n; i++)
        if (!((p[i] >= '0' && p[i] <= '9') || ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f')))
            return false;
    return true;
}

/* Equal for questions that mean the same: white space between tokens does not matter, absent params are [], and hex
 * values of EVM chains are the same in upper and lower case. */
static uint64_t hash_of(const struct sim_chain *c, struct slice method, struct slice params)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)c->evm << 8 ^ (uint64_t)(unsigned char)c->name[0];

    if (!params.n)
        params = SLICE("[]");
    for (size_t i = 0; i < method.n; i++)
        h = mix(h, (unsigned char)method.p[i]);
    h = mix(h, 0);
    for (size_t i = 0; i < params.n;) {
        const char *p = params.p + i;
        size_t n = 1;
        bool lower = false;

        if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') {
            i++;
            continue;
        }
        if (*p == '"') {
            n = string_bytes(p, params.n - i);
            lower = c->evm && is_hex(p, n);
        }
        for (size_t k = 0; k < n; k++)
            h = mix(h, (unsigned char)(lower && p[k] >= 'A' && p[k] <= 'Z' ? p[k] | 0x20 : p[k]));
        i += n;
    }
    return h ^ h >> 29;
}

uint64_t ask_find_write(struct slice s, size_t *at)
{
    while (*at + MARK + NUMBER <= s.n) {
        const char *p = memmem(s.p + *at, s.n - *at, write_mark, MARK);
        char digits[NUMBER + 1];

        if (!p || (size_t)(s.p + s.n - p) < MARK + NUMBER)
            break;
        memcpy(digits, p + MARK, NUMBER);
        digits[NUMBER] = '\0';
        *at = (size_t)(p - s.p) + MARK + NUMBER;
        return strtoull(digits, NULL, 16);
    }
    return UINT64_MAX;
}

static unsigned nibble(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* The bytes that the first string of params holds in hex; how many. */
static size_t read_hex(struct slice params, uint8_t *out, size_t cap)
{
    size_t n = 0, at = 4; /* behind ["0x */

    for (; at + 1 < params.n && params.p[at] != '"' && n < cap; at += 2)
        out[n++] = (uint8_t)(nibble(params.p[at]) << 4 | nibble(params.p[at + 1]));
    return n;
}

static void sum_up(struct slice params, uint8_t sum[KECCAK_BYTES])
{
    uint8_t raw[512];

    keccak256(raw, read_hex(params, raw, sizeof raw), sum);
}

unsigned ask_own_id(struct slice params)
{
    char text[24];

    if (params.n < 6 || params.n >= sizeof text || memcmp(params.p, "[\"0x", 4) != 0)
        return 0;
    memcpy(text, params.p + 4, params.n - 4);
    text[params.n - 4] = '\0';
    return (unsigned)strtoul(text, NULL, 16);
}

static bool says(struct slice s, const char *text)
{
    return s.p && memmem(s.p, s.n, text, strlen(text));
}

bool ask_names_old(struct slice params)
{
    return says(params, "\"0x10\"");
}

void ask_parse(const struct sim_chain *c, struct slice method, struct slice params, struct ask *a)
{
    size_t at = 0;

    *a = (struct ask){.kind = ASK_UNKNOWN, .hash = hash_of(c, method, params)};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        const struct method *m = &methods[i];

        if (m->evm != c->evm || !slice_eq(method, slice_str(m->name)))
            continue;
        a->kind = m->kind;
        a->heavy = m->heavy;
        a->by_tx = strstr(m->name, "etTransaction") && m->kind == ASK_READ;
        a->of_pending = says(params, "\"pending\"");
        a->old = ask_names_old(params);
        a->of_head = m->of_head && !a->old;
    }
    /* What agave takes where nothing is said is finalized. */
    a->head_kind = c->evm || says(params, "\"processed\"") ? HEAD_LATEST
                   : says(params, "\"confirmed\"")         ? HEAD_SAFE
                                                           : HEAD_FINALIZED;
    /* Large ones that share requests, and that must not be asked for again. */
    a->heavy |= (a->kind == ASK_READ && a->hash % 12 == 0) || (a->kind == ASK_UNKNOWN && a->hash % 3 == 0);
    if (a->kind == ASK_FINALIZED && slice_starts(params, SLICE("[\"0x")))
        a->block = strtoull(params.p + 2, NULL, 16);
    if (a->kind == ASK_LOOKUP && params.n == 2 * KECCAK_BYTES + 6)
        read_hex(params, a->sum, sizeof a->sum);
    if (a->kind != ASK_WRITE)
        return;
    a->write = ask_find_write(params, &at);
    if (c->evm)
        sum_up(params, a->sum);
    a->named = c->evm && params.n && !slice_starts(params, SLICE("[\"0xff"));
}

/* -- drawing */

static void put_hex(struct world *w, struct buf *b, uint64_t v, unsigned digits)
{
    char text[2 + 64 + 1];

    snprintf(text, sizeof text, "0x%0*" PRIx64, (int)digits, v);
    if (sim_chance(w, 100)) /* another spelling of the same value */
        for (char *p = text + 2; *p; p++)
            if (*p >= 'a' && *p <= 'f')
                *p = (char)(*p - 'a' + 'A');
    buf_printf(b, "\"%s\"", text);
}

static const char *gap(struct world *w)
{
    static const char *const gaps[] = {" ", "\n", "  \t", " \r\n"};

    return sim_chance(w, 30) ? gaps[sim_rnd(w, 4)] : "";
}

static const char *const tags[] = {"\"latest\"", "\"latest\"", "\"latest\"", "\"safe\"", "\"pending\"", "\"0x10\""};

static const char *draw_tag(struct world *w)
{
    return w->p.pruned && sim_chance(w, 400) ? "\"0x10\"" : tags[sim_rnd(w, 6)];
}

/* A new one, or one that somebody has just sent on the same chain. */
static uint64_t draw_write(struct world *w, const struct sim_chain *c)
{
    unsigned last = w->n_writes, first = last > 6 ? last - 6 : 0;

    if (sim_chance(w, 350))
        while (last-- > first)
            if (w->writes[last].chain == c && w->now_us - w->writes[last].drawn_us < TWIN_US)
                return last;
    return sim_run_new_write(w, c);
}

/* All of it follows from the number. */
static void draw_transaction(struct world *w, const struct sim_chain *c, struct buf *b)
{
    char tail[600];
    uint64_t number = draw_write(w, c), r = (number + w->seed) * UINT64_C(0x9e3779b97f4a7c15) >> 40;
    size_t n = r % 5 == 0 ? 2 * (100 + r / 5 % 199) : 8, bytes = (MARK + NUMBER + n) / 2;

    memset(tail, 'a', n);
    tail[n] = '\0';
    if (!c->evm) {
        buf_printf(b, "[\"%s%016" PRIx64 "%s\",{\"encoding\":\"base64\"}]", write_mark, number, tail);
        return;
    }
    buf_str(b, "[\"0x");
    if (r % 11 == 0) /* no transaction: nobody can tell its hash, but nodes may take it */
        buf_str(b, "ff");
    else if (bytes <= 55)
        buf_printf(b, "02%02zx", 0xc0 + bytes);
    else
        buf_printf(b, bytes < 256 ? "02f8%02zx" : "02f9%04zx", bytes);
    buf_printf(b, "%s%016" PRIx64 "%s\"]", write_mark, number, tail);
}

static void draw_params(struct world *w, const struct sim_chain *c, const char *m, struct ask *a, struct buf *b)
{
    static const char *const topics[] = {
        "[[\"0xaa\"],\"0xbb\"]",
        "[\"0xaa\",\"0xbb\"]",
        "[[\"0xaa\",\"0xbb\"]]",
        "[\"0xaabb\"]",
        "[\"0xaa\",[\"0xbb\"]]",
        "[\"0xaa\",null,\"0xbb\"]",
        "[]",
    };
    static const char *const keys[] = {"9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin",
                                       "9xqeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin",
                                       "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFiN"};
    /* A few that everybody asks, and some that nobody else does. */
    bool shared = sim_chance(w, w->p.swarm ? 950 : 700) && (!w->p.weather || weather_is_rough(w));
    uint64_t k = shared ? sim_rnd(w, w->p.swarm ? 1 : 3) : 16 + w->next_number++;

    a->lone = k >= 16 && (strcmp(m, "eth_call") == 0 || strcmp(m, "getBalance") == 0 ||
                          strcmp(m, "eth_getBalance") == 0 || a->by_tx);
    if (strcmp(m, "eth_call") == 0) {
        buf_printf(b, "[%s{\"to\":", gap(w));
        put_hex(w, b, 0xabcdef00 + k, 40);
        buf_printf(b, ",%s\"data\":\"0x70a08231\"}", gap(w));
        if (sim_chance(w, 850))
            buf_printf(b, ",%s", draw_tag(w));
        buf_str(b, "]");
    } else if (strcmp(m, "eth_getBalance") == 0) {
        buf_str(b, "[");
        put_hex(w, b, 0xabcdef00 + k, 40);
        buf_printf(b, "%s,%s%s]", gap(w), gap(w), draw_tag(w));
    } else if (a->by_tx && c->evm) {
        buf_str(b, "[");
        put_hex(w, b, 0xabcdef00 + k, 64);
        buf_str(b, "]");
    } else if (a->by_tx) {
        buf_printf(b, "[\"%044" PRIu64 "%044d\"]", k, 7);
    } else if (strcmp(m, "eth_getLogs") == 0 || strcmp(m, "eth_newFilter") == 0) {
        buf_printf(b, "[{\"fromBlock\":\"latest\",%s\"topics\":%s}]", gap(w), topics[sim_rnd(w, 7)]);
    } else if (strcmp(m, "eth_getFilterChanges") == 0) {
        a->given = filter_draw(w, c, b);
    } else if (a->kind == ASK_WRITE) {
        draw_transaction(w, c, b);
    } else if (a->lone && strcmp(m, "getBalance") == 0) {
        buf_printf(b, "[\"%044" PRIu64 "\"]", k);
    } else if (strcmp(m, "getAccountInfo") == 0 || strcmp(m, "getBalance") == 0 ||
               strcmp(m, "getProgramAccounts") == 0) {
        buf_printf(b, "[\"%s\",%s{\"commitment\":\"%s\"}]", keys[sim_rnd(w, 3)], gap(w),
                   sim_chance(w, 500) ? "confirmed" : "finalized");
    } else if (a->kind == ASK_UNKNOWN) {
        buf_printf(b, "{\"x\":%" PRIu64 "}", sim_rnd(w, 3));
    } else {
        buf_str(b, "[]");
    }
}

static const char *draw_method(struct world *w, const struct sim_chain *c)
{
    static const struct {
        const char *name;
        unsigned share;
    } evm[] = {{"eth_call", 26},
               {"eth_getTransactionReceipt", 4},
               {"eth_blockNumber", 16},
               {"eth_getBalance", 16},
               {"eth_chainId", 7},
               {"eth_getLogs", 8},
               {"eth_newFilter", 5},
               {"eth_getFilterChanges", 5},
               {"eth_sendRawTransaction", 9},
               {"sim_unknown", 3},
               {"eth_Call", 1}},
      solana[] = {{"getSlot", 25},       {"getAccountInfo", 23},    {"getTransaction", 4},   {"getBalance", 20},
                  {"getGenesisHash", 3}, {"getProgramAccounts", 8}, {"sendTransaction", 12}, {"simUnknown", 5}};
    uint64_t r = sim_rnd(w, 100);
    size_t i = 0;

    if (w->p.usual && sim_chance(w, 800))
        return c->evm ? "eth_call" : "getAccountInfo";
    if (w->p.deaf && sim_chance(w, 500))
        return c->evm ? "eth_getLogs" : "getProgramAccounts";
    if (c->evm) {
        for (; r >= evm[i].share; i++)
            r -= evm[i].share;
        return evm[i].name;
    }
    for (; r >= solana[i].share; i++)
        r -= solana[i].share;
    return solana[i].name;
}

static void draw(struct world *w, struct sim_chain *c, const char *m, struct ask *a, struct buf *b)
{
    struct ask drawn;
    size_t at;
    struct slice params;

    ask_parse(c, slice_str(m), SLICE(""), a);
    if (sim_chance(w, 20) &&
        a->kind != ASK_WRITE) /* the first letter as an escape: not equal to others, for the gateway */
        buf_printf(b, "\"method\":\"\\u%04x%s\"", (unsigned)m[0], m + 1);
    else
        buf_printf(b, "\"method\":\"%s\"", m);
    if ((a->kind == ASK_HEAD || a->kind == ASK_CHAIN_ID) && sim_chance(w, 600)) {
        if (sim_chance(w, 200))
            buf_str(b, ",\"params\":null");
        ask_parse(c, slice_str(m), SLICE(""), a);
        return;
    }
    buf_printf(b, ",%s\"params\":%s", gap(w), gap(w));
    at = b->n;
    a->given = 0;
    a->lone = false;
    draw_params(w, c, m, a, b);
    drawn = *a;
    params = slice_of(b->p + at, b->n - at);
    ask_parse(c, slice_str(m), params, a);
    a->given = drawn.given;
    a->lone = drawn.lone;
    a->method = m;
    if (a->kind == ASK_POLL)
        a->hash = 0; /* names that the gateway gives are drawn anew in each run */
    if (a->kind == ASK_WRITE)
        memcpy(w->writes[a->write].sum, a->sum, sizeof a->sum);
}

void ask_draw(struct world *w, struct sim_chain *c, struct ask *a, struct buf *b)
{
    draw(w, c, draw_method(w, c), a, b);
}

const char *ask_plain_name(const struct sim_chain *c)
{
    return c->evm ? "eth_getBalance" : "getBalance";
}

void ask_draw_plain(struct world *w, struct sim_chain *c, struct ask *a, struct buf *b)
{
    static const char *const heads[] = {"getSlot", "eth_blockNumber"};

    draw(w, c, w->p.astray && sim_chance(w, 500) ? heads[c->evm] : ask_plain_name(c), a, b);
}

/* -- the answer */

static void put_sum(struct buf *b, const uint8_t sum[KECCAK_BYTES])
{
    buf_str(b, "\"0x");
    for (unsigned i = 0; i < KECCAK_BYTES; i++)
        buf_printf(b, "%02x", sum[i]);
    buf_str(b, "\"");
}

static void write_result(const struct sim_chain *c, const struct ask *a, struct buf *b)
{
    if (!c->evm) {
        char text[88]; /* in the form of a signature: 64 bytes in base58 */

        memset(text, 'z', sizeof text - 1);
        for (unsigned i = 0; i < 16; i++)
            text[71 + i] = "123456789ABCDEFG"[a->hash >> 4 * i & 15];
        text[87] = '\0';
        buf_printf(b, "\"result\":\"%s\"", text);
        return;
    }
    if (a->news) {
        buf_printf(b, "\"error\":{\"code\":-32000,\"message\":\"%s (" FAULT_MARK ")\"}",
                   a->news == ASK_KNOWN ? "already known" : "nonce too low: next nonce 7, tx nonce 6");
        return;
    }
    buf_str(b, "\"result\":");
    put_sum(b, a->sum);
}

static void lookup_result(const struct ask *a, uint64_t serial, struct buf *b)
{
    if (!a->found) {
        buf_str(b, "\"result\":null");
        return;
    }
    buf_printf(b, "\"result\":{\"blockNumber\":null,\"nonce\":\"0x%" PRIx64 "\",\"hash\":", serial);
    put_sum(b, a->sum);
    buf_str(b, "}");
}

static void finalized_result(const struct sim_chain *c, uint64_t number, uint64_t head, struct buf *b)
{
    unsigned life = 0;

    if (number > head) {
        buf_str(b, "\"result\":null");
        return;
    }
    for (unsigned i = 0; i < c->n_rolls; i++)
        if (number > c->rolled_to[i])
            life = i + 1;
    buf_printf(b, "\"result\":{\"number\":\"0x%" PRIx64 "\",\"hash\":\"0x%032x%032" PRIx64 "\"}", number, life, number);
}

/* Bytes that nothing but the hash decides. */
static void large(struct buf *b, uint64_t hash)
{
    size_t n = 1000 + hash % LARGE_BYTES;
    uint64_t x = hash | 1;

    if (buf_reserve(b, n))
        abort();
    for (size_t i = 0; i < n; i += 8) {
        static const char digits[] = "0123456789abcdef";

        x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
        for (size_t k = 0; k < 8 && i + k < n; k++)
            b->p[b->n + i + k] = digits[x >> (32 + 4 * k) & 15];
    }
    b->n += n;
}

static const char *chain_name(const struct sim_chain *c, bool foreign)
{
    if (c->evm)
        return foreign ? "0x5" : "0x1";
    return foreign ? "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG" : SIM_GENESIS_HASH;
}

void ask_answer(const struct sim_chain *c, const struct ask *a, uint64_t head, uint64_t serial, struct buf *b)
{
    switch (a->kind) {
    case ASK_HEAD:
        buf_printf(b, c->evm ? "\"result\":\"0x%" PRIx64 "\"" : "\"result\":%" PRIu64, head);
        return;
    case ASK_CHAIN_ID:
        buf_printf(b, "\"result\":\"%s\"", chain_name(c, a->foreign));
        return;
    case ASK_FINALIZED:
        finalized_result(c, a->block ? a->block : head - 2, head, b);
        return;
    case ASK_SYNC:
        buf_str(b, c->evm ? "\"result\":false" : "\"result\":\"ok\"");
        return;
    case ASK_SHREDS:
        buf_printf(b, "\"result\":%" PRIu64, head + a->unreplayed);
        return;
    case ASK_WRITE:
        write_result(c, a, b);
        return;
    case ASK_LOOKUP:
        lookup_result(a, serial, b);
        return;
    case ASK_FILTER:
        buf_printf(b, "\"result\":\"0x%x\"", a->own);
        return;
    case ASK_POLL:
        if (a->gone)
            buf_str(b, "\"error\":{\"code\":-32000,\"message\":\"filter not found (" FAULT_MARK ")\"}");
        else
            buf_printf(b, "\"result\":[{\"head\":%" PRIu64 ",\"serial\":%" PRIu64 ",\"node\":%u,\"own\":%u}]", head,
                       serial, a->node, a->own);
        return;
    default:
        break;
    }
    if (a->heavy) {
        buf_printf(b, "\"result\":{\"head\":%" PRIu64 ",\"serial\":%" PRIu64 ",\"logs\":\"", head, serial);
        large(b, a->hash);
        buf_str(b, "\"}");
        return;
    }
    switch (a->hash % 5) {
    case 0:
        buf_printf(b, "\"result\":\"%" PRIu64 ":%" PRIu64 ":%016" PRIx64 "\"", head, serial, a->hash);
        break;
    case 1:
        buf_printf(b,
                   "\"result\":{\"context\":{\"slot\":%" PRIu64 "},\"value\":{\"serial\":%" PRIu64
                   ",\"rentEpoch\":18446744073709551615,\"ui\":98.64,\"hash\":\"%016" PRIx64 "\"}}",
                   head, serial, a->hash);
        break;
    case 2:
        buf_printf(b, "\"result\":[%" PRIu64 ",%" PRIu64 ",\"%016" PRIx64 "\",1e2,-0.0,null,{}]", head, serial,
                   a->hash);
        break;
    case 3:
        buf_printf(b,
                   "\"result\":{ \"head\" : %" PRIu64 ",\n\t\"serial\":%" PRIu64
                   " ,\"s\":\"\\u00e9\\\"}],\\\\\",\"h\":\"%016" PRIx64 "\"}",
                   head, serial, a->hash);
        break;
    default:
        buf_printf(b,
                   "\"error\":{\"message\":\"execution reverted %" PRIu64 " %" PRIu64
                   "\",\"code\":3,\"data\":\"0x%016" PRIx64 "\"}",
                   head, serial, a->hash);
        break;
    }
}

bool ask_digits(struct slice s, size_t *at, uint64_t *out)
{
    while (*at < s.n && !(s.p[*at] >= '0' && s.p[*at] <= '9'))
        ++*at;
    if (*at >= s.n)
        return false;
    for (*out = 0; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at)
        *out = *out * 10 + (uint64_t)(s.p[*at] - '0');
    return true;
}

bool ask_check(const struct sim_chain *c, const struct ask *a, bool is_error, struct slice payload, uint64_t *head,
               uint64_t *serial)
{
    size_t at = 0;

    *head = 0;
    *serial = UINT64_MAX;
    if (a->kind == ASK_HEAD) {
        char text[32];

        if (payload.n >= sizeof text)
            return false;
        memcpy(text, payload.p, payload.n);
        text[payload.n] = '\0';
        *head = c->evm ? strtoull(text + 1, NULL, 16) : strtoull(text, NULL, 10);
    } else if (a->kind != ASK_CHAIN_ID && a->kind != ASK_WRITE) {
        if (!ask_digits(payload, &at, head) || !ask_digits(payload, &at, serial))
            return false;
    }
    return ask_is_answer(c, a, *head, *serial, is_error, payload);
}

bool ask_is_answer(const struct sim_chain *c, const struct ask *a, uint64_t head, uint64_t serial, bool is_error,
                   struct slice payload)
{
    struct slice name = is_error ? SLICE("\"error\":") : SLICE("\"result\":");
    struct buf want;
    bool good;

    buf_init(&want, 1 << 20);
    ask_answer(c, a, head, serial, &want);
    good = want.n == name.n + payload.n && memcmp(want.p, name.p, name.n) == 0 &&
           memcmp(want.p + name.n, payload.p, payload.n) == 0;
    buf_deinit(&want);
    return good;
}
