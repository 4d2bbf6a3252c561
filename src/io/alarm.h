/* alarm.h - a timer that counts microseconds and stays with the kernel until it fires or is moved: the loop's, for all
 * of its timers, and that of a simulated node, whose service times are shorter than whole milliseconds.  Heap; owned by
 * its maker; one file descriptor. */
#ifndef MILLRACE_IO_ALARM_H
#define MILLRACE_IO_ALARM_H

#include <stdint.h>

struct loop;
struct alarm;

int alarm_new(struct alarm **out, struct loop *loop, void (*fire)(void *owner), void *owner); /* 0 or <0 */
/* Fires once, at at_us of loop_clock_us or at once when that is over.  Setting it again moves it; UINT64_MAX clears. */
void alarm_set(struct alarm *a, uint64_t at_us);
void alarm_unref(struct alarm *a);          /* the loop may end while it is there */
struct alarm *alarm_close(struct alarm *a); /* no call to the owner after it; returns NULL; NULL is fine */

#endif
