#include "sim_node.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gateway/auth.h"
#include "gateway/chain.h"
#include "gateway/worker.h"
#include "sim_archive.h"
#include "sim_ask.h"
#include "sim_attempt.h"
#include "sim_fault.h"
#include "sim_filter.h"
#include "sim_loop.h"
#include "sim_run.h"
#include "json/jtok.h"

enum { CALLS_MAX = 1024, OUT_MAX = 64 << 20 };

/* A connection carries one request at a time: the next may only come when the answer to the last has left. */
struct node_conn {
    struct list node;
    struct node *n;
    struct sim_conn *c;
    struct h1_server *http;
    struct sim_event act; /* the answer is due, or the idle connection is closed */
    struct buf out;
    unsigned calls;        /* under way */
    unsigned token;        /* that its requests carried */
    unsigned scope;        /* of the request under way */
    unsigned carried;      /* requests */
    uint64_t *ids;         /* of the last one's calls */
    uint64_t first_serial; /* likewise */
    enum fault fault;
    bool busy, close_after;
    bool split;    /* what was asked together may be asked again singly */
    bool surplus;  /* bytes were sent that nobody asked for */
    bool doubtful; /* it got an answer that was not its own, or was told of the close: no more requests may come */
};

struct node *node_at(struct world *w, unsigned port)
{
    return port >= NODE_PORT && port - NODE_PORT < w->n_nodes ? w->nodes[port - NODE_PORT] : NULL;
}

bool node_is_down(const struct node *n)
{
    return n->down || n->spell.kind == SPELL_DEAD;
}

/* -- what the gateway sends */

/* The number of the token in the head of a request; 0: none, or it is cut off. */
static unsigned token_of(struct slice bytes)
{
    static const char field[] = "\r\nAuthorization: Bearer " NODE_TOKEN;
    const char *p = bytes.n ? memmem(bytes.p, bytes.n, field, sizeof field - 1) : NULL;
    const char *end = p ? memchr(p + sizeof field, '\r', bytes.n - (size_t)(p + sizeof field - bytes.p)) : NULL;

    return end ? (unsigned)strtoul(p + sizeof field - 1, NULL, 10) : 0;
}

void node_departure(struct node *n, struct slice bytes)
{
    unsigned token = token_of(bytes);
    size_t at = 0;
    uint64_t i;

    limit_departure(n, bytes);
    sim_check(n->w,
              !n->keyed || token || bytes.n < 5 || memcmp(bytes.p, "POST ", 5) != 0 ||
                  !memmem(bytes.p, bytes.n, "\r\n\r\n", 4),
              "a request without a credential leaves for %s", n->name);
    sim_check(n->w, !token || (token >= n->left && token == n->issued),
              "token %u leaves for %s after %u, and %u is there", token, n->name, n->left, n->issued);
    if (token)
        n->left = token;

    while ((i = ask_find_write(bytes, &at)) != UINT64_MAX) {
        sim_check(n->w, i < n->w->n_writes, "a transaction that nobody sent leaves for %s", n->name);
        sim_check(n->w, ++n->w->writes[i].left[n->index] <= n->w->writes[i].asked,
                  "transaction %" PRIu64 " leaves for %s once too often", i, n->name);
    }
}

static uint64_t node_head(const struct node *n)
{
    uint64_t head = n->chain->head;

    if (n->stray.kind)
        return stray_head(n, head);

    return head - n->lag >= n->chain->first_head && n->lag < head ? head - n->lag : n->chain->first_head;
}

/* The transaction may have come here another way, and a node that has seen it mined may say so in more than one way. */
static void take_write(struct node_conn *k, struct ask *a)
{
    struct node *n = k->n;
    struct world *w = n->w;
    struct sim_write *t = &w->writes[a->write];

    sim_check(w, k->scope == SIM_NO_SCOPE || t->scopes >> k->scope & 1,
              "%s got transaction %" PRIu64 " with the credential of a client that did not send it", n->name, a->write);
    if (t->taken_us && a->named && sim_chance(w, 250))
        a->news = weather_is_calm(w) || sim_chance(w, 600) ? ASK_KNOWN : ASK_NONCE;
    if (!t->taken_us)
        t->taken_us = w->now_us;
    sim_check(w, ++t->arrived[n->index] <= t->asked, "transaction %" PRIu64 " reached %s once too often", a->write,
              n->name);
}

