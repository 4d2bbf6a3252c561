/* error.h - the JSON-RPC error objects that are ours: {"code":..,"message":..,"data":{"reason":..,...}}. */
#ifndef MILLRACE_RPC_ERROR_H
#define MILLRACE_RPC_ERROR_H

#include "base/blob.h"
#include "base/fail.h"
#include "rpc/method.h"

struct error_detail {
    enum fail fail;
    const char *endpoint; /* data.endpoint; NULL: none */
    const char
        *detail; /* data.detail: what exactly, for people; never bytes of the endpoint, never a secret; NULL: none */
    unsigned http_status; /* data.http_status of the endpoint's answer; 0: none */
    const size_t *at;     /* data.at: byte offset in the client's body; NULL: none */
};

/* Appends the error object. 0, BUF_FULL or -ENOMEM. */
int error_write(struct buf *b, enum chain_family family, const struct error_detail *d);
/* The same as a blob with one reference; never NULL. */
struct blob *error_blob(enum chain_family family, const struct error_detail *d);
/* A whole response with id null: what an HTTP-level refusal carries as its body. */
int error_body(struct buf *b, enum chain_family family, const struct error_detail *d);

/* "upstream_timeout": the row's name in lower case, as in data.reason and in metrics. Returns out. */
enum { ERROR_REASON_CAP = 32 };
char *error_reason(enum fail f, char out[ERROR_REASON_CAP]);

#endif
