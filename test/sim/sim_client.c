#include "sim_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gateway/session.h"
#include "http/h1_client.h"
#include "sim_ask.h"
#include "sim_conn.h"
#include "sim_judge.h"
#include "sim_loop.h"
#include "sim_node.h"
#include "sim_stray.h"
#include "sim_weather.h"

enum { BODY_MAX = 64 << 20, HEAD_MAX = 8192, PATIENCE_MS = 60000 };

enum manner {
    MANNER_PLAIN,
    MANNER_SLOW,    /* reads a little at a time */
    MANNER_DEAF,    /* reads nothing: it will be cut off */
    MANNER_QUITTER, /* leaves while calls are under way */
    MANNER_HALF,    /* ends its side, and waits for the answers */
    MANNER_STALLER, /* stops inside a request */
    MANNER_REFUSED, /* the gateway has no place for it */
    MANNERS,
    MANNER_ASKER = MANNERS, /* asks from the end of bad weather until all is well again */
    MANNER_LATE             /* plain, but comes only then */
};

static const char *const manner_names[] = {"plain",    "slow",    "deaf",   "quitter", "half-closing",
                                           "stalling", "refused", "asking", "late"};

enum client_state { CLIENT_AWAY, CLIENT_OPEN, CLIENT_DONE };

struct client {
    struct world *w;
    unsigned index;
    enum manner manner;
    enum client_state state;
    struct sim_conn *c;
    struct h1_client_conf conf;
    struct h1_client *http;
    struct sim_chain *chain;
    struct list posts; /* struct post, oldest first */
    unsigned n_posts, posts_left, depth;
    uint64_t think_us;
    unsigned scope;    /* its own credential; 0: none */
    uint64_t fence_us; /* see struct post */
    struct seen seen;
    struct seen seen_alone; /* of these, by single calls that name no endpoint */
    struct sim_event act, read, patience;
    struct buf body; /* of the request being made */
    struct buf head; /* of the response being read, and perhaps what follows it */
};

static void done(struct client *cl)
{
    struct world *w = cl->w;

    if (cl->state == CLIENT_DONE)
        return;
    cl->state = CLIENT_DONE;
    w->n_clients_done++;
    sim_cancel(w, &cl->act);
    sim_cancel(w, &cl->read);
    sim_cancel(w, &cl->patience);
    sim_trace(w, "client %u is done", cl->index);
}

/* -- answers */

static bool may_be_cut(const struct client *cl)
{
    return cl->w->ending || cl->manner == MANNER_DEAF || cl->manner == MANNER_STALLER || cl->manner == MANNER_REFUSED;
}

static struct slice head_of(const struct client *cl)
{
    const char *end = memmem(cl->head.p, cl->head.n, "\r\n\r\n", 4);

    return slice_of(cl->head.p, end ? (size_t)(end - cl->head.p) : cl->head.n);
}

/* Keeps the beginning of a response. */
static void note_head(struct client *cl, const char *p, size_t n)
{
    size_t room = HEAD_MAX - cl->head.n;

    buf_append(&cl->head, p, n < room ? n : room);
}

static bool is_news(const struct world *w, const struct sim_chain *c, const struct seen *seen, const struct post *q)
{
    return q->told > seen->number || (q->told && stray_may_go_back(w, c, seen->number, seen->asked_us));
}

