#include "gateway/request.h"

#include <stdlib.h>

#include "admin/metrics.h"
#include "admin/probes.h"
#include "admin/status.h"
#include "admin/table.h"
#include "base/mem.h"
#include "base/plant.h"
#include "cache/cache_rule.h"
#include "gateway/access.h"
#include "gateway/access_log.h"
#include "gateway/broadcast_lane.h"
#include "gateway/chain.h"
#include "gateway/choose.h"
#include "gateway/explain.h"
#include "gateway/filter_lane.h"
#include "gateway/keep.h"
#include "gateway/own_answer.h"
#include "gateway/route.h"
#include "gateway/target.h"
#include "gateway/worker.h"
#include "io/stream.h"
#include "rpc/block_ref.h"
#include "rpc/error.h"

enum {
    DISCARD_MAX = 65536, /* a refused body up to this size is read and dropped, so that the connection can be kept */
    PAGE_MAX = 16 * 1024 * 1024, /* of /metrics and /status */
    LARGE_BYTES = 65536,
    RETRY_AFTER_S = 1
};

static const char type_text[] = "text/plain; charset=utf-8";

static void refuse(struct exchange *x, const struct error_detail *d)
{
    struct worker *w = x->session->worker;
    struct buf b;

    buf_init(&b, 4096);
    error_body(&b, CHAIN_EVM, d);
    x->status = fail_get(d->fail)->http;
    x->retry_after_s = x->status == 429 ? RETRY_AFTER_S : 0;
    x->plain = blob_take(&b);
    w->failures[d->fail]++;
    w->stats.http_refused++;
    access_log_refused(x, d->fail);
    session_mark(x->session);
}

static void refuse_request(struct session *s, const struct h1_request *q, const struct target *t, enum fail f,
                           bool keep)
{
    struct exchange *x = exchange_for(s, q);

    if (!keep)
        x->keep_alive = false;
    if (f == FAIL_HTTP_METHOD)
        x->allow = t->kind == TARGET_RPC ? "POST, OPTIONS" : "GET, HEAD";
    if (f == FAIL_FORBIDDEN_ORIGIN) {
        free(x->origin);
        x->origin = NULL;
    }
    refuse(x, &(struct error_detail){.fail = f});
}

bool request_refused_early(struct session *s, const struct h1_request *q)
{
    struct target t;
    enum fail f;

    if (!q->expect_continue && !q->chunked && q->content_length <= DISCARD_MAX)
        return false;
    t = target_find(s->worker, s->admin, q->path);
    f = access_check(&s->worker->access, q, &t);
    if (!f)
        return false;
    refuse_request(s, q, &t, f, false);
    return true;
}

void request_bad(struct session *s, unsigned status, const char *reason)
{
    static const struct {
        unsigned status;
        enum fail fail;
    } by_status[] = {
        {408, FAIL_REQUEST_TIMEOUT}, {413, FAIL_BODY_TOO_LARGE},    {414, FAIL_URL_TOO_LONG}, {417, FAIL_EXPECTATION},
        {429, FAIL_OVERLOADED},      {431, FAIL_HEADERS_TOO_LARGE}, {505, FAIL_HTTP_VERSION},
    };
    struct error_detail d = {.fail = FAIL_BAD_HTTP, .detail = reason};
    struct exchange *x = exchange_new(s);

    for (size_t i = 0; i < sizeof by_status / sizeof by_status[0]; i++)
        if (by_status[i].status == status)
            d.fail = by_status[i].fail;
    refuse(x, &d);
}

/* Must the answer be of the same head as others of its array?  Clients use an array as a unit of consistency: what it
 * says about the head is asked of one endpoint. */
static bool goes_together(const struct chain *chain, const struct flight *f, const struct message_request *q)
{
    uint64_t head = chain->head.number[HEAD_LATEST];
    struct block_ref ref;

    if (f->method->kind != METHOD_READ || f->method->class == CLASS_LOCAL)
        return false;
    block_ref_read(&ref, f->method, chain->conf->family, q->params);
    return head ? block_ref_is_head(&ref, head) : ref.head; /* a number is likelier below a head that is not known */
}

