/* broadcast.h - one signed transaction on its way to a group of endpoints: when is the client answered, and with what.
 * By value in its owner, not moved while in use; nothing to free.  Pure: the shell sends, tells how each leg ended, and
 * takes the decisions.
 *
 * The first acceptance answers, with the endpoint's bytes.  "Already known" is an acceptance too, answered with the
 * transaction's own name (raw_tx.h); without that name it is not, for a success is never made up.  "Nonce too low", and
 * legs that failed after the endpoint may have read them, are followed by one look-up by hash on EVM chains.  A Solana
 * node that does not know the blockhash yet, or says that it is behind, is made up for by one more leg.  When every leg
 * ended without acceptance, the error that says most is passed on as it is: in the order of enum broadcast_verdict,
 * then failures of the transport, and among equals that of the first leg.
 *
 * Borrowed: the bytes of a leg's answer must stay good until the decision that answers the client was acted upon. */
#ifndef MILLRACE_RPC_BROADCAST_H
#define MILLRACE_RPC_BROADCAST_H

#include <stdint.h>

#include "base/fail.h"
#include "rpc/broadcast_verdict.h"
#include "rpc/raw_tx.h"

enum {
    BROADCAST_MAX_LEGS = 64,
    BROADCAST_PROBE_MS = 3000, /* a usual budget of the look-up (eRPC's) */
};

/* How a leg ended; what the statistics of its endpoint count. */
enum broadcast_outcome {
    BROADCAST_LEG_OUT,       /* no answer yet */
    BROADCAST_LEG_ACCEPTED,  /* answered the transaction's hash or signature */
    BROADCAST_LEG_KNOWN,     /* had it already */
    BROADCAST_LEG_REFUSED,   /* any other error */
    BROADCAST_LEG_FAILED,    /* no answer that can be used */
    BROADCAST_LEG_WITHDRAWN, /* never began: there was no endpoint for it */
    BROADCAST_OUTCOMES
};

struct broadcast_leg {
    enum broadcast_outcome outcome;
    enum broadcast_verdict verdict; /* with KNOWN and REFUSED */
    enum fail fail;                 /* with FAILED */
    bool may_have;                  /* with FAILED: the endpoint may have read the transaction nevertheless */
    struct slice answer;            /* with KNOWN and REFUSED: the error's bytes, borrowed */
};

enum broadcast_state {
    BROADCAST_OPEN,
    BROADCAST_DECIDED, /* the client's answer waits to be taken */
    BROADCAST_ANSWERED
};

/* Of the look-up and of the retry, each of which happens once at most. */
enum broadcast_step {
    BROADCAST_NOT_BEGUN,
    BROADCAST_WANTED, /* waits to be taken */
    BROADCAST_UNDER_WAY,
    BROADCAST_GIVEN_UP, /* the look-up took too long: nothing waits for it, but it may still help */
    BROADCAST_OVER
};

enum broadcast_decision_kind {
    BROADCAST_RESULT, /* answer the client: bytes are the result.  Comes once, or one of the two below does */
    BROADCAST_ERROR,  /* answer the client: bytes are the error object */
    BROADCAST_FAIL,   /* answer the client: `fail`, an error of ours */
    BROADCAST_PROBE,  /* ask eth_getTransactionByHash for raw_tx_text(&b->id), of the leg's endpoint or of any; then
                         broadcast_probed */
    BROADCAST_RETRY, /* send the transaction as `leg`, which is new, to the endpoint with the freshest slot that did not
                        get it; broadcast_withdraw when there is none */
};

struct broadcast_decision {
    enum broadcast_decision_kind kind;
    unsigned leg; /* that decided, or that asked for the probe */
    struct slice bytes;
    enum fail fail;
};

struct broadcast {
    enum chain_family family;
    enum broadcast_state state;
    enum broadcast_step probe, retry;
    bool expired; /* legs that are still out are not waited for any more */
    unsigned legs;
    unsigned asked_by;  /* the leg that made the look-up necessary */
    unsigned retry_leg; /* once the retry is wanted */
    uint64_t legs_deadline_ms, probe_deadline_ms, deadline_ms, probe_ms;
    struct broadcast_decision answer; /* once decided */
    struct raw_tx_id id;
    struct broadcast_leg leg[BROADCAST_MAX_LEGS + 1]; /* one more for the retry */
};

/* All `legs` >= 1 legs (at most BROADCAST_MAX_LEGS) are about to be sent.  The client is answered by deadline_ms; where
 * a look-up is possible, the legs get that less probe_ms, or half of the time when that is more.  probe_ms = 0: no
 * look-up. */
void broadcast_init(struct broadcast *b, enum chain_family family, struct slice params, unsigned legs, uint64_t now_ms,
                    uint64_t deadline_ms, uint64_t probe_ms);

/* How a leg that was out ended. `result` and `error` are the bytes of that member. The outcome is returned. */
enum broadcast_outcome broadcast_result(struct broadcast *b, unsigned leg, struct slice result, uint64_t now_ms);
enum broadcast_outcome broadcast_error(struct broadcast *b, unsigned leg, struct slice error, uint64_t now_ms);
/* never_sent: no byte of it can have reached the endpoint. */
enum broadcast_outcome broadcast_fail(struct broadcast *b, unsigned leg, enum fail fail, bool never_sent,
                                      uint64_t now_ms);
/* The retry that was asked for cannot be. */
void broadcast_withdraw(struct broadcast *b, uint64_t now_ms);

/* The look-up's result; n = 0: it failed.  Exactly once after BROADCAST_PROBE, however late. */
void broadcast_probed(struct broadcast *b, struct slice result, uint64_t now_ms);

/* When to call broadcast_expire if nothing happens before; UINT64_MAX: not needed. */
uint64_t broadcast_deadline(const struct broadcast *b);
void broadcast_expire(struct broadcast *b, uint64_t now_ms);

/* The next thing to do: after each of the calls above, until it says false. */
bool broadcast_take(struct broadcast *b, struct broadcast_decision *d);

/* The client was answered, every leg has ended, and so has the look-up: the end. */
bool broadcast_is_over(const struct broadcast *b);

#endif
