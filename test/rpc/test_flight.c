/* A flight's memory comes from a pool, with what the one before it left there. */
#include "test.h"

#include <stdlib.h>

#include "base/mem.h"
#include "rpc/flight.h"

TEST(begins_with_nothing_of_the_one_before)
{
    const struct method *m = method_get(CHAIN_EVM, SLICE("eth_call"));
    struct message_request q = {.params = SLICE("[]")};
    struct flight *f = mem_zero(sizeof *f);

    q.method.raw = SLICE("\"eth_call\"");
    memset(f, 0xff, sizeof *f);
    flight_init(f, &q, m, 7);
    CHECK_EQ(f->id, 7);
    CHECK(f->wanted && f->method == m);
    CHECK(!f->fresh_only && !f->fold_hex && !f->listed && !f->second && !f->heavy && !f->alone);
    CHECK(!f->borrows && !f->solo && !f->explained && !f->retry && !f->hedge && !f->trial && !f->late);
    CHECK(!f->asked_once && !f->put_back && !f->pinned && !f->by_name && !f->old_credential && !f->in_unit);
    CHECK(!f->is_first && !f->old_missed && !f->keep);
    CHECK_EQ(f->fresh, FLIGHT_ANY);
    CHECK_EQ(f->head_kind | f->told_kind | f->old_kind, 0);
    CHECK_EQ(f->rests, 0);
    CHECK_EQ(f->waits, 0);
    CHECK_EQ(f->moves, 0);
    CHECK_EQ(f->sends, 0);
    CHECK_EQ(f->stale, 0);
    CHECK_EQ(f->rank, 0);
    CHECK_EQ(f->need | f->told | f->depth | f->need_setbacks, 0);
    CHECK_EQ(f->tried | f->passed | f->blamed, 0);
    CHECK(f->hedge_ms == UINT64_MAX && f->try_until_ms == UINT64_MAX);
    CHECK(!f->said && !f->upstream && !f->link && !f->lane && !f->twin && !f->scope && !f->key_own);
    free(f);
}

TEST_MAIN()
