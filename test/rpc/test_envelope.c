/* Envelopes: every call answered once, with its own id bytes, in the order of the request; and flights, errors,
 * methods. */
#include "test.h"

#include <stdlib.h>

#include "rpc/envelope.h"
#include "rpc/error.h"
#include "rpc/flight.h"

static void open_text(struct envelope *e, struct message_body *b, const char *text)
{
    message_body_init(b);
    message_body_scan(b, slice_str(text), 100, 32);
    envelope_init(e, b);
}

static void answer(struct envelope *e, unsigned i, bool is_error, const char *payload)
{
    struct blob *ref = blob_copy(slice_str(payload));

    envelope_answer(e, &e->calls[i], is_error, slice_of(ref->p, ref->n), ref);
}

/* What has been emitted so far. */
static void emit_all(struct envelope *e, struct buf *out)
{
    static struct gather g;
    int r;

    do {
        gather_clear(&g);
        r = envelope_emit(e, &g);
        for (unsigned i = 0; i < g.n; i++)
            buf_slice(out, g.v[i].s);
        envelope_release(e);
    } while (r == GATHER_FULL);
}

TEST(array_keeps_order_and_ids)
{
    struct envelope e;
    struct message_body b;
    struct buf out;
    size_t promised;

    buf_init(&out, 65536);
    open_text(
        &e, &b,
        "[{\"jsonrpc\":\"2.0\",\"id\":1e3,\"method\":\"a\"},{\"jsonrpc\":\"2.0\",\"method\":\"note\"},5,"
        "{\"jsonrpc\":\"2.0\",\"id\":1e3,\"method\":\"a\"},{\"jsonrpc\":\"2.0\",\"id\":\"\\u00e9\",\"method\":\"a\"}]");
    message_body_deinit(&b); /* the envelope keeps its own copy of the ids */
    CHECK_EQ(e.n_calls, 4);
    answer(&e, 3, false, "98.640000");
    answer(&e, 1, true, "{\"code\":-32600}");
    CHECK_EQ(envelope_ready_bytes(&e), 0);
    answer(&e, 2, false, "2");
    CHECK(!envelope_complete(&e));
    answer(&e, 0, false, "1");
    CHECK(envelope_complete(&e));
    promised = envelope_reply_bytes(&e);
    CHECK_EQ(promised, envelope_ready_bytes(&e));
    emit_all(&e, &out);
    CHECK_STR(
        buf_get(&out),
        "[{\"jsonrpc\":\"2.0\",\"id\":1e3,\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600}},"
        "{\"jsonrpc\":\"2.0\",\"id\":1e3,\"result\":2},{\"jsonrpc\":\"2.0\",\"id\":\"\\u00e9\",\"result\":98.640000}]");
    CHECK_EQ(out.n, promised);
    CHECK_EQ(e.held_bytes, 0);
    envelope_deinit(&e);
    buf_deinit(&out);
}

TEST(an_answer_may_be_taken_back)
{
    static const char *const text =
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"},{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"a\"},"
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"a\"}]";
    struct envelope e;
    struct message_body b;
    struct buf out;

    buf_init(&out, 65536);
    open_text(&e, &b, text);
    message_body_deinit(&b);
    answer(&e, 0, false, "\"old\"");
    answer(&e, 1, true, "{}");
    CHECK(envelope_next(&e) == &e.calls[2]);
    e.calls[1].told = true;
    envelope_forget(&e, &e.calls[1]);
    CHECK(!e.calls[1].answered && !e.calls[1].told && !e.calls[1].ref);
    CHECK_EQ(e.pending, 2);
    CHECK_EQ(e.held_bytes, 5);
    CHECK(envelope_next(&e) == &e.calls[1]);
    answer(&e, 2, false, "3");
    CHECK(envelope_next(&e) == &e.calls[1]);
    envelope_forget(&e, &e.calls[0]);
    CHECK(envelope_next(&e) == &e.calls[0]);
    CHECK_EQ(envelope_ready_bytes(&e), 0);
    answer(&e, 1, false, "2");
    answer(&e, 0, false, "1");
    CHECK(envelope_complete(&e));
    emit_all(&e, &out);
    CHECK_STR(buf_get(&out), "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2},"
                             "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":3}]");
    CHECK_EQ(e.held_bytes, 0);
    envelope_deinit(&e);
    buf_deinit(&out);
}

