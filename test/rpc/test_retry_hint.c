/* When to ask again, and how often, as providers put it into words. */
#include "test.h"

#include "rpc/retry_hint.h"

static const struct {
    const char *json;
    long long wait_ms;
    unsigned long long rate;
    int units;
} rows[] = {
    {"{\"code\":429,\"message\":\"Public RPC Rate Limit Hit, limit will reset in 60 seconds\"}", 60000, 0,
     0}, /* Arbitrum */
    {"{\"code\":-32007,\"message\":\"50/second request limit reached - reduce calls per second or upgrade your "
     "account\"}",
     -1, 50000, 0}, /* QuickNode */
    {"{\"code\":-32012,\"message\":\"credits limited to 6000/sec\"}", -1, 6000000, 1},
    {"{\"code\":-32005,\"message\":\"project ID request rate exceeded\",\"data\":{\"rate\":{\"allowed_rps\":1,"
     "\"backoff_seconds\":30,\"current_rps\":1.43},\"see\":\"https://infura.io/dashboard\"}}",
     30000, 1000, 0}, /* Infura, and an older form */
    {"{\"code\":-32005,\"message\":\"daily request count exceeded, request rate "
     "limited\",\"data\":{\"see\":\"https://x\","
     "\"current_rps\":13.333,\"allowed_rps\":10.5,\"backoff_seconds\":30.0}}",
     30000, 10500, 0},
    {"{\"message\":\"Too many requests, try again in 1.5s\"}", 1500, 0, 0},
    {"{\"message\":\"Please RETRY AFTER 250 ms\"}", 250, 0, 0},
    {"{\"message\":\"retry in 1m30s\"}", 90000, 0, 0},
    {"{\"message\":\"try again in 2 minutes.\"}", 120000, 0, 0},
    {"{\"message\":\"try again in 1 hour\"}", 3600000, 0, 0},
    {"{\"message\":\"retry after 5\"}", 5000, 0, 0},
    {"{\"message\":\"retry after 5 more\"}", 5000, 0, 0},
    {"{\"message\":\"retry after 48 hours\"}", RETRY_HINT_MAX_MS, 0, 0},
    {"{\"message\":\"retry after 999999999999 hours 999999999999 hours\"}", RETRY_HINT_MAX_MS, 0, 0},
    {"{\"message\":\"retry after 9999999999999 s\"}", -1, 0, 0},
    {"{\"message\":\"slow down\",\"data\":\"try again in 3 seconds\"}", 3000, 0, 0},
    /* No hints. */
    {"{\"code\":429,\"message\":\"Too many requests\"}", -1, 0, 0},
    {"{\"message\":\"try again in a while\"}", -1, 0, 0},
    {"{\"message\":\"try again later\"}", -1, 0, 0},
    {"{\"message\":\"see http://x.y/s limit\"}", -1, 0, 0},
    {"{\"message\":\"limit 0/s\"}", -1, 0, 0},
    {"{\"message\":\"speed 5/s\"}", -1, 0, 0},
    {"{\"message\":\"m\",\"data\":{\"rate\":{\"rate\":{\"backoff_seconds\":1}}}}", -1, 0, 0},
    {"{\"message\":\"m\",\"data\":{\"backoff_seconds\":-5,\"allowed_rps\":\"10\"}}", -1, 0, 0},
    {"{\"message\":\"m\",\"data\":{\"backoff_seconds\":1e9}}", -1, 0, 0},
    {"{\"message\":\"m\",\"data\":{\"backoff_seconds\":999999999}}", RETRY_HINT_MAX_MS, 0, 0},
    {"{\"message\":\"m\",\"data\":[1]}", -1, 0, 0},
    {"{\"code\":1}", -1, 0, 0},
};

TEST(hints)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error_object e;
        struct retry_hint h;

        CHECK(error_object_read(&e, slice_str(rows[i].json)));
        retry_hint_read(&h, &e);
        if (h.wait_ms != rows[i].wait_ms || h.rate_per_1000s != rows[i].rate)
            printf("# %s\n", rows[i].json);
        CHECK_EQ(h.wait_ms, rows[i].wait_ms);
        CHECK_EQ(h.rate_per_1000s, rows[i].rate);
        CHECK_EQ(h.units, rows[i].units);
    }
}

TEST_MAIN()
