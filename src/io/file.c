#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void file_stamp(struct file_stamp *out, const char *path)
{
    struct stat st;

    memset(out, 0, sizeof *out);
    if (stat(path, &st))
        return;
    out->device = (uint64_t)st.st_dev;
    out->inode = (uint64_t)st.st_ino;
    out->size = (uint64_t)st.st_size;
    out->changed_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
}

bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->changed_ns == b->changed_ns;
}

int file_read(const char *path, struct buf *out)
{
    /* Without O_NONBLOCK the open of a pipe would wait for its other end. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = fd < 0 ? -errno : 0;
    struct stat st;
    ssize_t n = 1;

    if (r == 0 && fstat(fd, &st))
        r = -errno;
    if (r == 0 && !S_ISREG(st.st_mode))
        r = -EINVAL;
    while (r == 0 && n > 0) {
        char piece[4096];

        n = read(fd, piece, sizeof piece);
        if (n < 0 && errno != EINTR)
            r = -errno;
        else if (n > 0)
            r = buf_append(out, piece, (size_t)n);
        else if (n < 0)
            n = 1;
        explicit_bzero(piece, sizeof piece);
    }
    if (fd >= 0)
        close(fd);
    return r;
}
