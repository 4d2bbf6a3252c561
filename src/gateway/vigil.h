/* vigil.h - looks at what has been under way for long, before there is an answer or a time-out: what is very late
 * counts against its endpoint, and what an endpoint holds that has fallen silent is asked elsewhere.  Part of standing;
 * what it needs to remember is there. */
#ifndef MILLRACE_GATEWAY_VIGIL_H
#define MILLRACE_GATEWAY_VIGIL_H

struct chain;

enum { VIGIL_MS = 100 /* how often at the least, while anything is under way and there is another endpoint */ };

void vigil_look(struct chain *c);

#endif