/* Nobody but the gateway looks a transaction up, and only one that a client sent. */
static void take_lookup(struct node *n, struct ask *a)
{
    struct world *w = n->w;
    unsigned i = 0;

    while (i < w->n_writes && memcmp(w->writes[i].sum, a->sum, sizeof a->sum) != 0)
        i++;
    sim_check(w, i < w->n_writes, "%s: a transaction is looked up that nobody sent", n->name);
    a->found = w->writes[i].taken_us && (w->writes[i].arrived[n->index] || sim_chance(w, 500));
}

static void served(struct node_conn *k, struct ask *a, uint64_t head)
{
    struct world *w = k->n->w;

    sim_check(w, w->n_served < SIM_SERVED_MAX, "the gateway asks endlessly");
    w->served[w->n_served] = (struct sim_served){.hash = a->hash,
                                                 .at_us = w->now_us,
                                                 .conn = k->c,
                                                 .left_us = k->c->written_us,
                                                 .head = head,
                                                 .node = k->n->index,
                                                 .scope = k->scope};
    if (a->of_head && head < SIM_HEADS_MAX && !k->n->chain->told_us[head]) /* many answers give it away */
        k->n->chain->told_us[head] = w->now_us;
    if (a->kind == ASK_HEAD && head < SIM_HEADS_MAX)
        k->n->told[head] = true;
    if (a->kind == ASK_FILTER || a->kind == ASK_UNKNOWN) {
        struct sim_count *q = sim_run_count(w, a->hash);

        sim_check(w, ++q->served <= q->asked,
                  "%s: a question of a kind that must not be repeated was asked %u times, and sent %u times",
                  k->n->name, q->asked, q->served);
    }
    if (a->kind == ASK_FILTER)
        filter_make(k->n, a);
    if (a->kind == ASK_POLL) {
        filter_poll(k->n, a);
        w->served[w->n_served].hash = filter_hash(a->node, a->own);
    }
    if (a->kind == ASK_LOOKUP)
        take_lookup(k->n, a);
    if (a->kind != ASK_WRITE)
        return;
    sim_check(w, a->write < w->n_writes, "%s got a transaction that nobody sent", k->n->name);
    take_write(k, a);
}

