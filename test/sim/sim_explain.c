#include "sim_explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_node.h"

enum { FIELDS = 8, BATCH = 3, ATTEMPTS = 5, HEDGE = 7 };

static const char *const names[FIELDS] = {"Endpoint",    "Flight",   "Cache",       "Batch",
                                          "Boarding-Us", "Attempts", "Upstream-Us", "Hedge"};

struct told {
    struct slice value[FIELDS];
    uint64_t number[FIELDS]; /* from BATCH on, but of HEDGE */
};

static struct slice next_line(struct slice *s)
{
    const char *end = memmem(s->p, s->n, "\r\n", 2);
    struct slice line = slice_of(s->p, end ? (size_t)(end - s->p) : s->n);

    *s = end ? slice_of(end + 2, s->n - line.n - 2) : slice_of(s->p + s->n, 0);
    return line;
}

/* How many of the fields there are, of whatever name. */
static unsigned read_fields(struct world *w, unsigned client, struct slice head, struct told *t)
{
    static const struct slice prefix = {"X-Millrace-", 11};
    unsigned n = 0;

    while (head.n) {
        struct slice line = next_line(&head);
        const char *colon = memmem(line.p, line.n, ": ", 2);
        unsigned i = 0;

        if (line.n < prefix.n || strncasecmp(line.p, prefix.p, prefix.n) != 0)
            continue;
        sim_check(w, colon != NULL, "client %u: field %.*s", client, (int)line.n, line.p);
        while (i < FIELDS &&
               !slice_eq(slice_of(line.p + prefix.n, (size_t)(colon - line.p) - prefix.n), slice_str(names[i])))
            i++;
        sim_check(w, i < FIELDS && !t->value[i].p, "client %u: field %.*s is not known, or comes twice", client,
                  (int)line.n, line.p);
        t->value[i] = slice_of(colon + 2, line.n - (size_t)(colon + 2 - line.p));
        n++;
    }
    return n;
}

static void read_numbers(struct world *w, unsigned client, struct told *t)
{
    for (unsigned i = BATCH; i < HEDGE; i++) {
        char text[24] = "";
        char again[24];

        if (t->value[i].n < sizeof text)
            memcpy(text, t->value[i].p, t->value[i].n);
        t->number[i] = strtoull(text, NULL, 10);
        snprintf(again, sizeof again, "%" PRIu64, t->number[i]);
        sim_check(w, strcmp(text, again) == 0, "client %u: X-Millrace-%s: %.*s", client, names[i], (int)t->value[i].n,
                  t->value[i].p);
    }
}

static const struct node *endpoint_of(const struct world *w, const struct sim_chain *c, struct slice name)
{
    for (unsigned i = 0; i < w->n_nodes; i++)
        if (w->nodes[i]->chain == c && slice_eq(name, slice_str(w->nodes[i]->name)))
            return w->nodes[i];
    return NULL;
}

static void judge_fields(struct world *w, unsigned client, const struct post *q, const struct told *t)
{
    const struct node *n = endpoint_of(w, q->chain, t->value[0]);
    bool joined = slice_eq(t->value[1], SLICE("joined")), led = slice_eq(t->value[1], SLICE("led"));
    bool cached = !slice_eq(t->value[2], SLICE("none"));
    uint64_t serial = q->whole ? UINT64_MAX : q->v[0].serial;

    bool hedged = !slice_eq(t->value[HEDGE], SLICE("none"));

    sim_check(w, !hedged || slice_eq(t->value[HEDGE], SLICE("won")) || slice_eq(t->value[HEDGE], SLICE("lost")),
              "client %u: X-Millrace-Hedge: %.*s", client, (int)t->value[HEDGE].n, t->value[HEDGE].p);
    /* An attempt that went into a dead connection counts for none. */
    sim_check(w, !hedged || ((joined || led) && t->number[ATTEMPTS] > 0 && ask_shareable(q->v[0].ask.kind)),
              "client %u: asked twice, and nobody was", client);
    sim_check(w, joined || led || slice_eq(t->value[1], SLICE("none")), "client %u: X-Millrace-Flight: %.*s", client,
              (int)t->value[1].n, t->value[1].p);
    sim_check(w, n || t->value[0].n == 0, "client %u: X-Millrace-Endpoint: %.*s", client, (int)t->value[0].n,
              t->value[0].p);
    /* Those of one connection that ask for the head do, so that it does not step back. */
    sim_check(w, !joined || w->p.coalesce || q->v[0].ask.kind == ASK_HEAD,
              "client %u: joined another, though none are shared", client);
    /* What all endpoints have agreed to is answered from the configuration, with a cache or without. */
    sim_check(w, !cached || w->p.cache || (slice_eq(t->value[2], SLICE("config")) && q->v[0].ask.kind == ASK_CHAIN_ID),
              "client %u: from a cache that there is not", client);
    if (!joined && !led)
        sim_check(w, !n && !t->number[BATCH] && !t->number[ATTEMPTS], "client %u: no flight, and an endpoint", client);
    if (joined || led)
        sim_check(w, !cached && !q->whole && !q->v[0].invalid, "client %u: a flight for what needs none", client);
    if (serial == UINT64_MAX || cached)
        return;
    sim_check(w, n && n->index == w->served[serial].node, "client %u: answered by node%u, and told of %.*s", client,
              w->served[serial].node, (int)t->value[0].n, t->value[0].p);
    sim_check(w, (joined || led) && t->number[BATCH] && t->number[ATTEMPTS],
              "client %u: an endpoint answered that nobody asked", client);
}

void judge_explained(struct world *w, unsigned client, const struct post *q, struct slice head)
{
    struct told t = {0};
    unsigned n = read_fields(w, client, head, &t);
    /* A body that is refused as a whole has one answer. */
    bool single = q->whole || (!q->array && q->n == 1);

    sim_check(w, n == (q->explain && single ? FIELDS : 0), "client %u: %u fields explain an answer, and it %s for them",
              client, n, q->explain ? "asked" : "did not ask");
    if (!n)
        return;
    read_numbers(w, client, &t);
    judge_fields(w, client, q, &t);
}
