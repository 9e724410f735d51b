"""`on` of generated workflows."""
from gen_expression import W
from gen_yaml import Plain

BARE = ("create", "delete", "deployment", "deployment_status", "fork", "gollum", "page_build", "public", "status")
TYPED = {
    "branch_protection_rule": ("created", "edited", "deleted"),
    "check_run": ("completed", "created", "rerequested", "requested_action"),
    "check_suite": ("completed",),
    "discussion": ("created", "edited", "transferred", "category_changed", "answered", "unanswered"),
    "discussion_comment": ("created", "edited", "deleted"),
    "issue_comment": ("created", "edited", "deleted"),
    "issues": ("opened", "edited", "pinned", "assigned", "locked", "milestoned", "demilestoned", "typed", "field_added"),
    "label": ("created", "edited", "deleted"),
    "milestone": ("created", "closed", "opened", "edited", "deleted"),
    "project": ("created", "closed", "reopened", "edited", "deleted"),
    "project_card": ("created", "moved", "converted"),
    "project_column": ("created", "moved"),
    "pull_request_comment": ("created", "edited"),
    "pull_request_review": ("submitted", "edited", "dismissed"),
    "pull_request_review_comment": ("created", "edited", "deleted"),
    "registry_package": ("published", "updated"),
    "release": ("published", "unpublished", "prereleased", "released"),
    "watch": ("started",),
    "image_version": ("created", "ready", "deleted"),
    "merge_group": ("checks_requested",),
    "pull_request": ("opened", "synchronize", "reopened", "labeled", "ready_for_review", "auto_merge_enabled", "stacked"),
    "pull_request_target": ("opened", "closed", "review_requested", "enqueued", "converted_to_draft"),
    "workflow_run": ("completed", "requested", "in_progress"),
}
FILTERS = {
    "push": ("branches", "tags", "paths"), "pull_request": ("branches", "paths"), "pull_request_target": ("branches", "paths"),
    "workflow_run": ("branches",), "merge_group": ("branches",),
}
LISTS = {"image_version": ("names", "versions"), "workflow_run": ("workflows",)}
PATTERNS = ("main", "releases/**", "!wip/*", "v[0-9]+.*", "**.md", "a?b", "docs/*", "*")
CRONS = ("0 0 * * *", "*/5 1-5 1,15 jan-jun mon", "30 4 1-31/2 * 0-6", "5,10 0/3 * DEC sun")


def names(w, values):
    """One text, or a list."""
    if w.maybe(0.25):
        return w.rng.choice(values)
    return w.rng.sample(values, w.rng.randint(1, min(3, len(values))))


def configuration(w, event):
    out = {}
    if event in TYPED:
        w.put(out, event, "types", 0.6, lambda: names(w, TYPED[event]))
    for filter_name in FILTERS.get(event, ()):
        key = filter_name + w.rng.choice(("", "-ignore"))
        w.put(out, event, key, 0.7, lambda: names(w, PATTERNS))
    for key in LISTS.get(event, ()):
        w.put(out, event, key, 0.6, lambda: names(w, ("CI", "Build *", "1.*")))
    return out


def schedule(w):
    out = []
    for _ in range(w.rng.randint(1, 2)):
        out.append({"cron": w.rng.choice(CRONS)})
        w.put(out[-1], "schedule", "timezone", 0.4, lambda: "Europe/Berlin")
    return out


def dispatch(w):
    inputs = {}
    for i in range(w.rng.randint(1, 3)):
        kind = w.rng.choice((None, "string", "boolean", "number", "choice", "environment"))
        item = {}
        w.hit("workflow_dispatch.inputs.%s" % (kind or "untyped"))
        w.put(item, "workflow_dispatch.inputs", "description", 0.5, w.text)
        w.put(item, "workflow_dispatch.inputs", "required", 0.5, w.boolean)
        if kind:
            item["type"] = kind
        if kind == "choice":
            item["options"] = ["low", "high", Plain("3")]
        w.put(item, "workflow_dispatch.inputs", "default", 0.5, lambda kind=kind: default(w, kind))
        inputs["in%d" % i] = item
    return {"inputs": inputs}


def default(w, kind):
    if kind == "boolean":
        return w.boolean()
    if kind == "number":
        return w.number()
    return "text" if kind != "choice" else "low"


def call(w):
    out = {}

    def inputs():
        made = {}
        for i in range(w.rng.randint(1, 3)):
            kind = w.rng.choice(("string", "boolean", "number"))
            w.hit("workflow_call.inputs." + kind)
            item = {"type": kind}
            w.put(item, "workflow_call.inputs", "description", 0.5, w.text)
            w.put(item, "workflow_call.inputs", "required", 0.4, w.boolean)
            w.put(item, "workflow_call.inputs", "default", 0.4,
                  lambda kind=kind: w.x.whole(W) if w.maybe(0.3) else default(w, kind))
            made["in%d" % i] = item
        return made

    def secrets():
        made = {"a": w.rng.choice((Plain(""), {}))}
        made["b"] = {}
        w.put(made["b"], "workflow_call.secrets", "description", 0.5, w.text)
        w.put(made["b"], "workflow_call.secrets", "required", 0.5, w.boolean)
        return made

    def outputs():
        made = {"value": w.text(W + ("jobs",))}
        w.put(made, "workflow_call.outputs", "description", 0.5, w.text)
        return {"out": made}

    w.put(out, "workflow_call", "inputs", 0.7, inputs)
    w.put(out, "workflow_call", "secrets", 0.6, secrets)
    w.put(out, "workflow_call", "outputs", 0.6, outputs)
    return out


def one(w, event):
    w.hit("on." + event)
    if event in BARE:
        return Plain(w.rng.choice(("", "null", "~")))
    if event == "schedule":
        return schedule(w)
    if w.maybe(0.1):
        return Plain("")
    if event == "workflow_dispatch":
        return dispatch(w)
    if event == "workflow_call":
        return call(w)
    if event == "repository_dispatch":
        return {"types": w.rng.sample(("a", "b.*", "c"), 2)}
    return configuration(w, event)


def on(w):
    events = list(BARE) + list(TYPED) + ["push", "schedule", "workflow_dispatch", "workflow_call", "repository_dispatch"]
    form = w.rng.random()
    if form < 0.1:
        w.hit("on.text")
        return w.rng.choice([e for e in events if e not in ("schedule", "repository_dispatch")])
    if form < 0.2:
        w.hit("on.list")
        return w.rng.sample([e for e in events if e not in ("schedule", "repository_dispatch")], w.rng.randint(1, 4))
    w.hit("on.mapping")
    chosen = set(w.rng.sample(events, w.rng.randint(2, 5)))
    chosen |= {e for e in ("push", "pull_request", "workflow_dispatch", "workflow_call", "schedule") if w.maybe(0.2)}
    chosen |= {e for e in ("pull_request_target", "workflow_run", "merge_group", "image_version") if w.maybe(0.1)}
    chosen = sorted(chosen)
    w.rng.shuffle(chosen)
    return {event: one(w, event) for event in chosen}
