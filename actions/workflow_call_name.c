/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of called workflow files, and the form of a job's `uses` (spec expressions 7.2).
 * Source of the texts: actions/languageservices: languageservice/src/validate.ts. */
#include "actions/workflow_call.h"

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

static const char *bad_ref(struct sv ref)
{
    struct sv part;

    if (ref.n == 0)
        return "no version specified";
    if (sv_is(ref, "@") || sv_starts(ref, SV("/")) || sv_ends(ref, SV("/")) ||
        sv_ends(ref, SV(".")) || sv_find(ref, SV("..")) != SV_NPOS ||
        sv_find(ref, SV("//")) != SV_NPOS || sv_find(ref, SV("@{")) != SV_NPOS)
        return "invalid version";
    for (size_t i = 0; i < ref.n; i++) {
        if ((unsigned char)ref.p[i] <= ' ' || ref.p[i] == 0x7F ||
            strchr("?*[]\\~^:", ref.p[i]) != NULL)
            return "invalid version";
    }
    while (sv_next(&ref, '/', &part)) {
        if (sv_starts(part, SV(".")) || sv_ends(part, SV(".lock")))
            return "invalid version";
    }
    return NULL;
}

static const char *bad_workflow_path(struct sv path)
{
    struct sv file;

    if (sv_starts(path, SV(".github/workflows/")))
        file = sv_sub(path, 18, SV_NPOS);
    else if (sv_starts(path, SV(".github/workflows-lab/")))
        file = sv_sub(path, 22, SV_NPOS);
    else
        return "workflows must be located in a '.github/workflows' directory";
    if (sv_chr(file, '/') != SV_NPOS)
        return "workflows must be defined at the top level of the .github/workflows/ directory";
    if (!sv_ends(file, SV(".yml")) && !sv_ends(file, SV(".yaml")))
        return "workflow file should have either a '.yml' or '.yaml' file extension";
    if (sv_is(file, ".yml") || sv_is(file, ".yaml"))
        return "invalid workflow file name";
    return NULL;
}

static bool plain_name(struct sv s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ch_is_alnum(s.p[i]) && strchr("_.-", s.p[i]) == NULL)
            return false;
    }
    return s.n > 0;
}

const char *wf_call_bad_format(struct sv uses)
{
    if (is_local(uses)) {
        if (sv_chr(uses, '@') != SV_NPOS)
            return "cannot specify version when calling local workflows";
        return bad_workflow_path(sv_sub(uses, 2, SV_NPOS));
    }
    size_t at = sv_chr(uses, '@');
    if (at == SV_NPOS)
        return "no version specified";
    if (sv_rchr(uses, '@') != at)
        return "too many '@' in workflow reference";
    struct sv rest = sv_sub(uses, 0, at), owner = {"", 0}, repo = {"", 0};
    (void)sv_next(&rest, '/', &owner);
    (void)sv_next(&rest, '/', &repo);
    if (!plain_name(owner) || !plain_name(repo))
        return "owner and repository are expected first: OWNER/REPO/.github/workflows/FILE@REF";
    const char *why = bad_workflow_path(rest);
    return why != NULL ? why : bad_ref(sv_sub(uses, at + 1, SV_NPOS));
}
