/* When to ask again, as providers put it into words. */
#include "test.h"

#include "rpc/retry_hint.h"

static const struct {
    const char *json;
    long long wait_ms;
} rows[] = {
    {"{\"code\":429,\"message\":\"Public RPC Rate Limit Hit, limit will reset in 60 seconds\"}", 60000}, /* Arbitrum */
    {"{\"code\":-32007,\"message\":\"50/second request limit reached - reduce calls per second or upgrade your "
     "account\"}",
     -1}, /* QuickNode */
    {"{\"code\":-32012,\"message\":\"credits limited to 6000/sec\"}", -1},
    {"{\"code\":-32005,\"message\":\"project ID request rate exceeded\",\"data\":{\"rate\":{\"allowed_rps\":1,"
     "\"backoff_seconds\":30,\"current_rps\":1.43},\"see\":\"https://infura.io/dashboard\"}}",
     30000}, /* Infura, and an older form */
    {"{\"code\":-32005,\"message\":\"daily request count exceeded, request rate "
     "limited\",\"data\":{\"see\":\"https://x\","
     "\"current_rps\":13.333,\"allowed_rps\":10.5,\"backoff_seconds\":30.0}}",
     30000},
    {"{\"message\":\"Too many requests, try again in 1.5s\"}", 1500},
    {"{\"message\":\"Please RETRY AFTER 250 ms\"}", 250},
    {"{\"message\":\"retry in 1m30s\"}", 90000},
    {"{\"message\":\"try again in 2 minutes.\"}", 120000},
    {"{\"message\":\"try again in 1 hour\"}", 3600000},
    {"{\"message\":\"retry after 5\"}", 5000},
    {"{\"message\":\"retry after 5 more\"}", 5000},
    {"{\"message\":\"retry after 48 hours\"}", RETRY_HINT_MAX_MS},
    {"{\"message\":\"retry after 999999999999 hours 999999999999 hours\"}", RETRY_HINT_MAX_MS},
    {"{\"message\":\"retry after 9999999999999 s\"}", -1},
    {"{\"message\":\"slow down\",\"data\":\"try again in 3 seconds\"}", 3000},
    /* No hints. */
    {"{\"code\":429,\"message\":\"Too many requests\"}", -1},
    {"{\"message\":\"try again in a while\"}", -1},
    {"{\"message\":\"try again later\"}", -1},
    {"{\"message\":\"m\",\"data\":{\"rate\":{\"rate\":{\"backoff_seconds\":1}}}}", -1},
    {"{\"message\":\"m\",\"data\":{\"backoff_seconds\":-5,\"allowed_rps\":\"10\"}}", -1},
    {"{\"message\":\"m\",\"data\":{\"backoff_seconds\":1e9}}", -1},
    {"{\"message\":\"m\",\"data\":{\"backoff_seconds\":999999999}}", RETRY_HINT_MAX_MS},
    {"{\"message\":\"m\",\"data\":[1]}", -1},
    {"{\"code\":1}", -1},
};

TEST(hints)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error_object e;
        int64_t wait_ms;

        CHECK(error_object_read(&e, slice_str(rows[i].json)));
        wait_ms = retry_hint_ms(&e);
        if (wait_ms != rows[i].wait_ms)
            printf("# %s\n", rows[i].json);
        CHECK_EQ(wait_ms, rows[i].wait_ms);
    }
}

TEST_MAIN()
