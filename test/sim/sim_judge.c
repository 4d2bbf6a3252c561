#include "sim_judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gateway/chain.h"
#include "gateway/worker.h"
#include "http/h1_client.h"
#include "sim_excuse.h"
#include "sim_explain.h"
#include "sim_fault.h"
#include "sim_filter.h"
#include "sim_run.h"
#include "sim_stray.h"
#include "sim_weather.h"
#include "json/jtok.h"

/* -- making a request */

static void draw_id(struct world *w, char *out, size_t cap)
{
    static const char *const odd[] = {
        "null",
        "0",
        "-1",
        "1.5",
        "1e3",
        "-0",
        "18446744073709551616",
        "123456789012345678901234567890",
        "\"\"",
        "\"1\"",
        "\"a\\\"b\\\\c\\u00e9\"",
        "\"\xe6\x97\xa5\xe6\x9c\xac\"",
        "\"}],{\"",
        "1",
        "1",
        "2",
        "\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
    };

    if (sim_chance(w, 300))
        snprintf(out, cap, "%s", odd[sim_rnd(w, sizeof odd / sizeof odd[0])]);
    else
        snprintf(out, cap, "%" PRIu64, sim_rnd(w, 40));
}

/* A request that is none, and the id of its answer. */
static void draw_invalid(struct world *w, struct want *want, struct buf *b)
{
    static const struct {
        const char *before, *after; /* of the id; after NULL: there is none */
    } rows[] = {
        {"1", NULL},
        {"\"eth_call\"", NULL},
        {"{}", NULL},
        {"[]", NULL},
        {"{\"jsonrpc\":\"2.0\",\"id\":", "}"},
        {"{\"jsonrpc\":\"2.0\",\"method\":5,\"id\":", "}"},
        {"{\"jsonrpc\":\"1.0\",\"method\":\"eth_call\",\"id\":", "}"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"eth_call\",\"params\":7,\"id\":", "}"},
    };
    size_t i = sim_rnd(w, sizeof rows / sizeof rows[0]);

    want->invalid = true;
    if (!rows[i].after) {
        snprintf(want->id, sizeof want->id, "null");
        buf_str(b, rows[i].before);
        return;
    }
    draw_id(w, want->id, sizeof want->id);
    buf_printf(b, "%s%s%s", rows[i].before, want->id, rows[i].after);
}

/* Copies that arrive at once are one broadcast: those of one array do. */
static void count_write(struct world *w, struct sim_write *t, bool notification)
{
    if (notification || !w->p.coalesce) {
        t->asked++;
        return;
    }
    t->asked += t->last_post != w->n_posts;
    t->last_post = w->n_posts;
}

/* When an endpoint first gave an answer at that head or a later one: nodes that lag tell the later one first, maybe to
 * a client that has left by then.  For the gateway, which cannot know who read it, that is when both were announced. */
static uint64_t told_since_us(const struct sim_chain *c, uint64_t head)
{
    uint64_t first_us = UINT64_MAX;

    for (uint64_t n = head; n <= c->head; n++) {
        uint64_t us = c->told_us[n];

        if (us && us < first_us)
            first_us = us;
    }
    return first_us;
}

/* Endpoints that refused too many calls in rough weather are taken for slower ones, or for smaller ones, for a while.
 */
static bool is_held_back(const struct world *w, const struct sim_chain *c)
{
    const struct chain *g = w->gateway->chains[c->index];

    for (unsigned i = 0; i < g->n_upstreams; i++)
        if (w->p.weather && (g->upstreams[i]->endpoint.limiter.gates || crowd_limit(&g->upstreams[i]->crowd)))
            return true;
    return false;
}

static void begin(struct world *w, struct sim_chain *c, struct want *want)
{
    /* Of a chain that was rolled back nobody can tell when its numbers were announced. */
    *want = (struct want){.announced = c->rolled_us ? 0 : c->announced,
                          .serial = UINT64_MAX,
                          .asked_us = w->now_us,
                          .asked_mono_us = clock_mono_us(w),
                          .calm = weather_is_calm(w) && !is_held_back(w, c)};
    if (want->announced)
        want->told_us = told_since_us(c, c->announced);
}

