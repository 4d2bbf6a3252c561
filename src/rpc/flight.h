/* flight.h - one upstream question in the air.  Owns a copy of the request's bytes, so that it depends on no client;
 * borrows its waiting calls by intrusive link.  From a pool of the worker, which owns it. */
#ifndef MILLRACE_RPC_FLIGHT_H
#define MILLRACE_RPC_FLIGHT_H

#include "base/blob.h"
#include "base/fail.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/plant.h"
#include "rpc/envelope.h"
#include "rpc/method.h"
#include "rpc/scope.h"

struct chain;
struct lane;
struct upstream;
struct link;

enum flight_state {
    FLIGHT_NEW,
    FLIGHT_QUEUED, /* waits at `upstream` for a link */
    FLIGHT_PARKED, /* waits in session.parked: its client holds too much */
    FLIGHT_WIRE,   /* rides on `link` */
    FLIGHT_PAUSED, /* is sent to `upstream` again at try_until_ms */
    FLIGHT_SPREAD, /* its legs are under way: gateway/broadcast_lane.h */
};

/* Whom it is for. */
enum flight_part {
    FLIGHT_OF_CALLS, /* those that wait for it */
    FLIGHT_LEAD,     /* them too, but it goes nowhere itself: `lane` answers it */
    FLIGHT_LEG,      /* its lane: one copy of a transaction, to one endpoint, once */
    FLIGHT_LOOKUP,   /* its lane: a read of the lane's own */
    FLIGHT_HEDGE,    /* the calls of its twin, whose question it is, at another endpoint: gateway/hedge_lane.h */
    FLIGHT_PROBE     /* the gateway: gateway/prober.h */
};

/* Which endpoints of its chain may be asked, as for the blocks that they have: gateway/heads.h. */
enum flight_fresh {
    FLIGHT_ANY,
    FLIGHT_AT_HEAD, /* near the head, and at `need` */
    FLIGHT_AT_BLOCK /* those that have block `need` */
};

/* An answer that was not good enough while another endpoint could do better; where there is none, how an attempt ended
 * instead.  Heap. */
struct flight_said {
    struct blob *ref;     /* NULL: there is no answer */
    struct slice payload; /* in ref */
    bool is_error;
    unsigned rank; /* answer_meaning.rank: the lowest says most */
    struct upstream *at;
    enum fail fail; /* without an answer */
    unsigned http_status;
};

/* Was it asked a second time, elsewhere, and which answer was taken? */
enum flight_hedged { HEDGED_NOT, HEDGED_LOST, HEDGED_WON };
#define FLIGHT_UNITS_BY_METHOD UINT32_MAX

