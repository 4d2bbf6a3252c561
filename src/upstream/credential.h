/* credential.h - a bearer token that comes from a file or a command and is replaced while the program runs: what is
 * taken for one, which one holds, and when to ask for the next.  By value in its shell (gateway/auth), which reads and
 * runs.  Owns the token, a secret.  Pure: the caller passes the time, of the loop in ms and of the wall in s. */
#ifndef MILLRACE_UPSTREAM_CREDENTIAL_H
#define MILLRACE_UPSTREAM_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    CREDENTIAL_MAX_BYTES = 65536,       /* of a file, and of what a command prints */
    CREDENTIAL_MAX_TOKEN = 16384,       /* servers refuse heads that are longer */
    CREDENTIAL_PERIOD_MS = 300000,      /* between two looks when nothing says how long the token holds */
    CREDENTIAL_EARLY_S = 300,           /* before a JWT's exp */
    CREDENTIAL_MAX_PERIOD_MS = 3600000, /* however late its exp */
    CREDENTIAL_LEEWAY_S = 60,           /* clocks differ: so long after its exp a token is still sent */
    CREDENTIAL_FIRST_RETRY_MS = 500,    /* after a failure, doubled up to the next */
    CREDENTIAL_MAX_RETRY_MS = 30000,
    CREDENTIAL_REFUSED_MS = 5000 /* between two looks because the endpoint refused what it was sent */
};

enum {
    CREDENTIAL_SAME = 0,
    CREDENTIAL_NEW = 1, /* a new generation */
    /* What makes it no token. */
    CREDENTIAL_EMPTY,
    CREDENTIAL_TOO_LONG,
    CREDENTIAL_BAD_BYTE,
    CREDENTIAL_EXPIRED
};

struct credential {
    char *token; /* a secret; NULL: there never was one */
    size_t token_n;
    uint64_t generation; /* 0: never one; 1 the first */
    int64_t exp_s;       /* INT64_MAX: not known */
    uint64_t due_ms;     /* the next look; UINT64_MAX: none by itself */
    unsigned failures;   /* in a row */
    uint64_t refused_ms; /* no look because of a refusal before that */
    bool periodic;       /* look even when nothing says how long the token holds */
};

/* The token within what was read: white space around it goes.  0, or what is wrong. */
int credential_token(struct slice printed, struct slice *token);
const char *credential_reason(int bad); /* for people; never quotes */

void credential_init(struct credential *c, bool periodic);
void credential_deinit(struct credential *c); /* overwrites the token */

/* What a look gave.  SAME, NEW, or what is wrong with it: then the one before stays, and the next look is near. */
int credential_take(struct credential *c, struct slice printed, uint64_t now_ms, int64_t now_s);
void credential_failed(struct credential *c, uint64_t now_ms); /* there was nothing to take */

/* There is one, and it has not expired. */
bool credential_holds(const struct credential *c, int64_t now_s);
/* The endpoint refused it.  true: look now; false: a look for that reason was a moment ago. */
bool credential_refused(struct credential *c, uint64_t now_ms);

#endif
