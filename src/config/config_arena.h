/* config_arena.h - memory of one configuration snapshot: taken piece by piece, freed all at once.  By value in the
 * snapshot.  Not for bytes from clients: it aborts on exhaustion, as base/mem.h does. */
#ifndef MILLRACE_CONFIG_CONFIG_ARENA_H
#define MILLRACE_CONFIG_CONFIG_ARENA_H

#include <stddef.h>

struct config_arena {
    struct config_piece *pieces;
};

void *config_arena_get(struct config_arena *a, size_t n); /* zeroed; never NULL */
char *config_arena_str(struct config_arena *a, const char *p, size_t n);
void config_arena_deinit(struct config_arena *a);

#endif