/* One request object: exactly jsonrpc, id, method and params, the id an integer.  Appends its answer. */
static void take_call(struct node_conn *k, struct jtok *t, struct fault_element *e)
{
    struct node *n = k->n;
    struct world *w = n->w;
    struct jval key, v;
    struct slice params = SLICE("");
    char method[128];
    size_t method_n = 0;
    unsigned seen = 0;
    uint64_t head = node_head(n);

    *e = (struct fault_element){0};
    sim_check(w, jtok_object(t) == 0, "%s: a request that is no object", n->name);
    while (jtok_member(t, &key) == 0) {
        unsigned bit = 0;

        sim_check(w, jtok_value(t, &v) == 0, "%s: a request that is not JSON", n->name);
        if (jtok_text_eq(&key, SLICE("jsonrpc")) && slice_eq(v.raw, SLICE("\"2.0\""))) {
            bit = 1;
        } else if (jtok_text_eq(&key, SLICE("id")) && v.type == J_NUMBER && v.raw.n < 20 &&
                   !memchr(v.raw.p, '.', v.raw.n) && !memchr(v.raw.p, 'e', v.raw.n) && v.raw.p[0] != '-') {
            bit = 2;
            memcpy(e->id, v.raw.p, v.raw.n);
        } else if (jtok_text_eq(&key, SLICE("method")) && v.type == J_STRING) {
            bit = 4;
            method_n = jtok_text(&v, method, sizeof method);
        } else if (jtok_text_eq(&key, SLICE("params")) && (v.type == J_ARRAY || v.type == J_OBJECT)) {
            bit = 8;
            params = v.raw;
        }
        sim_check(w, bit && !(seen & bit), "%s: member %.*s of a request is not one of the four, or twice", n->name,
                  (int)key.raw.n, key.raw.p);
        seen |= bit;
    }
    sim_check(w, seen == 15 && !t->error, "%s: a request without all of jsonrpc, id, method, params", n->name);
    ask_parse(n->chain, slice_of(method, method_n), params, &e->ask);
    e->ask.node = n->index;
    e->ask.own = ask_own_id(params);
    e->ask.foreign = n->foreign;
    e->ask.unreplayed = n->unreplayed;
    e->number = strtoull(e->id, NULL, 10);
    e->method_bit = weather_method_bit(slice_of(method, method_n));
    e->limited = n->spell.kind == SPELL_PICKY && (n->spell.method_bit & e->method_bit);
    sim_check(w, !n->foreign || e->ask.kind == ASK_CHAIN_ID, "%s is on another chain, and is asked %.*s", n->name,
              (int)method_n, method);
    attempt_arrived(n, e->number, &e->ask);
    stray_asked(n, &e->ask, e->number, head);
    served(k, &e->ask, head);
    e->head = head;
    e->serial = w->n_served++;
    archive_asked(n, e);
    sim_trace(w, "%s: id %s %.*s #%" PRIu64 " head %" PRIu64, n->name, e->id, (int)method_n, method, e->serial, head);
}

static void check_ids(struct node_conn *k, const struct fault_element *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < i; j++)
            sim_check(k->n->w, strcmp(v[i].id, v[j].id) != 0, "%s: id %s twice in one request", k->n->name, v[i].id);
}

static unsigned take_body(struct node_conn *k, struct slice body, struct fault_element *v, bool *array)
{
    struct world *w = k->n->w;
    struct jtok t;
    enum jtype type;
    unsigned n = 0;

    jtok_init(&t, body, 64);
    sim_check(w, jtok_peek(&t, &type) == 0, "%s: a body that is not JSON", k->n->name);
    *array = type == J_ARRAY;
    if (!*array) {
        take_call(k, &t, &v[n++]);
    } else {
        sim_check(w, jtok_array(&t) == 0, "%s: a broken array", k->n->name);
        while (jtok_element(&t) == 0) {
            sim_check(w, n < CALLS_MAX, "%s: a batch of more than %u calls", k->n->name, CALLS_MAX);
            take_call(k, &t, &v[n++]);
        }
        sim_check(w, n > 1, "%s: an array of %u calls", k->n->name, n);
    }
    sim_check(w, jtok_finish(&t) == 0, "%s: a broken body", k->n->name);
    check_ids(k, v, n);
    return n;
}

/* Whose credential a request carries. */
static unsigned scope_of(const struct node *n, const struct h1_request *q)
{
    static const char ours[] = "Bearer " NODE_TOKEN, theirs[] = "Bearer " NODE_SCOPE;
    struct slice a = q->authorization;
    unsigned scope;

    sim_check(n->w, q->authorizations <= 1, "%s: two credentials in one request", n->name);
    if (!n->forwards) {
        sim_check(n->w, !a.p || slice_starts(a, slice_str(ours)), "%s gets a client's credential", n->name);
        return SIM_NO_SCOPE;
    }
    if (!a.p)
        return 0;
    sim_check(n->w, slice_starts(a, slice_str(theirs)) && a.n == sizeof theirs, "%s: not a client's credential",
              n->name);
    scope = (unsigned)(a.p[a.n - 1] - '0');
    sim_check(n->w, scope > 0 && scope < SIM_SCOPES, "%s: nobody's credential", n->name);
    return scope;
}

