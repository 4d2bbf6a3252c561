#include "gateway/target.h"

#include "gateway/chain.h"
#include "gateway/session.h"
#include "gateway/worker.h"

static struct chain *chain_by_name(const struct worker *w, struct slice name)
{
    for (size_t i = 0; i < w->n_chains; i++)
        if (slice_eq(slice_str(w->chains[i]->conf->name), name))
            return w->chains[i];
    return NULL;
}

static struct target of_chain(const struct worker *w, enum target_kind kind, struct slice name)
{
    struct chain *c = chain_by_name(w, name);

    return (struct target){c ? kind : TARGET_UNKNOWN_CHAIN, c};
}

struct target target_find(const struct worker *w, bool admin, struct slice path)
{
    static const struct {
        const char *path;
        enum target_kind kind;
        bool admin_only;
    } fixed[] = {
        {"/healthz", TARGET_HEALTH, false},
        {"/readyz", TARGET_READY, false},
        {"/metrics", TARGET_METRICS, true},
        {"/status", TARGET_STATUS, true},
    };
    struct slice ready = SLICE("/readyz/");

    if (!admin && slice_eq(path, SLICE("/")))
        return (struct target){TARGET_RPC, w->default_chain};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (slice_eq(path, slice_str(fixed[i].path)) && (admin || !fixed[i].admin_only))
            return (struct target){fixed[i].kind, NULL};
    if (slice_starts(path, ready))
        return of_chain(w, TARGET_READY, slice_of(path.p + ready.n, path.n - ready.n));
    if (admin)
        return (struct target){slice_eq(path, SLICE("/")) ? TARGET_INDEX : TARGET_NONE, NULL};
    if (path.n > 1 && path.p[0] == '/' && !memchr(path.p + 1, '/', path.n - 1))
        return of_chain(w, TARGET_RPC, slice_of(path.p + 1, path.n - 1));
    return (struct target){TARGET_NONE, NULL};
}

enum fail target_recognize(struct session *s, const struct h1_request *q, struct target *t)
{
    struct worker *w = s->worker;
    enum fail f;

    if (q->tag && !s->admin) {
        *t = (struct target){TARGET_RPC, w->chains[q->tag - 1]};
        return FAIL_NONE;
    }
    *t = target_find(w, s->admin, q->path);
    f = access_check(&w->access, q, t);
    if (f || s->admin || t->kind != TARGET_RPC || q->method != H1_POST)
        return f;
    for (unsigned i = 0; i < w->n_chains; i++)
        if (w->chains[i] == t->chain)
            h1_server_tag(s->http, i + 1);
    return f;
}
