#include "admin/probes.h"

#include "gateway/chain.h"
#include "gateway/worker.h"
#include "rpc/error.h"
#include "json/jout.h"

int probe_health(struct buf *out)
{
    return buf_str(out, "{\"status\":\"ok\"}\n");
}

static int not_ready(struct buf *out, const struct chain *c, const struct upstream *down)
{
    char reason[ERROR_REASON_CAP], text[UPSTREAM_WHY_CAP];
    enum fail fail = upstream_why(down, text);
    int r = buf_str(out, "{\"status\":\"unready\",\"chain\":");

    r = r ? r : jout_string(out, slice_str(c->conf->name));
    r = r ? r : buf_printf(out, ",\"reason\":\"%s\"", error_reason(fail, reason));
    r = r ? r : buf_str(out, ",\"endpoint\":");
    r = r ? r : jout_string(out, slice_str(down->endpoint.conf->name));
    r = r ? r : buf_str(out, ",\"detail\":");
    r = r ? r : jout_string(out, slice_str(text));
    return r ? r : buf_str(out, "}\n");
}

int probe_ready(const struct worker *w, const struct chain *c, struct buf *out, unsigned *status)
{
    *status = 503;
    if (w->draining)
        return buf_str(out, "{\"status\":\"unready\",\"reason\":\"draining\"}\n");
    for (size_t i = 0; i < w->n_chains; i++) {
        const struct upstream *down = NULL;

        if ((!c || c == w->chains[i]) && !chain_ready(w->chains[i], &down))
            return not_ready(out, w->chains[i], down);
    }
    *status = 200;
    return buf_str(out, "{\"status\":\"ready\"}\n");
}
