/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking for a file in a .tar.gz. */
#include "base/tarball.h"

#include "base/libarchive.h"

#define MAX_ENTRIES 200000U
#define MAX_PASSED  ((int64_t)2 << 30) /* Ours: bytes before a file that is looked for */

/* "TOP/path" of an archive is the path. */
static bool is_entry(const char *name, const char *path)
{
    const char *slash = name != NULL ? strchr(name, '/') : NULL;

    return slash != NULL && strcmp(slash + 1, path) == 0;
}

static int read_entry(struct archive *a, const char *path, size_t max, struct buf *out,
                      struct err *e)
{
    char chunk[16384];
    ssize_t n;

    while ((n = la.read_data(a, chunk, sizeof chunk)) > 0) {
        if (out->len + (size_t)n > max)
            return err_set(e, FAIL_LIMIT, "'%s' is longer than %zu bytes", path, max);
        buf_add(out, chunk, (size_t)n);
    }
    if (n < 0)
        return err_set(e, FAIL_INPUT, "the archive cannot be read: %s", la.error_string(a));
    return 0;
}

/* The archive is somebody else's: a file that is not near its beginning is not looked for. */
static int find_entry(struct archive *a, const char *path, size_t max, struct buf *out,
                      struct err *e)
{
    struct archive_entry *en;
    int64_t passed = 0; /* what was unpacked on the way */

    for (unsigned i = 0; i < MAX_ENTRIES && passed < MAX_PASSED; i++) {
        int rc = la.read_next_header(a, &en);
        if (rc == ARCHIVE_EOF)
            break;
        if (rc < ARCHIVE_WARN)
            return err_set(e, FAIL_INPUT, "the archive cannot be read: %s", la.error_string(a));
        if (is_entry(la.entry_pathname(en), path) && la.entry_filetype(en) == AE_IFREG)
            return read_entry(a, path, max, out, e);
        /* Headers alone may be a megabyte each; what is passed over counts before it is read. */
        if (la.entry_size(en) < 0 ||
            __builtin_add_overflow(la.filter_bytes(a, 0), la.entry_size(en), &passed))
            break;
    }
    return err_set(e, FAIL_NOTFOUND, "there is no file '%s' in it", path);
}

int tarball_file(int fd, const char *path, size_t max, struct buf *out, struct err *e)
{
    struct archive *a;
    int rc = -1;

    if (la_open(e) < 0)
        return -1;
    a = la.read_new();
    (void)la.read_support_filter_gzip(a);
    (void)la.read_support_format_tar(a);
    if (la.read_open_fd(a, fd, 65536) != ARCHIVE_OK)
        (void)err_set(e, FAIL_INPUT, "the archive cannot be read: %s", la.error_string(a));
    else
        rc = find_entry(a, path, max, out, e);
    (void)la.read_free(a);
    return rc;
}
