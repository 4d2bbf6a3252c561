/* Who got which answer out of one body: by id only, whatever the order, and nobody before all of it is JSON. */
#include "test.h"

#include "base/buf.h"
#include "rpc/batch_answer.h"

/* Expects first, first+1, ... */
static void expect(struct batch_answer *a, uint64_t first, size_t n)
{
    batch_answer_begin(a);
    for (size_t i = 0; i < n; i++)
        batch_answer_expect(a, first + i);
}

#define MANY "\"error\":{\"code\":-32600,\"message\":\"batch too large\"}"

/* Three members with ids 7, 8, 9; `got`: a letter each, r result, e error, - unanswered. */
static const struct {
    const char *text;
    enum fail fail;
    enum batch_answer_shape shape;
    const char *got;
    unsigned doubled, foreign, null_ids, unfit;
} shapes[] = {
    {"[{\"id\":7,\"result\":1},{\"id\":8,\"result\":2},{\"id\":9,\"result\":3}]", 0, BATCH_ANSWER_ARRAY, "rrr", 0, 0, 0,
     0},
    {" [ {\"id\":9,\"result\":3} ,\n{\"result\":1,\"id\":7},{\"id\":8,\"error\":{}}]\n", 0, BATCH_ANSWER_ARRAY, "rer",
     0, 0, 0, 0},
    {"[{\"id\":\"9\",\"result\":3},{\"id\":\"7\",\"result\":1}]", 0, BATCH_ANSWER_ARRAY, "r-r", 0, 0, 0, 0},
    /* answered twice: neither counts, also when a third comes, or the same bytes */
    {"[{\"id\":7,\"result\":1},{\"id\":7,\"result\":1},{\"id\":8,\"result\":2}]", 0, BATCH_ANSWER_ARRAY, "-r-", 1, 0, 0,
     0},
    {"[{\"id\":7,\"result\":1},{\"id\":\"7\",\"error\":2},{\"id\":7,\"result\":2}]", 0, BATCH_ANSWER_ARRAY, "---", 1, 0,
     0, 0},
    /* nobody's */
    {"[{\"id\":7,\"result\":1},{\"id\":null,\"error\":{}},{\"error\":{}},{\"id\":6,\"result\":1},{\"id\":10,\"result\":"
     "1},"
     "{\"id\":7.0,\"result\":1},{\"id\":-7,\"result\":1},{\"id\":\"x\",\"result\":1},{\"id\":[7],\"result\":1}]",
     0, BATCH_ANSWER_ARRAY, "r--", 0, 6, 2, 0},
    {"[1,null,\"x\",[],{},{\"id\":7},{\"id\":8,\"error\":null},{\"id\":8,\"id\":8,\"result\":1},"
     "{\"id\":9,\"result\":1,\"result\":1},[{\"id\":9,\"result\":1}],{\"id\":8,\"result\":null}]",
     0, BATCH_ANSWER_ARRAY, "-r-", 0, 0, 0, 10},
    {"[]", 0, BATCH_ANSWER_ARRAY, "---", 0, 0, 0, 0},
    /* geth, too many: one element with the first id; and what is like it */
    {"[{\"jsonrpc\":\"2.0\",\"id\":7," MANY "}]", 0, BATCH_ANSWER_LONE, "e--", 0, 0, 0, 0},
    {"[{\"jsonrpc\":\"2.0\",\"id\":null," MANY "}]", 0, BATCH_ANSWER_LONE, "---", 0, 0, 1, 0},
    {"[{\"jsonrpc\":\"2.0\"," MANY "}]", 0, BATCH_ANSWER_LONE, "---", 0, 0, 1, 0},
    {"[{\"id\":8,\"result\":1}]", 0, BATCH_ANSWER_ARRAY, "-r-", 0, 0, 0, 0},
    {"[{\"id\":8}]", 0, BATCH_ANSWER_ARRAY, "---", 0, 0, 0, 1},
    {"[{\"id\":8," MANY "},{}]", 0, BATCH_ANSWER_ARRAY, "-e-", 0, 0, 0, 1},
    /* one object: nobody's, though its id is one of ours */
    {"{\"id\":null,\"error\":{\"code\":-32010}}", 0, BATCH_ANSWER_OBJECT, "---", 0, 0, 0, 0},
    {"{\"id\":7,\"error\":{\"code\":-32010}}", 0, BATCH_ANSWER_OBJECT, "---", 0, 0, 0, 0},
    {"{\"error\":{\"code\":-32010}}", 0, BATCH_ANSWER_OBJECT, "---", 0, 0, 0, 0},
    {"{\"id\":7,\"result\":1}", 0, BATCH_ANSWER_OBJECT, "---", 0, 0, 0, 0},
    {"{\"id\":7}", FAIL_UPSTREAM_NO_RESULT, BATCH_ANSWER_NONE, "---", 0, 0, 0, 0},
    {"{}", FAIL_UPSTREAM_NOT_RPC, BATCH_ANSWER_NONE, "---", 0, 0, 0, 0},
    {"\"ok\"", FAIL_UPSTREAM_NOT_RPC, BATCH_ANSWER_NONE, "---", 0, 0, 0, 0},
    /* no JSON: what came before the damage does not count either */
    {"", FAIL_UPSTREAM_NOT_JSON, BATCH_ANSWER_NONE, "---", 0, 0, 0, 0},
    {"<html>", FAIL_UPSTREAM_NOT_JSON, BATCH_ANSWER_NONE, "---", 0, 0, 0, 0},
    {"[{\"id\":7,\"result\":1},{\"id\":8,\"result\":2}", FAIL_UPSTREAM_NOT_JSON, BATCH_ANSWER_NONE, "---", 0, 0, 0, 0},
    {"[{\"id\":7,\"result\":1},{\"id\":8,\"result\":2},]", FAIL_UPSTREAM_NOT_JSON, BATCH_ANSWER_NONE, "---", 0, 0, 0,
     0},
    {"[{\"id\":7,\"result\":1}]]", FAIL_UPSTREAM_NOT_JSON, BATCH_ANSWER_NONE, "---", 0, 0, 0, 0},
    {"[{\"id\":7,\"result\":1}] {}", FAIL_UPSTREAM_NOT_JSON, BATCH_ANSWER_NONE, "---", 0, 0, 0, 0},
    {"[{\"id\":7,\"result\":\"\xff\"}]", FAIL_UPSTREAM_NOT_JSON, BATCH_ANSWER_NONE, "---", 0, 0, 0, 0},
    {"[{\"id\":7,\"result\":[[[[[[[[]]]]]]]]}]", FAIL_UPSTREAM_NOT_JSON, BATCH_ANSWER_NONE, "---", 0, 0, 0, 0},
};