static void make_key(struct worker *w, struct flight *f)
{
    struct chain *chain = f->chain;
    enum method_class class = f->method->class;

    f->fold_hex = chain->conf->family == CHAIN_EVM;
    /* A block that is asked for by its hash or number is null until the node has it: only what never changes, and what
     * is the same for whoever sends it, does not depend on the head. */
    if (class == CLASS_STATIC || class == CLASS_PURE || f->method->kind == METHOD_WRITE)
        flight_table_key(&w->flights, f, 0, 0);
    else
        flight_table_key(&w->flights, f, chain->head.epoch, chain->write_epoch);
}

/* What a call of x about the head may join: what left no earlier than this, in us.  The number itself may be older. */
static uint64_t since(const struct exchange *x, const struct message_request *q)
{
    return x->unit.dated && !unit_asks_number(q->method.raw) ? worker_clock_us(x->session->worker) : 0;
}

/* Finds a flight for f's question that is in the air already, one that u allows unless that is NULL, and that did not
 * leave before since_us.  Else f may be joined by others from now on. */
static struct flight *find_shared(struct worker *w, struct flight *f, const struct call *c, const struct unit *u,
                                  uint64_t since_us)
{
    struct flight *lead = flight_table_find(&w->flights, f);
    bool old = lead && lead->state == FLIGHT_WIRE && lead->sent_us < since_us;

    if (lead && !old && (!u || unit_may_join(u, lead)) && route_may_join(w, lead, f, c->deadline_ms))
        return lead;
    if (lead)
        flight_table_remove(&w->flights, lead);
    flight_table_add(&w->flights, f);
    return NULL;
}

static void answer_here(struct exchange *x, struct call *c, const struct error_detail *d)
{
    struct blob *b = error_blob(x->chain->conf->family, d);

    x->session->worker->failures[d->fail]++;
    access_log_call(x, NULL, NULL, true, b->n, d->fail);
    session_answer(x->session, x, c, true, slice_of(b->p, b->n), b);
}

static enum fail refusal(const struct method *m, const char **why)
{
    switch (m->class) {
    case CLASS_SUBSCRIPTION:
        *why = NULL;
        return FAIL_NO_NOTIFICATIONS;
    case CLASS_SIGN:
        *why = "acts with the keys of an endpoint; `allow` in the chain's `methods` lets it through";
        break;
    case CLASS_ADMIN:
        *why = "governs an endpoint; `allow` in the chain's `methods` lets it through";
        break;
    default:
        *why = "the chain's `methods` do not allow it";
        break;
    }
    return FAIL_METHOD_DENIED;
}

/* c: NULL: a notification. */
static void refuse_call(struct exchange *x, struct call *c, const struct error_detail *d)
{
    if (c)
        answer_here(x, c, d);
    else
        x->session->worker->failures[d->fail]++;
}

static void deny(struct exchange *x, struct call *c, const struct method *m)
{
    struct error_detail d = {0};

    d.fail = refusal(m, &d.detail);
    refuse_call(x, c, &d);
}

/* Answers c from what is kept; then f is freed. */
static bool answer_kept(struct exchange *x, struct call *c, struct flight *f)
{
    struct chunk kept;

    if (!keep_find(f, x->session, &kept))
        return false;
    x->session->worker->stats.calls_cached++;
    access_log_call(x, f, f->upstream, false, kept.s.n, FAIL_NONE);
    if (x->explain)
        x->explain->cache = cache_rule_name((enum cache_rule_kind)f->method->cache);
    session_answer(x->session, x, c, false, kept.s, kept.ref);
    worker_flight_free(x->session->worker, f);
    return true;
}

static const struct method_rule *rule_of(const struct chain *chain, const struct message_request *q)
{
    struct slice name = slice_of(q->method.raw.p + 1, q->method.raw.n - 2);
    char plain[160]; /* longer than any pattern of the configuration */
    size_t n;

    if (q->method.escaped && (n = jtok_text(&q->method, plain, sizeof plain)) != (size_t)-1)
        name = slice_of(plain, n);
    return chain_rule(chain, name);
}

