#include "config/config_arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct config_piece {
    struct config_piece *next;
    max_align_t bytes[];
};

void *config_arena_get(struct config_arena *a, size_t n)
{
    struct config_piece *p = mem_zero(sizeof *p + n);

    p->next = a->pieces;
    a->pieces = p;
    return p->bytes;
}

char *config_arena_str(struct config_arena *a, const char *p, size_t n)
{
    char *s = config_arena_get(a, n + 1);

    if (n)
        memcpy(s, p, n);
    return s;
}

void config_arena_deinit(struct config_arena *a)
{
    while (a->pieces) {
        struct config_piece *next = a->pieces->next;

        free(a->pieces);
        a->pieces = next;
    }
}