/* false: it was a notification. */
static bool draw_one(struct world *w, const struct post *q, struct want *want, struct buf *b)
{
    struct sim_chain *c = q->chain;
    bool array = q->array;
    bool notification, id_last = sim_chance(w, 200);

    begin(w, c, want);
    if (sim_chance(w, array ? 30 : 15)) {
        draw_invalid(w, want, b);
        return true;
    }
    notification = sim_chance(w, 40);
    draw_id(w, want->id, sizeof want->id);
    buf_str(b, sim_chance(w, 950) ? "{\"jsonrpc\":\"2.0\"," : "{ \"jsonrpc\" : \"2.0\" , \"extra\":[{}],");
    if (!notification && !id_last)
        buf_printf(b, "\"id\":%s,", want->id);
    ask_draw(w, c, &want->ask, b);
    if (!notification && id_last)
        buf_printf(b, ",\"id\":%s", want->id);
    buf_str(b, "}");
    if (want->ask.kind == ASK_FILTER || want->ask.kind == ASK_UNKNOWN)
        sim_run_count(w, want->ask.hash)->asked++;
    if (want->ask.kind == ASK_WRITE)
        count_write(w, &w->writes[want->ask.write], notification || q->named);
    if (want->ask.kind == ASK_WRITE)
        w->writes[want->ask.write].scopes |= 1u << q->scope;
    w->calls += !notification;
    c->asked++;
    return !notification;
}

/* An endpoint of c, and 1. */
static unsigned draw_node(struct world *w, const struct sim_chain *c)
{
    unsigned i;

    do
        i = (unsigned)sim_rnd(w, w->n_nodes);
    while (w->nodes[i]->chain != c);
    return i + 1;
}

static unsigned draw_size(struct world *w)
{
    if (sim_chance(w, 20))
        return w->p.max_batch_calls + (unsigned)sim_rnd(w, 2);
    return 1 + (unsigned)sim_rnd(w, sim_chance(w, 150) ? 30 : 6);
}

struct post *post_draw(struct world *w, struct sim_chain *c, unsigned scope, uint64_t fence_us, struct seen seen,
                       struct buf *b)
{
    struct post *q = mem_zero(sizeof *q);
    unsigned n;

    buf_clear(b);
    w->n_posts++;
    q->explain = sim_chance(w, 150);
    q->chain = c;
    q->scope = scope;
    if (w->p.named && sim_chance(w, 300))
        q->named = draw_node(w, c);
    q->fence_us = fence_us;
    q->seen = seen.number;
    q->seen_us = seen.asked_us;
    q->asked_us = w->now_us;
    if (sim_chance(w, 15)) {
        q->whole = sim_chance(w, 500) ? WHOLE_NOT_JSON : WHOLE_EMPTY;
        buf_str(b, q->whole == WHOLE_EMPTY ? " [ ]" : "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"},");
        return q;
    }
    q->array = sim_chance(w, 350);
    n = q->array ? draw_size(w) : 1;
    q->v = mem_array(n, sizeof *q->v);
    if (q->array)
        buf_str(b, "[");
    for (unsigned i = 0; i < n; i++) {
        if (i)
            buf_str(b, sim_chance(w, 900) ? "," : " ,\n ");
        q->n += draw_one(w, q, &q->v[q->n], b);
    }
    if (q->array)
        buf_str(b, "]");
    if (q->array && n > w->p.max_batch_calls)
        q->whole = WHOLE_TOO_MANY;
    return q;
}

struct post *post_draw_plain(struct world *w, struct sim_chain *c, unsigned scope, uint64_t fence_us, struct seen seen,
                             struct buf *b)
{
    struct post *q = mem_zero(sizeof *q);