static struct flight *make_flight(const struct exchange *x, const struct message_request *q,
                                  const struct method_rule *rule)
{
    struct worker *w = x->session->worker;
    struct flight *f = worker_flight_new(w);

    flight_init(f, q, rule->m, w->next_id++);
    f->chain = x->chain;
    f->start_us = x->start_us;
    f->born_ms = worker_now_ms(w);
    heads_ask(x->session, f);
    f->heavy = rule->heavy;
    f->retry = rule->retry;
    f->hedge = rule->hedge || planted(PLANT_HEDGE_OF_ANY);
    if (x->asker.scope)
        f->scope = scope_ref(x->asker.scope);
    f->rank = (uint8_t)priority_rank(rule->m, rule->heavy, x->priority);
    if (rule->units_told)
        f->units = rule->units;
    return f;
}

/* A filter is polled where it is, whichever endpoint its client names now. */
static bool names_other(const struct exchange *x, const struct filter_pin *pin, struct error_detail *d)
{
    if (!x->asker.named || x->asker.named == pin->upstream)
        return false;
    d->fail = FAIL_FILTER_NOT_FOUND;
    d->detail = "it is not at the endpoint that the request names";
    d->endpoint = x->asker.named->endpoint.conf->name;
    return true;
}

/* choice: the chain has several endpoints, and x is an array of several calls: what it says of the head is of one. */
static void launch(struct exchange *x, const struct message_request *q, struct call *c, bool choice)
{
    struct worker *w = x->session->worker;
    struct chain *chain = x->chain;
    const struct method_rule *rule = rule_of(chain, q);
    struct flight *f, *lead = NULL;
    struct upstream *with = NULL, *u;
    struct unit *unit = NULL;
    bool moves;            /* of an array, and about the head */
    struct filter_pin pin; /* set where it is needed: it is long */
    bool apart = x->asker.named != NULL;

    if (x->asker.why) {
        refuse_call(x, c, &(struct error_detail){.fail = FAIL_UNKNOWN_ENDPOINT, .detail = x->asker.why});
        return;
    }
    if (!rule->allow) {
        deny(x, c, rule->m);
        return;
    }
    pin.upstream = NULL;
    if (filter_lane_pins(chain, rule->m)) {
        struct error_detail refused = {0};

        if (filter_lane_pin(&pin, chain, q, x->asker.scope, &refused) || names_other(x, &pin, &refused)) {
            refuse_call(x, c, &refused);
            return;
        }
        q = &pin.request;
    }
    if (c && chain_own_answer(chain, rule->m) && !apart && own_answer(x, c, q, rule))
        return;
    f = make_flight(x, q, rule);
    if (pin.upstream && !planted(PLANT_FILTER_UNBOUND)) {
        f->pinned = true;
        f->filter_hi = pin.id.hi;
        f->filter_lo = pin.id.lo;
        with = pin.upstream;
    } else if (apart && !planted(PLANT_NAMED_UNBOUND)) {
        f->pinned = f->by_name = true;
        with = x->asker.named;
    }
    f->deadline_ms = f->born_ms + rule->timeout_ms * (planted(PLANT_DEADLINE_FAR) ? 10000 : 1);
    moves = x->envelope.array && !apart && (choice || chain->conf->cache_head || x->unit.dated) &&
            goes_together(chain, f, q);
    /* What an array says of the head is of one head: then it is not taken from what was kept of another moment. */
    f->keep = c && !apart && rule->cache && chain->cache && !(moves && chain->conf->cache_head) &&
              keep_may(chain, rule->m, q->params);
    if (c && moves && choice) {
        unit = &x->unit;
        with = unit->with;
        c->in_unit = true;
        unit->n_calls++;
    }
    if (c && !apart && (rule->coalesce || f->keep))
        make_key(w, f);
    if (f->keep && answer_kept(x, c, f))
        return;
    if (c) {
        c->deadline_ms = f->deadline_ms;
        if ((rule->coalesce && !apart && !(planted(PLANT_BROADCAST_TWICE) && f->method->class == CLASS_BROADCAST)) ||
            (planted(PLANT_FILTER_SHARED) && f->method->kind == METHOD_FILTER) ||
            (planted(PLANT_UNKNOWN_SHARED) && f->method->kind == METHOD_UNKNOWN))
            lead = find_shared(w, f, c, unit, moves ? since(x, q) : 0);
        route_join(w, lead ? lead : f, c);
        if (unit)
            unit_bind(w, c->flight);
        if (x->explain) {
            x->explain->flight = lead ? EXPLAIN_JOINED : EXPLAIN_LED;
            (lead ? lead : f)->explained = true;
        }
    }
    if (lead) {
        if (unit)
            unit->with = lead->upstream;
        worker_flight_free(w, f);
        return;
    }
    chain->write_epoch += f->method->kind == METHOD_WRITE;
    if (f->method->class == CLASS_BROADCAST) {
        lane_launch(w, f, x->asker.named);
        return;
    }
    if (unit && !with && unit->heads.fit != UINT64_MAX)
        with = choose_within(f, unit->heads.fit);
    u = route_called(route_owner(w, f), f, with);
    if (unit && u)
        unit->with = u;
}

