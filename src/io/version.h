/* version.h - the versions of the libraries that io is built on, as they are at run time. */
#ifndef MILLRACE_IO_VERSION_H
#define MILLRACE_IO_VERSION_H

const char *version_libuv(void);
const char *version_mbedtls(void);

#endif