TEST(array_can_leave_in_parts)
{
    struct envelope e;
    struct message_body b;
    struct buf text, out, want;
    enum { N = 100 };

    buf_init(&text, 1 << 20);
    buf_init(&out, 1 << 20);
    buf_init(&want, 1 << 20);
    for (unsigned i = 0; i < N; i++) {
        buf_printf(&text, "%c{\"jsonrpc\":\"2.0\",\"id\":\"id-%u\",\"method\":\"m\"}", i ? ',' : '[', i);
        buf_printf(&want, "%c{\"jsonrpc\":\"2.0\",\"id\":\"id-%u\",\"result\":\"%0*d\"}", i ? ',' : '[', i,
                   (int)(i * 37), 0);
    }
    buf_str(&text, "]");
    buf_str(&want, "]");
    buf_append(&text, "", 1);
    open_text(&e, &b, text.p);
    message_body_deinit(&b);
    CHECK_EQ(e.n_calls, N);
    for (unsigned k = 0; k < N; k++) { /* each seventh, so that the front is often not there */
        char payload[N * 40];
        unsigned i = k * 7 % N;

        snprintf(payload, sizeof payload, "\"%0*d\"", (int)(i * 37), 0);
        answer(&e, i, false, payload);
        emit_all(&e, &out);
        CHECK(out.n <= want.n && memcmp(out.p ? out.p : "", want.p, out.n) == 0);
    }
    CHECK_EQ(out.n, want.n);
    CHECK_EQ(e.held_bytes, 0);
    envelope_deinit(&e);
    buf_deinit(&text);
    buf_deinit(&out);
    buf_deinit(&want);
}

TEST(single_long_id_and_refused_bodies)
{
    struct envelope e;
    struct message_body b;
    struct buf out;
    char text[400];

    buf_init(&out, 65536);
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":\"%0200d\",\"method\":\"a\"}", 0);
    open_text(&e, &b, text);
    message_body_deinit(&b);
    CHECK_EQ(e.calls[0].id.n, 202);
    answer(&e, 0, false, "true");
    CHECK(!e.array);
    emit_all(&e, &out);
    CHECK_EQ(out.n, strlen("{\"jsonrpc\":\"2.0\",\"id\":") + 202 + strlen(",\"result\":true}"));
    envelope_deinit(&e);

    buf_clear(&out);
    open_text(&e, &b, "[");
    CHECK_EQ(b.fail, FAIL_PARSE_ERROR);
    message_body_deinit(&b);
    answer(&e, 0, true, "{}");
    emit_all(&e, &out);
    CHECK_STR(buf_get(&out), "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}");
    envelope_deinit(&e);
    buf_deinit(&out);
}

TEST(notifications_are_not_answered)
{
    struct envelope e;
    struct message_body b;

    open_text(&e, &b, "[{\"jsonrpc\":\"2.0\",\"method\":\"a\"},{\"jsonrpc\":\"2.0\",\"method\":\"a\"}]");
    message_body_deinit(&b);
    CHECK_EQ(e.n_calls, 0);
    CHECK(envelope_complete(&e));
    CHECK_EQ(envelope_reply_bytes(&e), 0); /* not "[]" */
    envelope_deinit(&e);
}

TEST(flights_carry_exactly_four_members)
{
    static const struct {
        const char *text, *tail;
    } rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{\"to\" : 1}],\"junk\":1}",
         ",\"method\":\"eth_call\",\"params\":[{\"to\" : 1}]}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\n\"}", ",\"method\":\"a\\n\",\"params\":[]}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":null}", ",\"method\":\"a\",\"params\":[]}"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message_body b;
        struct envelope e;
        struct flight f;

        open_text(&e, &b, rows[i].text);
        flight_init(&f, &b.requests[0], method_get(CHAIN_EVM, SLICE("eth_call")), 9);
        message_body_deinit(&b);
        CHECK_STR(slice_of(f.tail, f.tail_n), rows[i].tail);
        CHECK(flight_alone(&f));
        flight_join(&f, &e.calls[0]);
        CHECK(!flight_alone(&f) && e.calls[0].flight == &f);
        flight_leave(&e.calls[0]);
        CHECK(flight_alone(&f) && !e.calls[0].flight);
        flight_deinit(&f);
        envelope_deinit(&e);
    }
}

