#include "io/dns.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "base/mem.h"
#include "io/loop_priv.h"

enum { DNS_MAX_ENTRIES = 256, NEGATIVE_MS = 1000, DOUBT_MS = 5000 };

enum dns_state { DNS_IDLE, DNS_LOOKUP };

struct dns_entry {
    struct list node; /* in dns.entries: used last, first */
    uv_getaddrinfo_t req;
    struct dns *dns; /* NULL: the cache went while the lookup ran; the entry frees itself */
    struct list waits;
    enum dns_state state;
    char *host;
    int family;
    struct dns_answer answer; /* n: 0: none yet */
    uint64_t good_ms;
    uint64_t bad_ms; /* 0: the last lookup was good */
    int status;      /* of the last lookup */
};

struct dns {
    struct loop *loop;
    struct list entries;
    unsigned n;
};

static void entry_free(struct dns_entry *e)
{
    free(e->host);
    free(e);
}

static void entry_drop(struct dns *d, struct dns_entry *e)
{
    list_remove(&e->node);
    d->n--;
    if (e->state == DNS_IDLE) {
        entry_free(e);
    } else {
        e->dns = NULL;
        uv_cancel((uv_req_t *)&e->req); /* works only for one that has not started */
    }
}

struct dns *dns_new(struct loop *l)
{
    struct dns *d = mem_zero(sizeof *d);

    d->loop = l;
    list_init(&d->entries);
    return d;
}

struct dns *dns_free(struct dns *d)
{
    if (!d)
        return NULL;
    while (!list_empty(&d->entries))
        entry_drop(d, container_of(d->entries.next, struct dns_entry, node));
    free(d);
    return NULL;
}

static struct dns_entry *entry_find(struct dns *d, const char *host, int family)
{
    list_each (it, &d->entries) {
        struct dns_entry *e = container_of(it, struct dns_entry, node);

        if (e->family == family && strcasecmp(e->host, host) == 0)
            return e;
    }
    return NULL;
}

static struct dns_entry *entry_get(struct dns *d, const char *host, int family)
{
    struct dns_entry *e = entry_find(d, host, family);

    if (e) {
        list_remove(&e->node);
        list_push_front(&d->entries, &e->node);
        return e;
    }
    if (d->n >= DNS_MAX_ENTRIES) {
        struct list *last = d->entries.prev;

        while (last != &d->entries && container_of(last, struct dns_entry, node)->state == DNS_LOOKUP)
            last = last->prev;
        if (last == &d->entries)
            return NULL;
        entry_drop(d, container_of(last, struct dns_entry, node));
    }
    e = mem_zero(sizeof *e);
    e->dns = d;
    e->host = mem_strdup(host);
    e->family = family;
    list_init(&e->waits);
    list_push_front(&d->entries, &e->node);
    d->n++;
    return e;
}

static void answer_fill(struct dns_answer *a, const struct addrinfo *list)
{
    a->n = 0;
    for (; list && a->n < DNS_MAX_ADDRESSES; list = list->ai_next) {
        if (list->ai_family == AF_INET)
            memcpy(&a->v[a->n++].v4, list->ai_addr, sizeof a->v[0].v4);
        else if (list->ai_family == AF_INET6)
            memcpy(&a->v[a->n++].v6, list->ai_addr, sizeof a->v[0].v6);
    }
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct dns_entry *e = req->data;
    struct dns_answer now = {0};
    struct list waits, *node;

    e->state = DNS_IDLE;
    if (status == 0)
        answer_fill(&now, list);
    uv_freeaddrinfo(list);
    if (!e->dns) {
        entry_free(e);
        return;
    }
    if (status == 0 && now.n == 0)
        status = UV_EAI_NONAME;
    e->status = status;
    if (status == 0) {
        e->answer = now;
        e->good_ms = loop_now_ms(e->dns->loop);
        e->bad_ms = 0;
    } else {
        e->bad_ms = loop_now_ms(e->dns->loop);
        if (e->answer.n > 0)
            status = 0;
        now = e->answer;
    }
    /* A waiter may start the next dial and so change the cache under us: from here on only what is on this stack. */
    list_init(&waits);
    list_splice(&waits, &e->waits);
    loop_touch(e->dns->loop);
    while ((node = list_pop(&waits)) != NULL) {
        struct dns_wait *w = container_of(node, struct dns_wait, node);

        w->done(w, status, &now);
    }
}

