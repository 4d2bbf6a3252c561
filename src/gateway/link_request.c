#include "gateway/link_request.h"

#include "rpc/flight.h"
#include "upstream/endpoint.h"
#include "json/jout.h"

enum { REQUEST_SMALL = 4096 };

static void put(struct gather *g, const char *p, size_t n)
{
    if (n > REQUEST_SMALL)
        gather_borrow(g, slice_of(p, n), NULL);
    else
        memcpy(gather_space(g, n), p, n);
}

void link_request_put_scope(struct gather *g, const struct scope *s)
{
    gather_add(g, SLICE("\r\nAuthorization: "), NULL);
    gather_add(g, scope_text(s), NULL);
}

/* As one piece unless it is long, which costs the kernel less than three. */
void link_request_put(struct gather *g, const struct endpoint *e, const struct flight *f)
{
    static const char open[] = "\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":";
    char id[24], length[24];
    size_t id_n = jout_digits(id, f->id);
    size_t length_n = jout_digits(length, sizeof open - 1 - 4 + id_n + f->tail_n);
    size_t begin_n = e->head_n + length_n + sizeof open - 1 + id_n;
    bool scoped = f->scope && e->conf->forward_authorization;
    bool small = !scoped && begin_n <= REQUEST_SMALL && f->tail_n <= REQUEST_SMALL;
    char *to;

    gather_clear(g);
    if (!small) {
        put(g, e->head, e->head_n);
        put(g, length, length_n);
        if (scoped)
            link_request_put_scope(g, f->scope);
        put(g, open, sizeof open - 1);
        put(g, id, id_n);
        put(g, f->tail, f->tail_n);
        return;
    }
    to = gather_space(g, begin_n + f->tail_n);
    memcpy(to, e->head, e->head_n);
    to += e->head_n;
    memcpy(to, length, length_n);
    to += length_n;
    memcpy(to, open, sizeof open - 1);
    to += sizeof open - 1;
    memcpy(to, id, id_n);
    memcpy(to + id_n, f->tail, f->tail_n);
}
