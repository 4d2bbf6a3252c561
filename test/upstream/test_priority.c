#include "upstream/priority.h"

#include "test.h"

enum { MANY = 200 };

static struct flight flights[MANY];

static const struct method *method_of(enum priority_class class)
{
    return method_get(CHAIN_EVM, class == PRIORITY_SEND ? SLICE("eth_sendRawTransaction") : SLICE("eth_call"));
}

static struct flight *add(struct priority_queue *q, unsigned i, enum priority_class class, enum priority_client client)
{
    struct flight *f = &flights[i];

    f->id = i + 1;
    f->rank = (uint8_t)priority_rank(method_of(class), class == PRIORITY_HEAVY, client);
    list_init(&f->queued);
    priority_push(q, f, false);
    return f;
}

static long take(struct priority_queue *q)
{
    struct flight *f = priority_first(q);

    if (!f)
        return -1;
    priority_turn(q);
    priority_remove(q, f);
    return f - flights;
}

static const long in_order[] = {5, 1, 7, 4, 2, 6, 0, 3};

static void fill(struct priority_queue *q)
{
    priority_init(q);
    add(q, 0, PRIORITY_HEAVY, PRIORITY_HIGH);
    add(q, 1, PRIORITY_SEND, PRIORITY_NORMAL);
    add(q, 2, PRIORITY_READ, PRIORITY_NORMAL);
    add(q, 3, PRIORITY_HEAVY, PRIORITY_LOW);
    add(q, 4, PRIORITY_READ, PRIORITY_HIGH);
    add(q, 5, PRIORITY_SEND, PRIORITY_HIGH);
    add(q, 6, PRIORITY_READ, PRIORITY_NORMAL);
    add(q, 7, PRIORITY_SEND, PRIORITY_NORMAL);
}

TEST(departs_by_class_client_and_age)
{
    struct priority_queue q;

    fill(&q);
    for (size_t i = 0; i < sizeof in_order / sizeof in_order[0]; i++)
        CHECK_EQ(take(&q), in_order[i]);
    CHECK_EQ(take(&q), -1);
    CHECK_EQ(q.filled, 0);
}

TEST(is_walked_in_order_from_either_end)
{
    struct priority_queue q;
    size_t n = sizeof in_order / sizeof in_order[0], i = 0;

    fill(&q);
    for (struct flight *f = priority_front(&q); f && i < n; f = priority_next(&q, f))
        CHECK_EQ(f - flights, in_order[i++]);
    CHECK_EQ(i, n);
    for (struct flight *f = priority_back(&q); f && i > 0; f = priority_before(&q, f))
        CHECK_EQ(f - flights, in_order[--i]);
    CHECK_EQ(i, 0);
    priority_init(&q);
    CHECK(!priority_front(&q) && !priority_back(&q) && !priority_first(&q));
}

TEST(one_that_comes_back_is_first_of_its_rank)
{
    struct priority_queue q;
    struct flight *f;

    priority_init(&q);
    f = add(&q, 0, PRIORITY_READ, PRIORITY_NORMAL);
    add(&q, 1, PRIORITY_READ, PRIORITY_NORMAL);
    priority_remove(&q, f);
    add(&q, 2, PRIORITY_READ, PRIORITY_NORMAL);
    priority_push(&q, f, true);
    CHECK_EQ(take(&q), 0);
    CHECK_EQ(take(&q), 1);
    priority_remove(&q, &flights[2]);
    CHECK_EQ(take(&q), -1);
    CHECK_EQ(q.filled, 0);
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

/* A question of our own is before all, also when it would be the turn of the oldest. */
TEST(what_we_ask_ourselves_is_first)
{
    struct priority_queue q;

    priority_init(&q);
    for (unsigned i = 0; i < 2 * PRIORITY_TURNS; i++)
        add(&q, i, PRIORITY_READ, PRIORITY_HIGH);
    for (unsigned i = 0; i < 2 * PRIORITY_TURNS; i++) {
        struct flight *own = &flights[100 + i];

        *own = (struct flight){.id = 100 + i, .rank = PRIORITY_OWN};
        list_init(&own->queued);
        priority_push(&q, own, false);
        CHECK_EQ(take(&q), 100 + i);
        CHECK(take(&q) < 100);
    }
}

TEST_MAIN()
