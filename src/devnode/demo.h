/* demo.h - `millrace demo`: three simulated nodes for Ethereum and three for Solana (one quick, one slower, one that
 * fails now and then), on a thread of their own with real loopback sockets, and the configuration of a gateway in front
 * of them. */
#ifndef MILLRACE_DEVNODE_DEMO_H
#define MILLRACE_DEVNODE_DEMO_H

#include "base/slice.h"

struct demo;

int demo_new(struct demo **out);                /* 0 or <0: the nodes listen, and their thread runs */
struct demo *demo_free(struct demo *d);         /* stops and joins the thread; NULL is fine */
struct slice demo_config(const struct demo *d); /* JSON text */
/* Prints the URLs and a line to try on stderr. admin may be NULL. */
void demo_announce(const struct demo *d, const char *service, const char *admin);

#endif
