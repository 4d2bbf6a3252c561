#include "gateway/filter_lane.h"

#include <stdlib.h>
#include <sys/random.h>

#include "gateway/route.h"
#include "gateway/worker.h"
#include "rpc/flight.h"

static const char unreachable[] = "its endpoint cannot be reached", other_chain[] = "its endpoint is on another chain";

static struct filters *table(struct chain *c)
{
    struct worker *w = c->worker;

    if (!c->filters)
        c->filters = filters_new(&w->flights.secret, FILTERS_MAX);
    w->stats.filters_expired += filters_expire(c->filters, worker_now_ms(w));
    return c->filters;
}

/* The only element of params; 0, or -1: it is none, or not alone, or no string. */
static int sole_string(struct slice params, struct jval *v)
{
    struct jtok t;
    enum jtype type;

    if (params.n == 0)
        return -1;
    jtok_init(&t, params, JTOK_MAX_DEPTH);
    if (jtok_peek(&t, &type) || type != J_ARRAY || jtok_array(&t) || jtok_element(&t) || jtok_value(&t, v) ||
        v->type != J_STRING)
        return -1;
    return jtok_element(&t) == JTOK_END ? 0 : -1;
}

static bool is_refused(const struct upstream *u)
{
    return u->chain->refused >> u->index & 1;
}

/* A filter whose endpoint is refused or left alone, with no socket that still carries, is as good as gone. */
static bool is_lost(const struct upstream *u)
{
    const struct pool *p = &u->endpoint.pool;

    if (is_refused(u))
        return true;
    return !endpoint_usable(&u->endpoint, worker_now_ms(u->worker)) && p->n_idle + p->n_busy == 0;
}

static enum fail not_found(struct chain *c, const struct upstream *u, struct error_detail *d)
{
    c->worker->stats.filters_not_found++;
    d->fail = FAIL_FILTER_NOT_FOUND;
    if (u) {
        d->detail = is_refused(u) ? other_chain : unreachable;
        d->endpoint = u->endpoint.conf->name;
    }
    return d->fail;
}

enum fail filter_lane_pin(struct filter_pin *pin, struct chain *c, const struct message_request *q,
                          const struct scope *scope, struct error_detail *d)
{
    struct filters *t = table(c);
    const struct filter *f;
    char text[FILTERS_TEXT];
    struct jval v;
    struct slice own;
    size_t n;

    if (sole_string(q->params, &v))
        return d->fail = FAIL_FILTER_PARAMS;
    n = jtok_text(&v, text, sizeof text);
    if (n == (size_t)-1 || !filter_id_read(&pin->id, slice_of(text, n)))
        return not_found(c, NULL, d);
    f = filters_use(t, pin->id, worker_now_ms(c->worker));
    if (!f || filter_scope(f) != scope)
        return not_found(c, NULL, d);
    pin->upstream = c->upstreams[filter_endpoint(f)];
    if (is_lost(pin->upstream))
        return not_found(c, pin->upstream, d);
    own = filter_own(f);
    pin->params[0] = '[';
    memcpy(pin->params + 1, own.p, own.n);
    pin->params[1 + own.n] = ']';
    pin->request = *q;
    pin->request.params = slice_of(pin->params, own.n + 2);
    return FAIL_NONE;
}

static struct filter_id draw(void)
{
    uint64_t r[2];

    /* What an id is worth: who cannot guess it cannot empty another's filter. */
    if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
        abort();
    return filter_id_of(r[0], r[1]);
}

static void created(struct flight *f, struct slice *payload, struct blob **ref)
{
    struct worker *w = f->chain->worker;
    struct filters *t = table(f->chain);
    struct filter_id id;
    char text[FILTERS_TEXT + 2];
    struct blob *b;
    size_t dropped;
    int r;

    /* An id is a string or, on some servers, a number; anything else makes no filter. */
    if (payload->n == 0 || !strchr("\"0123456789", payload->p[0]))
        return;
    do {
        id = draw();
        r = filters_bind(t, id, f->upstream->index, *payload, f->scope, worker_now_ms(w), &dropped);
        w->stats.filters_expired += dropped;
    } while (r == FILTERS_TAKEN);
    if (r)
        return;
    w->stats.filters_bound++;
    text[0] = text[FILTERS_TEXT + 1] = '"';
    filter_id_text(id, text + 1);
    b = blob_copy(slice_of(text, sizeof text));
    if (!b) /* the endpoint's id is no use to the client, and hurts no one */
        return;
    blob_unref(*ref);
    *ref = b;
    *payload = slice_of(b->p, b->n);
}

void filter_lane_answered(struct flight *f, struct slice *payload, struct blob **ref)
{
    if (f->chain->n_upstreams < 2)
        return;
    if (f->method->sticky == STICKY_CREATE)
        created(f, payload, ref);
    /* Of the methods that use a filter only eth_uninstallFilter answers so. */
    else if (f->pinned && slice_eq(*payload, SLICE("true")))
        filters_remove(table(f->chain), (struct filter_id){f->filter_hi, f->filter_lo});
}

void filter_lane_lost(struct worker *w, struct flight *f)
{
    w->stats.filters_not_found++;
    route_refuse(w, f,
                 &(struct route_failure){.fail = FAIL_FILTER_NOT_FOUND,
                                         .detail = is_refused(f->upstream) ? other_chain : unreachable});
}
