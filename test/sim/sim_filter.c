#include "sim_filter.h"

#include <stdio.h>

#include "base/mem.h"

enum { NAME_BYTES = 36 /* of the gateway's own names, with the quotes */, LATELY = 8 };

static unsigned nodes_of(const struct world *w, const struct sim_chain *c)
{
    unsigned n = 0;

    for (unsigned i = 0; i < w->n_nodes; i++)
        n += w->nodes[i]->chain == c;
    return n;
}

unsigned filter_draw(struct world *w, const struct sim_chain *c, struct buf *b)
{
    unsigned lately = w->n_given < LATELY ? w->n_given : LATELY;

    if (lately && sim_chance(w, 850)) {
        unsigned i = w->n_given - 1 - (unsigned)sim_rnd(w, lately);

        if (w->given[i].chain == c) {
            buf_printf(b, "[%s]", w->given[i].text);
            w->given[i].asked++;
            return i + 1;
        }
    }
    /* Where there are several endpoints their own ids are nobody's name. */
    buf_printf(b, "[\"0x%x\"]", (unsigned)sim_rnd(w, 3) + (nodes_of(w, c) > 1 ? 1 : 0xdead));
    return 0;
}

static struct sim_filter *find(struct world *w, unsigned node, unsigned own)
{
    for (unsigned i = 0; i < w->n_filters; i++)
        if (w->filters[i].node == node && w->filters[i].own == own)
            return &w->filters[i];
    return NULL;
}

void filter_make(struct node *n, struct ask *a)
{
    struct world *w = n->w;

    if (w->n_filters == w->cap_filters) {
        w->cap_filters = w->cap_filters ? w->cap_filters * 2 : 32;
        w->filters = mem_grow(w->filters, w->cap_filters * sizeof *w->filters);
    }
    a->own = ++n->n_filters;
    w->filters[w->n_filters++] = (struct sim_filter){.node = n->index, .own = a->own, .hash = a->hash};
}

/* No poll may reach an endpoint more often than it was asked for. */
static void count(struct world *w, const struct sim_filter *f)
{
    const struct sim_given *g = f->given ? &w->given[f->given - 1] : NULL;

    sim_check(w, !g || f->served <= g->asked, "filter %s was polled %u times, and is asked %u times", g->text, g->asked,
              f->served);
}

void filter_poll(struct node *n, struct ask *a)
{
    struct sim_filter *f = find(n->w, n->index, a->own);

    a->gone = !f || f->lost;
    if (!f)
        return;
    f->served++;
    count(n->w, f);
}

void filter_lose(struct node *n)
{
    for (unsigned i = 0; i < n->w->n_filters; i++)
        n->w->filters[i].lost |= n->w->filters[i].node == n->index;
}

uint64_t filter_hash(unsigned node, unsigned own)
{
    return UINT64_C(0xf117e4) << 40 | (uint64_t)node << 32 | own;
}

/* The client's name and the endpoint's filter belong to each other, and to no others. */
static void link_up(struct world *w, unsigned client, unsigned given, struct sim_filter *f)
{
    struct sim_given *g = &w->given[given - 1];
    unsigned number = (unsigned)(f - w->filters) + 1;

    sim_check(w, !g->filter || g->filter == number, "client %u: filter %s is filter 0x%x of node%u, and was another",
              client, g->text, f->own, f->node);
    sim_check(w, !f->given || f->given == given, "client %u: filter 0x%x of node%u is %s, and also %s", client, f->own,
              f->node, g->text, w->given[f->given - 1].text);
    sim_check(w, f->hash == g->hash, "client %u: filter %s was made for another question", client, g->text);
    g->filter = number;
    f->given = given;
    count(w, f);
}

static bool read_own(struct slice payload, unsigned *own)
{
    char text[24], again[24];

    if (payload.n < 5 || payload.n >= sizeof text)
        return false;
    memcpy(text, payload.p, payload.n);
    text[payload.n] = '\0';
    if (sscanf(text, "\"0x%x\"", own) != 1)
        return false;
    snprintf(again, sizeof again, "\"0x%x\"", *own);
    return strcmp(text, again) == 0;
}

bool filter_judge_made(struct world *w, unsigned client, const struct sim_chain *c, unsigned scope, const struct ask *a,
                       struct slice payload)
{
    struct sim_given *g;
    unsigned own = 0;

    if (nodes_of(w, c) > 1 ? payload.n != NAME_BYTES || !slice_starts(payload, SLICE("\"0x"))
                           : !read_own(payload, &own))
        return false;
    for (unsigned i = 0; i < w->n_given; i++)
        sim_check(w, w->given[i].chain != c || !slice_eq(payload, slice_str(w->given[i].text)),
                  "client %u: filter %s was given to another call before", client, w->given[i].text);
    if (w->n_given == w->cap_given) {
        w->cap_given = w->cap_given ? w->cap_given * 2 : 32;
        w->given = mem_grow(w->given, w->cap_given * sizeof *w->given);
    }
    g = &w->given[w->n_given++];
    *g = (struct sim_given){.chain = c, .hash = a->hash, .scope = scope};
    memcpy(g->text, payload.p, payload.n);
    if (own) {
        struct sim_filter *f = NULL;

        for (unsigned i = 0; i < w->n_filters; i++)
            if (w->nodes[w->filters[i].node]->chain == c && w->filters[i].own == own)
                f = &w->filters[i];
        sim_check(w, f != NULL, "client %u: no endpoint has made filter %s", client, g->text);
        link_up(w, client, w->n_given, f);
    }
    return true;
}

static bool forwards(const struct world *w, const struct sim_chain *c)
{
    for (unsigned i = 0; i < w->n_nodes; i++)
        if (w->nodes[i]->chain == c && w->nodes[i]->forwards)
            return true;
    return false;
}

bool filter_judge_poll(struct world *w, unsigned client, const struct sim_chain *c, unsigned scope, struct ask *a,
                       struct slice payload, uint64_t *head, uint64_t *serial)
{
    uint64_t node, own;
    struct sim_filter *f;
    struct ask same = *a;
    size_t at = 0;

    if (!ask_digits(payload, &at, head) || !ask_digits(payload, &at, serial) || !ask_digits(payload, &at, &node) ||
        !ask_digits(payload, &at, &own))
        return false;
    same.node = (unsigned)node;
    same.own = (unsigned)own;
    if (!ask_is_answer(c, &same, *head, *serial, false, payload))
        return false;
    sim_check(w, a->given, "client %u: a poll of a filter that is nobody's has a result", client);
    sim_check(w, nodes_of(w, c) == 1 || !forwards(w, c) || w->given[a->given - 1].scope == scope,
              "client %u, of scope %u: it polls the filter of scope %u", client, scope, w->given[a->given - 1].scope);
    f = find(w, same.node, same.own);
    sim_check(w, f && w->nodes[same.node]->chain == c, "client %u: the poll of no filter", client);
    link_up(w, client, a->given, f);
    a->hash = filter_hash(same.node, same.own);
    return true;
}
