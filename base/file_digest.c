/* SPDX-License-Identifier: Apache-2.0
 *
 * Digest of digests, over OpenSSL through base/crypto. */
#include "base/file_digest.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

#define BLOCK ((size_t)128 << 10)

struct file_digest {
    struct cry_sha256 *outer;
    size_t count;
    unsigned char block[BLOCK];
};

struct file_digest *file_digest_new(void)
{
    struct file_digest *d = xmalloc(sizeof *d);

    d->outer = cry_sha256_new();
    d->count = 0;
    return d;
}

void file_digest_free(struct file_digest *d)
{
    if (d == NULL)
        return;
    cry_sha256_free(d->outer);
    free(d);
}

int file_digest_add(struct file_digest *d, int fd, struct err *e)
{
    unsigned char sum[SHA256_BYTES];
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot examine a file to hash");
    if (!S_ISREG(st.st_mode))
        return err_set(e, FAIL_INPUT, "cannot hash what is no regular file");
    struct cry_sha256 *h = cry_sha256_new();
    uint64_t left = (uint64_t)st.st_size;
    while (left > 0) {
        ssize_t n = read(fd, d->block, left < BLOCK ? (size_t)left : BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int rc = err_sys(e, "cannot read a file to hash");
            cry_sha256_free(h);
            return rc;
        }
        if (n == 0)
            break; /* it was cut meanwhile */
        cry_sha256_add(h, d->block, (size_t)n);
        left -= (uint64_t)n;
    }
    cry_sha256_end(h, sum);
    cry_sha256_add(d->outer, sum, sizeof sum);
    d->count++;
    return 0;
}

size_t file_digest_count(const struct file_digest *d)
{
    return d->count;
}

void file_digest_end(struct file_digest *d, char hex[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[SHA256_BYTES];

    cry_sha256_end(d->outer, sum);
    d->outer = NULL;
    for (size_t i = 0; i < sizeof sum; i++) {
        hex[2 * i] = digits[sum[i] >> 4];
        hex[2 * i + 1] = digits[sum[i] & 15];
    }
    hex[d->count > 0 ? 64 : 0] = '\0';
}
