#include "devnode/devnode_body.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "devnode/devnode.h"
#include "devnode/devnode_chain.h"
#include "devnode/devnode_mix.h"
#include "json/jtok.h"

enum { MAX_METHOD_BYTES = 2048, MAX_DEPTH = 128 };

struct request {
    struct slice id; /* p = NULL: absent */
    struct slice params;
    char method[MAX_METHOD_BYTES];
    size_t method_n;
    bool version, id_ok, has_method, foreign; /* foreign: a member that JSON-RPC does not know */
};

#define NO_ID ((struct slice){"null", 4})

void devnode_body_init(struct devnode_body *b, struct devnode_chain *chain, const struct devnode_conf *conf)
{
    *b = (struct devnode_body){.chain = chain, .conf = conf, .random = mix64(conf->seed + 1)};
}

/* geth puts the id first, agave last. */
static int begin(const struct devnode_body *b, struct slice id, struct buf *out)
{
    int r;

    if (b->conf->solana)
        return buf_slice(out, SLICE("{\"jsonrpc\":\"2.0\","));
    r = buf_slice(out, SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
    if (!r)
        r = buf_slice(out, id);
    return r ? r : buf_slice(out, SLICE(","));
}

static int end(const struct devnode_body *b, struct slice id, struct buf *out)
{
    int r;

    if (!b->conf->solana)
        return buf_slice(out, SLICE("}"));
    r = buf_slice(out, SLICE(",\"id\":"));
    if (!r)
        r = buf_slice(out, id);
    return r ? r : buf_slice(out, SLICE("}"));
}

static int refuse(const struct devnode_body *b, struct slice id, int code, const char *text, struct buf *out)
{
    int r = begin(b, id, out);

    if (!r)
        r = buf_printf(out, "\"error\":{\"code\":%d,\"message\":\"%s\"}", code, text);
    return r ? r : end(b, id, out);
}

static int refuse_parse(const struct devnode_body *b, struct buf *out)
{
    return refuse(b, NO_ID, -32700, b->conf->solana ? "Parse error" : "parse error", out);
}

static bool digits_only(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0 && s.n <= 20;
}

/* geth takes any scalar; agave an unsigned integer, a string or null. */
static bool id_allowed(const struct devnode_body *b, const struct jval *v)
{
    if (v->type == J_OBJECT || v->type == J_ARRAY)
        return false;
    return !b->conf->solana || v->type == J_STRING || v->type == J_NULL || (v->type == J_NUMBER && digits_only(v->raw));
}

static void take_member(const struct devnode_body *b, struct request *q, const struct jval *key, const struct jval *v)
{
    struct slice name = slice_of(key->raw.p + 1, key->raw.n - 2);

    if (slice_eq(name, SLICE("method"))) {
        q->method_n = v->type == J_STRING ? jtok_text(v, q->method, sizeof q->method) : (size_t)-1;
        q->has_method = q->method_n != (size_t)-1 && q->method_n > 0;
    } else if (slice_eq(name, SLICE("params"))) {
        q->params = v->raw;
    } else if (slice_eq(name, SLICE("id"))) {
        q->id_ok = id_allowed(b, v);
        q->id = v->raw;
    } else if (slice_eq(name, SLICE("jsonrpc"))) {
        q->version = slice_eq(v->raw, SLICE("\"2.0\""));
    } else {
        q->foreign = true;
    }
}

/* 0, or JTOK_BAD.  A value that is no object leaves an invalid request. */
static int parse(const struct devnode_body *b, struct jtok *t, struct request *q)
{
    struct jval key, v;
    enum jtype type;
    int r = jtok_peek(t, &type);

    q->id = q->params = (struct slice){0};
    q->version = q->id_ok = q->has_method = q->foreign = false;
    if (r)
        return r;
    if (type != J_OBJECT)
        return jtok_value(t, &v);
    r = jtok_object(t);
    while (r == 0 && (r = jtok_member(t, &key)) == 0 && (r = jtok_value(t, &v)) == 0)
        take_member(b, q, &key, &v);
    return r == JTOK_END ? 0 : r;
}

static bool chance(struct devnode_body *b, double rate)
{
    return rate > 0 && (double)(mix_next(&b->random) >> 11) * 0x1p-53 < rate;
}

/* A notification is carried out, but leaves nothing in out. */
static int answer(struct devnode_body *b, const struct request *q, uint64_t now_ms, struct buf *out)
{
    struct slice method = slice_of(q->method, q->method_n);
    size_t mark = out->n;
    bool valid = q->version && q->has_method && (q->id.p == NULL || q->id_ok) && !(b->conf->solana && q->foreign);
    int r;

    b->calls++;
    if (!valid)
        return refuse(b, q->id_ok ? q->id : NO_ID, -32600, b->conf->solana ? "Invalid request" : "invalid request",
                      out);
    if (chance(b, b->conf->error_rate))
        r = q->id.p ? refuse(b, q->id, -32603, "simulated internal error", out) : 0;
    else if ((r = begin(b, q->id, out)) == 0 && (r = devnode_chain_call(b->chain, method, q->params, now_ms, out)) == 0)
        r = end(b, q->id, out);
    if (q->id.p == NULL)
        out->n = mark;
    return r;
}

/* An element that fails as an array's element only: asked alone it is answered. */
static int answer_faulty(struct devnode_body *b, struct request *q, uint64_t now_ms, struct buf *out)
{
    size_t mark = out->n;
    int r;

    if (q->id.p && chance(b, b->conf->element_limit_rate)) { /* Alchemy: status 200, code 429 within */
        b->calls++;
        return refuse(b, q->id, 429, "Your app has exceeded its compute units per second capacity", out);
    }
    if (q->id.p && chance(b, b->conf->null_id_rate)) {
        q->id = NO_ID;
        q->id_ok = true;
    }
    r = answer(b, q, now_ms, out);
    if (chance(b, b->conf->drop_rate))
        out->n = mark;
    return r;
}

static int refuse_size(struct devnode_body *b, const struct request *first, unsigned count, struct buf *out)
{
    char text[80];
    int r;

    switch (b->conf->batch_style) {
    case DEVNODE_ERIGON:
        snprintf(text, sizeof text, "batch limit %u exceeded: %u requests given", b->conf->max_batch, count);
        return refuse(b, NO_ID, -32000, text, out);
    case DEVNODE_RETH:
        r = begin(b, NO_ID, out);
        if (!r)
            r = buf_printf(out,
                           "\"error\":{\"code\":-32010,\"message\":\"The batch request was too large\","
                           "\"data\":\"Exceeded max limit of %u\"}",
                           b->conf->max_batch);
        return r ? r : end(b, NO_ID, out);
    case DEVNODE_GETH:
        break;
    }
    r = buf_slice(out, SLICE("["));
    if (!r)
        r = refuse(b, first->id_ok ? first->id : NO_ID, -32600, "batch too large", out);
    return r ? r : buf_slice(out, SLICE("]"));
}

static unsigned count_elements(struct slice array)
{
    struct jtok t;
    struct jval v;
    unsigned n = 0;

    jtok_init(&t, array, MAX_DEPTH);
    if (jtok_array(&t) == 0)
        while (jtok_element(&t) == 0 && jtok_value(&t, &v) == 0)
            n++;
    return n;
}

/* Where an element's answer stands in the scratch text, which may move while it grows. */
struct extent {
    size_t at, n;
};

/* Appends the elements as an array; nothing when there are none. */
static int join(struct devnode_body *b, const char *text, struct extent *e, unsigned n, struct buf *out)
{
    int r = 0;

    for (unsigned i = n; b->conf->shuffle && i > 1; i--) {
        unsigned k = (unsigned)(mix_next(&b->random) % i);
        struct extent last = e[i - 1];

        e[i - 1] = e[k];
        e[k] = last;
    }
    for (unsigned i = 0; i < n && r == 0; i++) {
        r = buf_append(out, i ? "," : "[", 1);
        if (!r)
            r = buf_append(out, text + e[i].at, e[i].n);
    }
    return r || n == 0 ? r : buf_append(out, "]", 1);
}

static int answer_elements(struct devnode_body *b, struct slice array, unsigned count, uint64_t now_ms, struct buf *out)
{
    struct extent *e = mem_array(count, sizeof *e);
    struct request q;
    struct buf text;
    struct jtok t;
    unsigned n = 0;
    int r;

    buf_init(&text, out->max_bytes);
    jtok_init(&t, array, MAX_DEPTH);
    r = jtok_array(&t);
    while (r == 0 && (r = jtok_element(&t)) == 0 && (r = parse(b, &t, &q)) == 0) {
        size_t at = text.n;

        r = answer_faulty(b, &q, now_ms, &text);
        if (text.n > at)
            e[n++] = (struct extent){at, text.n - at};
    }
    if (r == JTOK_END)
        r = join(b, text.p, e, n, out);
    buf_deinit(&text);
    free(e);
    return r;
}

static int answer_batch(struct devnode_body *b, struct slice body, uint64_t now_ms, struct buf *out)
{
    struct request q;
    struct jtok t;
    struct jval whole;
    unsigned count;

    /* Nothing is carried out before all of it is known to be JSON, and not too much. */
    jtok_init(&t, body, MAX_DEPTH);
    if (jtok_value(&t, &whole) || jtok_finish(&t))
        return refuse_parse(b, out);
    if (!b->conf->batch) {
        b->batches_refused++;
        return refuse(b, NO_ID, -32005, "Batched requests are not supported by this server", out);
    }
    count = count_elements(whole.raw);
    if (count == 0) /* agave says nothing */
        return b->conf->solana ? 0 : refuse(b, NO_ID, -32600, "empty batch", out);
    if (b->conf->max_batch && count > b->conf->max_batch) {
        b->batches_refused++;
        jtok_init(&t, whole.raw, MAX_DEPTH);
        if (jtok_array(&t) || jtok_element(&t) || parse(b, &t, &q))
            return refuse_parse(b, out);
        return refuse_size(b, &q, count, out);
    }
    b->batches++;
    b->batch_calls += count;
    b->largest_batch = count > b->largest_batch ? count : b->largest_batch;
    return answer_elements(b, whole.raw, count, now_ms, out);
}

int devnode_body_answer(struct devnode_body *b, struct slice body, uint64_t now_ms, struct buf *out)
{
    struct request q;
    struct jtok t;
    enum jtype type;
    size_t mark = out->n;
    int r;

    jtok_init(&t, body, MAX_DEPTH);
    if (jtok_peek(&t, &type))
        r = refuse_parse(b, out);
    else if (type == J_ARRAY)
        r = answer_batch(b, body, now_ms, out);
    else if (parse(b, &t, &q) || jtok_finish(&t))
        r = refuse_parse(b, out);
    else
        r = answer(b, &q, now_ms, out);
    if (!r && out->n > mark)
        r = buf_slice(out, SLICE("\n"));
    return r;
}
