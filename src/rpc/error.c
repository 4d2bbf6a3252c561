#include "rpc/error.h"

#include <ctype.h>

#include "json/jout.h"

enum { MAX_ERROR_BYTES = 4096 };

char *error_reason(enum fail f, char out[ERROR_REASON_CAP])
{
    const char *name = fail_get(f)->reason;
    size_t i = 0;

    for (; name[i] && i < ERROR_REASON_CAP - 1; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    out[i] = '\0';
    return out;
}

int error_write(struct buf *b, enum chain_family family, const struct error_detail *d)
{
    const struct fail_row *row = fail_get(d->fail);
    char reason[ERROR_REASON_CAP];
    int r =
        buf_printf(b, "{\"code\":%d,\"message\":\"%s\",\"data\":{\"reason\":\"%s\"",
                   family == CHAIN_SOLANA ? row->code_solana : row->code_evm, row->text, error_reason(d->fail, reason));

    if (r == 0 && d->endpoint) {
        r = buf_str(b, ",\"endpoint\":");
        if (r == 0)
            r = jout_string(b, slice_str(d->endpoint));
    }
    if (r == 0 && d->http_status)
        r = buf_printf(b, ",\"http_status\":%u", d->http_status);
    if (r == 0 && d->at)
        r = buf_printf(b, ",\"at\":%zu", *d->at);
    if (r == 0 && d->detail) {
        r = buf_str(b, ",\"detail\":");
        if (r == 0)
            r = jout_string(b, slice_str(d->detail));
    }
    return r ? r : buf_str(b, "}}");
}

struct blob *error_blob(enum chain_family family, const struct error_detail *d)
{
    struct buf b;
    struct error_detail brief = {.fail = d->fail};

    buf_init(&b, MAX_ERROR_BYTES);
    if (error_write(&b, family, d)) {
        buf_clear(&b);
        error_write(&b, family, &brief);
    }
    return blob_take(&b);
}

int error_body(struct buf *b, enum chain_family family, const struct error_detail *d)
{
    int r = buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":");

    if (r == 0)
        r = error_write(b, family, d);
    return r ? r : buf_str(b, "}");
}
