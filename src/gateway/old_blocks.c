#include "gateway/old_blocks.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/worker.h"
#include "rpc/block_ref.h"
#include "rpc/flight.h"

void old_blocks_init(struct chain *c)
{
    struct old_blocks *o = &c->old;

    archive_init(&o->archive, c->n_upstreams);
    for (unsigned i = 0; i < c->n_upstreams; i++)
        if (c->conf->endpoints[i].archive != SETTING_ABSENT && !planted(PLANT_ARCHIVE_UNTOLD))
            archive_configure(&o->archive, i, c->conf->family, c->conf->endpoints[i].archive == SETTING_ON);
    o->kinds = mem_array(method_slots(), 1);
    for (unsigned i = 0; i < method_slots(); i++)
        o->kinds[i] = (unsigned char)archive_kind_of(method_at(i));
}

void old_blocks_deinit(struct chain *c)
{
    free(c->old.kinds);
}

/* false: it names none by number. */
static bool oldest(const struct block_ref *r, uint64_t *number)
{
    *number = 0;
    switch (r->kind) {
    case BLOCK_REF_NUMBER:
    case BLOCK_REF_SLOT:
        *number = r->number;
        return true;
    case BLOCK_REF_RANGE:
        *number = r->from;
        return r->from_tag == TAG_NONE || r->from_tag == TAG_EARLIEST;
    case BLOCK_REF_TAG:
        return r->tag == TAG_EARLIEST;
    default:
        return false;
    }
}

static uint64_t head_of(const struct chain *c)
{
    uint64_t head = 0;

    for (unsigned i = 0; i < HEAD_KINDS; i++)
        if (c->heads.of[i].number > head)
            head = c->heads.of[i].number;
    return head;
}

void old_blocks_ask(struct flight *f, const struct block_ref *r)
{
    uint64_t number, head;

    if (!oldest(r, &number))
        return;
    head = head_of(f->chain);
    f->depth = !head ? ARCHIVE_UNKNOWN : number < head ? head - number : 0;
    f->old_kind = f->chain->old.kinds[f->method->slot];
    f->is_first = number == 0;
}

void old_blocks_missed(struct flight *f)
{
    struct chain *c = f->chain;

    c->worker->stats.archive_misses++;
    f->old_missed = true;
    f->old_kind = c->old.kinds[f->method->slot];
    if (!f->depth)
        f->depth = ARCHIVE_UNKNOWN;
    if (!planted(PLANT_ARCHIVE_FORGOTTEN))
        archive_missed(&c->old.archive, f->upstream->index, (enum archive_kind)f->old_kind, f->depth,
                       worker_now_ms(c->worker));
}

void old_blocks_had(const struct flight *f, struct slice result)
{
    /* No logs may be all that is left of a block that is gone. */
    if (f->is_first || result.n == 2)
        return;
    archive_had(&f->chain->old.archive, f->upstream->index, (enum archive_kind)f->old_kind, f->depth,
                worker_now_ms(f->chain->worker));
}

uint64_t old_blocks_lacking(const struct flight *f)
{
    const struct chain *c = f->chain;

    return archive_lacking(&c->old.archive, (enum archive_kind)f->old_kind, f->depth, worker_now_ms(c->worker));
}

uint64_t old_blocks_sure(const struct flight *f)
{
    return f->chain->old.archive.has & ~(f->tried | old_blocks_lacking(f));
}
