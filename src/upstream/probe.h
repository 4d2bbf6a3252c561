/* probe.h - the questions that the gateway asks by itself: which, of whom, when, and what the answer says.
 *
 * PROBE_IDENTITY: is an endpoint on the chain that is configured?  It is asked before anything else goes there.  Until
 * it has answered, calls wait for it; one that answers another chain is refused, and asked again now and then; one that
 * knows no such method is used all the same.
 * PROBE_FINALIZED: how far the chain is final.  It is asked of any endpoint, when an answer that came would be worth
 * keeping if that were known.
 * PROBE_PAST: is the block that was final still the same?  past.h says when, and has the params.
 *
 * PROBE_HEAD: how far is it?  PROBE_SYNC: does it say itself that it is behind?  PROBE_SHREDS and, right after it,
 * PROBE_REPLAYED: does it receive what it does not come to replay (replay.h)?  gateway/watch.h says when.
 *
 * By value in an endpoint's or a chain's owner.  Pure: the caller passes the time, asks what is due, and tells what
 * came of it. */
#ifndef MILLRACE_UPSTREAM_PROBE_H
#define MILLRACE_UPSTREAM_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "rpc/method.h"
#include "upstream/head.h"

enum probe_question {
    PROBE_IDENTITY,
    PROBE_FINALIZED,
    PROBE_PAST,
    PROBE_HEAD,
    PROBE_SYNC,
    PROBE_SHREDS,  /* Solana: the highest slot that it has shreds of */
    PROBE_REPLAYED /* Solana: the processed slot */
};

/* It is the watch that asks. */
static inline bool probe_is_watch(enum probe_question q)
{
    return q >= PROBE_HEAD;
}

/* The request: its method without quotes, and the bytes of its params.  Static. */
struct probe_words {
    struct slice method, params;
};
struct probe_words probe_words(enum probe_question q, enum chain_family family, enum head_kind kind);

/* -- of each endpoint: who is it? */

enum {
    PROBE_TIMEOUT_MS = 3000,           /* for an answer, the connection included */
    PROBE_FIRST_MS = 1000,             /* the first pause before the same question is asked again; then it doubles */
    PROBE_FAILED_MAX_MS = 10000,       /* up to here without an answer */
    PROBE_REFUSED_MAX_MS = 60000,      /* and here while it is on another chain */
    PROBE_UNVERIFIED_FIRST_MS = 60000, /* who does not know the method seldom learns it */
    PROBE_UNVERIFIED_MAX_MS = 3600000,
    PROBE_SAID_CAP = 48, /* a genesis hash has up to 44 characters */
    PROBE_TEXT_CAP = 160
};

struct probe_expect { /* borrows from the configuration */
    enum chain_family family;
    uint64_t chain_id;        /* EVM; 0: none */
    const char *genesis_hash; /* Solana; "": none */
};

enum probe_state {
    PROBE_OFF, /* nothing is expected, so nothing is asked */
    PROBE_VERIFIED,
    PROBE_UNVERIFIED, /* it cannot tell */
    PROBE_UNKNOWN,    /* it did not answer yet */
    PROBE_REFUSED     /* it is on another chain */
};

struct probe {
    enum probe_state state;
    bool asking;               /* the question is under way */
    bool unreached;            /* the last one did not even get there */
    unsigned failures;         /* questions in a row without the answer that is wanted */
    uint64_t at_ms;            /* when it is due to be asked; UINT64_MAX: not, or it is under way */
    char said[PROBE_SAID_CAP]; /* chain id in decimal, or genesis hash; "": none yet */
};

enum probe_news {
    PROBE_NO_NEWS,
    PROBE_AGREES,      /* it is verified now */
    PROBE_DISAGREES,   /* it is refused now, or says again another chain than before */
    PROBE_CANNOT_TELL, /* it is used now, unverified */
    PROBE_NO_ANSWER    /* what came answers nothing */
};

bool probe_expects(const struct probe_expect *e);
void probe_init(struct probe *p, const struct probe_expect *e);

/* Nothing is to be asked, now or later. */
static inline bool probe_settled(const struct probe *p)
{
    return p->state <= PROBE_VERIFIED;
}

/* Calls wait until it has answered. */
static inline bool probe_holds(const struct probe *p)
{
    return p->state == PROBE_UNKNOWN;
}

/* It was asked in vain: calls had better go elsewhere. */
static inline bool probe_doubtful(const struct probe *p)
{
    return p->state == PROBE_UNKNOWN && p->failures > 0;
}

/* waited_for: calls wait for the answer. */
bool probe_is_due(const struct probe *p, uint64_t now_ms, bool waited_for);
void probe_asked(struct probe *p);
enum probe_news probe_answered(struct probe *p, const struct probe_expect *e, bool is_error, struct slice payload,
                               uint64_t now_ms);
void probe_failed(struct probe *p, bool never_sent, uint64_t now_ms); /* nothing came */
void probe_connected(struct probe *p, uint64_t now_ms);               /* there is a connection now */
void probe_authorized(struct probe *p, uint64_t now_ms); /* requests carry another credential from now on */

/* "chain_id 1 is expected, it says 5": of one that was refused; else what is expected.  Returns out. */
char *probe_text(const struct probe *p, const struct probe_expect *e, char out[PROBE_TEXT_CAP]);
const char *probe_state_name(enum probe_state s);

/* -- of each endpoint: where is it? */

enum { PROBE_HEAD_MIN_MS = 200, PROBE_HEAD_MAX_MS = 5000, PROBE_HEAD_UNKNOWN_MS = 1000 };

/* From what was heard of its head last to the next question: half a block's time, and a quarter of that where others
 * are further.  block_ms 0: not known. */
uint64_t probe_head_gap_ms(uint64_t block_ms, bool at_top);

enum probe_sync { PROBE_IN_SYNC, PROBE_SYNCING, PROBE_SYNC_UNKNOWN /* it has no such method */ };

/* An answer to PROBE_SYNC: false or {"currentBlock":...,"highestBlock":...} of eth_syncing (execution-apis
 * eth/client.yaml), where a distance within max_lag is none; "ok" or -32005 of getHealth (agave rpc custom_error.rs).
 */
enum probe_sync probe_sync_read(enum chain_family family, bool is_error, struct slice payload, uint64_t max_lag);

/* -- of a chain: what is final? */

enum { PROBE_FINAL_MAX_MS = 600000 }; /* the longest pause when it cannot be told */

struct probe_final {
    bool asking;
    unsigned failures;
    uint64_t gap_ms;  /* between two questions */
    uint64_t next_ms; /* no sooner than this; UINT64_MAX: never */
};

void probe_final_init(struct probe_final *f, uint64_t gap_ms); /* 0: it is never asked */

static inline bool probe_final_may(const struct probe_final *f, uint64_t now_ms)
{
    return now_ms >= f->next_ms && !f->asking;
}

void probe_final_asked(struct probe_final *f, uint64_t now_ms);
/* true: *number is the finalized block. */
bool probe_final_answered(struct probe_final *f, bool is_error, struct slice payload, uint64_t now_ms,
                          uint64_t *number);
void probe_final_failed(struct probe_final *f, uint64_t now_ms);

#endif
