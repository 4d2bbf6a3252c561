/* Which calls are made: presets with the weights of published mixes, and how popular each key is. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base58.h"
#include "base/mem.h"
#include "devnode/devnode_mix.h"
#include "load.h"
#include "json/jtok.h"

enum { KNOWN_MAX = 512, BLOCKS = 64, KEY_TEXT = 256, BODY_MAX = 64 * 1024 * 1024 };

/* What the node knows: hashes, signatures, slots; text as it goes into params. */
struct known {
    char *text[KNOWN_MAX];
    unsigned n;
};

/* ---- asking the node ---- */

static int ask_text(const struct load_target *t, struct slice body, struct buf *out)
{
    char request[8192];
    int fd = load_connect(t), n;
    ssize_t got;
    char *head;

    if (fd < 0) {
        fprintf(stderr, "load: %s: %s\n", t->host, strerror(-fd));
        return -1;
    }
    n = snprintf(request, sizeof request,
                 "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nConnection: close\r\n"
                 "Content-Length: %zu\r\n\r\n%.*s",
                 t->path, t->host, body.n, (int)body.n, body.p);
    buf_clear(out);
    if ((size_t)n < sizeof request && send(fd, request, (size_t)n, MSG_NOSIGNAL) == n)
        while (buf_reserve(out, 65536) == 0 && (got = recv(fd, out->p + out->n, 65536, 0)) > 0)
            out->n += (size_t)got;
    close(fd);
    head = out->n ? memmem(out->p, out->n, "\r\n\r\n", 4) : NULL;
    if (!head) {
        fprintf(stderr, "load: no answer to %.*s\n", (int)body.n, body.p);
        return -1;
    }
    buf_consume(out, (size_t)(head + 4 - out->p));
    return 0;
}

int load_ask(const struct load_target *t, const char *method, const char *params, struct buf *out)
{
    char body[3072];
    int n =
        snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);

    return ask_text(t, slice_of(body, (size_t)n), out);
}

uint64_t load_digest(struct slice result)
{
    uint64_t d = mix_slice(11, result);

    return d ? d : 1;
}

static int take_truth(struct load_call *c, struct slice answer)
{
    struct jval key, v;
    struct jtok t;

    jtok_init(&t, answer, JTOK_MAX_DEPTH);
    if (jtok_object(&t) == 0)
        while (jtok_member(&t, &key) == 0 && jtok_value(&t, &v) == 0)
            if (slice_eq(key.raw, SLICE("\"result\"")))
                c->truth = load_digest(v.raw);
    return c->truth ? 0 : -1;
}

int load_mix_truth(struct load_mix *m, const struct load_target *node)
{
    struct buf out;
    int r = 0;

    buf_init(&out, BODY_MAX);
    for (unsigned i = 0; i < m->groups; i++)
        for (unsigned k = 0; k < m->group[i].n && r == 0; k++) {
            struct load_call *c = &m->group[i].calls[k];

            if (c->key_at)
                continue;
            r = ask_text(node, slice_of(c->text, c->n), &out);
            if (r == 0 && take_truth(c, buf_get(&out))) {
                fprintf(stderr, "load: the node gave no result for %.*s\n", (int)c->n, c->text);
                r = -1;
            }
        }
    buf_deinit(&out);
    return r;
}

/* Adds each string that follows `mark`; all strings of the list when it ends with a bracket. */
static void collect(struct known *k, struct slice body, const char *mark)
{
    const char *p = body.p, *end = body.p + body.n;
    size_t n = strlen(mark);

    while (k->n < KNOWN_MAX && (p = memmem(p, (size_t)(end - p), mark, n)) != NULL) {
        p += n;
        while (k->n < KNOWN_MAX && p < end && *p == '"') {
            const char *close = memchr(p + 1, '"', (size_t)(end - p - 1));

            if (!close)
                return;
            k->text[k->n++] = mem_strndup(p, (size_t)(close + 1 - p));
            p = close + 1;
            if (mark[n - 1] != '[' || p == end || *p != ',')
                break;
            p++;
        }
    }
}

static void forget(struct known *k)
{
    for (unsigned i = 0; i < k->n; i++)
        free(k->text[i]);
    k->n = 0;
}

/* ---- groups ---- */

static struct load_group *add_group(struct load_mix *m, unsigned weight, unsigned n, double skew)
{
    struct load_group *g = &m->group[m->groups++];
    double sum = 0;

    g->weight = weight;
    g->n = n;
    g->calls = mem_array(n, sizeof *g->calls);
    g->below = mem_array(n, sizeof *g->below);
    m->weight += weight;
    /* Zipf: the k-th key is asked for in proportion to 1 / k^skew. */
    for (unsigned i = 0; i < n; i++)
        g->below[i] = sum += 1 / pow(i + 1, skew);
    for (unsigned i = 0; i < n; i++)
        g->below[i] /= sum;
    return g;
}

static void set_call(struct load_call *c, const char *method, const char *params)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":";
    size_t n = sizeof head + strlen(method) + strlen(params) + 64;

    c->text = mem_zero(n);
    c->n = (size_t)snprintf(c->text, n, "%s1000000000,\"method\":\"%s\",\"params\":%s}", head, method, params);
    c->id_at = sizeof head - 1;
}

