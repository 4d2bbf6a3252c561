/* fail.h - the ways a call can fail on our side: rows of fail.def.  A failure travels to the client as a JSON-RPC error
 * with data.reason = the row's name in lower case, and is counted per endpoint or per worker. */
#ifndef MILLRACE_BASE_FAIL_H
#define MILLRACE_BASE_FAIL_H

#include <stdbool.h>

enum fail {
    FAIL_NONE,
#define FAIL(name, http, evm, solana, retry, text) FAIL_##name,
#include "base/fail.def"
#undef FAIL
    FAIL_COUNT
};

struct fail_row {
    const char *reason; /* "upstream_timeout": data.reason, metric label */
    unsigned http;      /* HTTP status when the whole exchange fails at the HTTP level; 200 when JSON-RPC answers it */
    int code_evm, code_solana;
    bool retry; /* another endpoint might do better */
    const char *text;
};

const struct fail_row *fail_get(enum fail f);

#endif