static void take_calls(struct exchange *x, const struct message_body *b)
{
    struct worker *w = x->session->worker;
    struct call *c = x->envelope.calls;
    /* Flights copy what they are asked, twice at most, and such copies are not expected to fail. */
    bool starved = x->asked_bytes > LARGE_BYTES && !mem_spare(3 * x->asked_bytes);
    bool choice = b->array && b->n > 1 && x->chain->n_upstreams > 1 && !planted(PLANT_ARRAY_SPLIT);

    for (size_t i = 0; i < b->n && b->n > 1 && x->chain->conf->coalesce && !x->unit.dated; i++)
        x->unit.dated = unit_asks_number(b->requests[i].method.raw);
    if (choice)
        unit_heads_read(x, b);
    w->stats.batches += b->array;
    w->stats.calls += b->n;
    for (size_t i = 0; i < b->n; i++) {
        const struct message_request *q = &b->requests[i];
        struct call *mine = q->notification ? NULL : c++;

        w->stats.notifications += q->notification;
        if (q->invalid) {
            w->stats.calls_invalid++;
            answer_here(x, mine, &(struct error_detail){.fail = FAIL_INVALID_REQUEST, .detail = q->invalid});
        } else if (starved || worker_is_overloaded(w)) {
            if (!mine) {
                w->failures[FAIL_OVERLOADED]++;
                continue;
            }
            if (!b->array) { /* HTTP's own way to say so: of an array a client would lose the other answers */
                x->status = fail_get(FAIL_OVERLOADED)->http;
                x->retry_after_s = RETRY_AFTER_S;
            }
            answer_here(x, mine, &(struct error_detail){.fail = FAIL_OVERLOADED});
        } else {
            launch(x, q, mine, choice);
        }
    }
}

static void take_rpc(struct exchange *x, struct chain *chain, struct slice body)
{
    struct worker *w = x->session->worker;
    struct message_body *b = &w->body;

    message_body_scan(b, body, w->conf->limits.max_batch_calls, w->conf->limits.max_json_depth);
    x->is_rpc = true;
    x->chain = chain;
    x->asked_bytes = body.n + (x->asker.scope ? x->asker.scope->n : 0);
    session_asks(x->session, (long)x->asked_bytes);
    envelope_init(&x->envelope, b);
    if (b->fail) {
        struct error_detail d = {.fail = b->fail};

        if (b->fail == FAIL_PARSE_ERROR) {
            d.detail = b->why;
            d.at = &b->at;
        }
        w->stats.calls_invalid++;
        answer_here(x, &x->envelope.one, &d);
        return;
    }
    take_calls(x, b);
    if (envelope_complete(&x->envelope)) /* all were notifications, or answered at once */
        session_mark(x->session);
    else if (x->unit.n_calls > 1)
        unit_keep(&x->unit, body);
}

