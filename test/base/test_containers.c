/* The containers of base: heap, buf, blob, gather, hist, pools. */
#include "test.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/blob.h"
#include "base/fail.h"
#include "base/gather.h"
#include "base/heap.h"
#include "base/hist.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/stats.h"

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

TEST(heap_gives_the_earliest_first)
{
    enum { N = 500 };
    static struct heap_node node[N];
    struct heap h;
    uint32_t seed = 7;
    uint64_t last = 0;

    heap_init(&h);
    for (unsigned i = 0; i < N; i++)
        heap_set(&h, &node[i], next_random(&seed) % 1000);
    for (unsigned i = 0; i < N; i += 3) /* moved both ways */
        heap_set(&h, &node[i], next_random(&seed) % 1000);
    for (unsigned i = 1; i < N; i += 5)
        heap_remove(&h, &node[i]);
    heap_remove(&h, &node[1]); /* twice is fine */
    CHECK(!heap_linked(&node[1]));
    for (struct heap_node *n; (n = heap_first(&h)); heap_remove(&h, n)) {
        CHECK(n->key >= last);
        last = n->key;
    }
    heap_deinit(&h);
}

TEST(buf_keeps_its_maximum)
{
    struct buf b;

    buf_init(&b, 10);
    CHECK_EQ(buf_append(&b, "12345", 5), 0);
    CHECK_EQ(buf_append(&b, "678901", 6), BUF_FULL);
    CHECK_STR(buf_get(&b), "12345");
    CHECK_EQ(buf_append(&b, "67890", 5), 0);
    CHECK_EQ(buf_append(&b, "", 0), 0);
    buf_consume(&b, 7);
    CHECK_STR(buf_get(&b), "890");
    buf_consume(&b, 99);
    CHECK_EQ(b.n, 0);
    CHECK_EQ(buf_reserve(&b, SIZE_MAX), BUF_FULL);
    buf_deinit(&b);
}

TEST(buf_prints)
{
    struct buf b;

    buf_init(&b, 64);
    CHECK_EQ(buf_printf(&b, "%d-%s", 7, "x"), 0);
    CHECK_EQ(buf_printf(&b, "%100d", 7), BUF_FULL);
    CHECK_STR(buf_get(&b), "7-x");
    buf_deinit(&b);
}