/* The token is no good any more.  Only what may be asked again is refused: a transaction would fail rightly. */
static bool refuses(const struct node_conn *k, const struct fault_element *v)
{
    const struct node *n = k->n;

    if (!n->keyed || k->token > n->revoked)
        return false;
    for (unsigned i = 0; i < k->calls; i++)
        if (!ask_shareable(v[i].ask.kind) && v[i].ask.kind != ASK_LOOKUP && v[i].ask.kind != ASK_FINALIZED &&
            v[i].ask.kind != ASK_SYNC && v[i].ask.kind != ASK_SHREDS)
            return false;
    return true;
}

static void on_act(struct sim_event *e);

static void take_request(struct node_conn *k, const struct h1_request *q)
{
    static struct fault_element v[CALLS_MAX];
    struct node *n = k->n;
    struct world *w = n->w;
    bool array;
    uint64_t in_us, method_bits = 0;

    sim_check(w, !k->busy, "%s: a second request before the answer to the first", n->name);
    sim_check(w, !k->doubtful, "%s: a request on a connection that must not be used again", n->name);
    sim_check(w, q->method == H1_POST && q->keep_alive, "%s: not a POST that keeps the connection", n->name);
    k->scope = scope_of(n, q);
    k->carried++;
    k->first_serial = w->n_served;
    k->calls = take_body(k, q->body, v, &array);
    k->ids = mem_grow(k->ids, k->calls * sizeof *k->ids);
    for (unsigned i = 0; i < k->calls; i++) {
        k->ids[i] = v[i].number;
        method_bits |= v[i].method_bit;
    }
    n->n_inflight += k->calls;
    k->busy = true;
    k->fault = weather_fault(n, k->calls, method_bits, array);
    if (!limit_takes(n, k->calls)) {
        static const enum fault refusals[] = {FAULT_HTTP_429, FAULT_HTTP_429_RPC, FAULT_ELEMENT_429};

        k->fault = refusals[sim_rnd(w, 3)];
    }
    k->split = array && k->fault;
    buf_clear(&k->out);
    if (refuses(k, v)) {
        k->fault = FAULT_NONE;
        sim_trace(w, "%s: token %u is no good any more", n->name, k->token);
        buf_str(&k->out, "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nold");
        sim_soon(w, &k->act, sim_delay_us(w, n->mean_us));
        return;
    }
    k->close_after = sim_chance(w, 20);
    in_us = sim_delay_us(w, n->mean_us) * (n->spell.kind == SPELL_SLOW ? n->spell.factor : 1);
    if (k->fault == FAULT_SILENT)
        in_us = 3600 * UINT64_C(1000000);
    if (k->fault == FAULT_LATE)
        in_us += w->p.call_timeout_ms * UINT64_C(900) + sim_rnd(w, w->p.call_timeout_ms * UINT64_C(400));
    if (k->fault)
        sim_trace(w, "%s: will answer with %s", n->name, fault_name(k->fault));
    fault_response(w, n->chain, k->fault, v, k->calls, array, k->close_after, &k->out);
    k->surplus |= k->fault == FAULT_SURPLUS;
    k->doubtful = fault_ends(k->fault) || k->close_after;
    if (k->fault == FAULT_RESET_BEFORE || k->fault == FAULT_FIN_BEFORE)
        in_us /= 4;
    if (w->p.unknown_retried && k->fault && !fault_ends(k->fault))
        for (unsigned i = 0; i < k->calls; i++)
            if (v[i].ask.kind == ASK_UNKNOWN) /* it may have been told that it was refused */
                sim_run_count(w, v[i].ask.hash)->asked++;
    sim_soon(w, &k->act, in_us);
}

/* Its last request is answered, or never will be. */
static void tell_ended(struct node_conn *k, bool answered)
{
    bool lost = !answered || fault_ends(k->fault);

    for (unsigned i = 0; i < k->calls; i++) {
        attempt_ended(k->n, k->ids[i], k->split || (lost && k->carried > 1));
        k->n->w->served[k->first_serial + i].written = answered && !lost;
        k->n->w->served[k->first_serial + i].batched = k->calls > 1;
    }
}