static void one(struct load_mix *m, unsigned weight, const char *method, const char *params)
{
    set_call(&add_group(m, weight, 1, 0)->calls[0], method, params);
}

/* `count` calls whose params are printed from a key: %s in the format. */
static void keyed(struct load_mix *m, unsigned weight, double skew, const char *method, const char *before,
                  const char *after, void (*key)(unsigned i, char out[KEY_TEXT]), const struct known *known)
{
    unsigned n = known ? known->n : m->keys;
    struct load_group *g;
    char params[1024], text[KEY_TEXT];

    if (n == 0)
        return;
    g = add_group(m, weight, n, skew);
    for (unsigned i = 0; i < n; i++) {
        if (key)
            key(i, text);
        snprintf(params, sizeof params, "[%s%s%s]", before, known ? known->text[i] : text, after);
        set_call(&g->calls[i], method, params);
    }
}

static void evm_address(unsigned i, char out[KEY_TEXT])
{
    uint8_t id[20];

    mix_id(7, i, id, sizeof id);
    memcpy(out, "\"0x", 3);
    mix_hex(out + 3, id, sizeof id);
    memcpy(out + 43, "\"", 2);
}

/* balanceOf(address) on one of 1000 tokens. */
static void evm_call(unsigned i, char out[KEY_TEXT])
{
    char token[KEY_TEXT];

    evm_address(i, token);
    snprintf(out, KEY_TEXT, "{\"to\":%.44s,\"data\":\"0x70a08231%024d%.40s\"}", token, 0, token + 3);
}

static void solana_key(unsigned i, char out[KEY_TEXT])
{
    uint8_t id[32];
    size_t n;

    mix_id(9, i, id, sizeof id);
    out[0] = '"';
    n = base58_encode(out + 1, id, sizeof id);
    memcpy(out + 1 + n, "\"", 2);
}

static void solana_keys(unsigned i, char out[KEY_TEXT])
{
    char a[KEY_TEXT], b[KEY_TEXT];

    solana_key(i, a);
    solana_key(i + 1, b);
    snprintf(out, KEY_TEXT, "[%.48s,%.48s]", a, b);
}

/* A question of its own for each call: the digits of its id stand in the data too. */
static void distinct(struct load_mix *m)
{
    struct load_call *c = &add_group(m, 1, 1, 0)->calls[0];
    char params[KEY_TEXT], token[KEY_TEXT];

    evm_address(0, token);
    snprintf(params, sizeof params, "[{\"to\":%.44s,\"data\":\"0x70a08231%054d1000000000\"},\"latest\"]", token, 0);
    set_call(c, "eth_call", params);
    c->key_at = (size_t)(strstr(c->text, "1000000000\"}") - c->text);
}

/* chainbench's Ethereum profile, less trace_transaction (8 of 499), which the simulated node does not have. */
static int mix_ethereum(struct load_mix *m, const struct load_target *t, double skew)
{
    struct known blocks = {0}, txs = {0}, numbers = {0};
    struct buf out;
    char params[512];
    int r;

    buf_init(&out, BODY_MAX);
    r = load_ask(t, "eth_getBlockByNumber", "[\"latest\",false]", &out);
    for (unsigned i = 0; r == 0 && i < BLOCKS; i++) {
        unsigned was = blocks.n;

        collect(&txs, buf_get(&out), "\"transactions\":[");
        collect(&numbers, buf_get(&out), "\"number\":");
        collect(&blocks, buf_get(&out), "\"parentHash\":");
        if (blocks.n == was)
            break;
        snprintf(params, sizeof params, "[%.200s,false]", blocks.text[blocks.n - 1]);
        r = load_ask(t, "eth_getBlockByHash", params, &out);
    }
    if (r == 0) {
        keyed(m, 259, skew, "eth_call", "", ",\"latest\"", evm_call, NULL);
        keyed(m, 62, skew, "eth_getTransactionReceipt", "", "", NULL, &txs);
        one(m, 49, "eth_blockNumber", "[]");
        keyed(m, 31, skew, "eth_getBalance", "", ",\"latest\"", evm_address, NULL);
        one(m, 28, "eth_chainId", "[]");
        keyed(m, 23, skew, "eth_getBlockByNumber", "", ",false", NULL, &numbers);
        keyed(m, 21, skew, "eth_getTransactionByHash", "", "", NULL, &txs);
        keyed(m, 13, skew, "eth_getLogs", "{\"blockHash\":", "}", NULL, &blocks);
        one(m, 5, "web3_clientVersion", "[]");
    }
    forget(&blocks);
    forget(&txs);
    forget(&numbers);
    buf_deinit(&out);
    return r;
}

