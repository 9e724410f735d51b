/* SPDX-License-Identifier: Apache-2.0
 *
 * Feeds every file of the folders and files named on the command line to the fuzz target, so that a
 * corpus runs as a plain test under every compiler. Fails when it was given nothing to replay. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed;

static void replay_file(const char *path)
{
    FILE *f = fopen(path, "re");
    struct stat st;

    if (f == NULL || fstat(fileno(f), &st) < 0) {
        perror(path);
        exit(1);
    }
    size_t n = (size_t)st.st_size;
    uint8_t *p = malloc(n + 1);
    if (p == NULL || fread(p, 1, n, f) != n) {
        perror(path);
        exit(1);
    }
    (void)fclose(f);
    (void)LLVMFuzzerTestOneInput(p, n);
    free(p);
    replayed++;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        if (d == NULL) {
            replay_file(argv[i]);
            continue;
        }
        for (struct dirent *de; (de = readdir(d)) != NULL;) {
            char path[4096];
            if (de->d_name[0] == '.')
                continue;
            (void)snprintf(path, sizeof path, "%s/%s", argv[i], de->d_name);
            replay_file(path);
        }
        (void)closedir(d);
    }
    printf("replayed %zu inputs\n", replayed);
    return replayed > 0 ? 0 : 1;
}