/* false: no more are read. */
static bool take_response(struct client *cl)
{
    const struct h1_response *res = h1_client_response(cl->http);
    struct world *w = cl->w;
    struct post *q;

    if (cl->manner == MANNER_REFUSED || (cl->manner == MANNER_STALLER && cl->n_posts == 0)) {
        sim_check(w, res->status == 503 || res->status == 408, "client %u: status %u", cl->index, res->status);
        return false;
    }
    sim_check(w, cl->n_posts > 0, "client %u: an answer that it did not ask for", cl->index);
    q = container_of(list_pop(&cl->posts), struct post, node);
    cl->n_posts--;
    if (!q->array && !q->named && cl->seen_alone.number > q->seen) { /* since then, by requests before this one */
        q->seen = cl->seen_alone.number;
        q->seen_us = cl->seen_alone.asked_us;
    }
    judge_response(w, cl->index, q, res, head_of(cl), cl->manner == MANNER_SLOW);
    if (!q->array && !q->named && is_news(w, cl->chain, &cl->seen_alone, q))
        cl->seen_alone = (struct seen){q->told, q->asked_us};
    if (q->fence_us > cl->fence_us)
        cl->fence_us = q->fence_us;
    if (is_news(w, cl->chain, &cl->seen, q))
        cl->seen = (struct seen){q->told, q->asked_us};
    post_free(q);
    if (!res->keep_alive) {
        sim_check(w, cl->n_posts == 0 || may_be_cut(cl), "client %u: Connection: close with %u requests unanswered",
                  cl->index, cl->n_posts);
        return false;
    }
    return true;
}

static void settle(struct client *cl)
{
    if (cl->n_posts)
        sim_soon(cl->w, &cl->patience, (PATIENCE_MS + cl->w->p.call_timeout_ms * (uint64_t)(cl->depth + 2)) * 1000);
    else
        sim_cancel(cl->w, &cl->patience);
    if (!heap_linked(&cl->act.node))
        sim_soon(cl->w, &cl->act, sim_delay_us(cl->w, cl->think_us));
}

static void take_bytes(struct client *cl, size_t max)
{
    struct slice s = conn_peek(cl->c);
    size_t at = 0, n = s.n < max ? s.n : max, used;
    bool go_on = true;

    while (at < n && go_on) {
        enum h1_client_event ev;

        ev = h1_client_feed(cl->http, s.p + at, n - at, &used);
        note_head(cl, s.p + at, used);
        at += used;
        sim_check(cl->w, ev != H1_CLIENT_BAD, "client %u: bad HTTP: %s", cl->index, h1_client_bad_text(cl->http));
        if (ev != H1_CLIENT_RESPONSE)
            break;
        go_on = take_response(cl);
        h1_client_start(cl->http);
        buf_clear(&cl->head);
    }
    conn_take(cl->c, n);
    if (go_on) {
        settle(cl);
        return;
    }
    conn_close(cl->c);
    done(cl);
}

static void on_bytes(void *owner)
{
    struct client *cl = owner;

    if (cl->manner == MANNER_DEAF)
        return;
    if (cl->manner != MANNER_SLOW)
        take_bytes(cl, SIZE_MAX);
    else if (!heap_linked(&cl->read.node))
        sim_soon(cl->w, &cl->read, sim_delay_us(cl->w, 1000));
}

static void on_read(struct sim_event *e)
{
    struct client *cl = container_of(e, struct client, read);

    take_bytes(cl, 1 + sim_rnd(cl->w, 20000));
    if (cl->state == CLIENT_OPEN && conn_peek(cl->c).n)
        sim_soon(cl->w, &cl->read, sim_delay_us(cl->w, 1000));
}

static void on_end(void *owner, bool reset)
{
    struct client *cl = owner;

    if (cl->state == CLIENT_DONE)
        return;
    if (cl->manner == MANNER_SLOW && conn_peek(cl->c).n)
        take_bytes(cl, SIZE_MAX); /* what has arrived can be read after the end */
    if (cl->state == CLIENT_DONE)
        return;
    sim_check(cl->w, cl->n_posts == 0 || may_be_cut(cl), "client %u (%s): cut off (%s) with %u requests unanswered",
              cl->index, manner_names[cl->manner], reset ? "reset" : "closed", cl->n_posts);
    conn_close(cl->c);
    done(cl);
}

static const struct sim_peer_ops ops = {on_bytes, on_end};

