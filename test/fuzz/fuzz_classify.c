/* Any bytes as an error, as a page and as fields: each is one of the classes, the words fit the buffer they are given,
 * and no wait is negative or longer than a day. */
#include <stdint.h>
#include <stdlib.h>

#include "http/date.h"
#include "http/rate_fields.h"
#include "rpc/classify.h"
#include "rpc/retry_hint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_error(struct slice text, unsigned status)
{
    static const char *const methods[] = {"eth_call", "debug_traceCall", "eth_sendRawTransaction", "x"};
    char store[ERROR_OBJECT_TEXT_CAP];
    struct error_object e;
    int64_t hint_ms;

    if (!error_object_read(&e, text))
        return;
    require(error_object_words(&e, store).n <= sizeof store);
    for (unsigned i = 0; i < 8; i++) {
        enum chain_family family = i % 2 ? CHAIN_SOLANA : CHAIN_EVM;
        struct classified c = classify_error(NULL, family, method_get(family, slice_str(methods[i / 2])), status, &e);

        require(c.class < ANSWER_CLASSES && c.class != ANSWER_OK &&
                (c.row <= classify_rows() || c.row == CLASSIFY_BY_VERDICT));
    }
    hint_ms = retry_hint_ms(&e);
    require(hint_ms >= -1 && hint_ms <= RETRY_HINT_MAX_MS);
}

static void check_field(struct slice value)
{
    static const char *const names[] = {"retry-after", "x-ratelimit-reset", "ratelimit-limit",
                                        "x-ratelimit-method-remaining"};
    struct rate_fields f;
    int64_t s;

    rate_fields_init(&f);
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        rate_fields_take(&f, slice_str(names[i]), value, INT64_C(1792800000123));
    rate_fields_take(&f, value, SLICE("1"), 0);
    require(f.retry_after_ms >= -1 && f.retry_after_ms <= RATE_FIELDS_MAX_MS);
    require(f.reset_ms >= -1 && f.reset_ms <= RATE_FIELDS_MAX_MS);
    require(f.limit >= -1 && f.method_remaining >= -1);
    require(!http_date(value, 1792800000, &s) || s >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const unsigned statuses[] = {200, 400, 401, 429, 500, 503};
    unsigned status = statuses[n % (sizeof statuses / sizeof statuses[0])];
    /* An exact copy on the heap, so that a read past the end is seen. */
    char *p = malloc(n ? n : 1);
    struct classified c;

    if (n)
        memcpy(p, data, n);
    check_error(slice_of(p, n), status);
    check_field(slice_of(p, n));
    c = classify_failure(NULL, CHAIN_EVM, FAIL_UPSTREAM_HTTP_STATUS, status, slice_of(p, n));
    require(c.class < ANSWER_CLASSES && c.class != ANSWER_OK);
    free(p);
    return 0;
}