static int literal(struct dns_answer *out, const char *host, int family)
{
    char bare[INET6_ADDRSTRLEN + 16];
    size_t n = strlen(host);
    int r;

    if (host[0] == '[' && host[n - 1] == ']' && n - 2 < sizeof bare) {
        memcpy(bare, host + 1, n - 2);
        bare[n - 2] = '\0';
        host = bare;
    }
    memset(out, 0, sizeof *out);
    out->n = 1;
    if (uv_ip4_addr(host, 0, &out->v[0].v4) == 0)
        r = AF_INET;
    else if (uv_ip6_addr(host, 0, &out->v[0].v6) == 0)
        r = AF_INET6;
    else
        return DNS_PENDING;
    return family == AF_UNSPEC || family == r ? 0 : UV_EAI_ADDRFAMILY;
}

/* "localhost" and names below it are this machine whatever a server says, or a hosts file that is not there (RFC 6761
 * section 6.3). */
static int localhost(struct dns_answer *out, const char *host, int family)
{
    static const char name[] = "localhost";
    size_t n = strlen(host), len = sizeof name - 1;

    if (n > 0 && host[n - 1] == '.')
        n--;
    if (n < len || strncasecmp(host + n - len, name, len) != 0 || (n > len && host[n - len - 1] != '.'))
        return DNS_PENDING;
    memset(out, 0, sizeof *out);
    if (family != AF_INET6)
        uv_ip4_addr("127.0.0.1", 0, &out->v[out->n++].v4);
    if (family != AF_INET)
        uv_ip6_addr("::1", 0, &out->v[out->n++].v6);
    return 0;
}

int dns_get(struct dns *d, const char *host, int family, uint64_t ttl_ms, struct dns_answer *out, struct dns_wait *w)
{
    const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    uint64_t now_ms = loop_now_ms(d->loop);
    struct dns_entry *e;
    int r = literal(out, host, family);

    list_init(&w->node);
    if (r == DNS_PENDING)
        r = localhost(out, host, family);
    if (r != DNS_PENDING)
        return r;
    e = entry_get(d, host, family);
    if (!e)
        return UV_EAGAIN;
    if (e->state == DNS_IDLE) {
        bool failed = e->bad_ms && now_ms - e->bad_ms < NEGATIVE_MS;

        if (e->answer.n > 0 && (now_ms - e->good_ms < ttl_ms || failed)) {
            *out = e->answer;
            return 0;
        }
        if (failed)
            return e->status;
        e->req.data = e;
        r = uv_getaddrinfo(&d->loop->uv, &e->req, on_resolved, host, NULL, &hints);
        if (r)
            return r;
        e->state = DNS_LOOKUP;
    }
    list_push(&e->waits, &w->node);
    return DNS_PENDING;
}

void dns_wait_cancel(struct dns_wait *w)
{
    list_remove(&w->node);
}

static bool same(const union dns_address *a, const union dns_address *b)
{
    if (a->sa.sa_family != b->sa.sa_family)
        return false;
    return a->sa.sa_family == AF_INET ? memcmp(&a->v4.sin_addr, &b->v4.sin_addr, sizeof a->v4.sin_addr) == 0
                                      : memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

void dns_prefer(struct dns *d, const char *host, int family, const union dns_address *a)
{
    struct dns_entry *e = entry_find(d, host, family);

    for (unsigned i = 1; e && i < e->answer.n; i++)
        if (same(&e->answer.v[i], a)) {
            union dns_address first = e->answer.v[i];

            memmove(&e->answer.v[1], &e->answer.v[0], i * sizeof first);
            e->answer.v[0] = first;
            return;
        }
}

void dns_forget(struct dns *d, const char *host, int family)
{
    struct dns_entry *e = entry_find(d, host, family);

    /* A fresh answer would be the same again: a dead endpoint must not cost a lookup for every dial. */
    if (e && loop_now_ms(d->loop) - e->good_ms >= DOUBT_MS)
        e->answer.n = 0;
}
