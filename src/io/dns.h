/* dns.h - names to addresses: getaddrinfo on libuv's pool, with a cache.  Heap; owned by the dialer.
 * Waiters for the same name share one lookup.  How long an answer is trusted is the asker's choice; a failure is
 * remembered for a second, and while lookups fail the last good answer serves on. */
#ifndef MILLRACE_IO_DNS_H
#define MILLRACE_IO_DNS_H

#include <netinet/in.h>
#include <stdint.h>

#include "base/list.h"

struct loop;
struct dns;

enum { DNS_PENDING = 1 };
enum { DNS_MAX_ADDRESSES = 16 };

union dns_address {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct dns_answer {
    unsigned n;
    union dns_address v[DNS_MAX_ADDRESSES]; /* in the resolver's order; port 0 */
};

/* By value in the asker. */
struct dns_wait {
    struct list node;
    void (*done)(struct dns_wait *w, int status, const struct dns_answer *a);
};

struct dns *dns_new(struct loop *l);
struct dns *dns_free(struct dns *d); /* nobody may wait */

/* 0: *out is filled (an IP literal, localhost, or cached).  DNS_PENDING: w->done will be called from the loop.  <0: it
 * failed.  family: AF_UNSPEC, AF_INET, AF_INET6. */
int dns_get(struct dns *d, const char *host, int family, uint64_t ttl_ms, struct dns_answer *out, struct dns_wait *w);
void dns_wait_cancel(struct dns_wait *w); /* fine when it does not wait */

void dns_prefer(struct dns *d, const char *host, int family,
                const union dns_address *a); /* it works: first next time */
void dns_forget(struct dns *d, const char *host,
                int family); /* none of the addresses works: ask again, unless it was just asked */

#endif