    buf_clear(b);
    w->n_posts++;
    q->chain = c;
    q->scope = scope;
    q->fence_us = fence_us;
    q->seen = seen.number;
    q->seen_us = seen.asked_us;
    q->asked_us = w->now_us;
    q->n = 1;
    q->v = mem_zero(sizeof *q->v);
    begin(w, c, q->v);
    snprintf(q->v->id, sizeof q->v->id, "1");
    buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":1,");
    ask_draw_plain(w, c, &q->v->ask, b);
    buf_str(b, "}");
    w->calls++;
    c->asked++;
    return q;
}

void post_free(struct post *q)
{
    free(q->v);
    free(q);
}

/* -- judging the answer */

struct element {
    struct slice id, payload;
    bool is_error;
};

static void read_element(struct world *w, unsigned client, struct jtok *t, struct element *e)
{
    struct jval key, v;
    unsigned seen = 0;

    *e = (struct element){.payload = {NULL, 0}};
    sim_check(w, jtok_object(t) == 0, "client %u: an answer that is no object", client);
    while (jtok_member(t, &key) == 0) {
        sim_check(w, jtok_value(t, &v) == 0, "client %u: an answer that is not JSON", client);
        if (slice_eq(key.raw, SLICE("\"jsonrpc\"")) && slice_eq(v.raw, SLICE("\"2.0\""))) {
            seen += 1;
        } else if (slice_eq(key.raw, SLICE("\"id\""))) {
            seen += 16;
            e->id = v.raw;
        } else if (slice_eq(key.raw, SLICE("\"result\"")) || slice_eq(key.raw, SLICE("\"error\""))) {
            seen += 256;
            e->payload = v.raw;
            e->is_error = key.raw.n == 7;
        } else {
            sim_fail(w, "client %u: member %.*s in an answer", client, (int)key.raw.n, key.raw.p);
        }
    }
    sim_check(w, seen == 0x111 && !t->error, "client %u: an answer without one each of jsonrpc, id and result or error",
              client);
}

