/* listener.h - one listening address: "HOST:PORT", "[v6]:PORT" or "unix:/path".  Heap.  Accepts with TCP_NODELAY set.
 * Out of descriptors (EMFILE, ENFILE): accepting pauses for 100 ms and tries again; nothing spins; on_exhausted tells.
 */
#ifndef MILLRACE_IO_LISTENER_H
#define MILLRACE_IO_LISTENER_H

#include "io/stream.h"

struct listener;

struct listener_ops {
    void (*on_accept)(void *owner, struct listener *l,
                      struct stream *s);                            /* the owner now owns s (not reading yet, no ops) */
    void (*on_exhausted)(void *owner, struct listener *l, int err); /* accept failed for want of resources */
};

int listener_new(struct listener **out, struct loop *loop, const char *address, const struct listener_ops *ops,
                 void *owner);
void listener_last_call(struct listener *l); /* accepts who has connected so far, before it is closed */
const char *
listener_address(const struct listener *l);          /* as bound, the real port in it: "127.0.0.1:8545", "unix:/path" */
struct listener *listener_close(struct listener *l); /* stops now; a unix path is removed; returns NULL */

/* Syntax only, for the config check: 0 or -EINVAL. */
int listener_address_check(const char *address);

#endif
