/* An upstream body against a batch of eight: what is answered lies in the text, is counted once, and scans again to the
 * same; nobody is answered by a text that is not JSON or by one object.  The verdict on it may be anything but a crash.
 */
#include <stdint.h>
#include <stdlib.h>

#include "upstream/batch_refusal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MEMBERS = 8 };

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_members(const struct batch_answer *a, struct slice text)
{
    size_t answered = 0, doubled = 0;

    for (size_t i = 0; i < a->n; i++) {
        const struct batch_member *m = &a->members[i];
        struct slice p = m->answer.payload;

        doubled += m->elements > 1;
        if (!batch_member_answered(m))
            continue;
        answered++;
        require(p.n && p.p >= text.p && p.p + p.n <= text.p + text.n);
        require(m->answer.id_known && m->answer.id == m->id);
    }
    require(answered == a->answered && doubled == a->doubled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    /* An exact copy on the heap, so that a read past the end is seen. */
    char *p = malloc(n ? n : 1);
    struct slice text = slice_of(p, n), name;
    struct batch_verdict v;
    struct batch_answer a;
    struct jtok t;
    struct jval whole;
    bool json;
    enum fail f;

    if (n)
        memcpy(p, data, n);
    batch_answer_init(&a);
    batch_answer_begin(&a);
    for (uint64_t i = 0; i < MEMBERS; i++)
        batch_answer_expect(&a, n % 2 ? i : i * 5 % MEMBERS); /* in order, and not */
    jtok_init(&t, text, 64);
    json = jtok_value(&t, &whole) == 0 && jtok_finish(&t) == 0;
    for (int again = 0; again < 2; again++) {
        f = batch_answer_scan(&a, text, 64);
        require(json == (f != FAIL_UPSTREAM_NOT_JSON));
        require(f == FAIL_NONE || a.shape == BATCH_ANSWER_NONE);
        require(a.answered == 0 || a.shape == BATCH_ANSWER_ARRAY || a.shape == BATCH_ANSWER_LONE);
        check_members(&a, text);
    }
    batch_refusal_judge(&v, &a, f, text, n % 3 ? 200 : 413);
    require(!v.whole || a.answered == 0);
    require(v.limit < MEMBERS);
    check_members(&a, text);
    while (batch_refusal_name(&v.methods, &name))
        require(name.n && name.p >= p && name.p + name.n <= p + n);
    for (size_t i = 0; i < a.n; i++)
        if (batch_member_answered(&a.members[i]) && a.members[i].answer.kind == MESSAGE_ERROR)
            batch_error_retry_alone(i % 2 ? CHAIN_EVM : CHAIN_SOLANA, a.members[i].answer.payload);
    batch_answer_deinit(&a);
    free(p);
    return 0;
}
