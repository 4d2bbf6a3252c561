#include "admin/version.h"

const char *version_text(void)
{
    return MILLRACE_VERSION;
}