TEST(long_params_fly_too)
{
    struct message_body b;
    struct envelope e;
    struct flight f;
    char text[2000];

    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":[\"%01500d\"]}", 0);
    open_text(&e, &b, text);
    flight_init(&f, &b.requests[0], method_get(CHAIN_EVM, SLICE("a")), 9);
    message_body_deinit(&b);
    CHECK(f.tail != f.tail_store);
    CHECK_EQ(f.tail_n, strlen(",\"method\":\"a\",\"params\":[\"\"]}") + 1500);
    flight_deinit(&f);
    envelope_deinit(&e);
}

TEST(only_known_reads_may_repeat)
{
    static const struct {
        enum chain_family family;
        const char *name;
        int repeat, known;
    } rows[] = {
        {CHAIN_EVM, "eth_call", 1, 1},
        {CHAIN_EVM, "eth_getLogs", 1, 1},
        {CHAIN_EVM, "eth_sendRawTransaction", 0, 1},
        {CHAIN_EVM, "eth_getFilterChanges", 0, 1},
        {CHAIN_EVM, "eth_newFilter", 0, 1},
        {CHAIN_EVM, "eth_CALL", 0, 0},
        {CHAIN_EVM, "getSlot", 0, 0},
        {CHAIN_EVM, "", 0, 0},
        {CHAIN_SOLANA, "getSlot", 1, 1},
        {CHAIN_SOLANA, "eth_call", 0, 0},
        {CHAIN_SOLANA, "sendTransaction", 0, 1},
        {CHAIN_SOLANA, "requestAirdrop", 0, 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct method *m = method_get(rows[i].family, slice_str(rows[i].name));

        CHECK_EQ(method_may_repeat(m), rows[i].repeat);
        CHECK_EQ(m->slot != 0, rows[i].known);
        CHECK(m == method_at(m->slot));
    }
}

TEST(every_row_of_the_method_table_is_found)
{
    for (unsigned i = 1; i < method_slots(); i++) {
        struct slice name = slice_str(method_at(i)->name);
        const struct method *evm = method_get(CHAIN_EVM, name), *solana = method_get(CHAIN_SOLANA, name);

        CHECK(evm == method_at(i) || solana == method_at(i));
    }
}

TEST(errors_say_why_and_where)
{
    struct buf b;
    size_t at = 7;
    struct error_detail d = {
        .fail = FAIL_UPSTREAM_TIMEOUT, .endpoint = "a\"b", .detail = "x\n", .http_status = 502, .at = &at};
    struct blob *blob;

    buf_init(&b, 4096);
    CHECK_EQ(error_write(&b, CHAIN_EVM, &d), 0);
    CHECK_STR(
        buf_get(&b),
        "{\"code\":-32002,\"message\":\"upstream did not answer in time\",\"data\":{\"reason\":\"upstream_timeout\","
        "\"endpoint\":\"a\\\"b\",\"http_status\":502,\"at\":7,\"detail\":\"x\\n\"}}");
    buf_clear(&b);
    CHECK_EQ(error_write(&b, CHAIN_SOLANA, &(struct error_detail){.fail = FAIL_UPSTREAM_TIMEOUT}), 0);
    CHECK_STR(
        buf_get(&b),
        "{\"code\":-32603,\"message\":\"upstream did not answer in time\",\"data\":{\"reason\":\"upstream_timeout\"}}");
    buf_deinit(&b);
    blob = error_blob(CHAIN_EVM, &d);
    CHECK(blob->n > 10 && blob->p[blob->n - 1] == '}');
    blob_unref(blob);
}

TEST_MAIN()
