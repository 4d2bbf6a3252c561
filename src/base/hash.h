/* hash.h - a keyed hash of bytes, for tables whose keys clients choose: who does not know the secret cannot make keys
 * that meet in one bucket.  Not for anything that must hold against someone who sees the hash.  Pure. */
#ifndef MILLRACE_BASE_HASH_H
#define MILLRACE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_secret { /* random, once per process */
    uint64_t k[4];
};

/* Depends on every byte, on n and on `mix`, which stands for what belongs to the key beside the bytes. */
uint64_t hash_bytes(const struct hash_secret *s, uint64_t mix, const void *p, size_t n);

#endif
