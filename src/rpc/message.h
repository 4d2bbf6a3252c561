/* message.h - JSON-RPC 2.0 messages as extents of the text they came in: requests from clients, responses from
 * endpoints. Pure; slices borrow from the scanned text.  The text is walked once; nothing is unescaped, re-printed or
 * copied. */
#ifndef MILLRACE_RPC_MESSAGE_H
#define MILLRACE_RPC_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "json/jtok.h"

struct message_request {
    struct slice id;     /* the client's bytes; n = 0: absent or not knowable */
    bool notification;   /* a valid request without id: never answered */
    struct jval method;  /* a string token */
    struct slice params; /* array or object; n = 0: absent or null */
    const char *invalid; /* NULL: valid; else why it is not: answer -32600 with id, or null where there is none */
};

/* One client body. By value; requests[] is reused from body to body. */
struct message_body {
    bool array;
    struct message_request *requests; /* owned */
    size_t n, cap;
    enum fail fail;  /* FAIL_NONE, PARSE_ERROR, EMPTY_BATCH or BATCH_TOO_LARGE: of the whole body */
    const char *why; /* with PARSE_ERROR: static text */
    size_t at;       /* and the byte offset */
};

void message_body_init(struct message_body *b);
void message_body_deinit(struct message_body *b);
/* Scans text whole before anything of it may be acted upon. */
void message_body_scan(struct message_body *b, struct slice text, unsigned max_calls, unsigned max_depth);

struct message_response {
    enum { MESSAGE_RESULT, MESSAGE_ERROR } kind;
    struct slice payload; /* the bytes of result or error */
    bool id_null;         /* "id": null: what a server says that could not read the id */
    bool id_known;        /* id holds our integer */
    uint64_t id;
};

/* What one response text says.  FAIL_NONE, or UPSTREAM_NOT_JSON, _NOT_RPC (not one object, or doubled members), _NO_ID
 * or _NO_RESULT. An id is known when it is an integer, or a string of digits: some servers turn the one into the other
 * (facts of Ethermint-lineage nodes). */
enum fail message_response_scan(struct message_response *m, struct slice text, unsigned max_depth);

/* The same for the value that comes next in t, as an element of an array is.  0, or JTOK_BAD: the text itself is
 * broken; fail: FAIL_NONE, or UPSTREAM_NOT_RPC, _NO_ID (the payload is there) or _NO_RESULT. */
int message_response_take(struct jtok *t, struct message_response *m, enum fail *fail);

#endif