static bool has(struct slice s, const char *text)
{
    return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

/* Errors that are no answer of the question: ours, and those that an endpoint made up. */
static bool is_excuse(struct world *w, const struct post *q, const struct want *want, const struct element *e,
                      bool slow)
{
    if (!e->is_error)
        return !want->calm && want->ask.by_tx && slice_eq(e->payload, SLICE("null"));
    if (has(e->payload, FAULT_MARK) && want->ask.old && w->p.pruned && (!w->p.calm || q->named))
        return true; /* who has it may not be there; nor may others be asked than the one that is named */
    if (has(e->payload, FAULT_MARK))
        return !want->calm || (want->ask.kind == ASK_POLL && (w->p.weather || !want->ask.given));
    if (!has(e->payload, "\"reason\":\""))
        return false;
    if (has(e->payload, "\"filter_not_found\"")) /* nobody's, or its endpoint cannot be reached */
        return want->ask.kind == ASK_POLL &&
               (!want->ask.given || !w->p.calm || q->named || w->given[want->ask.given - 1].scope != q->scope);
    if (q->named && has(e->payload, "\"upstream_wrong_chain\""))
        return w->p.mixed;
    if (has(e->payload, "\"upstream_behind\"")) /* those that are ahead cannot be asked, or have stepped back */
        return w->p.lag || !want->calm;
    return !want->calm || (slow && (has(e->payload, "_timeout\"") || has(e->payload, "\"rate_limited\"")));
}

/* Nobody has been where the chain was for so long that it was taken for one that began anew. */
static bool was_set_back(const struct world *w, const struct sim_chain *c)
{
    const struct heads *h = &w->gateway->chains[c->index]->heads;
    uint32_t setbacks = 0;

    for (unsigned i = 0; i < HEAD_KINDS; i++)
        setbacks += h->of[i].setbacks;
    return w->p.spells && setbacks;
}

static void judge_provenance(struct world *w, unsigned client, struct post *q, struct want *want, uint64_t head,
                             uint64_t serial)
{
    struct sim_chain *c = q->chain;
    struct sim_served *s;

    if (want->ask.of_head && !w->p.lag && !w->p.astray)
        sim_check(w, head >= want->announced, "client %u: head %" PRIu64 " after %" PRIu64 " was announced", client,
                  head, want->announced);
    want->serial = serial;
    if (want->ask.kind == ASK_HEAD) {
        want->head = head;
        sim_check(w, stray_is_wrong(c, head) ? w->p.astray : c->told_us[head] > 0,
                  "client %u: head %" PRIu64 ", which no endpoint told", client, head);
        sim_check(w, q->named || !stray_is_wrong(c, head) || stray_may_tell(w, c, &want->ask, head),
                  "client %u: head %" PRIu64 ", which an endpoint made up", client, head);
        sim_check(w, q->named || head >= q->seen || was_set_back(w, c) || stray_may_go_back(w, c, q->seen, q->seen_us),
                  "client %u: head %" PRIu64 " after it was told %" PRIu64, client, head, q->seen);
        if (head > q->told)
            q->told = head;
        if (head > c->announced && !stray_is_wrong(c, head))
            c->announced = head;
    }
    if (want->ask.kind == ASK_WRITE)
        sim_check(w, w->writes[want->ask.write].taken_us, "client %u: success for a transaction that no endpoint got",
                  client);
    if (want->ask.kind == ASK_WRITE && !q->array && w->writes[want->ask.write].taken_us > q->fence_us)
        q->fence_us = w->writes[want->ask.write].taken_us;
    if (serial == UINT64_MAX)
        return;
    sim_check(w, serial < w->n_served && w->served[serial].hash == want->ask.hash && w->served[serial].head == head,
              "client %u: an answer that no endpoint gave", client);
    s = &w->served[serial];
    s->shown++;
    sim_check(w, s->scope == SIM_NO_SCOPE || s->scope == q->scope,
              "client %u, of scope %u: an answer that was asked for with the credential of scope %u", client, q->scope,
              s->scope);
    sim_check(w, !q->named || q->named == s->node + 1, "client %u: node%u answers what was asked of node%u", client,
              s->node, q->named - 1);
    if (q->named)
        sim_check(w, s->shown == 1, "client %u: what it asked of node%u is shared", client, s->node);
    if (!ask_shareable(want->ask.kind) || (!w->p.coalesce && !w->p.cache))
        sim_check(w, s->shown == 1, "client %u: answer #%" PRIu64 " must not be shared and is the answer of %u calls",
                  client, serial, s->shown);
    if (want->ask.of_head) { /* whatever happens, what an array says about the head comes from one endpoint */
        sim_check(w, q->from == 0 || q->from == s->node + 1,
                  "client %u: an array about the head answered by node%u and node%u", client, q->from - 1, s->node);
        q->from = s->node + 1;
    }
    if (want->ask.of_pending || want->ask.of_head)
        sim_check(w, s->left_us >= q->fence_us,
                  "client %u: its own transaction came after the request that it got the answer of", client);
    if (want->ask.of_head && want->announced)
        sim_check(w, s->left_us >= want->told_us,
                  "client %u: its request left at %" PRIu64 " us, before head %" PRIu64 " was announced", client,
                  s->left_us, want->announced);
}

static bool is_right(struct world *w, unsigned client, const struct post *q, struct want *want, const struct element *e,
                     uint64_t *head, uint64_t *serial)
{
    *head = 0;
    *serial = UINT64_MAX;
    if (want->ask.kind == ASK_FILTER)
        return !e->is_error && filter_judge_made(w, client, q->chain, q->scope, &want->ask, e->payload);
    if (want->ask.kind == ASK_POLL)
        return !e->is_error && filter_judge_poll(w, client, q->chain, q->scope, &want->ask, e->payload, head, serial);
    return ask_check(q->chain, &want->ask, e->is_error, e->payload, head, serial);
}

static void judge_call(struct world *w, unsigned client, struct post *q, struct want *want, const struct element *e,
                       unsigned status, bool slow)
{
    uint64_t head, serial;

    w->answers++;
    sim_check(w, slice_eq(e->id, slice_str(want->id)), "client %u: an answer with id %.*s where %s was asked", client,
              (int)e->id.n, e->id.p, want->id);
    if (want->invalid) {
        sim_check(w, e->is_error && has(e->payload, "\"code\":-32600,"), "client %u: not -32600 for an invalid request",
                  client);
        return;
    }
    if (is_right(w, client, q, want, e, &head, &serial)) {
        sim_check(w, status == 200, "client %u: status %u with a result", client, status);
        w->results++;
        judge_provenance(w, client, q, want, head, serial);
        return;
    }
    sim_check(w, want->ask.kind != ASK_WRITE || !want->ask.named || !has(e->payload, "already known"),
              "client %u: an error says that its transaction is there already", client);
    sim_check(w, is_excuse(w, q, want, e, slow), "client %u, id %s: not the answer of its question%s: %s%.*s", client,
              want->id, want->calm ? " (in calm weather)" : "", e->is_error ? "error " : "",
              (int)(e->payload.n < 300 ? e->payload.n : 300), e->payload.p);
    if (!q->array && !q->named)
        excuse_judge(w, client, q->chain, want, e->is_error, e->payload);
}

static void judge_whole(struct world *w, unsigned client, const struct post *q, struct slice body)
{
    struct jtok t;
    struct element e;

    jtok_init(&t, body, 64);
    read_element(w, client, &t, &e);
    sim_check(w,
              jtok_finish(&t) == 0 && e.is_error && slice_eq(e.id, SLICE("null")) &&
                  has(e.payload, q->whole == WHOLE_NOT_JSON ? "\"code\":-32700," : "\"code\":-32600,"),
              "client %u: not the error of a refused body: %.*s", client, (int)body.n, body.p);
}

/* The head that an array was told is one that the endpoint of its other answers has told. */
static void judge_heads(struct world *w, unsigned client, const struct post *q)
{
    for (unsigned i = 0; q->from && i < q->n; i++)
        sim_check(w,
                  !q->v[i].head || stray_is_wrong(q->chain, q->v[i].head) || w->nodes[q->from - 1]->told[q->v[i].head],
                  "client %u: an array about the head of node%u, which never told head %" PRIu64, client, q->from - 1,
                  q->v[i].head);
}

void judge_response(struct world *w, unsigned client, struct post *q, const struct h1_response *res, struct slice head,
                    bool slow)
{
    struct slice body = res->body;
    struct jtok t;
    struct element e;

    sim_trace(w, "client %u gets %u: %.*s", client, res->status, (int)(body.n < 400 ? body.n : 400), body.p);
    sim_check(w, res->status == 200 || (res->status == 429 && !q->array), "client %u: status %u", client, res->status);
    if (q->whole) {
        judge_whole(w, client, q, body);
        judge_explained(w, client, q, head);
        return;
    }
    if (q->n == 0) {
        sim_check(w, body.n == 0, "client %u: a notification was answered", client);
        judge_explained(w, client, q, head);
        return;
    }
    jtok_init(&t, body, 64);
    if (!q->array) {
        read_element(w, client, &t, &e);
        judge_call(w, client, q, &q->v[0], &e, res->status, slow);
    } else {
        unsigned i = 0;

        sim_check(w, jtok_array(&t) == 0, "client %u: no array for an array", client);
        while (jtok_element(&t) == 0) {
            sim_check(w, i < q->n, "client %u: more than %u answers", client, q->n);
            read_element(w, client, &t, &e);
            judge_call(w, client, q, &q->v[i++], &e, res->status, slow);
        }
        sim_check(w, i == q->n, "client %u: %u answers for %u calls", client, i, q->n);
        judge_heads(w, client, q);
    }
    sim_check(w, jtok_finish(&t) == 0, "client %u: not JSON", client);
    judge_explained(w, client, q, head);
}
