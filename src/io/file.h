/* file.h - small files that others replace while we run.  Synchronous: for files of a few KiB on local disks. */
#ifndef MILLRACE_IO_FILE_H
#define MILLRACE_IO_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* What changes when a file is written or another one takes its name; all zero: it is not there. */
struct file_stamp {
    uint64_t device, inode, size;
    int64_t changed_ns;
};

void file_stamp(struct file_stamp *out, const char *path);
bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b);

/* Appends all of a regular file.  0, <0 errno (-EINVAL: no regular file), BUF_FULL: longer than out takes. */
int file_read(const char *path, struct buf *out);

#endif