/* chainbench's Solana profile, the methods that make up 98 % of it. */
static int mix_solana(struct load_mix *m, const struct load_target *t, double skew)
{
    struct known signatures = {0}, slots = {0};
    struct buf out;
    char params[256], key[KEY_TEXT];
    int r = 0;

    buf_init(&out, BODY_MAX);
    for (unsigned i = 0; r == 0 && i < 8; i++) {
        const char *p, *end;

        solana_key(i, key);
        snprintf(params, sizeof params, "[%.60s,{\"limit\":20}]", key);
        r = load_ask(t, "getSignaturesForAddress", params, &out);
        collect(&signatures, buf_get(&out), "\"signature\":");
        end = out.p + out.n;
        for (p = out.p; r == 0 && slots.n < KNOWN_MAX && (p = memmem(p, (size_t)(end - p), "\"slot\":", 7)) != NULL;) {
            p += 7;
            slots.text[slots.n++] = mem_strndup(p, strspn(p, "0123456789"));
        }
    }
    if (r == 0) {
        keyed(m, 1000, skew, "getAccountInfo", "", ",{\"encoding\":\"base64\"}", solana_key, NULL);
        keyed(m, 175, skew, "getBlock", "", ",{\"maxSupportedTransactionVersion\":0}", NULL, &slots);
        keyed(m, 150, skew, "getTokenAccountsByOwner", "",
              ",{\"programId\":\"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA\"},{\"encoding\":\"base64\"}", solana_key,
              NULL);
        keyed(m, 150, skew, "getMultipleAccounts", "", ",{\"encoding\":\"base64\"}", solana_keys, NULL);
        keyed(m, 130, skew, "getTransaction", "", ",{\"maxSupportedTransactionVersion\":0}", NULL, &signatures);
        keyed(m, 75, skew, "getSignaturesForAddress", "", ",{\"limit\":10}", solana_key, NULL);
        one(m, 75, "getLatestBlockhash", "[]");
        keyed(m, 75, skew, "getBalance", "", "", solana_key, NULL);
        one(m, 20, "getSlot", "[]");
    }
    forget(&signatures);
    forget(&slots);
    buf_deinit(&out);
    return r;
}

int load_mix_preset(struct load_mix *m, const struct load_target *t, const char *name, double skew, unsigned keys,
                    uint64_t seed)
{
    int r = 0;

    *m = (struct load_mix){.random = seed, .keys = keys};
    if (strcmp(name, "small") == 0)
        one(m, 1, "eth_blockNumber", "[]");
    else if (strcmp(name, "call") == 0)
        keyed(m, 1, skew, "eth_call", "", ",\"latest\"", evm_call, NULL);
    else if (strcmp(name, "account") == 0)
        keyed(m, 1, skew, "getAccountInfo", "", ",{\"encoding\":\"base64\"}", solana_key, NULL);
    else if (strcmp(name, "distinct") == 0)
        distinct(m);
    else if (strcmp(name, "ethereum") == 0)
        r = mix_ethereum(m, t, skew);
    else if (strcmp(name, "solana") == 0)
        r = mix_solana(m, t, skew);
    else
        r = -2;
    if (r == -2)
        fprintf(stderr, "load: unknown mix %s (small, call, distinct, account, ethereum, solana)\n", name);
    return r ? -1 : 0;
}

/* A body from a file goes out as it is: its own id must come back. */
int load_mix_body(struct load_mix *m, const char *file)
{
    struct load_call *c;
    struct jtok t;
    struct jval key, v;
    FILE *f = fopen(file, "rb");
    struct buf b;
    size_t n;

    *m = (struct load_mix){.random = 1};
    if (!f) {
        fprintf(stderr, "load: %s: %s\n", file, strerror(errno));
        return -1;
    }
    buf_init(&b, BODY_MAX);
    while (buf_reserve(&b, 65536) == 0 && (n = fread(b.p + b.n, 1, 65536, f)) > 0)
        b.n += n;
    fclose(f);
    c = &add_group(m, 1, 1, 0)->calls[0];
    c->text = mem_strndup(b.n ? b.p : "", b.n);
    c->n = b.n;
    buf_deinit(&b);
    jtok_init(&t, slice_of(c->text, c->n), JTOK_MAX_DEPTH);
    if (jtok_object(&t) == 0)
        while (jtok_member(&t, &key) == 0 && jtok_value(&t, &v) == 0)
            if (slice_eq(key.raw, SLICE("\"id\"")))
                c->own_id = v.raw;
    return 0;
}

void load_mix_deinit(struct load_mix *m)
{
    for (unsigned i = 0; i < m->groups; i++) {
        for (unsigned k = 0; k < m->group[i].n; k++)
            free(m->group[i].calls[k].text);
        free(m->group[i].calls);
        free(m->group[i].below);
    }
}

const struct load_call *load_mix_next(struct load_mix *m)
{
    const struct load_group *g = m->group;
    unsigned lo = 0, hi;
    uint64_t pick;
    double at;

    if (m->groups > 1) {
        pick = mix_next(&m->random) % m->weight;
        for (; pick >= g->weight; g++)
            pick -= g->weight;
    }
    if (g->n == 1)
        return g->calls;
    at = (double)(mix_next(&m->random) >> 11) * 0x1p-53;
    for (hi = g->n - 1; lo < hi;) {
        unsigned mid = (lo + hi) / 2;

        if (g->below[mid] < at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return &g->calls[lo];
}