static void on_patience(struct sim_event *e)
{
    struct client *cl = container_of(e, struct client, patience);

    if (cl->manner == MANNER_DEAF && cl->state == CLIENT_OPEN) {
        sim_check(cl->w, conn_peek(cl->c).n > 0, "client %u: not one byte of an answer for its %u requests", cl->index,
                  cl->n_posts);
        conn_reset(cl->c);
        done(cl);
        return;
    }
    sim_fail(cl->w, "client %u (%s): %u requests wait without end", cl->index, manner_names[cl->manner], cl->n_posts);
}

/* -- requests */

static void send_post(struct client *cl)
{
    struct world *w = cl->w;
    struct post *q = (cl->manner == MANNER_ASKER ? post_draw_plain : post_draw)(w, cl->chain, cl->scope, cl->fence_us,
                                                                                cl->seen, &cl->body);
    char head[512], own[64] = "", named[64] = "";
    size_t part = cl->body.n;
    int n;

    if (cl->scope)
        snprintf(own, sizeof own, "Authorization: Bearer " NODE_SCOPE "%u\r\n", cl->scope);
    if (q->named)
        snprintf(named, sizeof named, "X-Millrace-Endpoint: %s\r\n", w->nodes[q->named - 1]->name);
    n = snprintf(
        head, sizeof head,
        "POST /%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s%s%s\r\n",
        cl->chain == &w->chains[0] && sim_chance(w, 500) ? "" : cl->chain->name, cl->body.n,
        q->explain ? "X-Millrace-Explain: 1\r\n" : "", own, named);

    if (cl->manner == MANNER_ASKER) {
        cl->posts_left = !weather_is_calm(w) || (w->p.astray && sim_chance(w, 800));
        cl->think_us = weather_patience_us(w);
        w->weather.asks++;
    } else {
        cl->posts_left--;
    }
    sim_trace(w, "client %u asks: %.*s", cl->index, (int)(cl->body.n < 600 ? cl->body.n : 600), cl->body.p);
    conn_write(cl->c, head, (size_t)n);
    if (cl->manner == MANNER_STALLER && (cl->posts_left == 0 || sim_chance(w, 300))) {
        conn_write(cl->c, cl->body.p, sim_rnd(w, cl->body.n));
        cl->posts_left = 0;
        post_free(q); /* it will never be whole */
        return;
    }
    if (sim_chance(w, 200) && part > 1) {
        part = 1 + sim_rnd(w, part - 1);
        conn_write(cl->c, cl->body.p, part);
        conn_write(cl->c, cl->body.p + part, cl->body.n - part);
    } else {
        conn_write(cl->c, cl->body.p, part);
    }
    list_push(&cl->posts, &q->node);
    cl->n_posts++;
    settle(cl);
}

static void on_act(struct sim_event *e)
{
    struct client *cl = container_of(e, struct client, act);
    struct world *w = cl->w;

    if (cl->manner == MANNER_QUITTER && cl->n_posts && sim_chance(w, 250)) {
        sim_trace(w, "client %u leaves with %u requests under way", cl->index, cl->n_posts);
        if (sim_chance(w, 500))
            conn_reset(cl->c);
        else
            conn_close(cl->c);
        done(cl);
        return;
    }
    if (cl->posts_left && cl->n_posts < cl->depth) {
        send_post(cl);
        if (cl->posts_left == 0 && cl->manner == MANNER_HALF)
            conn_shutdown(cl->c);
        if (cl->posts_left && cl->n_posts < cl->depth && !heap_linked(&cl->act.node))
            sim_soon(w, &cl->act, sim_delay_us(w, cl->think_us));
        return;
    }
    if (cl->posts_left == 0 && cl->n_posts == 0 && cl->manner != MANNER_STALLER && cl->manner != MANNER_REFUSED) {
        conn_close(cl->c);
        done(cl);
    }
}

