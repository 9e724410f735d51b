/* SPDX-License-Identifier: Apache-2.0
 *
 * libarchive, opened by the first archive that is read or written, not by the dynamic linker (base/dl.h): most
 * runs have none. `la.read_new()` is archive_read_new(), and so on. */
#ifndef BASE_LIBARCHIVE_H
#define BASE_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include "base/err.h"

/* Every function that is used, without its "archive_". */
#define LA_FUNCTIONS(X)                \
    X(entry_filetype)                  \
    X(entry_free)                      \
    X(entry_hardlink)                  \
    X(entry_new)                       \
    X(entry_pathname)                  \
    X(entry_perm)                      \
    X(entry_set_mode)                  \
    X(entry_set_mtime)                 \
    X(entry_set_pathname)              \
    X(entry_set_size)                  \
    X(entry_set_symlink)               \
    X(entry_size)                      \
    X(entry_symlink)                   \
    X(error_string)                    \
    X(filter_bytes)                    \
    X(read_data)                       \
    X(read_data_block)                 \
    X(read_free)                       \
    X(read_new)                        \
    X(read_next_header)                \
    X(read_open_fd)                    \
    X(read_support_filter_gzip)        \
    X(read_support_format_tar)         \
    X(write_add_filter_gzip)           \
    X(write_close)                     \
    X(write_data)                      \
    X(write_free)                      \
    X(write_header)                    \
    X(write_new)                       \
    X(write_open_fd)                   \
    X(write_set_format_pax_restricted) \
    X(write_set_options)

struct la {
#define LA_MEMBER(f) __typeof__(archive_##f) *f; /* NOLINT(bugprone-macro-parentheses): a name */
    LA_FUNCTIONS(LA_MEMBER)
#undef LA_MEMBER
};
extern struct la la; /* filled by: */
MUST_USE int la_open(struct err *e);

#endif