static void letters(const struct batch_answer *a, char *out)
{
    for (size_t i = 0; i < a->n; i++)
        out[i] = !batch_member_answered(&a->members[i]) ? '-' : a->members[i].answer.kind == MESSAGE_ERROR ? 'e' : 'r';
    out[a->n] = '\0';
}

TEST(all_shapes)
{
    struct batch_answer a;
    char got[8];

    batch_answer_init(&a);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        size_t answered = 0, results = 0;

        expect(&a, 7, 3);
        CHECK_EQ(batch_answer_scan(&a, slice_str(shapes[i].text), 8), shapes[i].fail);
        letters(&a, got);
        CHECK_STR(slice_str(got), shapes[i].got);
        for (const char *p = got; *p; p++) {
            answered += *p != '-';
            results += *p == 'r';
        }
        CHECK_EQ(a.shape, shapes[i].shape);
        CHECK_EQ(a.answered, answered);
        CHECK_EQ(a.results, results);
        CHECK_EQ(a.doubled, shapes[i].doubled);
        CHECK_EQ(a.foreign, shapes[i].foreign);
        CHECK_EQ(a.null_ids, shapes[i].null_ids);
        CHECK_EQ(a.unfit, shapes[i].unfit);
        if (a.shape == BATCH_ANSWER_LONE)
            CHECK_STR(a.whole.payload, "{\"code\":-32600,\"message\":\"batch too large\"}");
        if (a.shape == BATCH_ANSWER_OBJECT)
            CHECK(a.whole.payload.n > 0);
    }
    batch_answer_deinit(&a);
}

TEST(one_error_for_one_member_is_its_answer)
{
    struct batch_answer a;

    batch_answer_init(&a);
    expect(&a, 7, 1);
    CHECK_EQ(batch_answer_scan(&a, SLICE("[{\"id\":7," MANY "}]"), 8), FAIL_NONE);
    CHECK_EQ(a.shape, BATCH_ANSWER_ARRAY);
    CHECK(batch_member_answered(&a.members[0]));
    batch_answer_deinit(&a);
}

TEST(scanning_again_forgets)
{
    struct batch_answer a;

    batch_answer_init(&a);
    expect(&a, 7, 2);
    CHECK_EQ(
        batch_answer_scan(&a, SLICE("[{\"id\":7,\"result\":1},{\"id\":7,\"result\":1},3,{\"id\":1,\"result\":1}]"), 8),
        FAIL_NONE);
    CHECK_EQ(batch_answer_scan(&a, SLICE("[{\"id\":8,\"result\":2}]"), 8), FAIL_NONE);
    CHECK_EQ(a.answered, 1);
    CHECK_EQ(a.doubled + a.foreign + a.unfit, 0);
    CHECK(!batch_member_answered(&a.members[0]) && batch_member_answered(&a.members[1]));
    batch_answer_void(&a);
    CHECK(!batch_member_answered(&a.members[1]));
    CHECK_EQ(a.answered, 0);
    batch_answer_deinit(&a);
}

