/* SPDX-License-Identifier: Apache-2.0
 *
 * Feeds every file of the folders and files named on the command line to the fuzz target, so that a
 * corpus runs as a plain test under every compiler. Fails when it was given nothing to replay. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/fuzz/bombs.h"
#include "tests/fuzz/said.h"

#define BOMB_SECONDS 20.0 /* of processor time; with sanitizers or counters */

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

static void add(uint8_t *p, size_t *at, const char *text)
{
    for (; *text != '\0'; text++)
        p[(*at)++] = (uint8_t)*text;
}

/* Whether it ended as is documented, and soon. */
static bool replay_bomb(const struct bomb *b)
{
    uint8_t *p = malloc(strlen(b->head) + b->n * strlen(b->unit) + strlen(b->tail) + 1);
    size_t n = 0;
    clock_t start = clock();

    if (p == NULL)
        abort();
    add(p, &n, b->head);
    for (size_t i = 0; i < b->n; i++)
        add(p, &n, b->unit);
    add(p, &n, b->tail);
    forget_said();
    (void)LLVMFuzzerTestOneInput(p, n);
    free(p);
    replayed++;
    double took = (double)(clock() - start) / CLOCKS_PER_SEC;
    bool good = *b->want == '\0' ? *what_was_said() == '\0'
                                 : strncmp(what_was_said(), b->want, strlen(b->want)) == 0;
    if (!good || took > BOMB_SECONDS)
        (void)fprintf(stderr, "bomb '%s' of %zu bytes took %.1f s and said '%s', not '%s'\n",
                      b->name, n, took, what_was_said(), b->want);
    return good && took <= BOMB_SECONDS;
}

static size_t replay_bombs(const char *target)
{
    size_t failed = 0;

    for (size_t i = 0; i < n_bombs; i++)
        if (strcmp(bombs[i].target, target) == 0)
            failed += replay_bomb(&bombs[i]) ? 0 : 1;
    return failed;
}

int main(int argc, char **argv)
{
    size_t failed = 0;

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "bombs:", 6) == 0) {
            failed += replay_bombs(argv[i] + 6);
            continue;
        }
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
    return replayed > 0 && failed == 0 ? 0 : 1;
}
