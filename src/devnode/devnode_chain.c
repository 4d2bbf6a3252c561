#include "devnode/devnode_chain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base58.h"
#include "base/mem.h"
#include "devnode/devnode.h"
#include "devnode/devnode_sim.h"
#include "json/jout.h"

enum { MAX_ANSWER_DEPTH = 64 };

/* First blocks of the real chains (2015-07-30 and 2020-03-16), so that block numbers and times look like theirs. */
#define EVM_GENESIS_MS    1438269973000u
#define SOLANA_GENESIS_MS 1584368940000u

void devnode_conf_default(struct devnode_conf *c)
{
    *c = (struct devnode_conf){
        .chain_id = 1, .listen = "127.0.0.1:0", .batch = true, .max_batch = 1000, .block_time_ms = 12000, .seed = 1};
}

struct devnode_chain *devnode_chain_new(const struct devnode_conf *conf)
{
    struct devnode_chain *c = mem_zero(sizeof *c);
    static const char digit[] = "0123456789abcdef";

    c->solana = conf->solana;
    c->chain_id = conf->chain_id;
    c->key = mix64(conf->chain_id * 2 + conf->solana);
    c->random = conf->seed;
    c->genesis_ms = conf->solana ? SOLANA_GENESIS_MS : EVM_GENESIS_MS;
    c->block_time_ms = conf->block_time_ms ? conf->block_time_ms : 1;
    c->head_lag = conf->head_lag;
    c->keep_state = conf->keep_state;
    c->keep_history = conf->keep_history;
    c->shred_lag = conf->shred_lag;
    c->pad_n = conf->result_bytes;
    if (c->pad_n) {
        c->pad = mem_array(c->pad_n, 1);
        for (size_t i = 0; i < c->pad_n; i++)
            c->pad[i] = digit[mix64(c->key + i) & 15];
    }
    return c;
}

struct devnode_chain *devnode_chain_free(struct devnode_chain *c)
{
    if (!c)
        return NULL;
    for (unsigned i = 0; i < SIM_FILTERS; i++)
        free(c->filter[i].criteria);
    free(c->pad);
    free(c);
    return NULL;
}

uint64_t devnode_chain_head(const struct devnode_chain *c, uint64_t now_ms)
{
    uint64_t n = now_ms > c->genesis_ms ? (now_ms - c->genesis_ms) / c->block_time_ms : 0;

    return n > c->head_lag ? n - c->head_lag : 0;
}

/* Tables are short and ordered by use; the length tells most names apart. */
static const struct sim_method *find(const struct sim_method *m, struct slice name)
{
    for (; m->answer; m++)
        if (m->name.n == name.n && memcmp(m->name.p, name.p, name.n) == 0)
            return m;
    return NULL;
}

static const struct sim_method *find_method(const struct devnode_chain *c, struct slice name)
{
    static const struct sim_method *const tables[2][3] = {
        {sim_evm_methods, sim_evm_block_methods, sim_evm_filter_methods},
        {sim_solana_methods, sim_solana_account_methods, sim_solana_tx_methods},
    };
    const struct sim_method *m = NULL;

    for (unsigned i = 0; i < 3 && !m; i++)
        m = find(tables[c->solana][i], name);
    return m;
}

static void unknown_method(struct sim_call *k, struct slice name)
{
    char quoted[80];
    size_t n = 0;

    if (k->c->solana) {
        sim_error(k, -32601, NULL, "Method not found");
        return;
    }
    /* The name comes from outside: only what needs no escape is repeated. */
    for (size_t i = 0; i < name.n && n < sizeof quoted - 1; i++)
        if (name.p[i] > ' ' && name.p[i] < 127 && name.p[i] != '"' && name.p[i] != '\\')
            quoted[n++] = name.p[i];
    quoted[n] = 0;
    sim_error(k, -32601, NULL, "the method %s does not exist/is not available", quoted);
}

/* Positional arguments; false with the error written when params is no array. */
static bool take_args(struct sim_call *k)
{
    struct jtok t;
    struct jval v;
    enum jtype type;

    if (!k->params.p || !k->params.n)
        return true;
    jtok_init(&t, k->params, JTOK_MAX_DEPTH);
    if (jtok_peek(&t, &type) || type == J_NULL)
        return true;
    if (type != J_ARRAY) {
        sim_error(k, -32602, NULL, k->c->solana ? "Invalid params: invalid type: map" : "non-array args");
        return false;
    }
    if (jtok_array(&t))
        return true;
    while (jtok_element(&t) == 0 && jtok_value(&t, &v) == 0)
        if (k->args < SIM_ARGS)
            k->arg[k->args++] = v;
    /* A trailing null is an argument left out. */
    while (k->args && k->arg[k->args - 1].type == J_NULL)
        k->args--;
    return true;
}

int devnode_chain_call(struct devnode_chain *c, struct slice method, struct slice params, uint64_t now_ms,
                       struct buf *out)
{
    const struct sim_method *m = find_method(c, method);
    struct sim_call k;

    k.c = c;
    k.now_ms = now_ms;
    k.head = devnode_chain_head(c, now_ms);
    k.params = params;
    k.args = 0;
    k.out = out;
    k.r = 0;
    k.mark = out->n;
    if (!m) {
        unknown_method(&k, method);
        return k.r;
    }
    if (!take_args(&k))
        return k.r;
    if (k.args < m->need) {
        if (c->solana)
            sim_error(&k, -32602, NULL, "`params` should have at least %u argument(s)", m->need);
        else
            sim_error(&k, -32602, NULL, "missing value for required argument %u", k.args);
        return k.r;
    }
    sim_text(&k, "\"result\":");
    m->answer(&k);
    return k.r;
}

