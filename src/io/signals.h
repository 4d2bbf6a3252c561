/* signals.h - process signals as events of a loop.  Heap; one a process. */
#ifndef MILLRACE_IO_SIGNALS_H
#define MILLRACE_IO_SIGNALS_H

struct loop;
struct signals;

/* numbers: at most 8. 0 or <0. */
int signals_new(struct signals **out, struct loop *loop, const int *numbers, unsigned n,
                void (*on_signal)(void *owner, int number), void *owner);
struct signals *signals_close(struct signals *s); /* the defaults are back; returns NULL */

#endif
