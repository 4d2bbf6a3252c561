#include "gateway/link_batch.h"

#include <assert.h>

#include "base/mem.h"
#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/link_request.h"
#include "gateway/route.h"
#include "gateway/standing.h"
#include "gateway/worker.h"
#include "http/h1_client.h"
#include "json/jout.h"

enum {
    ALONE_AFTER = 6 /* times that a flight shares a request without being answered, before it goes alone */
};

static const char member_open[] = "{\"jsonrpc\":\"2.0\",\"id\":";

size_t link_batch_member_bytes(const struct flight *f)
{
    char id[24];

    return sizeof member_open - 1 + jout_digits(id, f->id) + f->tail_n;
}

static char *put(char *to, const char *p, size_t n)
{
    memcpy(to, p, n);
    return to + n;
}

size_t link_batch_put(struct gather *g, struct worker *w, const struct endpoint *e, struct flight *const *v, unsigned n)
{
    char length[24], *to;
    size_t bytes = n + 1; /* brackets, and a comma less than members */

    for (unsigned i = 0; i < n; i++)
        bytes += link_batch_member_bytes(v[i]);
    if (bytes > w->batch_body_cap) {
        w->batch_body = mem_grow(w->batch_body, bytes);
        w->batch_body_cap = bytes;
    }
    to = w->batch_body;
    for (unsigned i = 0; i < n; i++) {
        *to++ = i ? ',' : '[';
        to = put(to, member_open, sizeof member_open - 1);
        to += jout_digits(to, v[i]->id);
        to = put(to, v[i]->tail, v[i]->tail_n);
    }
    *to++ = ']';
    assert((size_t)(to - w->batch_body) == bytes);
    gather_clear(g);
    gather_add(g, slice_of(e->head, e->head_n), NULL);
    gather_add(g, slice_of(length, jout_digits(length, bytes)), NULL);
    if (v[0]->scope && e->conf->forward_authorization) /* that of all */
        link_request_put_scope(g, v[0]->scope);
    gather_add(g, SLICE("\r\n\r\n"), NULL);
    gather_borrow(g, slice_of(w->batch_body, bytes), NULL);
    return bytes;
}

/* What the endpoint showed to take, or not to. */
static void learn(struct link *k, const struct batch_verdict *v, size_t bytes)
{
    struct upstream *u = k->upstream;
    struct worker *w = u->worker;
    struct endpoint *e = &u->endpoint;
    uint64_t now_ms = worker_now_ms(w);
    struct slice names = v->methods, name;

    if (v->what == BATCH_REFUSAL_NONE) {
        if (w->batch_answer.answered) /* else it failed as a single call could have */
            batch_limits_taken(&e->limits, k->n_seats, bytes, now_ms);
        return;
    }
    e->stats.batch_refused += v->whole;
    if (v->what == BATCH_REFUSAL_METHOD)
        while (batch_refusal_name(&names, &name))
            batch_limits_bar(&e->limits, method_get(u->chain->conf->family, name)->slot, now_ms);
    if (v->what != BATCH_REFUSAL_METHOD || v->methods.n == 0)
        batch_limits_refused(&e->limits, v, k->n_seats, bytes, now_ms);
}

/* One copy for all: an answer that lies in the read buffer is gone when the next bytes come. */
static struct blob *keep_body(struct link *k, const struct h1_response *res, struct slice *body)
{
    struct blob *ref = res->body_owned ? h1_client_take_body(k->http) : blob_copy(res->body);

    *body = res->body;
    if (ref && !res->body_owned)
        *body = slice_of(ref->p, ref->n);
    return ref;
}

/* A flight that shared a request, and has no answer from it. alone: because of itself; else the whole request was
 * refused. */
static void again(struct worker *w, struct flight *f, bool alone, const struct route_failure *why)
{
    f->alone |= alone || f->moves >= ALONE_AFTER;
    route_unanswered(w, f, why);
}

static bool is_answer(const struct link *k, const struct flight *f, const struct batch_member *m)
{
    enum chain_family family = k->upstream->chain->conf->family;

    if (!batch_member_answered(m))
        return false;
    return m->answer.kind != MESSAGE_ERROR || f->alone || !batch_error_retry_alone(family, m->answer.payload);
}

bool link_batch_answered(struct link *k, const struct h1_response *res)
{
    struct worker *w = k->upstream->worker;
    struct batch_answer *a = &w->batch_answer;
    struct route_failure why = {.fail = FAIL_UPSTREAM_NO_ID, .http_status = res->status == 200 ? 0 : res->status};
    struct batch_verdict v = {0};
    struct slice body;
    struct blob *ref = keep_body(k, res, &body);
    struct list left;
    enum fail fail;

    w->batch_failed = false;
    batch_answer_begin(a);
    for (unsigned i = 0; i < k->n_seats; i++)
        batch_answer_expect(a, k->seats[i].id);
    fail = ref ? batch_answer_scan(a, body, JTOK_MAX_DEPTH) : FAIL_OUT_OF_MEMORY;
    batch_refusal_judge(&v, a, fail, body, res->status);
    learn(k, &v, k->body_bytes);
    if (fail)
        why.fail = why.http_status && fail != FAIL_OUT_OF_MEMORY ? FAIL_UPSTREAM_HTTP_STATUS : fail;
    for (unsigned i = 0; i < k->n_seats; i++) {
        struct flight *f = k->seats[i].flight;

        if (f && is_answer(k, f, &a->members[i])) {
            const struct message_response *m = &a->members[i].answer;

            link_detach(k, f);
            route_answered(w, f, m->kind == MESSAGE_ERROR, m->payload, blob_ref(ref));
        } else if (f && batch_member_answered(&a->members[i])) {
            standing_refused(f, a->members[i].answer.payload);
        }
    }
    link_detach_all(k, &left);
    while (!list_empty(&left)) { /* the last one first: those that queue again keep their order */
        struct flight *f = container_of(left.prev, struct flight, queued);

        list_remove(&f->queued);
        f->http_status = res->status;
        if (v.error.n) /* said to all: the answer of each */
            route_answered(w, f, true, v.error, blob_ref(ref));
        else if (fail && v.what == BATCH_REFUSAL_NONE)
            route_failed(w, f, &why);
        else
            again(w, f, !v.whole || batch_verdict_alone(&v), &why);
    }
    blob_unref(ref);
    return !a->foreign ||
           planted(PLANT_DOUBTFUL_REUSED); /* an answer that nobody asked for here: whose is the next one? */
}

void link_batch_too_large(struct link *k)
{
    struct worker *w = k->upstream->worker;
    struct batch_verdict v = {.what = BATCH_REFUSAL_ANSWER, .whole = true};
    struct list left;

    learn(k, &v, k->body_bytes);
    link_detach_all(k, &left);
    while (!list_empty(&left)) {
        struct flight *f = container_of(left.prev, struct flight, queued);

        list_remove(&f->queued);
        again(w, f, false, &(struct route_failure){.fail = FAIL_UPSTREAM_TOO_LARGE});
    }
}
