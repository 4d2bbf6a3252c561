/* sim_judge.h - one HTTP request of a client, and whether what came back is the answer to it.  Owned by its client. */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include "sim_ask.h"

struct h1_response;

struct seen { /* the highest head that a client was told */
    uint64_t number, asked_us;
};

struct want { /* one call that must be answered */
    char id[96];
    bool invalid; /* -32600 is the answer */
    struct ask ask;
    uint64_t announced; /* the head that everybody had been told of when it was asked */
    uint64_t asked_us;
    uint64_t asked_mono_us; /* by the gateway's clock */
    bool calm;              /* it must get its result */
    uint64_t told_us;       /* and when an endpoint first told it, or a later one */
    uint64_t head;          /* with ASK_HEAD: the answer; 0: none yet */
    uint64_t serial;        /* of the answer; UINT64_MAX: it does not say */
};

struct post {
    struct list node;
    struct sim_chain *chain;
    enum { WHOLE_GOOD, WHOLE_NOT_JSON, WHOLE_EMPTY, WHOLE_TOO_MANY } whole;
    bool array;
    bool explain;      /* it asks how its call comes by its answer */
    unsigned scope;    /* its client's own credential; 0: none */
    unsigned named;    /* the endpoint that it names, and 1; 0: none */
    uint64_t fence_us; /* when an endpoint took the last transaction whose answer the client had; then: has now */
    uint64_t seen;     /* the highest head that its client had been told when it asked */
    uint64_t seen_us;  /* when it asked for that */
    uint64_t asked_us; /* and for this */
    uint64_t told;     /* and that its answers tell */
    unsigned from;     /* which endpoint answered what is about the head, and 1; 0: none did yet */
    unsigned n;
    struct want *v;
};

/* Draws a request for the chain; its body is in b. */
struct post *post_draw(struct world *w, struct sim_chain *c, unsigned scope, uint64_t fence_us, struct seen seen,
                       struct buf *b);
/* One read, alone. */
struct post *post_draw_plain(struct world *w, struct sim_chain *c, unsigned scope, uint64_t fence_us, struct seen seen,
                             struct buf *b);
void post_free(struct post *q);

/* head: of the response, as it came. */
void judge_response(struct world *w, unsigned client, struct post *q, const struct h1_response *res, struct slice head,
                    bool slow);

#endif
