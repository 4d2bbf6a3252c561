/* watch.h - hears of changes around a file: of everything in its folder, since editors and kubernetes replace files by
 * renaming, the latter not the file itself but a link that it lies behind.  What changes elsewhere, as a link's target
 * in another folder, is not heard of: the owner looks from time to time too.  Heap; owned by its maker. */
#ifndef MILLRACE_IO_WATCH_H
#define MILLRACE_IO_WATCH_H

struct loop;
struct watch;

/* 0, or <0: the folder cannot be watched. */
int watch_new(struct watch **out, struct loop *l, const char *path, void (*changed)(void *owner), void *owner);
struct watch *watch_close(struct watch *w); /* no call to the owner after it; returns NULL; NULL is fine */

#endif
