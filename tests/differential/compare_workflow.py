"""Two answers to one workflow file, Gantry's and the official TypeScript parser's: where do they differ?

Compared are the template (what the converter makes of the file), the tokens (every value with its type and position),
and the errors (text and position). Four rules bring both to one form; they hide no difference:

* What the TypeScript converter leaves out (permissions, timeouts, `with`, ...) is compared in the tokens.
* A token that is an expression has a position in both: the service's is the scalar's, the editor's parser's is that of
  `${{` inside it. There must stand `${{`, and nothing but text of the same scalar before it.
* The service adds to the message of an expression where in it the mistake is, and the expression; the editor's parser
  gives the same place beside the message, by line and column.
* A message above 500 characters is cut by the service; the part that is left is compared.
"""
import re

TEMPLATE_KEYS = ("events", "env", "concurrency")
JOB_KEYS = {
    "job": ("type", "id", "name", "needs", "if", "strategy", "concurrency", "env", "environment", "runs-on", "container",
            "outputs", "services", "steps", "snapshot"),
    "reusableWorkflowJob": ("type", "id", "name", "needs", "if", "ref", "input-values", "strategy", "concurrency",
                            "secret-values", "inherit-secrets"),
}
STEP_KEYS = ("id", "name", "if", "wait", "wait-all", "cancel", "parallel", "uses", "continue-on-error", "env", "run",
             "background")
EXPRESSION = 3
POSITION = ("file", "line", "col")
PREFIX = re.compile(r"\A\S+ \(Line: (\d+), Col: (\d+)\): (.*)\Z", re.S)
OF_EXPRESSION = ("A template expression is not allowed in this context", "Unexpected value '${{ insert }}'")
LOCATED = re.compile(r"\A(.*?)\. Located at position (\d+) within expression: (.*)\Z", re.S)


def plain(value):
    """Tokens in the compact form of the official test data: literals as themselves, without positions."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("type"), int):
        for key in ("lit", "bool", "num"):
            if key in value:
                return value[key]
        if value["type"] == 7:
            return None
    return {key: plain(item) for key, item in value.items() if key not in POSITION}


def kept(value, keys):
    return {key: plain(value[key]) for key in keys if value.get(key) is not None}


def comparable_step(step):
    out = kept(step, STEP_KEYS)
    if isinstance(step.get("parallel"), list):
        out["parallel"] = [comparable_step(inner) for inner in step["parallel"]]
    return out


def comparable_job(job):
    out = kept(job, JOB_KEYS[job["type"]])
    for key in ("needs", "steps"):
        if not out.get(key):
            out.pop(key, None)
    if "steps" in out:
        out["steps"] = [comparable_step(step) for step in job["steps"]]
    return out


def comparable_template(template):
    out = kept(template, TEMPLATE_KEYS)
    out["jobs"] = [comparable_job(job) for job in template["jobs"]]
    return out


def same_scalar(a, b):
    number = (int, float)
    if isinstance(a, number) and isinstance(b, number) and not isinstance(a, bool) and not isinstance(b, bool):
        return float(a) == float(b)  # one is written as an integer of more digits than a double has
    return type(a) is type(b) and a == b


def differences(ours, theirs, path=""):
    """[(path, ours, theirs)] of the places where two JSON values differ; a missing member is None."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        out, places = [], [tuple(token.get(key) for key in ("line", "col")) for token in (ours, theirs)]
        if places[0] != places[1]:
            out.append((path + "@", *places))
        for key in list(ours) + [key for key in theirs if key not in ours]:
            if key in ("line", "col"):
                continue
            if key in ours and key in theirs:
                out += differences(ours[key], theirs[key], "%s.%s" % (path, key))
            else:
                out.append(("%s.%s" % (path, key), ours.get(key), theirs.get(key)))
        return out
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [found for i, (a, b) in enumerate(zip(ours, theirs)) for found in differences(a, b, "%s[%d]" % (path, i))]
    return [] if same_scalar(ours, theirs) else [(path, ours, theirs)]