static void conn_over(struct node_conn *k)
{
    sim_cancel(k->n->w, &k->act);
    if (k->busy)
        k->n->n_inflight -= k->calls;
    free(k->ids);
    h1_server_free(k->http);
    buf_deinit(&k->out);
    list_remove(&k->node);
    free(k);
}

static void on_bytes(void *owner)
{
    struct node_conn *k = owner;
    struct slice s = conn_peek(k->c);
    unsigned token = token_of(s);
    size_t at = 0, used;

    sim_check(k->n->w, !token || !k->token || token == k->token, "%s: token %u on a connection that carried %u",
              k->n->name, token, k->token);
    if (token)
        k->token = token;
    while (at < s.n) {
        enum h1_server_event ev = h1_server_feed(k->http, s.p + at, s.n - at, &used);

        at += used;
        if (ev == H1_SERVER_REQUEST && k->busy && k->surplus) { /* its own bytes passed for the answer */
            conn_reset(k->c);
            conn_over(k);
            return;
        }
        if (ev == H1_SERVER_REQUEST) {
            take_request(k, h1_server_request(k->http));
            h1_server_next(k->http);
        }
        sim_check(k->n->w, ev != H1_SERVER_BAD, "%s: bad HTTP: %s", k->n->name, h1_server_bad_reason(k->http));
    }
    conn_take(k->c, s.n);
}

static void on_end(void *owner, bool reset)
{
    struct node_conn *k = owner;

    (void)reset;
    conn_close(k->c);
    conn_over(k);
}

static const struct sim_peer_ops ops = {on_bytes, on_end};

static void arm_idle(struct node_conn *k)
{
    if (k->n->closes_idle)
        sim_soon(k->n->w, &k->act, sim_delay_us(k->n->w, 50000));
}

static void on_act(struct sim_event *e)
{
    struct node_conn *k = container_of(e, struct node_conn, act);
    struct world *w = k->n->w;

    if (!k->busy) {
        sim_trace(w, "%s: closes an idle connection", k->n->name);
        if (sim_chance(w, 200))
            conn_write(k->c, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 71);
        if (sim_chance(w, 300))
            conn_reset(k->c);
        else
            conn_close(k->c);
        conn_over(k);
        return;
    }
    conn_write(k->c, k->out.p, k->out.n);
    buf_clear(&k->out);
    tell_ended(k, true);
    k->n->n_inflight -= k->calls;
    k->busy = false;
    if (fault_resets(k->fault))
        conn_reset(k->c);
    else if (fault_closes(k->fault) || k->close_after)
        conn_close(k->c);
    else {
        arm_idle(k);
        return;
    }
    conn_over(k);
}

struct stream *node_accept(struct node *n)
{
    struct node_conn *k = mem_zero(sizeof *k);

    k->n = n;
    k->c = conn_new(n->w, n, &ops, k);
    k->http = h1_server_new(&n->http);
    k->act.fire = on_act;
    buf_init(&k->out, OUT_MAX);
    list_push(&n->conns, &k->node);
    arm_idle(k);
    return k->c->gateway;
}

void node_drop_conns(struct node *n, unsigned permille)
{
    list_each_safe (it, nx, &n->conns) {
        struct node_conn *k = container_of(it, struct node_conn, node);

        if (!sim_chance(n->w, permille))
            continue;
        if (k->busy)
            tell_ended(k, false);
        conn_reset(k->c);
        conn_over(k);
    }
}

static void on_mood(struct sim_event *e)
{
    struct node *n = container_of(e, struct node, mood);
    struct world *w = n->w;

    if (w->p.lag)
        n->lag = (unsigned)sim_rnd(w, 4);
    if (!w->p.calm && !w->p.weather && sim_chance(w, n->down ? 600 : 100)) {
        n->down = !n->down;
        sim_trace(w, "%s is %s", n->name, n->down ? "down" : "up");
        if (n->down)
            filter_lose(n);
        if (n->down)
            node_drop_conns(n, 700);
    }
    sim_soon(w, &n->mood, sim_delay_us(w, n->down ? 60000 : 20000));
}