static void on_connect(struct sim_event *e)
{
    struct client *cl = container_of(e, struct client, act);
    struct world *w = cl->w;

    if (w->ending) { /* nobody listens */
        done(cl);
        return;
    }
    if (cl->manner == MANNER_LATE && !weather_is_calm(w)) {
        sim_soon(w, &cl->act, sim_delay_us(w, 200000));
        return;
    }
    cl->c = conn_new(w, NULL, &ops, cl);
    cl->state = CLIENT_OPEN;
    cl->act.fire = on_act;
    h1_client_start(cl->http);
    sim_loop_touch(w->loop);
    sim_trace(w, "client %u (%s) connects", cl->index, manner_names[cl->manner]);
    if (cl->manner == MANNER_REFUSED)
        session_refuse(w->gateway, cl->c->gateway);
    else
        session_open(w->gateway, cl->c->gateway, false);
    sim_soon(w, &cl->act, sim_delay_us(w, 100));
}

struct client *client_new(struct world *w, unsigned index)
{
    static const unsigned shares[MANNERS] = {620, 90, 20, 150, 60, 40, 20};
    static const unsigned thinks_us[] = {5, 100, 1000, 5000};
    struct client *cl = mem_zero(sizeof *cl);
    uint64_t r = sim_rnd(w, 1000);

    if (w->p.swarm && sim_chance(w, 400))
        r = 800; /* a quitter */
    if (w->p.deaf && sim_chance(w, 400))
        r = 715;
    while (r >= shares[cl->manner])
        r -= shares[cl->manner++];
    cl->w = w;
    cl->index = index;
    cl->conf = (struct h1_client_conf){
        .max_body_bytes = BODY_MAX, .max_head_bytes = 8192, .max_fields = 50, .max_informational = 1};
    cl->http = h1_client_new(&cl->conf);
    cl->chain = &w->chains[sim_chance(w, 750) ? 0 : sim_rnd(w, w->n_chains)];
    cl->posts_left = cl->manner == MANNER_REFUSED ? 0 : 1 + (unsigned)sim_rnd(w, w->p.posts);
    cl->depth = sim_chance(w, 600) ? 1 : 2 + (unsigned)sim_rnd(w, 6);
    cl->think_us = thinks_us[sim_rnd(w, 4)];
    if (w->p.deaf && cl->manner == MANNER_DEAF) {
        cl->posts_left = cl->depth = 20;
        cl->think_us = 5;
    }
    cl->scope = w->p.scoped ? (unsigned)sim_rnd(w, SIM_SCOPES) : 0;
    if (index >= w->p.clients) {
        bool asks = index < w->p.clients + w->n_chains;

        cl->manner = asks ? MANNER_ASKER : MANNER_LATE;
        cl->depth = asks ? 1 : cl->depth;
        cl->posts_left = asks ? 1 : cl->posts_left + 1;
        cl->chain = asks ? &w->chains[index - w->p.clients] : cl->chain;
    } else if (w->p.weather) {
        cl->posts_left *= 4;
        cl->think_us *= 10;
    }
    list_init(&cl->posts);
    buf_init(&cl->body, BODY_MAX);
    buf_init(&cl->head, HEAD_MAX);
    cl->act.fire = on_connect;
    cl->read.fire = on_read;
    cl->patience.fire = on_patience;
    if (!w->p.weather)
        sim_soon(w, &cl->act, sim_rnd(w, sim_chance(w, 500) ? 500 : 20000));
    else
        sim_at(w, &cl->act,
               index < w->p.clients                        ? sim_rnd(w, w->weather.fair_us)
               : w->p.astray && cl->manner == MANNER_ASKER ? sim_rnd(w, w->weather.fair_us / 4)
                                                           : w->weather.fair_us);
    return cl;
}

void client_free(struct client *cl)
{
    struct list *n;

    done(cl);
    while ((n = list_pop(&cl->posts)))
        post_free(container_of(n, struct post, node));
    h1_client_free(cl->http);
    buf_deinit(&cl->body);
    buf_deinit(&cl->head);
    free(cl);
}