struct flight {
    enum flight_state state;
    bool
        wanted; /* someone waits, or it is a notification not sent yet: else it is dropped when it is not on the wire */
    bool fresh_only; /* a reused link died under it: only a link that carried nothing yet will do */
    bool fold_hex;   /* the case of hex says nothing on its chain */
    bool listed;     /* in the worker's table: others may join */
    bool second;     /* its first try failed, and those who had joined have it to themselves */
    bool heavy;      /* its method never shares a request with others */
    bool alone;      /* it shared one, and was not answered: now it goes alone */
    bool borrows;    /* its tail is another's, who outlives it */
    bool solo;       /* in a queue: it is counted there as one that goes alone */
    bool explained;  /* one of its calls is to tell how it came by its answer */
    bool retry;      /* as the rule of its method: another endpoint may be asked */
    bool hedge;      /* as the rule of its method */
    bool trial;      /* it is the one call that tries an endpoint whose breaker is not closed */
    bool late;       /* it has taken long enough to count against its endpoint, which was noted */
    bool asked_once; /* another endpoint was asked after an answer that is worth one more try */
    bool put_back;   /* it gave up its link, since its clients hold too much: it sets out again when they hold little */
    bool pinned;     /* only its endpoint may be asked: that holds the filter that it is about, or is what it asks of */
    bool by_name;    /* pinned because its client named that endpoint: nobody else shares in it */
    bool old_credential; /* it was refused with a credential of ours that is replaced */
    bool in_unit;    /* some who wait, or waited, for it must be answered by the endpoint of others: gateway/unit.h */
    bool is_first;   /* the oldest block that it names is the chain's first */
    bool old_missed; /* an endpoint said that it lacks the block that it is about */
    uint8_t fresh;   /* enum flight_fresh */
    uint8_t head_kind, told_kind; /* which of the chain's heads `need` and `told` are of */
    uint8_t old_kind;             /* enum archive_kind: what it needs of an old block */
    uint8_t rests;                /* how often it was put back */
    uint8_t waits;                /* how often it paused because nobody was far enough */
    uint8_t moves;                /* how many times it changed link or endpoint */
    uint8_t sends;                /* requests that carried it */
    uint8_t rank;  /* upstream/priority.h: where it stands among those who wait; 0: first, a question of our own */
    uint8_t stale; /* of these, those that went into a connection which was dead already */
    uint32_t need_setbacks; /* of the past that `need` is of */
    uint64_t need, told;    /* a block number; the one that its answer tells; 0: none */
    uint64_t depth;         /* of the oldest block that it names, below the head; 0: none: gateway/old_blocks.h */
    unsigned counted;       /* requests that it was when it left last, as its endpoint's limit counts them */
    uint32_t units;         /* compute units that the configuration says; FLIGHT_UNITS_BY_METHOD: it does not */
    uint64_t taken_us;      /* when these were taken */
    uint64_t id;            /* our own id, unique within the worker */
    uint64_t tried;         /* bit per endpoint of the chain that failed it */
    uint64_t passed;        /* of these, those that it left before a byte of it did */
    uint64_t blamed;        /* of these, those whose error is held against them if another one answers */
    unsigned http_status;   /* that its answer came with */
    unsigned seat;          /* on its link */
    unsigned riders;        /* calls in the last request that carried it */
    uint64_t born_ms, queued_us;
    uint64_t start_us, sent_us;
    uint64_t deadline_ms;     /* of its longest waiter */
    uint64_t hedge_ms;        /* on the wire: when it is asked a second time elsewhere; UINT64_MAX: it is not */
    uint64_t try_until_ms;    /* on the wire: the endpoint's own time-out; UINT64_MAX: it has none */
    struct heap_node due;     /* in the worker's heap of deadlines: of its next waiter, or sooner by one of these */
    struct list queued;       /* in its endpoint's queue, or parked */
    struct list calls;        /* call.waiting */
    struct flight_said *said; /* the best so far, owned; NULL: none */
    const struct method *method;
    struct chain *chain;
    struct upstream *upstream;
    struct link *link;
    enum flight_part part;
    unsigned leg; /* which, of its lane; a probe's question */
    struct lane *lane;
    struct flight *twin; /* its hedge, or what it is the hedge of; NULL: none */
    enum flight_hedged hedged;
    struct scope *scope; /* of those who wait, a reference; NULL: they have no credential of their own */
    struct slice key;    /* rpc/flight_key.h, after its scope: in tail, key_store or key_own */
    char *key_own;       /* of a long one; NULL: none */
    uint64_t text_hash;  /* of the key alone */
    uint64_t key_hash, head_epoch, write_epoch;
    bool keep;                     /* its result may be kept */
    uint64_t filter_hi, filter_lo; /* pinned: the client's id of its filter */
    struct flight *same_slot;      /* in the worker's table */
    char *tail; /* what follows the id in the request: `,"method":...,"params":...}`; tail_store or owned */
    size_t tail_n;
    size_t params_at; /* where the params begin in it */
    char tail_store[256];
    char key_store[256];
};

/* From a valid request; the tail is a copy of its method and params bytes. */
void flight_init(struct flight *f, const struct message_request *q, const struct method *m, uint64_t id);
/* Gives its tail away, but goes on to use it: who calls outlives it, and frees it with free(). */
char *flight_give_tail(struct flight *f);
/* A copy of `of`, for nobody yet; it borrows the tail. */
void flight_init_copy(struct flight *f, const struct flight *of, uint64_t id);
void flight_deinit(struct flight *f); /* nobody may wait for it */

void flight_join(struct flight *f, struct call *c); /* c's deadline is no earlier than that of those who wait */
void flight_leave(struct call *c);                  /* the caller looks after a flight that nobody waits for any more */

static inline bool flight_alone(const struct flight *f)
{
    return list_empty(&f->calls);
}

/* The bytes of its params, an array or object; in tail. */
static inline struct slice flight_params(const struct flight *f)
{
    return slice_of(f->tail + f->params_at, f->tail_n - f->params_at - 1);
}

static inline struct call *flight_first(const struct flight *f) /* the waiter with the earliest deadline; not alone */
{
    return container_of(f->calls.next, struct call, waiting);
}

/* May it go out again after an endpoint may have seen it? */
static inline bool flight_may_repeat(const struct flight *f)
{
    return method_may_repeat(f->method) || (planted(PLANT_WRITE_REPEATED) && f->method->kind == METHOD_WRITE) ||
           (planted(PLANT_UNKNOWN_REPEATED) && f->method->kind == METHOD_UNKNOWN) ||
           (planted(PLANT_POLL_REPEATED) && f->method->kind == METHOD_FILTER);
}

#endif
