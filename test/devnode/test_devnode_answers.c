#include "test.h"

#include "base/blob.h"
#include "devnode/devnode_answers.h"

/* What leaves at now_us: "" nothing. */
static void leaves(struct devnode_answers *a, uint64_t now_us, const char *want)
{
    struct blob *b = devnode_answers_take(a, now_us);

    CHECK_STR(b ? slice_of(b->p, b->n) : SLICE(""), want);
    blob_unref(b);
}

TEST(answers_leave_at_their_time)
{
    struct devnode_answers a;

    devnode_answers_init(&a);
    CHECK(devnode_answers_due_us(&a) == UINT64_MAX);
    leaves(&a, UINT64_MAX, "");
    CHECK(devnode_answers_add(&a, SLICE("one"), 100) == 0);
    CHECK_EQ(devnode_answers_due_us(&a), 100);
    leaves(&a, 99, "");
    leaves(&a, 100, "one");
    CHECK_EQ(a.n, 0);
}

TEST(no_answer_overtakes_another)
{
    struct devnode_answers a;

    devnode_answers_init(&a);
    CHECK(devnode_answers_add(&a, SLICE("slow"), 500) == 0 && devnode_answers_add(&a, SLICE("quick"), 100) == 0);
    CHECK(devnode_answers_add(&a, SLICE("last"), 600) == 0);
    CHECK_EQ(a.n, 3);
    leaves(&a, 499, "");
    leaves(&a, 500, "slow");
    CHECK_EQ(devnode_answers_due_us(&a), 500);
    leaves(&a, 500, "quick");
    leaves(&a, 500, "");
    devnode_answers_drop(&a);
    CHECK_EQ(a.n, 0);
    CHECK(devnode_answers_due_us(&a) == UINT64_MAX);
}

TEST_MAIN()