/* The time that c has is what is left of it: it joins none whose waiters have more. */
static struct flight *find_again(struct worker *w, struct flight *f, const struct call *c, const struct unit *u,
                                 uint64_t since_us)
{
    struct flight *lead = find_shared(w, f, c, u, since_us);

    if (!lead || flight_alone(lead) ||
        container_of(lead->calls.prev, struct call, waiting)->deadline_ms <= c->deadline_ms)
        return lead;
    flight_table_remove(&w->flights, lead);
    flight_table_add(&w->flights, f);
    return NULL;
}

static void launch_again(struct exchange *x, const struct message_request *q, struct call *c)
{
    struct worker *w = x->session->worker;
    const struct method_rule *rule = rule_of(x->chain, q);
    struct flight *f, *lead = NULL;

    if (worker_is_overloaded(w)) { /* answers were taken back, whose calls wait again */
        answer_here(x, c, &(struct error_detail){.fail = FAIL_OVERLOADED});
        return;
    }
    f = make_flight(x, q, rule);
    f->deadline_ms = c->deadline_ms;
    f->keep = rule->cache && x->chain->cache && !x->chain->conf->cache_head && keep_may(x->chain, rule->m, q->params);
    if (rule->coalesce || f->keep)
        make_key(w, f);
    if (rule->coalesce)
        lead = find_again(w, f, c, &x->unit, since(x, q));
    route_join(w, lead ? lead : f, c);
    unit_bind(w, c->flight);
    if (lead)
        worker_flight_free(w, f);
    else
        route_launch(route_owner(w, f), f, x->unit.with);
}

void request_ask_again(struct exchange *x)
{
    struct worker *w = x->session->worker;
    struct message_body *b = &w->body;
    struct call *c = x->envelope.calls;

    w->stats.arrays_again++;
    unit_settle(x);
    message_body_scan(b, slice_of(x->unit.body, x->unit.body_n), w->conf->limits.max_batch_calls,
                      w->conf->limits.max_json_depth);
    for (size_t i = 0; i < b->n; i++) {
        const struct message_request *q = &b->requests[i];

        if (q->notification)
            continue;
        if (unit_wants(x, c))
            launch_again(x, q, c);
        c++;
    }
    session_mark(x->session); /* what it holds has changed */
}

static void take_page(struct exchange *x, const struct target *t, const struct h1_request *q)
{
    struct worker *w = x->session->worker;
    struct buf b;
    int r = 0;

    buf_init(&b, PAGE_MAX);
    switch (t->kind) {
    case TARGET_HEALTH:
        r = probe_health(&b);
        break;
    case TARGET_READY:
        r = probe_ready(w, t->chain, &b, &x->status);
        break;
    case TARGET_METRICS:
        x->content_type = METRICS_CONTENT_TYPE;
        r = metrics_write(w, &b);
        break;
    case TARGET_STATUS:
        if (slice_eq(q->query, SLICE("format=table"))) {
            x->content_type = type_text;
            r = table_write(w, &b);
        } else {
            r = status_write(w, slice_eq(q->query, SLICE("sockets=1")), &b);
        }
        break;
    default:
        x->content_type = type_text;
        r = buf_str(&b, "millrace\n\n/metrics\n/status\n/status?sockets=1\n/healthz\n/readyz\n/readyz/{chain}\n");
        break;
    }
    if (r) {
        buf_clear(&b);
        x->status = 503;
    }
    x->plain = blob_take(&b);
    session_mark(x->session);
}

bool request_take(struct session *s, const struct h1_request *q)
{
    struct target t;
    enum fail f = target_recognize(s, q, &t);
    struct exchange *x;

    s->worker->stats.http_requests += !s->admin;
    if (f) {
        refuse_request(s, q, &t, f, true);
        return q->keep_alive;
    }
    x = exchange_for(s, q);
    if (t.kind != TARGET_RPC) {
        take_page(x, &t, q);
    } else if (q->method == H1_OPTIONS) {
        x->status = 204;
        x->preflight = true;
        x->chain = t.chain;
        session_mark(s);
    } else {
        if (q->explain || planted(PLANT_EXPLAINED_UNASKED))
            x->explain = mem_zero(sizeof *x->explain);
        asker_init(&x->asker, t.chain, q);
        take_rpc(x, t.chain, q->body);
    }
    return x->keep_alive;
}
