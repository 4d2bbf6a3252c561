#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 4096 };

static void *or_abort(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return p;
}

void *mem_zero(size_t n)
{
    return or_abort(calloc(1, n));
}

void *mem_array(size_t count, size_t n)
{
    return or_abort(calloc(count ? count : 1, n));
}

void *mem_pages(size_t n)
{
    return or_abort(aligned_alloc(PAGE_BYTES, (n + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES));
}

void *mem_grow(void *p, size_t n)
{
    return or_abort(realloc(p, n));
}

bool mem_spare(size_t n)
{
    char *p = malloc(n);
    bool had = p != NULL;

    if (had)
        *(volatile char *)p = 0; /* or the compiler leaves both calls out */
    free(p);
    return had;
}

char *mem_strdup(const char *s)
{
    return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
    char *p = or_abort(malloc(n + 1));

    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

#ifdef __clang__
#define OUT_OF_LINE __attribute__((noinline))
#else
#define OUT_OF_LINE __attribute__((noipa))
#endif

OUT_OF_LINE void mem_clear(void *p, size_t n)
{
    memset(p, 0, n);
}

void mem_pool_init(struct mem_pool *m, size_t size, unsigned max_kept)
{
    *m = (struct mem_pool){.size = size < sizeof(void *) ? sizeof(void *) : size, .max_kept = max_kept};
}

void mem_pool_deinit(struct mem_pool *m)
{
    assert(m->live == 0);
    while (m->free) {
        void *next = *(void **)m->free;

        free(m->free);
        m->free = next;
    }
    m->kept = 0;
}

void *mem_pool_get(struct mem_pool *m)
{
    void *obj = m->free;

    m->live++;
    if (!obj)
        return or_abort(malloc(m->size));
    m->free = *(void **)obj;
    m->kept--;
    return obj;
}

void mem_pool_put(struct mem_pool *m, void *obj)
{
    if (!obj)
        return;
    assert(m->live > 0);
    m->live--;
    if (m->kept >= m->max_kept) {
        free(obj);
        return;
    }
    *(void **)obj = m->free;
    m->free = obj;
    m->kept++;
}