static uint64_t seed = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

enum { N = 1000 };

static void shuffle(unsigned *v, unsigned n)
{
    for (unsigned i = n; i > 1; i--) {
        unsigned k = (unsigned)draw(i), swap = v[i - 1];

        v[i - 1] = v[k];
        v[k] = swap;
    }
}

/* Ids as flights have them: rising, with gaps, and not from zero. */
static uint64_t id_of(unsigned i)
{
    return ((uint64_t)1 << 40) + (uint64_t)i * 3 + 5;
}

/* What member i is answered: nothing, by a string id, twice, with another's noise around it. */
enum fate { FATE_PLAIN, FATE_STRING, FATE_ERROR, FATE_MISSING, FATE_TWICE, FATE_COUNT };

static void one_element(struct buf *text, unsigned i, enum fate fate)
{
    const char *q = fate == FATE_STRING ? "\"" : "", *what = fate == FATE_ERROR ? "error" : "result";

    buf_printf(text, "%s{\"jsonrpc\":\"2.0\",\"id\":%s%llu%s,\"%s\":\"v%u\"}", text->n > 1 ? "," : "", q,
               (unsigned long long)id_of(i), q, what, i);
}

TEST(random_permutations)
{
    static unsigned sent[N], order[2 * N], fate[N];
    struct batch_answer a;
    struct buf text;
    char want[16];

    batch_answer_init(&a);
    buf_init(&text, 1 << 20);
    for (unsigned round = 0; round < 30; round++) {
        unsigned n = 0, noise = 0, twice = 0;

        for (unsigned i = 0; i < N; i++) {
            sent[i] = i;
            fate[i] = round < 4 ? FATE_PLAIN : (unsigned)draw(FATE_COUNT);
        }
        if (round & 1)
            shuffle(sent, N); /* members that were requeued stand at the front */
        for (unsigned i = 0; i < N; i++) {
            twice += fate[i] == FATE_TWICE;
            for (unsigned k = fate[i] == FATE_MISSING ? 0 : fate[i] == FATE_TWICE ? 2 : 1; k; k--)
                order[n++] = i;
        }
        if (round & 2)
            shuffle(order, n);
        buf_clear(&text);
        buf_str(&text, "[");
        for (unsigned i = 0; i < n; i++) {
            one_element(&text, order[i], fate[order[i]]);
            if (round >= 4 && draw(50) == 0) {
                buf_str(&text, noise % 2 ? ",{\"id\":null,\"error\":{}}" : ",{\"id\":4,\"result\":1}");
                noise++;
            }
        }
        buf_str(&text, "]");
        batch_answer_begin(&a);
        for (unsigned i = 0; i < N; i++)
            batch_answer_expect(&a, id_of(sent[i]));
        CHECK_EQ(batch_answer_scan(&a, buf_get(&text), 64), FAIL_NONE);
        CHECK_EQ(a.doubled, twice);
        CHECK_EQ(a.foreign, (noise + 1) / 2);
        CHECK_EQ(a.null_ids, noise / 2);
        for (unsigned i = 0; i < N; i++) {
            const struct batch_member *m = &a.members[i];
            enum fate f = (enum fate)fate[sent[i]];

            CHECK_EQ(batch_member_answered(m), f != FATE_MISSING && f != FATE_TWICE);
            if (!batch_member_answered(m))
                continue;
            snprintf(want, sizeof want, "\"v%u\"", sent[i]);
            CHECK_STR(m->answer.payload, want);
            CHECK_EQ(m->answer.kind == MESSAGE_ERROR, f == FATE_ERROR);
        }
    }
    buf_deinit(&text);
    batch_answer_deinit(&a);
}

TEST(cut_anywhere_nobody_is_answered)
{
    static const char text[] = "[{\"id\":7,\"result\":{\"a\":[1,2]}},{\"id\":8,\"error\":{\"code\":1}}]";
    struct batch_answer a;

    batch_answer_init(&a);
    expect(&a, 7, 2);
    for (size_t n = 0; n < sizeof text - 1; n++) {
        CHECK_EQ(batch_answer_scan(&a, slice_of(text, n), 8), FAIL_UPSTREAM_NOT_JSON);
        CHECK_EQ(a.answered, 0);
        CHECK(!batch_member_answered(&a.members[0]) && !batch_member_answered(&a.members[1]));
    }
    CHECK_EQ(batch_answer_scan(&a, slice_of(text, sizeof text - 1), 8), FAIL_NONE);
    CHECK_EQ(a.answered, 2);
    batch_answer_deinit(&a);
}

TEST_MAIN()