class Source:
    """The text of the file, to look at a position (1-based; columns count UTF-16 units, as both sides do)."""

    def __init__(self, text):
        self.lines = [line.encode("utf-16-le") for line in text.split("\n")]

    def between(self, line, col, line2, col2):
        """Text from one position to the other, or None."""
        if not 1 <= line <= line2 <= len(self.lines) or (line, col) > (line2, col2):
            return None
        part = self.lines[line - 1:line2]
        part[-1] = part[-1][:2 * (col2 - 1)]
        part[0] = part[0][2 * (col - 1):]
        return b"\n\0".join(part).decode("utf-16-le", "replace")

    def at(self, line, col, n):
        if not 1 <= line <= len(self.lines):
            return ""
        return self.lines[line - 1][2 * (col - 1):2 * (col - 1 + n)].decode("utf-16-le", "replace")


def place_expressions(ours, theirs, source):
    """Theirs with the positions of ours for expressions that stand where they say."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        out = {key: place_expressions(ours.get(key), value, source) for key, value in theirs.items()}
        if ours.get("type") == theirs.get("type") == EXPRESSION and "line" in ours and "line" in theirs:
            if same_expression(source, ours["line"], ours["col"], theirs["line"], theirs["col"]):
                out["line"], out["col"] = ours["line"], ours["col"]
        return out
    if isinstance(ours, list) and isinstance(theirs, list):
        return [place_expressions(a, b, source) for a, b in zip(ours, theirs)] + theirs[len(ours):]
    return theirs


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


def same_expression(source, line, col, line2, col2):
    """Is at the second position the `${{` of the scalar at the first?"""
    between = source.between(line, col, line2, col2)
    return between is not None and re.fullmatch(r"""(?:["']|[|>][-+0-9]*\n\s*)?""", between) is not None and \
        source.at(line2, col2, 3) == "${{"


def complete(ours, theirs, source):
    """Their message as the service writes it, where ours says the same."""
    message = theirs["Message"]
    cut = ours.endswith("[...]")
    mine, other = PREFIX.match(ours), PREFIX.match(message)
    if mine and other and mine.group(3) == other.group(3) in OF_EXPRESSION and \
            same_expression(source, *(int(m.group(i)) for m in (mine, other) for i in (1, 2))):
        return ours
    if "at" in theirs:
        found = LOCATED.match(ours)
        if found and found.group(1) == message:
            before = found.group(3).encode("utf-16-le")[:2 * (int(found.group(2)) - 1)].decode("utf-16-le", "replace")
            line, col = before.count("\n"), utf16(before[before.rfind("\n") + 1:]) + 1
            if (line, col) == (theirs["at"]["line"], theirs["at"]["col"]) or cut:
                return ours
    if cut and message.startswith(ours[:-len("[...]")]):
        return ours
    return message


def error_differences(ours, theirs, source):
    """(ours alone, theirs alone), each in order, or an order that differs: (ours, theirs) whole."""
    mine = [error["Message"] for error in ours]
    rest = list(theirs)
    alone, matched = [], []
    for message in mine:
        hit = next((i for i, error in enumerate(rest) if complete(message, error, source) == message), None)
        if hit is None:
            alone.append(message)
        else:
            matched.append(theirs.index(rest.pop(hit)))
    if not alone and not rest and matched != sorted(matched):
        return mine, [error["Message"] for error in theirs]
    return alone, [error["Message"] for error in rest]


def compare(request, ours, theirs):
    """A list of differences: ("ours", message), ("theirs", message) for errors of one side alone, beside which stand those
    of both, ("both", message); ("value", path, ours, theirs) for the rest."""
    out, source = [], Source(request["text"])
    if "errors" in ours or "errors" in theirs:
        alone, rest = error_differences(ours.get("errors", []), theirs.get("errors", []), source)
        out = [("ours", message) for message in alone] + [("theirs", message) for message in rest]
        both = [error["Message"] for error in ours.get("errors", []) if error["Message"] not in alone]
        return out + [("both", message) for message in both] if out else []
    if "template" in theirs:
        out += differences(comparable_template(ours["template"]), comparable_template(theirs["template"]), "template")
    placed = place_expressions(ours["tokens"], theirs["tokens"], source)
    out += differences(ours["tokens"], placed, "tokens")
    return [("value", *found) for found in out]
