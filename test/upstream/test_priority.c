#include "upstream/priority.h"

#include "test.h"

enum { MANY = 200 };

static struct priority_node nodes[MANY];

static struct priority_node *add(struct priority_queue *q, unsigned i, enum priority_class class,
                                 enum priority_client client)
{
    nodes[i] = (struct priority_node){.seq = 0};
    list_init(&nodes[i].node);
    priority_push(q, &nodes[i], class, client);
    return &nodes[i];
}

static long take(struct priority_queue *q)
{
    struct priority_node *n = priority_first(q);

    if (!n)
        return -1;
    priority_take(q, n);
    return n - nodes;
}

TEST(departs_by_class_client_and_age)
{
    static const long expected[] = {5, 1, 7, 4, 2, 6, 0, 3, -1};
    struct priority_queue q;

    priority_init(&q);
    add(&q, 0, PRIORITY_HEAVY, PRIORITY_HIGH);
    add(&q, 1, PRIORITY_SEND, PRIORITY_NORMAL);
    add(&q, 2, PRIORITY_READ, PRIORITY_NORMAL);
    add(&q, 3, PRIORITY_HEAVY, PRIORITY_LOW);
    add(&q, 4, PRIORITY_READ, PRIORITY_HIGH);
    add(&q, 5, PRIORITY_SEND, PRIORITY_HIGH);
    add(&q, 6, PRIORITY_READ, PRIORITY_NORMAL);
    add(&q, 7, PRIORITY_SEND, PRIORITY_NORMAL);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        CHECK_EQ(take(&q), expected[i]);
    CHECK_EQ(q.n, 0);
}

TEST(one_that_comes_back_is_first_of_its_rank)
{
    struct priority_queue q;
    struct priority_node *n;

    priority_init(&q);
    add(&q, 0, PRIORITY_READ, PRIORITY_NORMAL);
    add(&q, 1, PRIORITY_READ, PRIORITY_NORMAL);
    n = priority_first(&q);
    priority_take(&q, n);
    add(&q, 2, PRIORITY_READ, PRIORITY_NORMAL);
    priority_push_front(&q, n);
    CHECK_EQ(take(&q), 0);
    CHECK_EQ(take(&q), 1);
    priority_remove(&q, &nodes[2]);
    priority_remove(&q, &nodes[2]);
    CHECK_EQ(take(&q), -1);
    CHECK_EQ(q.n, 0);
}

/* However many transactions come, the oldest of the others leaves within eight departures, and so on. */
TEST(nobody_starves)
{
    struct priority_queue q;
    unsigned gone = 0, turns = 0;

    priority_init(&q);
    for (unsigned i = 0; i < 4; i++)
        add(&q, i, PRIORITY_HEAVY, PRIORITY_LOW);
    for (unsigned i = 4; i < MANY && gone < 4; i++) {
        long left;

        add(&q, i, PRIORITY_SEND, PRIORITY_HIGH);
        left = take(&q);
        turns++;
        if (left < 4)
            CHECK_EQ(left, gone++);
        CHECK(turns <= (gone + 1) * PRIORITY_TURNS);
    }
    CHECK_EQ(gone, 4);
}

TEST(class_of_a_method)
{
    CHECK_EQ(priority_class_of(method_get(CHAIN_EVM, SLICE("eth_sendRawTransaction")), false), PRIORITY_SEND);
    CHECK_EQ(priority_class_of(method_get(CHAIN_EVM, SLICE("eth_call")), false), PRIORITY_READ);
    CHECK_EQ(priority_class_of(method_get(CHAIN_EVM, SLICE("eth_getLogs")), true), PRIORITY_HEAVY);
    CHECK_EQ(priority_class_of(method_get(CHAIN_SOLANA, SLICE("sendTransaction")), false), PRIORITY_SEND);
}

TEST_MAIN()
