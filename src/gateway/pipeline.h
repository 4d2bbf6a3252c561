/* pipeline.h - requests of one connection that are under way together.  Their answers leave in the order of the
 * requests, whatever the order of the endpoints': in that order no number of the head steps back.  Of a connection with
 * one request under way, which is nearly every one, there is nothing to do. */
#ifndef MILLRACE_GATEWAY_PIPELINE_H
#define MILLRACE_GATEWAY_PIPELINE_H

struct flight;
struct worker;

/* f has an answer, which tells f->told of the head: those who asked the same before, on the connections of those who
 * wait for f, wait for f too from now on.  Their own answers could tell more, and leave first.  So do those who asked
 * it after them and wait with an array. */
void pipeline_gather(struct worker *w, struct flight *f);
/* Those who asked after them, but for arrays, are told no less. */
void pipeline_raise(struct flight *f);

#endif
