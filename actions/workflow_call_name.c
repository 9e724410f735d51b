/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of called workflow files, and the form of a job's `uses` (spec expressions 7.2).
 * Source of the texts: actions/languageservices: languageservice/src/validate.ts. */
#include "actions/workflow_call.h"

#include "actions/value_priv.h"

static bool is_local(struct sv uses)
{
    return sv_starts(uses, SV("./")) || sv_starts(uses, SV("$/"));
}

void wf_call_split(struct sv name, struct wf_call_name *out)
{
    size_t at = sv_rchr(name, '@');
    struct sv rest = sv_sub(name, 0, at);

    *out = (struct wf_call_name){.path = name};
    if (at == SV_NPOS || sv_starts(name, SV(".github/")))
        return;
    out->ref = sv_sub(name, at + 1, SV_NPOS);
    (void)sv_next(&rest, '/', &out->owner);
    (void)sv_next(&rest, '/', &out->repo);
    out->path = rest;
}

void wf_call_resolve(struct sv caller, struct sv uses, struct buf *name)
{
    struct wf_call_name at;

    if (!is_local(uses)) {
        buf_addsv(name, uses);
        return;
    }
    struct sv path = sv_sub(uses, 2, SV_NPOS);
    wf_call_split(caller, &at);
    if (at.owner.n == 0) {
        buf_addsv(name, path);
        return;
    }
    buf_addf(name, SV_FMT "/" SV_FMT "/" SV_FMT "@" SV_FMT, SV_ARG(at.owner), SV_ARG(at.repo),
             SV_ARG(path), SV_ARG(at.ref));
}

/* ---- the form of `uses` ---- */

static int refuse(struct err *e, const char *why)
{
    return err_set(e, FAIL_INPUT, "%s", why);
}

static int check_ref(struct sv ref, struct err *e)
{
    static const char *const bad[] = {"?", "*", "[", "]", "\\", "~", "^", ":", "@{", "..", "//"};
    struct sv rest = ref, part;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (sv_find(ref, sv_of(bad[i])) != SV_NPOS)
            return err_set(e, FAIL_INPUT, "invalid character '%s' in version", bad[i]);
    }
    if (sv_starts(ref, SV("/")) || sv_ends(ref, SV("/")) || sv_starts(ref, SV(".")) ||
        sv_ends(ref, SV(".")))
        return refuse(e, "version cannot begin or end with a slash '/' or a dot '.'");
    while (sv_next(&rest, '/', &part)) {
        if (sv_starts(part, SV(".")) || sv_ends(part, SV(".lock")))
            return err_set(e, FAIL_INPUT, "invalid version: " SV_FMT, SV_ARG(ref));
    }
    for (size_t i = 0; i < ref.n; i++) {
        if ((unsigned char)ref.p[i] < ' ' || ref.p[i] == 0x7F)
            return refuse(e, "version cannot have ASCII control characters");
    }
    for (size_t i = 0; i < ref.n; i++) {
        if (val_space(sv_sub(ref, i, SV_NPOS)) > 0)
            return refuse(e, "version cannot have whitespace");
    }
    return 0;
}

static bool plain_name(struct sv s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ch_is_alnum(s.p[i]) && strchr("_.-", s.p[i]) == NULL)
            return false;
    }
    return s.n > 0;
}

static int check_owner(struct sv prefix, struct err *e)
{
    size_t slash = sv_chr(prefix, '/'), last = sv_rchr(prefix, '/');
    struct sv owner = sv_sub(prefix, 0, slash), repo = {"", 0};

    if (slash < last && last + 1 == prefix.n)
        repo = sv_sub(prefix, slash + 1, last - slash - 1);
    if (owner.n == 0 || repo.n == 0 || sv_chr(repo, '/') != SV_NPOS)
        return refuse(e, "references to workflows must be prefixed with format "
                         "'owner/repository/' or './' for local workflows");
    if (!plain_name(owner))
        return refuse(e, "owner name must be a valid repository owner name");
    return plain_name(repo) ? 0 : refuse(e, "repository name is invalid");
}

/* Where ".github/workflows/" begins, or that of the lab, and how long it is. */
static size_t find_folder(struct sv s, size_t *n)
{
    const struct sv folder = SV(".github/workflows/"), lab = SV(".github/workflows-lab/");
    size_t at = sv_find(s, folder), at_lab = sv_find(s, lab);

    *n = at_lab < at ? lab.n : folder.n;
    return at_lab < at ? at_lab : at;
}

static int check_level(struct sv file, struct err *e)
{
    return sv_chr(file, '/') == SV_NPOS
               ? 0
               : refuse(e, "workflows must be defined at the top level of the .github/workflows/ "
                           "directory");
}

static int check_ending(struct sv file, struct err *e)
{
    return sv_ends(file, SV(".yml")) || sv_ends(file, SV(".yaml"))
               ? 0
               : refuse(e, "workflow file should have either a '.yml' or '.yaml' file extension");
}

static int check_file(struct sv file, struct err *e)
{
    return sv_is(file, ".yml") || sv_is(file, ".yaml") ? refuse(e, "invalid workflow file name")
                                                       : 0;
}

static int check_local(struct sv path, struct err *e)
{
    size_t n;

    if (find_folder(path, &n) != 0)
        return refuse(e, "local workflow references must be rooted in '.github/workflows'");
    if (sv_chr(path, '@') != SV_NPOS)
        return refuse(e, "cannot specify version when calling local workflows");
    struct sv file = sv_sub(path, n, SV_NPOS);
    return check_ending(file, e) < 0 || check_level(file, e) < 0 || check_file(file, e) < 0 ? -1
                                                                                            : 0;
}

int wf_call_check(struct sv uses, struct err *e)
{
    size_t at = sv_chr(uses, '@'), n;

    if (is_local(uses))
        return check_local(sv_sub(uses, 2, SV_NPOS), e);
    if (at == SV_NPOS)
        return refuse(e, "no version specified");
    if (sv_rchr(uses, '@') != at)
        return refuse(e, "too many '@' in workflow reference");
    if (at + 1 == uses.n)
        return refuse(e, "no version specified");
    struct sv path = sv_sub(uses, 0, at);
    size_t folder = find_folder(path, &n);
    if (folder == SV_NPOS)
        return refuse(e, "references to workflows must be rooted in '.github/workflows'");
    struct sv file = sv_sub(path, folder + n, SV_NPOS);
    if (check_owner(sv_sub(path, 0, folder), e) < 0 ||
        check_ref(sv_sub(uses, at + 1, SV_NPOS), e) < 0)
        return -1;
    return check_level(file, e) < 0 || check_ending(file, e) < 0 || check_file(file, e) < 0 ? -1
                                                                                            : 0;
}
