/* SPDX-License-Identifier: Apache-2.0
 *
 * What git says of the repository that a run works on. git itself is asked; its hooks and its file system
 * monitor are switched off. */
#ifndef RUNNER_CLI_RUN_GIT_H
#define RUNNER_CLI_RUN_GIT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/sv.h"

#include <stdbool.h>
#include <sys/stat.h>

struct repo {
    char *top;    /* absolute path of the work tree */
    char *sha;    /* of HEAD, or of --ref */
    char *ref;    /* refs/heads/main, refs/tags/v1 */
    char *branch; /* short name of ref */
    bool is_tag;
    char *repository; /* owner/name: of the remote origin, else local/<folder> */
    char *owner;
    char *default_branch;
    char *actor; /* github.user of git's configuration, else the owner */
    /* the commit */
    char *parent; /* "" for the first one */
    char *fork; /* of a pull request: where it left its base; see repo_read_fork. NULL: not asked */
    char *tree, *message;
    char *author_name, *author_email, *author_date;
    char *committer_name, *committer_email, *committer_date;
};
/* dir: NULL = the current one. ref: NULL = what is checked out. FAIL_INPUT: no repository, no commit, unknown
 * ref, git missing. */
MUST_USE int repo_read(const char *dir, const char *ref, struct repo *out, struct err *e);
void repo_done(struct repo *r); /* for AUTO(repo_done) */

/* For events of pull requests: fills in `fork`, the commit where the one at hand left the branch `base` (as the remote
 * has it, else the local one); its parent where it has not left it, "" for the first commit. */
void repo_read_fork(struct repo *r, const char *base);

/* The owner of the remote "origin" of the repository at `top`, or NULL. free() */
char *repo_owner(const char *top);
/* Runs git in `dir`; words: NULL-terminated. Its output, NUL-terminated, free(). An exit status other than 0 is
 * FAIL_INPUT with git's own last line. */
MUST_USE int repo_git(const char *dir, const char *const *words, size_t max, char **out, size_t *n,
                      struct err *e);
/* The same for `git clone` of a path: the file protocol is allowed. What it prints is dropped. */
MUST_USE int repo_git_local(const char *dir, const char *const *words, struct err *e);
/* Files changed between the commit's fork (when it was asked for), else its parent, and the commit; NULL-terminated list in *paths, or NULL when not
 * known. free() the array and *text. */
MUST_USE int repo_changed(const struct repo *r, char **text, const char ***paths, size_t *n,
                          struct err *e);

/* The local source (design 4): every tracked file that exists, the untracked ones that git does not ignore,
 * submodules alike, and ".git/"; NUL-terminated, relative to *folder. stage: a folder (not there yet) of the run's
 * own, for the copy of a source that cannot stand by itself. *listing: sealed memfd. */
MUST_USE int repo_source(const struct repo *r, const char *stage, int *folder, int *listing,
                         struct err *e);

/* run_stage.c: ".git" is a file that names a folder elsewhere (a linked work tree, a submodule). */
bool repo_is_linked(const struct repo *r);
/* Makes a repository that stands by itself in `dir` and rewrites the listing for it. */
MUST_USE int repo_stage(const struct repo *r, const char *dir, struct buf *listing, int *folder,
                        struct err *e);

/* As lstat() of a path below the source, but through no link on the way: an index may name files behind one, and
 * nothing outside of the source belongs to it. */
bool repo_stat(int top_fd, const char *path, struct stat *st);

#endif
