/* version.h - the version of the HTTP parser that this program was built with. */
#ifndef MILLRACE_HTTP_VERSION_H
#define MILLRACE_HTTP_VERSION_H

const char *version_llhttp(void);

#endif
