/* SPDX-License-Identifier: Apache-2.0
 *
 * One file out of an archive as a code host makes it: a .tar.gz whose every path begins with a folder. */
#ifndef BASE_TARBALL_H
#define BASE_TARBALL_H

#include "base/buf.h"

/* Appends the file "TOP/path" to *out. FAIL_NOTFOUND: it is not there, or no regular file; FAIL_LIMIT: it is longer
 * than max bytes. Reads the archive from where fd stands. */
MUST_USE int tarball_file(int fd, const char *path, size_t max, struct buf *out, struct err *e);

#endif
