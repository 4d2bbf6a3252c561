/* spare.h - a few large areas of memory that come and go, kept for their next use.  A large area that goes back to the
 * system comes again as fresh pages, and the fault for each of them costs the kernel more than the copy into it.
 * Counted references: an answer that is still being written may outlive the owner, and frees its area by itself then.
 * Not thread-safe.  All areas are malloc's: any of a fitting size may be given, whether it was taken here or not. */
#ifndef MILLRACE_BASE_SPARE_H
#define MILLRACE_BASE_SPARE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SPARE_MIN = 65536,   /* bytes of an area: smaller ones the allocator keeps anyway */
    SPARE_MAX = 1 << 20, /* larger ones go back to the system */
    SPARE_AREAS = 4,
    SPARE_KEPT = 2 << 20 /* bytes kept at most */
};

struct spare {
    unsigned refs, n;
    bool closed; /* the owner is gone: nothing is kept any more */
    size_t bytes;
    struct spare_area {
        char *p;
        size_t cap;
    } area[SPARE_AREAS];
};

struct spare *spare_new(void);
struct spare *spare_free(struct spare *s); /* the owner's; NULL is fine; returns NULL */
struct spare *spare_ref(struct spare *s);  /* who will give an area back later */
struct spare *spare_unref(struct spare *s);

static inline bool spare_fits(size_t cap)
{
    return cap >= SPARE_MIN && cap <= SPARE_MAX;
}

/* The smallest area of at least n bytes that is kept, and no more than twice that.  NULL: none; use malloc. */
char *spare_take(struct spare *s, size_t n, size_t *cap);
/* Keeps p, of cap bytes, or frees it. */
void spare_give(struct spare *s, char *p, size_t cap);

#endif
