#include "sim_excuse.h"

#include "gateway/chain.h"
#include "gateway/worker.h"
#include "sim_clock.h"
#include "sim_conn.h"
#include "sim_error.h"
#include "sim_node.h"
#include "sim_standing.h"

enum { LATE_US = 5000 /* less than that before its deadline a call is not asked again */ };

struct tried {
    unsigned n;      /* requests that endpoints got */
    unsigned nulls;  /* answered with null */
    uint64_t nodes;  /* bits of these */
    unsigned rank;   /* the best of what they said, and was read */
    unsigned serial; /* of that */
};

bool excuse_was_read(const struct sim_served *s)
{
    const struct sim_conn *c = s->conn;

    return s->written && !c->unread && !c->up.flying_bytes && !c->up.got.n;
}

static struct tried look(const struct world *w, const struct sim_chain *c, const struct want *want)
{
    struct tried t = {.rank = UINT32_MAX};

    for (unsigned i = w->n_served; i-- > 0 && w->served[i].at_us >= want->asked_us;) {
        const struct sim_served *s = &w->served[i];

        if (s->hash != want->ask.hash)
            continue;
        t.n++;
        t.nodes |= UINT64_C(1) << s->node;
        t.nulls += s->rank == ERROR_RANK_NULL;
        /* With others it may be about them: such a call is asked again alone. */
        if (s->rank && s->rank < t.rank && !s->batched && excuse_was_read(s)) {
            t.rank = s->rank;
            t.serial = i;
        }
    }
    /* What it never saw was an attempt too. */
    for (unsigned i = 0; i < w->n_nodes; i++)
        if (w->nodes[i]->chain == c && w->nodes[i]->lost_us >= want->asked_us) {
            t.n++;
            t.nodes |= UINT64_C(1) << i;
        }
    return t;
}

static bool has(struct slice s, const char *text)
{
    return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

/* Errors of ours that no endpoint could have prevented. */
static bool is_final(struct slice payload)
{
    return has(payload, "\"reason\":\"overloaded\"") || has(payload, "\"reason\":\"out_of_memory\"");
}

/* An endpoint that was fit for the call all the time, and never got it; NULL: none. */
static const struct node *spare(const struct world *w, const struct sim_chain *c, const struct want *want,
                                const struct tried *t)
{
    for (unsigned i = 0; i < w->n_nodes; i++) {
        const struct node *n = w->nodes[i];

        if (n->chain == c && !(t->nodes >> i & 1) && standing_was_fit(w, n, &want->ask, want->asked_us))
            return n;
    }
    return NULL;
}

void excuse_judge(struct world *w, unsigned client, const struct sim_chain *c, const struct want *want, bool is_error,
                  struct slice payload)
{
    const struct retry_conf *r = &w->gateway->chains[c->index]->conf->retry;
    unsigned rank = has(payload, "\"rate_limited\"") ? ERROR_RANK_RATE : ERROR_RANK_OURS, asks = ERROR_ASKS_ALL;
    const struct sim_error *e = NULL;
    struct tried t;
    const struct node *n;
    uint64_t serial;

    if (!want->ask.lone || is_final(payload))
        return;
    t = look(w, c, want);
    if (!is_error) {
        rank = ERROR_RANK_NULL;
        asks = 2;
        sim_check(w, t.nulls, "client %u: null, which no endpoint said", client);
    } else if (!has(payload, "\"reason\":\"")) {
        e = error_find(c, payload, &serial);
        if (!e)
            return;
        sim_check(w,
                  serial < w->n_served && w->served[serial].hash == want->ask.hash && w->served[serial].rank == e->rank,
                  "client %u: an error that no endpoint gave", client);
        rank = e->rank;
        asks = e->asks;
    }
    sim_check(w, t.rank >= rank, "client %u is not shown what says most, the answer #%u: but %.*s", client, t.serial,
              (int)(payload.n < 300 ? payload.n : 300), payload.p);
    if (t.n >= r->max_attempts || t.n >= asks || c->poor_us >= want->asked_us ||
        w->weather.leapt_us >= want->asked_us || w->ending || has(payload, "\"queue_full\"") || /* for a moment */
        clock_mono_us(w) - want->asked_mono_us + LATE_US >= w->p.call_timeout_ms * UINT64_C(1000))
        return;
    n = spare(w, c, want, &t);
    sim_check(w, !n, "client %u: %s was there, and was not asked; but %.*s", client, n ? n->name : "",
              (int)(payload.n < 300 ? payload.n : 300), payload.p);
}