TEST(blob_outweighs_a_small_part)
{
    static const struct {
        size_t cap, n;
        bool outweighs;
    } rows[] = {
        {16384, 0, false},    {16385, 0, true},      {16385, 2047, true},
        {16385, 2048, false}, {800000, 99999, true}, {800000, 100000, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct blob b = {.refs = 1, .n = rows[i].n, .cap = rows[i].cap};

        CHECK_EQ(blob_outweighs(&b, rows[i].n), rows[i].outweighs);
    }
}

TEST(blob_moves_and_shares)
{
    struct buf b;
    struct blob *moved, *copy;
    const char *p;

    buf_init(&b, 100);
    buf_str(&b, "hello");
    p = b.p;
    moved = blob_take(&b);
    CHECK(moved->p == p && b.p == NULL && b.max_bytes == 100);
    copy = blob_copy(slice_of(moved->p, moved->n));
    CHECK(copy->p != p);
    blob_ref(copy);
    blob_unref(copy);
    CHECK_STR(slice_of(copy->p, copy->n), "hello");
    CHECK(blob_unref(copy) == NULL);
    blob_unref(moved);
    blob_unref(NULL);
}

TEST(gather_joins_small_pieces_and_borrows_large_ones)
{
    static struct gather g;
    static char large[GATHER_SMALL + 1];
    char text[8] = "abc";

    gather_clear(&g);
    gather_add(&g, slice_of(text, 3), NULL);
    gather_add(&g, SLICE("def"), NULL);
    memset(text, 'x', sizeof text); /* small pieces were copied */
    CHECK_EQ(g.n, 1);
    CHECK(!g.borrows);
    CHECK_STR(g.v[0].s, "abcdef");
    gather_add(&g, slice_of(large, sizeof large), NULL);
    gather_add(&g, SLICE("end"), NULL);
    CHECK_EQ(g.n, 3);
    CHECK(g.borrows);
    CHECK(g.v[1].s.p == large);
    CHECK_STR(g.v[2].s, "end");
    CHECK_EQ(g.bytes, 6 + sizeof large + 3);
    for (unsigned i = 0; gather_has_room(&g, 2); i++) {
        gather_add(&g, slice_of(large, sizeof large), NULL);
        gather_add(&g, SLICE(","), NULL);
        CHECK(i < GATHER_CHUNKS);
    }
    CHECK(g.n <= GATHER_CHUNKS);
}

TEST(hist_errs_by_a_sixteenth_at_most)
{
    static struct hist h, other;

    for (uint64_t us = 1; us <= 10000; us++)
        hist_add(&h, us);
    CHECK_EQ(h.count, 10000);
    for (double q = 0.01; q < 1; q += 0.01) {
        double want = q * 10000, got = (double)hist_quantile(&h, q);

        CHECK(got >= want - 1 && got <= want * (1 + 1.0 / HIST_SUB) + 1);
    }
    CHECK_EQ(hist_quantile(&h, 1), 10000);
    CHECK_EQ(hist_quantile(&other, 0.5), 0);
    hist_add(&h, UINT64_MAX);
    hist_add(&h, 0);
    CHECK_EQ(h.count, 10002);
    CHECK_EQ(hist_quantile(&h, 0), 0);
    CHECK_EQ(hist_count_le(&h, 15), 16);
}

TEST(pools_hand_the_same_object_out_again)
{
    struct mem_pool m;
    void *a, *b;

    mem_pool_init(&m, 3, 1);
    a = mem_pool_get(&m);
    b = mem_pool_get(&m);
    mem_pool_put(&m, a);
    mem_pool_put(&m, b); /* past max_kept: freed */
    CHECK_EQ(m.kept, 1);
    CHECK(mem_pool_get(&m) == a);
    mem_pool_put(&m, a);
    mem_pool_deinit(&m);
}

TEST(lists_keep_order)
{
    struct list head, other, n[3];

    list_init(&head);
    list_init(&other);
    for (unsigned i = 0; i < 3; i++)
        list_init(&n[i]);
    list_push(&head, &n[0]);
    list_push(&other, &n[1]);
    list_push_front(&other, &n[2]);
    list_splice(&head, &other);
    CHECK(list_empty(&other));
    CHECK(list_pop(&head) == &n[0]);
    CHECK(list_pop(&head) == &n[2]);
    CHECK(!list_linked(&n[2]));
    list_remove(&n[1]);
    list_remove(&n[1]);
    CHECK(list_pop(&head) == NULL);
}

TEST(base64_follows_rfc_4648)
{
    static const struct {
        const char *plain, *coded;
    } rows[] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"user:p\xff", "dXNlcjpw/w=="}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *out = base64_encode(slice_str(rows[i].plain));

        CHECK_STR(slice_str(out), rows[i].coded);
        free(out);
    }
}

TEST(tables_are_whole)
{
    struct stats s = {.calls = 3};
    struct stats_row rows[STATS_ROWS];

    stats_rows(&s, rows);
    for (unsigned i = 0; i < STATS_ROWS; i++) {
        CHECK(rows[i].name && *rows[i].text);
        CHECK_EQ(rows[i].value, strcmp(rows[i].name, "calls") == 0 ? 3 : 0);
    }
    for (unsigned i = 1; i < FAIL_COUNT; i++) {
        const struct fail_row *r = fail_get((enum fail)i);

        CHECK(r->http >= 200 && r->http < 600);
        CHECK(r->code_evm <= -32000 && r->code_solana <= -32000);
        CHECK(*r->text && !strchr(r->text, '"') && !strchr(r->text, '\\')); /* goes into JSON as it is */
    }
}

TEST_MAIN()
