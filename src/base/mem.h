/* mem.h - allocation.  Our own small structs abort on exhaustion; buffers for bytes from outside are fallible (buf.h).
 * struct mem_pool keeps freed objects of one size for reuse, so that a call on the hot path costs no malloc. */
#ifndef MILLRACE_BASE_MEM_H
#define MILLRACE_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

void *mem_zero(size_t n);                /* zeroed; never NULL */
void *mem_array(size_t count, size_t n); /* zeroed; aborts on overflow of count * n; never NULL */
void *mem_pages(size_t n);               /* begins with a page; NOT zeroed; never NULL */
void *mem_grow(void *p, size_t n);       /* realloc that aborts instead of failing */
bool mem_spare(size_t n);                /* could so much be had now?  It is not kept. */
char *mem_strdup(const char *s);         /* NULL stays NULL */
char *mem_strndup(const char *s, size_t n);

/* memset to zero, always by the library: for a few hundred bytes on the path of every call its vector stores beat the
 * `rep stos` that compilers put in place of a memset of known size. */
void mem_clear(void *p, size_t n);

struct mem_pool {
    size_t size;       /* of one object, in bytes */
    unsigned max_kept; /* how many free objects are kept for reuse */
    unsigned kept;
    unsigned live; /* objects out now; must be 0 at mem_pool_deinit */
    void *free;
};

void mem_pool_init(struct mem_pool *m, size_t size, unsigned max_kept);
void mem_pool_deinit(struct mem_pool *m);         /* asserts that nothing is out */
void *mem_pool_get(struct mem_pool *m);           /* NOT zeroed; never NULL */
void mem_pool_put(struct mem_pool *m, void *obj); /* NULL is fine */

#endif
