/* sim_conn.h - one connection between the gateway and a client or an endpoint of the simulation: two lanes of bytes
 * with latency, split anywhere, with a window that the reader opens; each side can end its half, close or reset.  The
 * gateway's end is a struct stream (io/stream.h); this is the other end's side.  Lives until the world ends. */
#ifndef SIM_CONN_H
#define SIM_CONN_H

#include "base/buf.h"
#include "io/stream.h"
#include "sim_world.h"

struct sim_lane {
    struct list flying;      /* segments on their way, in order */
    struct sim_event arrive; /* of the first one */
    uint64_t last_us;        /* when the last of them arrives */
    size_t flying_bytes;
    struct buf got; /* arrived, not read yet */
    bool fin, rst;  /* arrived */
    bool shut;      /* the writer sent its FIN or RST: nothing follows */
};

struct sim_peer_ops {
    void (*on_bytes)(void *owner);           /* more of the gateway's bytes: see conn_peek */
    void (*on_end)(void *owner, bool reset); /* the gateway ended or reset its side; said once */
};

struct sim_conn {
    struct list all; /* in world.conns */
    struct world *w;
    struct node *node;    /* the endpoint; NULL: a client's connection */
    struct sim_lane up;   /* to the gateway */
    struct sim_lane down; /* from it */
    size_t window;        /* of down: most bytes under way and unread */
    uint64_t latency_us;
    struct stream *gateway; /* NULL: closed there */
    bool peer_closed, peer_told;
    const struct sim_peer_ops *ops;
    void *owner;
    uint64_t written_us; /* when the gateway last wrote something */
    bool unread;         /* the gateway closed its end with bytes unread */
};

struct sim_conn *conn_new(struct world *w, struct node *node, const struct sim_peer_ops *ops, void *owner);
void conn_free(struct sim_conn *c); /* the gateway's stream must be closed */

void conn_write(struct sim_conn *c, const char *p, size_t n); /* arrives in pieces; nothing when closed */
void conn_shutdown(struct sim_conn *c);
void conn_close(struct sim_conn *c); /* no callback after; unread bytes make it a reset */
void conn_reset(struct sim_conn *c);

struct slice conn_peek(const struct sim_conn *c);
void conn_take(struct sim_conn *c, size_t n); /* these bytes were read */

#endif
