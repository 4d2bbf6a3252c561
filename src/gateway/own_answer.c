#include "gateway/own_answer.h"

#include "gateway/access_log.h"
#include "gateway/chain.h"
#include "gateway/explain.h"
#include "gateway/session.h"
#include "gateway/worker.h"

/* No params, spelled in any way. */
static bool is_bare(struct slice params)
{
    for (size_t i = 1; i + 1 < params.n; i++)
        if (!strchr(" \t\r\n", params.p[i]))
            return false;
    return params.n == 0 || params.p[0] == '[';
}

bool own_answer(struct exchange *x, struct call *c, const struct message_request *q, const struct method_rule *rule)
{
    struct chain *chain = x->chain;
    struct blob *b = chain_own_answer(chain, rule->m);

    if (!b || !rule->cache || !is_bare(q->params))
        return false;
    x->session->worker->stats.calls_cached++;
    chain->answered_itself++;
    access_log_own(x, rule->m, b->n);
    if (x->explain)
        x->explain->cache = "config";
    session_answer(x->session, x, c, false, slice_of(b->p, b->n), blob_ref(b));
    return true;
}
