/* version.h - the version of this program. */
#ifndef MILLRACE_ADMIN_VERSION_H
#define MILLRACE_ADMIN_VERSION_H

const char *version_text(void); /* "0.1.0" */

#endif
