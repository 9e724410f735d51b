"""Makes files with one mistake each out of valid ones, and says beforehand what the linter must find where.

    mutate.py write CORPUS FOLDER [--seed N] [--each N]   copies the corpus and writes mutants and FOLDER/expected.json
    mutate.py check FOLDER --gantry PROGRAM               lints originals and mutants and compares
    mutate.py run CORPUS --gantry PROGRAM                 both, in a folder that is removed again

`write` decides rule, line and column of every mutant and writes them down before any linter has run; `check` never
changes the list. A mutant passes when exactly that finding is there in addition to those of its original (moved by the
lines that were inserted). What it may lose besides is what stood on an edited line, and everything for a file that is
no YAML any more.

The mark § in a template is the place of the finding and is removed.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

MARK = "§"

# Steps that are put in front of a job's steps.
STEPS = [
    ("unknown-property", ["- run: echo ${{ github.§zz }}"]),
    ("unknown-property", ["- run: |", "    echo one", "    echo ${{ runner.§zz }} two"]),
    ("unknown-property", ["- run: >-", "    folded", "    echo ${{ strategy.§zz }}"]),
    ("unknown-property", ["- run: \"a \\\"b\\\" ${{ job.§zz }}\""]),
    ("unknown-context", ["- run: echo ${{ §zz.sha }}"]),
    ("unknown-context", ["- name: zz", "  run: |", "    echo ${{ github.sha == §main }}"]),
    ("unknown-function", ["- run: echo ${{ §upper(github.sha) }}"]),
    ("unavailable-function", ["- run: echo ${{ §always() }}"]),
    ("unavailable-context", ["- run: echo ${{ §jobs.zz.result }}"]),
    ("expression-syntax", ["- run: echo ${{ github.sha == §\"x\" }}"]),
    ("expression-syntax", ["- run: echo ${{ github.sha §+ 1 }}"]),
    ("expression-syntax", ["- run: echo §${{ github.sha"]),
    ("expression-syntax", ["- if: github.sha §= 'x'", "  run: make"]),
    ("function-arguments", ["- run: echo ${{ §contains('a') }}"]),
    ("function-arguments", ["- if: §success('x')", "  run: make"]),
    ("format-placeholder", ["- run: echo ${{ format(§'{0} {1}', github.sha) }}"]),
    ("format-placeholder", ["- run: echo ${{ format(§'{x}', github.sha) }}"]),
    ("unused-format-argument", ["- run: echo ${{ format('{0}', github.sha, §github.run_id) }}"]),
    ("invalid-json", ["- run: echo ${{ fromJSON(§'[1') }}"]),
    ("case-predicate", ["- run: echo ${{ case(§github.sha, 'a', 'b') }}"]),
    ("unknown-step", ["- run: echo ${{ steps.§zz.outputs.x }}"]),
    ("step-order", ["- run: echo ${{ steps.§zz.outcome }}", "- id: zz", "  run: make"]),
    ("unknown-need", ["- run: echo ${{ needs.§zz.result }}"]),
    ("unknown-input", ["- run: make", "  env:", "    A: ${{ inputs.§zz }}"]),
    ("object-in-string", ["- run: echo ${{ §runner }}"]),
    ("wrong-value-type", ["- run: ${{ §steps }}"]),
    ("wrong-value-type", ["- run: make", "  timeout-minutes: ${{ §vars.T }}"]),
    ("wrong-value-type", ["- run: make", "  continue-on-error: ${{ §github.sha }}"]),
    ("argument-type", ["- run: echo ${{ startsWith(§github, 'x') }}"]),
    ("argument-type", ["- run: echo ${{ join(§github.sha) }}"]),
    ("comparison-type", ["- if: §github.ref_protected == 'true'", "  run: make"]),
    ("constant-condition", ["- if: §false", "  run: make"]),
    ("condition-literal-text", ["- if: §|", "    ${{ github.sha == 'x' }}", "  run: make"]),
    ("unsound-ternary", ["- run: echo ${{ github.sha == 'x' && §'' || 'y' }}"]),
    ("constant-condition", ["- run: make", "  if: ${{ §!true }}"]),
    ("condition-literal-text", ["- if: §${{ github.sha }} == 'x'", "  run: make"]),
    ("secrets-in-if", ["- if: §secrets.A != ''", "  run: make"]),
    ("unsound-contains", ["- if: §contains('refs/heads/main refs/heads/dev', github.ref)", "  run: make"]),
    ("script-injection", ["- run: echo ${{ §github.head_ref }}"]),
    ("script-injection", ["- run: |", "    set -e", "    echo \"${{ §github.head_ref || 'x' }}\""]),
    ("script-injection", ["- env:", "    ZZ: ${{ github.head_ref }}", "  run: echo ${{ §env.ZZ }}"]),
    ("all-secrets", ["- run: make", "  env:", "    A: ${{ toJSON(§secrets) }}"]),
    ("unmasked-secret", ["- run: make", "  env:", "    A: ${{ §fromJSON(secrets.J).a }}"]),
    ("deprecated-command", ["- run: echo \"§::set-output name=a::b\""]),
    ("deprecated-command", ["- run: |", "    make", "    echo '§::save-state name=a::b'"]),
    ("disabled-command", ["- run: echo \"§::add-path::/x\""]),
    ("unknown-shell", ["- run: make", "  shell: §fish"]),
    ("empty-run", ["- run: §''"]),
    ("unpinned-action", ["- uses: octo/zz@§main"]),
    ("short-sha", ["- uses: octo/zz@§8f4b7f8"]),
    ("invalid-uses", ["- uses: §octo"]),
    ("expression-not-allowed", ["- uses: octo/zz@§${{ github.sha }}"]),
    ("deprecated-node", ["- uses: §actions/checkout@v2"]),
    ("retired-action", ["- uses: §actions/upload-artifact@v2", "  with: {path: x}"]),
    ("local-action-missing", ["- uses: actions/checkout@v4", "- uses: §./zz/none"]),
    ("local-action-before-checkout", ["- uses: §./zz/here"]),
    ("missing-action-input", ["- uses: actions/checkout@v4", "- uses: §./zz/inputs"]),
    ("unknown-action-input", ["- uses: actions/checkout@v4", "- uses: ./zz/inputs", "  with:", "    level: low", "    §colour: red"]),
    ("unknown-action-input", ["- uses: actions/cache@v4", "  with:", "    §keys: x", "    key: x", "    path: x"]),
    ("missing-action-input", ["- uses: §actions/cache@v4", "  with:", "    key: x"]),
    ("unknown-step-output", ["- uses: actions/cache@v4", "  id: zz", "  with: {key: x, path: x}", "- run: echo ${{ steps.zz.outputs.§cache_hit }}"]),
    ("broad-app-token", ["- uses: §actions/create-github-app-token@0123456789012345678901234567890123456789", "  with: {app-id: 1, private-key: x}"]),
    ("long-lived-token", ["- uses: pypa/gh-action-pypi-publish@0123456789012345678901234567890123456789", "  with:", "    §password: x"]),
    ("obfuscated-action", ["- uses: §acme/zz/a/./b@0123456789012345678901234567890123456789"]),
    ("archived-action", ["- uses: §actions-rs/cargo@0123456789012345678901234567890123456789"]),
    ("misspelled-action", ["- uses: §actons/checkout@0123456789012345678901234567890123456789"]),
    ("deprecated-input", ["- uses: actions/checkout@v4", "- uses: ./zz/inputs", "  with:", "    level: low", "    §old: red"]),
    ("unknown-step-output", ["- uses: actions/checkout@v4", "- uses: ./zz/here", "  id: zz",
                             "- run: echo ${{ steps.zz.outputs.§none }}"]),
    ("invalid-env-name", ["- run: make", "  env:", "    §A B: x"]),
    ("reserved-env-name", ["- run: make", "  env:", "    §GITHUB_SHA: x"]),
    ("insecure-commands", ["- run: make", "  env:", "    §ACTIONS_ALLOW_UNSECURE_COMMANDS: true"]),
    ("hardcoded-secret", ["- run: make", "  env:", "    T: §ghp_" + "a1B2" * 9]),
    ("timeout-range", ["- run: make", "  timeout-minutes: §0"]),
    ("invalid-value", ["- run: make", "  timeout-minutes: §soon"]),
    ("invalid-value", ["- run: make", "  continue-on-error: §'true'"]),
    ("wrong-type", ["- run: §[make]"]),
    ("wrong-type", ["- run: make", "  env: §[A]"]),
    ("unknown-key", ["- run: make", "  §whit: {a: b}"]),
    ("unknown-key", ["- uses: octo/zz@v1", "  §working-directory: x"]),
    ("missing-key", ["- §name: x"]),
    ("duplicate-key", ["- run: make", "  §run: make"]),
    ("duplicate-key", ["- run: make", "  env:", "    A: x", "    §a: x"]),
    ("duplicate-id", ["- id: zz", "  run: make", "- id: §ZZ", "  run: make"]),
    ("invalid-id", ["- id: §1zz", "  run: make"]),
    ("invalid-control-step", ["- wait: §zz"]),
    ("unknown-rule", ["- run: make # gantry: ignore[§zz]"]),
    ("remote-script", ["- run: §curl https://example.com/x | sh"]),
    ("always-in-condition", ["- if: §always()", "  run: make"]),
    ("redundant-braces", ["- if: ${{ §github.sha == 'x' }}", "  run: make"]),
    ("unused-step-id", ["- id: §zz", "  run: make"]),
    ("template-in-script", ["- run: echo ${{ §github.ref_name }}"]),
    ("tag-pinned-action", ["- uses: octo/zz@§v1"]),
    ("persist-credentials", ["- uses: §actions/checkout@" + "0123456789" * 4]),
    ("unused-ignore", ["- run: make # gantry: ignore[§empty-run]"]),
]

# Jobs that are put behind the last one.
JOB = ["zz:", "  permissions: {}", "  runs-on: ubuntu-latest", "  timeout-minutes: 5"]
MAKE = ["  steps:", "    - run: make"]


def matrix(*lines, use="echo ${{ toJSON(matrix) }}"):
    return JOB + ["  strategy:", "    matrix:"] + ["      " + x for x in lines] + ["  steps:", "    - run: " + use]


JOBS = [
    ("unknown-need-job", JOB + ["  needs: §zzz"] + MAKE),
    ("needs-cycle", JOB + ["  needs: [§zz]"] + MAKE),
    ("invalid-id", ["§1zz:"] + JOB[1:] + MAKE),
    ("retired-label", [JOB[0], JOB[1], "  runs-on: §ubuntu-18.04", JOB[3]] + MAKE),
    ("label-conflict", [JOB[0], JOB[1], "  runs-on: [ubuntu-latest, §macos-latest]", JOB[3]] + MAKE),
    ("invalid-runner-group", [JOB[0], JOB[1], "  runs-on:", "    group: §team/zz", JOB[3]] + MAKE),
    ("excessive-permissions", [JOB[0], "  permissions: §write-all"] + JOB[2:] + MAKE),
    ("unknown-permission", [JOB[0], "  permissions:", "    §content: read"] + JOB[2:] + MAKE),
    ("empty-steps", JOB + ["  steps: §[]"]),
    ("unknown-key", [JOB[0], JOB[1], "  §runs_on: ubuntu-latest", JOB[3]] + MAKE),
    ("missing-key", ["zz:", "  §permissions: {}", "  timeout-minutes: 5"] + MAKE),
    ("invalid-value", JOB[:3] + ["  timeout-minutes: §'5'"] + MAKE),
    ("timeout-range", JOB[:3] + ["  timeout-minutes: §0"] + MAKE),
    ("wrong-value-type", JOB[:3] + ["  timeout-minutes: ${{ §vars.T }}"] + MAKE),
    ("unavailable-context", JOB + ["  if: §matrix.x == 'y'"] + MAKE),
    ("unavailable-context", JOB + ["  name: a ${{ §env.X }}"] + MAKE),
    ("constant-condition", JOB + ["  if: §false"] + MAKE),
    ("unknown-job-output", JOB + ["  outputs: {a: b}"] + MAKE + ["zy:"] + JOB[1:] + ["  needs: zz", "  if: needs.zz.outputs.§x == 'y'"] + MAKE),
    ("unreachable-job", JOB + ["  if: false # gantry: ignore[constant-condition]"] + MAKE + ["§zy:"] + JOB[1:] + ["  needs: zz"] + MAKE),
    ("invalid-matrix", matrix("v: §[]")),
    ("duplicate-matrix-value", matrix("v: [1, 2, §1]")),
    ("duplicate-matrix-row", matrix("v: [1]", "include:", "  - w: 1", "  - §w: 1")),
    ("unknown-exclude-key", matrix("v: [1, 2]", "exclude:", "  - §w: 1")),
    ("exclude-matches-nothing", matrix("v: [a, b]", "exclude:", "  - v: §c")),
    ("matrix-too-large", matrix("§v: [1, 2, 3, 4, 5, 6, 7]", "w: [1, 2, 3, 4, 5, 6, 7]", "x: [1, 2, 3, 4, 5, 6, 7]")),
    ("unknown-matrix-key", matrix("v: [1, 2]", use="echo ${{ matrix.v }} ${{ matrix.§w }}")),
    ("unused-matrix-key", matrix("v: [1, 2]", "§w: [1, 2]", use="echo ${{ matrix.v }}")),
    ("hardcoded-credential", JOB + ["  container:", "    image: x@sha256:0", "    credentials:", "      username: u", "      password: §hunter2"] + MAKE),
    ("incomplete-credentials", JOB + ["  container:", "    image: x@sha256:0", "    §credentials:", "      username: u"] + MAKE),
    ("invalid-container", JOB + ["  services:", "    db:", "      §image: ''"] + MAKE),
    ("unpinned-image", JOB + ["  container: §node:24"] + MAKE),
    ("queue-conflict", JOB + ["  concurrency:", "    group: zz", "    queue: §max", "    cancel-in-progress: true"] + MAKE),
    ("invalid-concurrency", JOB + ["  concurrency: §" + "z" * 401] + MAKE),
    ("invalid-snapshot", JOB + ["  snapshot:", "    §image-name: x", "    version: '2.1'"] + MAKE),
    ("called-workflow-missing", ["zz:", "  permissions: {}", "  uses: §./.github/workflows/zz-none.yml"]),
    ("call-permissions", ["zz:", "  permissions: {pages: read}", "  uses: §./.github/workflows/zz-pages.yaml"]),
    ("call-permissions", ["zz:", "  permissions: {contents: read}", "  uses: §./.github/workflows/zz-nested.yaml"]),
    ("invalid-call", ["zz:", "  permissions: {}", "  uses: §octo/zz/build.yml@v1"]),
    ("unpinned-action", ["zz:", "  permissions: {}", "  uses: octo/zz/.github/workflows/x.yml@§main"]),
    ("missing-timeout", ["§zz:"] + JOB[1:3] + MAKE),
    ("unknown-label", [JOB[0], JOB[1], "  runs-on: §zz-runner", JOB[3]] + MAKE),
    ("shell-platform", JOB + ["  steps:", "    - run: make", "      shell: §cmd"]),
    ("duplicate-need", JOB + MAKE + ["zy:"] + JOB[1:] + ["  needs: [zz, §zz]"] + MAKE),
]

# Triggers that are put first below a block `on:`; only where the event is not there yet.
EVENTS = [
    ("unknown-event", None, ["§pull-request:"]),
    ("unknown-activity-type", "watch", ["watch:", "  types: [§starred]"]),
    ("unknown-key", "watch", ["watch:", "  §branches: [main]"]),
    ("wrong-type", "fork", ["fork: §[x]"]),
    ("invalid-cron", "schedule", ["schedule:", "  - cron: §'0 24 * * *'"]),
    ("invalid-cron", "schedule", ["schedule:", "  - cron: §'@daily'"]),
    ("cron-interval", "schedule", ["schedule:", "  - cron: §'*/2 * * * *'"]),
    ("invalid-timezone", "schedule", ["schedule:", "  - cron: '0 4 * * *'", "    timezone: §Berlin"]),
    ("invalid-glob", "merge_group", ["merge_group:", "  branches: [§'a[z-a]']"]),
    ("glob-never-matches", "merge_group", ["merge_group:", "  branches: [§refs/heads/main]"]),
    ("duplicate-filter", "merge_group", ["merge_group:", "  branches: [a, §a]"]),
    ("filter-conflict", "merge_group", ["merge_group:", "  branches: [a]", "  §branches-ignore: [b]"]),
    ("invalid-input", "workflow_dispatch", ["workflow_dispatch:", "  inputs:", "    zz:", "      §type: choice"]),
    ("invalid-input", "workflow_dispatch", ["workflow_dispatch:", "  inputs:", "    zz:", "      type: boolean", "      default: §'yes'"]),
    ("choice-default", "workflow_dispatch", ["workflow_dispatch:", "  inputs:", "    zz:", "      type: choice", "      options: [a, b]", "      default: §c"]),
    ("duplicate-choice", "workflow_dispatch", ["workflow_dispatch:", "  inputs:", "    zz:", "      type: choice", "      options: [a, §a]"]),
    ("useless-default", "workflow_call", ["workflow_call:", "  inputs:", "    zz:", "      type: string", "      required: true", "      §default: a"]),
]


def indent(lines, n):
    return [" " * n + x for x in lines]


def after(lines, pattern):
    """Index behind the first line that matches, and the match."""
    for i, line in enumerate(lines):
        found = re.match(pattern, line)
        if found:
            return i + 1, found
    return None, None


def insert(lines, at, new):
    return lines[:at] + new + lines[at:], {"at": at, "lines": len(new)}


def mutate_step(rng, lines, template):
    places = []
    for i, line in enumerate(lines[:-1]):
        steps = re.match(r"^( +)steps: *$", line)
        first = re.match(r"^( *)- (?=\S)", lines[i + 1])
        if steps and first:
            places.append((i + 1, len(first.group(1))))
    if not places:
        return None
    at, depth = rng.choice(places)
    return insert(lines, at, indent(template, depth))


def mutate_job(rng, lines, template):
    at, _ = after(lines, r"^jobs: *$")
    if at is None:
        return None
    body = [x for x in lines[at:] if x.strip() and not x.lstrip().startswith("#")]
    if not body or any(not x.startswith(" ") for x in body):
        return None  # jobs are not the last part of the file
    if any("write" in x for x in lines[:at]):
        return None  # one job more shares a right of the file, which is a note of its own
    depth = len(body[0]) - len(body[0].lstrip())
    end = len(lines)
    while not lines[end - 1].strip():
        end -= 1
    return insert(lines, end, indent(template, depth))


def mutate_event(rng, lines, event, template):
    at, _ = after(lines, r"^(on|\"on\"|'on'): *$")
    if at is None or any(re.match(r"^ +%s:" % event, x) for x in lines):
        return None
    first = re.match(r"^( +)[a-z_]+:", lines[at])
    if first is None:
        return None
    return insert(lines, at, indent(template, len(first.group(1))))


# Mutations of lines that are there: pattern, what it becomes (the mark is the place), rule.
EDITS = [
    ("unknown-key", r"^( +)timeout-minutes: (?=\d)", r"\1§timeout_minutes: "),
    ("unknown-key", r"^( +)needs: ", r"\1§need: "),
    ("unknown-key", r"^(    )environment: (?=\w)", r"\1§enviroment: "),
    ("unknown-permission", r"^( +)contents: (read|write)$", r"\1§contens: \2"),
    ("invalid-value", r"^( +)contents: (read|write)$", r"\1contents: §reed"),
    ("invalid-value", r"^( +)fail-fast: (true|false)$", r"\1fail-fast: §maybe"),
    ("invalid-cron", r"^( +- cron: )(['\"]).*['\"]$", r"\1§\g<2>60 * * * *\g<2>"),
    ("unknown-activity-type", r"^( +types: \[)(opened|published|created)(.*)$", r"\1§zz_\2\3"),
    ("glob-never-matches", r"^( +branches: \[)(main|master)(.*)$", r"\1§refs/heads/\2\3"),
    ("yaml-syntax", r"^( +)runs-on: ([a-z0-9.-]+)$", "\\1§@runs-on: \\2"),
    ("unknown-property", r"^(.*\$\{\{ github\.)(sha|ref|actor|repository)( \}\}.*)$", r"\1§zz_\2\3"),
    ("unknown-context", r"^(.*\$\{\{ )(github)(\.sha \}\}.*)$", r"\1§gitub\3"),
    ("unpinned-action", r"^( +(?:- )?uses: [\w-]+/[\w/-]+@)v\d+$", r"\1§master"),
    ("retired-label", r"^( +runs-on: )ubuntu-latest$", r"\1§ubuntu-20.04"),
    ("expression-syntax", r"^( +(?:- )?if: [^'\"|>$]*)==( '[^']*')$", r"\1§=\2"),
]


def mutate_edit(rng, lines, pattern, becomes):
    places = [i for i, x in enumerate(lines) if re.match(pattern, x) and "'${{" not in x.split("${{", 1)[-1]]  # a text, not an expression
    if not places:
        return None
    i = rng.choice(places)
    return lines[:i] + [re.sub(pattern, becomes, lines[i])] + lines[i + 1:], {"at": i, "lines": 0, "edited": i + 1}


def kinds():
    for n, (rule, template) in enumerate(STEPS):
        yield rule, "step-%d" % n, lambda rng, x, t=template: mutate_step(rng, x, t)
    for n, (rule, template) in enumerate(JOBS):
        yield rule, "job-%d" % n, lambda rng, x, t=template: mutate_job(rng, x, t)
    for n, (rule, event, template) in enumerate(EVENTS):
        yield rule, "event-%d" % n, lambda rng, x, e=event, t=template: mutate_event(rng, x, e, t)
    for n, (rule, pattern, becomes) in enumerate(EDITS):
        yield rule, "edit-%d" % n, lambda rng, x, p=pattern, b=becomes: mutate_edit(rng, x, p, b)


def place(lines):
    """Line and column of the mark, 1-based; the mark is taken out."""
    for i, line in enumerate(lines):
        at = line.find(MARK)
        if at >= 0:
            return lines[:i] + [line.replace(MARK, "", 1)] + lines[i + 1:], i + 1, at + 1
    raise SystemExit("a template without a mark: %r" % lines)


def write(options):
    rng = random.Random(options.seed)
    out = pathlib.Path(options.folder)
    corpus = pathlib.Path(options.corpus)
    for repository in sorted(p for p in corpus.iterdir() if p.is_dir()):
        shutil.copytree(repository, out / repository.name)
        for name, text in HELPERS.items():
            path = out / repository.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    files = sorted(p.relative_to(out) for p in out.glob("*/.github/workflows/*.y*ml") if not p.name.startswith("zz-"))
    # an anchor is seen at every alias, and a file of one's own ignores changes what is added: not for these
    files = [f for f in files if not re.search(r"[ \[][&*][a-z]|gantry: ignore", (out / f).read_text())]
    expected = []
    for rule, kind, mutate in kinds():
        made = 0
        for original in rng.sample(files, len(files)):
            done = mutate(rng, (out / original).read_text().split("\n"))
            if done is None:
                continue
            lines, change = done
            lines, line, column = place(lines)
            name = original.with_name("zz-%s-%d.yml" % (kind, made))
            (out / name).write_text("\n".join(lines))
            expected.append({"file": str(name), "original": str(original), "rule": rule, "line": line, "column": column, **change})
            made += 1
            if made == options.each:
                break
    (out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    print("%d mutants of %d files, %d rules" % (len(expected), len({e["original"] for e in expected}), len({e["rule"] for e in expected})))


HELPERS = {
    ".github/workflows/zz-pages.yaml": "name: zz\non: workflow_call\npermissions: {pages: write}\njobs:\n  zz:\n    runs-on: ubuntu-latest\n"
                                       "    timeout-minutes: 5\n    steps: [{run: make}]\n",
    ".github/workflows/zz-nested.yaml": "name: zz\non: workflow_call\njobs:\n  zz:\n    uses: ./.github/workflows/zz-pages.yaml\n",
    "zz/here/action.yml": "name: zz\ndescription: zz\nruns:\n  using: composite\n  steps:\n    - run: make\n      shell: bash\n",
    "zz/inputs/action.yml": "name: zz\ndescription: zz\ninputs:\n  level: {description: x, required: true}\n"
                            "  old: {description: x, deprecationMessage: use level}\n"
                            "runs:\n  using: composite\n  steps:\n    - run: make\n      shell: bash\n",
}


def lint(options, folder, names):
    """Findings of files of one repository, by name."""
    found = {n: [] for n in names}
    done = subprocess.run([options.gantry, "lint", "--notes", "--no-config", "--format", "json", *names], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    if done.returncode not in (0, 1):
        raise SystemExit("gantry lint ended with %d: %s" % (done.returncode, done.stderr[-500:]))
    for x in json.loads(done.stdout):
        found[x["file"]].append(x)
    return found


def key(x):
    return (x["line"], x["column"], x["rule"], x["message"])


LEVELS = {"note": 0, "warning": 1, "error": 2}


def compare(mutant, before, after_):
    """What is wrong with the findings of a mutant, or None."""
    at, n = mutant["at"], mutant["lines"]
    wanted = (mutant["line"], mutant["column"], mutant["rule"])
    hits = [x for x in after_ if key(x)[:3] == wanted]
    if len(hits) != 1:
        return "%d findings at the place, instead of one" % len(hits)
    level = LEVELS[hits[0]["level"]]  # what is lower comes with the inserted lines
    moved = collections.Counter()
    for x in before:
        line = x["line"] + (n if x["line"] > at else 0)
        moved[(line, x["column"], x["rule"])] += 1
    edited = mutant.get("edited")
    extra = []
    for x in after_:
        k = key(x)[:3]
        if moved[k] > 0:
            moved[k] -= 1
        elif x is not hits[0] and LEVELS[x["level"]] >= level and not on_line(x, edited, before):
            extra.append(x)
    if extra:
        return "added besides: %s" % "; ".join("%d:%d %s" % key(x)[:3] for x in extra)
    if mutant["rule"] == "yaml-syntax":
        return None
    lost = [k for k, count in moved.items() if count > 0 and k[0] != edited and not (edited and is_graph(k))]
    return "lost: %s" % lost if lost and not mutant["rule"] == "unknown-key" and not mutant["rule"] == "unknown-event" else None


def is_graph(k):
    return k[2] in ("tag-pinned-action", "missing-timeout", "dangerous-trigger")


def on_line(x, edited, before):
    """A finding of the edited line that was there, at another column, before."""
    return x["line"] == edited and any(b["line"] == edited and b["rule"] == x["rule"] for b in before)


def check(options):
    folder = pathlib.Path(options.folder)
    expected = json.loads((folder / "expected.json").read_text())
    failed = 0
    by_repository = collections.defaultdict(list)
    for e in expected:
        by_repository[pathlib.PurePath(e["file"]).parts[0]].append(e)
    for repository, mutants in sorted(by_repository.items()):
        def inner(name):
            return str(pathlib.PurePath(name).relative_to(repository))
        names = sorted({inner(e[k]) for e in mutants for k in ("file", "original")})
        found = lint(options, folder / repository, names)
        for e in mutants:
            wrong = compare(e, found[inner(e["original"])], found[inner(e["file"])])
            if wrong:
                failed += 1
                print("FAILED %s: %s at %d:%d: %s" % (e["file"], e["rule"], e["line"], e["column"], wrong))
    rules = {e["rule"] for e in expected}
    print("%d mutants, %d rules, %d failed" % (len(expected), len(rules), failed))
    if len(expected) < 300 or len(rules) < 40:
        print("FAILED: at least 300 mutants and 40 rules are wanted")
        failed += 1
    return 1 if failed else 0


def run(options):
    with tempfile.TemporaryDirectory(prefix="gantry-mutants-") as folder:
        here = pathlib.Path(__file__)
        wrote = subprocess.run([sys.executable, here, "write", options.corpus, folder, "--seed", str(options.seed), "--each", str(options.each)])
        return wrote.returncode or check(argparse.Namespace(folder=folder, gantry=options.gantry))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    p = commands.add_parser("write")
    p.add_argument("corpus")
    p.add_argument("folder")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--each", type=int, default=3, help="mutants of each kind")
    p.set_defaults(call=write)
    p = commands.add_parser("check")
    p.add_argument("folder")
    p.add_argument("--gantry", required=True)
    p.set_defaults(call=check)
    p = commands.add_parser("run")
    p.add_argument("corpus")
    p.add_argument("--gantry", required=True)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--each", type=int, default=3)
    p.set_defaults(call=run)
    options = parser.parse_args()
    sys.exit(options.call(options))


if __name__ == "__main__":
    main()