void sim_error(struct sim_call *k, int code, const char *data, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (k->r == 0)
        k->out->n = k->mark;
    sim_printf(k, "\"error\":{\"code\":%d,\"message\":\"%s\"", code, text);
    if (data)
        sim_printf(k, ",\"data\":%s", data);
    sim_text(k, "}");
}

void sim_bytes(struct sim_call *k, const char *p, size_t n)
{
    if (k->r == 0)
        k->r = buf_append(k->out, p, n);
}

void sim_slice(struct sim_call *k, struct slice s)
{
    sim_bytes(k, s.p, s.n);
}

void sim_printf(struct sim_call *k, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        sim_bytes(k, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void sim_u64(struct sim_call *k, uint64_t v)
{
    char digits[20];

    sim_bytes(k, digits, jout_digits(digits, v));
}

void sim_quantity(struct sim_call *k, uint64_t v)
{
    char text[20], *p = text + sizeof text;

    *--p = '"';
    do
        *--p = "0123456789abcdef"[v & 15];
    while ((v >>= 4) != 0);
    *--p = 'x';
    *--p = '0';
    /* 16 digits, the quotes and 0x are exactly the 20 bytes but for the opening quote. */
    sim_text(k, "\"");
    sim_bytes(k, p, (size_t)(text + sizeof text - p));
}

void sim_hex(struct sim_call *k, const uint8_t *p, size_t n)
{
    size_t need = 2 * n + 4;

    if (k->r == 0)
        k->r = buf_reserve(k->out, need);
    if (k->r)
        return;
    memcpy(k->out->p + k->out->n, "\"0x", 3);
    mix_hex(k->out->p + k->out->n + 3, p, n);
    k->out->p[k->out->n + need - 1] = '"';
    k->out->n += need;
}

static void encoded(struct sim_call *k, const uint8_t *p, size_t n, size_t (*encode)(char *, const uint8_t *, size_t))
{
    /* Both encodings take less than 1.4 bytes a byte and a few. */
    if (k->r == 0)
        k->r = buf_reserve(k->out, n + n / 2 + 16);
    if (k->r)
        return;
    k->out->p[k->out->n++] = '"';
    k->out->n += encode(k->out->p + k->out->n, p, n);
    k->out->p[k->out->n++] = '"';
}

void sim_base58(struct sim_call *k, const uint8_t *p, size_t n)
{
    encoded(k, p, n, base58_encode);
}

void sim_base64(struct sim_call *k, const uint8_t *p, size_t n)
{
    encoded(k, p, n, mix_base64);
}

void sim_hex_id(struct sim_call *k, enum sim_space space, uint64_t number, size_t n)
{
    uint8_t id[SIM_ID_MAX];

    mix_id(sim_key(k->c, space), number, id, n);
    sim_hex(k, id, n);
}

void sim_base58_id(struct sim_call *k, enum sim_space space, uint64_t number, size_t n)
{
    uint8_t id[SIM_ID_MAX];

    mix_id(sim_key(k->c, space), number, id, n);
    sim_base58(k, id, n);
}

struct slice sim_string(const struct jval *v)
{
    if (v->type != J_STRING || v->escaped)
        return (struct slice){0};
    return slice_of(v->raw.p + 1, v->raw.n - 2);
}

bool sim_member(const struct jval *v, const char *name, struct jval *out)
{
    struct slice want = slice_str(name);
    struct jtok t;
    struct jval key;

    if (v->type != J_OBJECT)
        return false;
    jtok_init(&t, v->raw, MAX_ANSWER_DEPTH);
    if (jtok_object(&t))
        return false;
    while (jtok_member(&t, &key) == 0 && jtok_value(&t, out) == 0)
        if (jtok_text_eq(&key, want))
            return true;
    return false;
}

bool sim_number(const struct jval *v, uint64_t *out)
{
    uint64_t n = 0;

    if (v->type != J_NUMBER)
        return false;
    for (size_t i = 0; i < v->raw.n; i++) {
        unsigned digit = (unsigned char)v->raw.p[i] - '0';

        if (digit > 9 || n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

bool sim_quantity_parse(struct slice t, uint64_t *out)
{
    uint64_t n = 0;

    if (t.n < 3 || t.n > 18 || t.p[0] != '0' || t.p[1] != 'x' || (t.p[2] == '0' && t.n > 3))
        return false;
    for (size_t i = 2; i < t.n; i++) {
        char c = t.p[i];
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a') + 10;

        if (digit > 15)
            return false;
        n = n << 4 | digit;
    }
    *out = n;
    return true;
}

const struct sim_sent *sim_sent_find(const struct devnode_chain *c, const uint8_t *id, size_t n)
{
    for (unsigned i = 0; i < c->sent_n; i++)
        if (memcmp(c->sent[i].id, id, n) == 0)
            return &c->sent[i];
    return NULL;
}

bool sim_sent_add(struct devnode_chain *c, const uint8_t *id, size_t n, uint64_t head)
{
    struct sim_sent *s;

    if (sim_sent_find(c, id, n))
        return false;
    /* The oldest makes room: clients ask about what they have just sent. */
    s = &c->sent[c->sent_next];
    c->sent_next = (c->sent_next + 1) % SIM_SENT_MAX;
    if (c->sent_n < SIM_SENT_MAX)
        c->sent_n++;
    memset(s, 0, sizeof *s);
    memcpy(s->id, id, n);
    s->head = head;
    return true;
}
