#include "rpc/batch_answer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/plant.h"

struct batch_place {
    uint64_t id;
    size_t at; /* in members */
};

void batch_answer_init(struct batch_answer *a)
{
    *a = (struct batch_answer){.ascending = true};
}

void batch_answer_deinit(struct batch_answer *a)
{
    free(a->members);
    free(a->places);
    batch_answer_init(a);
}

static void forget(struct batch_answer *a)
{
    a->shape = BATCH_ANSWER_NONE;
    a->answered = a->results = a->doubled = a->foreign = a->null_ids = a->unfit = 0;
    a->whole = (struct message_response){0};
    a->next = 0;
}

void batch_answer_begin(struct batch_answer *a)
{
    forget(a);
    a->n = 0;
    a->ascending = true;
    a->placed = false;
}

void batch_answer_expect(struct batch_answer *a, uint64_t id)
{
    struct batch_member *m;

    if (a->n == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 16;
        a->members = mem_grow(a->members, a->cap * sizeof *a->members);
    }
    a->ascending = a->ascending && (a->n == 0 || a->members[a->n - 1].id < id);
    m = &a->members[a->n++];
    m->id = id;
    m->elements = 0;
}

static int by_id(const void *pa, const void *pb)
{
    const struct batch_place *a = pa, *b = pb;

    return a->id < b->id ? -1 : a->id > b->id;
}

/* Once per batch, and only for one whose members were requeued and whose answers come out of order too. */
static void place(struct batch_answer *a)
{
    if (a->places_cap < a->n) {
        a->places_cap = a->cap;
        a->places = mem_grow(a->places, a->places_cap * sizeof *a->places);
    }
    for (size_t i = 0; i < a->n; i++)
        a->places[i] = (struct batch_place){a->members[i].id, i};
    qsort(a->places, a->n, sizeof *a->places, by_id);
    for (size_t i = 1; i < a->n; i++)
        assert(a->places[i - 1].id < a->places[i].id);
    a->placed = true;
}

/* The member with this id, or NULL.  Servers mostly answer in the order they were asked in. */
static struct batch_member *find(struct batch_answer *a, uint64_t id)
{
    size_t low = 0, high = a->n;

    if (planted(PLANT_MATCHED_BY_PLACE))
        return a->next < a->n ? &a->members[a->next++] : NULL;
    if (a->next < a->n && a->members[a->next].id == id)
        return &a->members[a->next++];
    if (!a->ascending && !a->placed)
        place(a);
    while (low < high) {
        size_t mid = low + (high - low) / 2, at = a->ascending ? mid : a->places[mid].at;
        uint64_t here = a->members[at].id;

        if (here == id) {
            a->next = at + 1;
            return &a->members[at];
        }
        if (here < id)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static void count(struct batch_answer *a, const struct message_response *m, enum fail fail)
{
    struct batch_member *to;

    if (fail == FAIL_UPSTREAM_NO_ID || (!fail && m->id_null)) {
        a->null_ids++;
    } else if (fail) {
        a->unfit++;
    } else if (!m->id_known || !(to = find(a, m->id))) {
        a->foreign++;
    } else if (++to->elements == 1) {
        to->answer = *m;
        a->answered++;
        a->results += m->kind == MESSAGE_RESULT;
    } else if (to->elements == 2) {
        a->answered--;
        a->results -= to->answer.kind == MESSAGE_RESULT;
        a->doubled++;
    }
}

static int scan_array(struct batch_answer *a, struct jtok *t)
{
    struct message_response m = {0}, first = {0};
    enum fail fail, first_fail = FAIL_UPSTREAM_NOT_RPC;
    size_t n = 0;
    int r = jtok_array(t);

    while (r == 0 && (r = jtok_element(t)) == 0) {
        r = message_response_take(t, &m, &fail);
        if (r)
            return r;
        count(a, &m, fail);
        if (n++ == 0) {
            first = m;
            first_fail = fail;
        }
    }
    if (r != JTOK_END)
        return r;
    a->shape = BATCH_ANSWER_ARRAY;
    if (n == 1 && a->n > 1 && (!first_fail || first_fail == FAIL_UPSTREAM_NO_ID) && first.kind == MESSAGE_ERROR) {
        a->shape = BATCH_ANSWER_LONE;
        a->whole = first;
    }
    return 0;
}

enum fail batch_answer_scan(struct batch_answer *a, struct slice text, unsigned max_depth)
{
    struct jtok t;
    enum jtype type;
    enum fail fail = FAIL_NONE;
    int r;

    batch_answer_void(a);
    forget(a);
    jtok_init(&t, text, max_depth);
    r = jtok_peek(&t, &type);
    if (r == 0 && type == J_ARRAY) {
        r = scan_array(a, &t);
    } else if (r == 0) {
        r = message_response_take(&t, &a->whole, &fail);
        a->shape = BATCH_ANSWER_OBJECT;
        if (fail == FAIL_UPSTREAM_NO_ID)
            fail = FAIL_NONE;
    }
    if (r || jtok_finish(&t))
        fail = FAIL_UPSTREAM_NOT_JSON;
    if (fail) {
        batch_answer_void(a);
        forget(a);
    }
    return fail;
}

void batch_answer_void(struct batch_answer *a)
{
    for (size_t i = 0; i < a->n; i++)
        a->members[i].elements = 0;
    a->answered = a->results = 0;
}
