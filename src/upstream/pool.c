#include "upstream/pool.h"

#include <assert.h>
#include <stddef.h>

#include "base/plant.h"

void pool_init(struct pool *p, const struct pool_conf *conf, unsigned max_inflight)
{
    *p = (struct pool){.conf = conf, .max_busy = max_inflight};
    list_init(&p->idle);
    list_init(&p->busy);
    list_init(&p->dialling);
}

void pool_deinit(struct pool *p)
{
    (void)p;
    assert(pool_sockets(p) == 0);
    assert(list_empty(&p->idle) && list_empty(&p->busy) && list_empty(&p->dialling));
}

static unsigned *count_of(struct pool *p, enum pool_state s)
{
    return s == POOL_IDLE ? &p->n_idle : s == POOL_BUSY ? &p->n_busy : &p->n_dialling;
}

static void enter(struct pool *p, struct pool_member *m, enum pool_state s, uint64_t now_ms)
{
    if (m->state != POOL_OUT) {
        list_remove(&m->node);
        --*count_of(p, m->state);
    }
    m->state = s;
    m->since_ms = now_ms;
    if (s == POOL_OUT)
        return;
    list_push(s == POOL_IDLE ? &p->idle : s == POOL_BUSY ? &p->busy : &p->dialling, &m->node);
    ++*count_of(p, s);
}

void pool_add(struct pool *p, struct pool_member *m, uint64_t now_ms)
{
    *m = (struct pool_member){.born_ms = now_ms};
    list_init(&m->node);
    enter(p, m, POOL_DIALLING, now_ms);
}

void pool_remove(struct pool *p, struct pool_member *m)
{
    if (m->state == POOL_OUT)
        return;
    if (m->state == POOL_DIALLING)
        p->dial_failed++;
    else
        p->closed++;
    enter(p, m, POOL_OUT, m->since_ms);
}

static struct pool_member *member(struct list *node)
{
    return container_of(node, struct pool_member, node);
}

struct pool_member *pool_take(struct pool *p, bool fresh, uint64_t now_ms)
{
    struct pool_member *m = NULL;

    if (p->n_idle == 0 || (p->max_busy && p->n_busy >= p->max_busy))
        return NULL;
    if (fresh) {
        list_each (it, &p->idle) {
            if (member(it)->carried == 0) {
                m = member(it);
                break;
            }
        }
        if (!m)
            return NULL;
    } else {
        m = member(p->conf->order == POOL_LIFO ? p->idle.prev : p->idle.next);
    }
    if (m->carried++)
        p->carried_reused++;
    else
        p->carried_new++;
    enter(p, m, POOL_BUSY, now_ms);
    return m;
}

bool pool_give(struct pool *p, struct pool_member *m, uint64_t now_ms)
{
    bool worn = p->conf->max_requests_per_socket && m->carried >= p->conf->max_requests_per_socket;

    assert(m->state == POOL_DIALLING || m->state == POOL_BUSY);
    if (m->state == POOL_DIALLING)
        p->opened++;
    if (worn || (p->conf->max_idle == 0 && m->carried)) {
        p->closed++;
        enter(p, m, POOL_OUT, now_ms);
        return false;
    }
    enter(p, m, POOL_IDLE, now_ms);
    return true;
}

unsigned pool_dials_wanted(const struct pool *p, unsigned waiting)
{
    unsigned have = pool_sockets(p) - (planted(PLANT_SOCKETS_UNBOUND) && p->n_busy), want = 0, left;

    if (have >= p->conf->max_sockets)
        return 0;
    left = p->conf->max_sockets - have;
    if (p->max_busy && waiting > p->max_busy - (p->n_busy < p->max_busy ? p->n_busy : p->max_busy))
        waiting = p->n_busy < p->max_busy ? p->max_busy - p->n_busy : 0;
    if (waiting > p->n_dialling + p->n_idle)
        want = waiting - p->n_dialling - p->n_idle;
    if (have + want < p->conf->min_warm)
        want = p->conf->min_warm - have;
    return want < left ? want : left;
}

struct pool_member *pool_expire(struct pool *p, uint64_t now_ms)
{
    /* Idle since entry order: the front has waited longest. */
    if (p->n_idle == 0 || pool_next_expiry(p) > now_ms)
        return NULL;
    return pool_evict(p);
}

uint64_t pool_idle_since(const struct pool *p)
{
    return p->n_idle ? member(p->idle.next)->since_ms : UINT64_MAX;
}

uint64_t pool_next_expiry(const struct pool *p)
{
    uint64_t patience_ms = p->conf->idle_timeout_ms;

    if (p->n_idle > p->conf->max_idle && patience_ms > POOL_SURPLUS_MS && !planted(PLANT_IDLE_UNBOUND))
        patience_ms = POOL_SURPLUS_MS;
    return p->n_idle ? pool_idle_since(p) + patience_ms : UINT64_MAX;
}

struct pool_member *pool_evict(struct pool *p)
{
    struct pool_member *m;

    if (p->n_idle == 0)
        return NULL;
    m = member(p->idle.next);
    pool_remove(p, m);
    return m;
}
