/* classify.h - what an answer of an endpoint means: rows of classify.def, the first that fits decides.  Pure; static
 * data, and what a configuration adds; never allocates.
 *
 * Bodies are classified whatever their HTTP status.  A result costs one comparison, an error about a microsecond.
 *
 * Who decides what: upstream/batch_refusal looks first at an answer to several calls, and at one that is about the
 * batch; rpc/broadcast_verdict says what a refused transaction means for the broadcast, and here what of it is the
 * transaction's own fault; this module says the rest, and what any answer means for its endpoint.  How long it is to be
 * left alone: rpc/retry_hint and http/rate_fields, whose method's limit makes RATE_LIMITED_METHOD of _ENDPOINT. */
#ifndef MILLRACE_RPC_CLASSIFY_H
#define MILLRACE_RPC_CLASSIFY_H

#include "base/fail.h"
#include "rpc/error_object.h"
#include "rpc/method.h"

enum answer_class {
#define CLASS(name, elsewhere, again, harm, park, learn, refused, rank, text) ANSWER_##name,
#include "rpc/classify.def"
    ANSWER_CLASSES
};

enum answer_elsewhere { ELSEWHERE_NO, ELSEWHERE_ONCE, ELSEWHERE_YES };

/* How it counts for the endpoint's health.  IF_ALONE: nothing by itself; a soft failure once another endpoint has
 * answered the same call. */
enum answer_harm { HARM_NONE, HARM_IF_ALONE, HARM_SOFT, HARM_HARD };

/* METHOD: this name only, where one row of methods.def stands for many (method->wild). CREDENTIAL: one answer in words
 * may be wrong, a status of 401 or 403 is not. */
enum answer_park { PARK_NONE, PARK_METHOD, PARK_ENDPOINT, PARK_QUOTA, PARK_CREDENTIAL };

enum answer_learn {
    LEARN_NOTHING,
    LEARN_LIMITS,     /* its limit for ranges, results or bytes is below what was asked for */
    LEARN_NO_ARCHIVE, /* it lacks old state, or old blocks */
    LEARN_BEHIND,     /* its head is below what was asked for */
    LEARN_NO_METHOD,  /* it lacks the method */
    LEARN_RATE,       /* its rate is below ours */
    LEARN_CONCURRENCY /* it takes fewer calls at once than we sent */
};

struct answer_meaning {
    const char *name; /* "rate_limited_endpoint": for metrics, logs and the configuration */
    enum answer_elsewhere elsewhere;
    bool again; /* the same endpoint may answer later, after a back-off */
    enum answer_harm harm;
    enum answer_park park;
    enum answer_learn learn;
    bool refused;  /* the endpoint did nothing with the call */
    unsigned rank; /* of errors that all endpoints gave, the lowest is shown to the client */
    const char *text;
};

const struct answer_meaning *answer_meaning(enum answer_class c);
/* The class with this name; ANSWER_CLASSES: there is none. */
enum answer_class answer_class_named(struct slice name);

/* May another endpoint be asked after this?  Reads, as the class says; what is not known to be a read, or makes a
 * filter, only when the call was refused; writes never: a broadcast has rules of its own. */
static inline bool answer_may_move(const struct answer_meaning *a, const struct method *m)
{
    switch (m->kind) {
    case METHOD_READ:
        return a->elsewhere != ELSEWHERE_NO;
    case METHOD_UNKNOWN:
        return a->elsewhere != ELSEWHERE_NO && a->refused;
    case METHOD_FILTER:
        return a->elsewhere != ELSEWHERE_NO && a->refused && m->sticky == STICKY_CREATE;
    case METHOD_WRITE:
    default:
        return false;
    }
}

/* A row of the configuration: tried in order, before all others.  What is 0 or empty fits anything. */
struct classify_rule {
    bool any_family;
    enum chain_family family;
    unsigned status;
    int64_t code;
    struct slice text; /* in lower case; anywhere in the message or the data; borrowed */
    enum answer_class class;
};

struct classify_conf {
    const struct classify_rule *rules; /* borrowed */
    size_t n;
};

/* Which class, and which row said so: 0 none, CLASSIFY_BY_RULE + i the i-th of the configuration, CLASSIFY_BY_VERDICT
 * broadcast_verdict, else row 1.. of the table. */
struct classified {
    enum answer_class class;
    unsigned row;
};

enum { CLASSIFY_BY_VERDICT = 1 << 16, CLASSIFY_BY_RULE = 1 << 17 };

/* A JSON-RPC error, under whatever HTTP status.  conf may be NULL. */
struct classified classify_error(const struct classify_conf *conf, enum chain_family family, const struct method *m,
                                 unsigned status, const struct error_object *e);

/* No JSON-RPC response.  fail: how the exchange ended (base/fail.def, its UPSTREAM_* rows and the gateway's own
 * bounds); with an HTTP response also its status, else 0, and what its body says: only the start of it is looked at. */
struct classified classify_failure(const struct classify_conf *conf, enum chain_family family, enum fail fail,
                                   unsigned status, struct slice body);

/* Does null mean "not known here, perhaps not yet"?  Else what is empty is an answer (logs, balances, code, accounts).
 */
static inline bool classify_is_lookup(const struct method *m)
{
    return m->class == CLASS_BY_NUMBER || m->class == CLASS_BY_HASH || m->class == CLASS_BY_TX ||
           m->class == CLASS_SLOT;
}

static inline enum answer_class classify_result(const struct method *m, struct slice result)
{
    return result.n == 4 && result.p[0] == 'n' && classify_is_lookup(m) ? ANSWER_NOT_HERE_YET : ANSWER_OK;
}

unsigned classify_rows(void); /* of the table */

#endif