static void on_moves(struct sim_event *e)
{
    struct node *n = container_of(e, struct node, moves);

    sim_trace(n->w, "%s is on the right chain now", n->name);
    n->foreign = false;
}

void node_make_foreign(struct node *n)
{
    struct world *w = n->w;

    n->foreign = true;
    weather_node_deinit(n);
    n->fault_permille = 0; /* -32601 for an answer would let it pass, and rightly so */
    n->moves.fire = on_moves;
    if (sim_chance(w, 500))
        sim_soon(w, &n->moves, sim_delay_us(w, 30000));
}

static void on_rotation(struct sim_event *e)
{
    struct node *n = container_of(e, struct node, rotation);
    struct world *w = n->w;

    if (w->ending)
        return;
    for (size_t i = 0; i < w->gateway->n_chains; i++)
        for (unsigned k = 0; k < w->gateway->chains[i]->n_upstreams; k++) {
            struct upstream *u = w->gateway->chains[i]->upstreams[k];

            if (u->target.port == NODE_PORT + n->index) {
                sim_loop_touch(w->loop);
                if (sim_chance(w, 300)) /* the gateway is told, but has the next one only when the program has ended */
                    n->revoked = n->issued;
                auth_look(u->auth);
            }
        }
    sim_soon(w, &n->rotation, sim_delay_us(w, w->p.weather && !weather_is_rough(w) ? 1000000 : 20000));
}

static void on_grace(struct sim_event *e)
{
    struct node *n = container_of(e, struct node, grace);

    if (n->revoked < n->revokes)
        n->revoked = n->revokes;
}

void node_issued(struct node *n)
{
    n->revokes = n->issued - 1;
    n->grace.fire = on_grace;
    sim_soon(n->w, &n->grace, sim_chance(n->w, 500) ? 0 : sim_delay_us(n->w, 2000));
}

void node_rotate(struct node *n)
{
    n->rotation.fire = on_rotation;
    sim_soon(n->w, &n->rotation, sim_delay_us(n->w, 20000));
}

struct node *node_new(struct world *w, struct sim_chain *chain, unsigned index, bool sound)
{
    static const unsigned means_us[] = {200, 500, 2000, 8000};
    struct node *n = mem_zero(sizeof *n);

    n->w = w;
    n->chain = chain;
    n->index = index;
    snprintf(n->name, sizeof n->name, "node%u", index);
    n->mean_us = means_us[sim_rnd(w, 4)];
    n->unreplayed = sim_chance(w, 250) ? NODE_UNREPLAYED_FAR : (unsigned)sim_rnd(w, 4);
    n->closes_idle = !w->p.calm && !w->p.weather && sim_chance(w, 300);
    n->fault_permille = w->p.calm || w->p.weather ? 0 : w->p.fault_permille;
    n->http = (struct h1_server_conf){
        .max_body_bytes = 16 << 20, .max_head_bytes = 16384, .max_fields = 100, .max_target_bytes = 1000};
    list_init(&n->conns);
    weather_node_init(n);
    stray_node_init(n, sound);
    n->mood.fire = on_mood;
    if ((!w->p.calm && sim_chance(w, 400)) || w->p.lag)
        sim_soon(w, &n->mood, sim_delay_us(w, 10000));
    return n;
}

void node_free(struct node *n)
{
    while (!list_empty(&n->conns))
        conn_over(container_of(n->conns.next, struct node_conn, node));
    sim_check(n->w, n->n_inflight == 0, "the simulated %s lost count", n->name);
    weather_node_deinit(n);
    stray_node_deinit(n);
    sim_cancel(n->w, &n->mood);
    sim_cancel(n->w, &n->moves);
    sim_cancel(n->w, &n->rotation);
    sim_cancel(n->w, &n->grace);
    free(n);
}
