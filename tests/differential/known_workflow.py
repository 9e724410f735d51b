"""Known differences between Gantry and the official TypeScript packages on workflow files, by class.

Each class has the section of the specification (docs: spec expressions) that decides, and what github.com does. Where the
runner's own C# library (R-new) and the TypeScript editor library differ, github.com follows the first.

A class matches errors that only one side has, by text; with `pair` both sides have one at the same position, with `more` one
that both agree on stands there. `value` matches places where tokens or templates differ. What no class matches is a failure.
"""
import re

from compare_workflow import PREFIX, Source

FILE_LEVEL = r"\S+: "


class Known:
    def __init__(self, name, section, github, ours=None, theirs=None, pair=False, value=None, when=None, inside=None, stops=False, whole=False, more=False):
        self.name, self.section, self.github = name, section, github
        self.ours, self.theirs = ours and re.compile(ours, re.S), theirs and re.compile(theirs, re.S)
        self.pair, self.value, self.when, self.inside, self.stops, self.whole, self.more = pair, value, when, inside, stops, whole, more

    def errors(self, alone, rest, both, request):
        """The messages of both lists that the class explains."""
        if self.when and not re.search(self.when, request["text"], re.M):
            return [], []
        mine = [m for m in alone if self.ours and self.ours.fullmatch(text_of(m)) and self.is_inside(m, request)]
        other = [m for m in rest if self.theirs and self.theirs.fullmatch(text_of(m)) and self.is_inside(m, request)]
        if self.whole:  # one side reads what stands before the problem, the other does not read at all
            return (alone, rest) if mine else ([], [])
        if self.stops:  # one side reads no further, so what the other says of the rest stands alone
            return (mine, rest) if mine else ([], [])
        if self.more:
            places = {place_of(m) for m in alone + both}
            return mine, [m for m in other if place_of(m) in places]
        if self.pair:
            places = {place_of(m) for m in mine} & {place_of(m) for m in other}
            return [m for m in mine if place_of(m) in places], [m for m in other if place_of(m) in places]
        if self.ours and self.theirs and not (mine and other):
            return [], []
        return mine, other

    def is_inside(self, message, request):
        """Does the message stand below (or in the line of) the key that the class is about?"""
        found = PREFIX.match(message)
        if self.inside is None:
            return True
        if not found:
            return False
        lines = request["text"].split("\n")[:int(found.group(1))]
        width = len(lines[-1]) - len(lines[-1].lstrip(" -"))
        for line in reversed(lines):
            indent = len(line) - len(line.lstrip(" -"))
            if line.strip() and (line is lines[-1] or indent < width or (indent == width and line.lstrip()[:1] != "-")):
                if re.search(r"(?:%s)[\"']?:" % self.inside, line):
                    return True
                width = min(indent, width)
        return False


def text_of(message):
    found = PREFIX.match(message)
    return found.group(3) if found else message


def place_of(message):
    found = PREFIX.match(message)
    return found and (found.group(1), found.group(2))


# ---- values ----

def composed(expression):
    """(text, arguments) of a format() that stands for a scalar with expressions; the scalar's blanks are left out."""
    found = re.match(r"\A(?:success\(\) && \()?format\('((?:[^']|'')*)'(.*)\)?\Z", expression, re.S)
    if not found:
        return "{0}", ", " + re.sub(r"\s+", "", expression)
    return re.sub(r"\s+", "", found.group(1)), re.sub(r"[\s)]+\Z", "", found.group(2))


def over_lines(path, ours, theirs, request):
    """A scalar of several lines with an expression: the editor's parser composes from the source text, indentation
    included."""
    if not isinstance(ours, str) or not isinstance(theirs, str):
        return False
    if "\n" not in theirs and "\n" not in ours:
        return False
    mine, other = composed(ours), composed(theirs)
    return mine[0] == other[0] and re.sub(r"[\s)]+", "", mine[1]) == re.sub(r"[\s)]+", "", other[1])


def trimmed_if(path, ours, theirs, request):
    return path.endswith(".if.expr") and isinstance(ours, str) and isinstance(theirs, str) and "\n" in ours and \
        re.sub(r"\s+\)\Z", ")", ours) == theirs


def hexadecimal(path, ours, theirs, request):
    try:
        a, b = float(ours), float(theirs)
    except (TypeError, ValueError):
        return False
    return a < 0 and a + 4294967296 == b and re.search(r"0[xo][0-9a-fA-F]+", request["text"]) is not None


def digits(path, ours, theirs, request):
    """Numbers that became text: 15 significant digits, or the shortest that JavaScript prints."""
    try:
        return isinstance(ours, str) and "%.14G" % float(ours) == "%.14G" % float(theirs) and ours != theirs
    except (TypeError, ValueError):
        return False


def between(ours, theirs, request):
    """The text from our position to theirs, or an empty one."""
    if not all(isinstance(n, int) for n in ours + theirs):
        return ""
    return Source(request["text"]).between(*ours, *theirs) or ""


def anchored(path, ours, theirs, request):
    return path.endswith("@") and re.fullmatch(r"(?:[&!]\S+\s+)+(?:#[^\n]*\n\s*)*", between(ours, theirs, request)) is not None


def empty_before_comment(path, ours, theirs, request):
    return path.endswith("@") and re.fullmatch(r" +", between(ours, theirs, request)) is not None and \
        Source(request["text"]).at(*theirs, 1) in ("#", "")


def byte_order_mark(path, ours, theirs, request):
    return path.endswith("@") and request["text"].startswith("\ufeff") and theirs == (1, ours[1] + 1) and ours[0] == 1


def self_reference(path, ours, theirs, request):
    return path.endswith(".id") and "$/" in request["text"] and \
        re.sub(r"(selfRepository|self)(_\d+)?\Z", "", str(ours)) == re.sub(r"self(_\d+)?\Z", "", str(theirs))


def ids_by_case(path, ours, theirs, request):
    return path.endswith(".id") and isinstance(ours, str) and isinstance(theirs, str) and \
        re.sub(r"_\d+\Z", "", ours) == re.sub(r"_\d+\Z", "", theirs)


R_NEW = "as Gantry (R-new)"
KNOWN = [
    # what the service checks and the editor's parser does not
    Known("matrix is checked", "6.1", R_NEW, ours=r"Matrix (?:vector|include|exclude|must) .*"),
    Known("form of a step's `uses`", "4.5.1", R_NEW, ours=r"Expected format \{org\}/\{repo\}\[/path\]@ref\. Actual .*"),
    Known("form of a job's `uses`", "7.2", "as Gantry (LS checks it in the editor)", ours=r"Invalid workflow reference .*"),
    Known("filter patterns", "5.4", "as Gantry (docs)", ours=r"invalid pattern: .*"),
    Known("a filter and its opposite", "5.3", "as Gantry (docs)", ours=r"you may only define one of .*"),
    Known("version and condition of a snapshot", "4.10", R_NEW, ours=r"Expected format '\{major-version\}\.\*' Actual .*"),
    Known("length of a concurrency group", "4.12", R_NEW, ours=r"Concurrency group name must be less than 400 characters"),
    Known("queue and cancel", "4.12", "as Gantry (LS checks it in the editor)", ours=r"'queue: max' cannot be combined .*"),
    Known("docker:// without an image", "4.8", R_NEW, ours=r"Container image cannot be empty", when=r"docker://\W"),
    Known("length and depth of an expression", "1.3", R_NEW, ours=r"Exceeded max expression length 21000"),
    Known("ids ignore case; those of composite steps are checked", "4.2, 4.5.2, 8.3", R_NEW, ours=r"The identifier '.*' may not be used more than once .*"),
    # limits of a file, which the editor's parser does not have
    Known("depth, size, events and nodes of a file", "3.3", R_NEW,
          ours=FILE_LEVEL + r"(?:Maximum .* exceeded.*|.*too (?:long|large|many).*)", stops=True),
    # what the editor's parser refuses and the service reads
    Known("names in `needs` ignore case", "9.1", R_NEW,
          ours=r"Job '.*' depends on job '.*' which creates a cycle in the dependency graph\.",
          theirs=r"Job '.*' depends on unknown job '.*'\.", pair=True),
    Known("names in `needs` ignore case: accepted", "9.1", R_NEW, theirs=r"Job '(.*)' depends on unknown job '.*'\."),
    Known("inputs of workflow_dispatch: null, keys of any name", "5.6", R_NEW,
          theirs=r"Unexpected value '.*'", inside="workflow_dispatch"),
    Known("inputs of workflow_dispatch and workflow_call: a default that becomes text", "5.6", R_NEW,
          theirs=r"Unexpected type '(?:Number|Boolean)Token' encountered while reading 'input default'\. "
                 r"The type 'StringToken' was expected\.", inside="workflow_(?:dispatch|call)"),
    Known("empty image", "4.9", R_NEW, ours=r"Container image cannot be empty", theirs=r"Unexpected value ''",
          pair=True),
    Known("empty image", "4.9", R_NEW + ": not looked at where one of the services holds an expression",
          theirs=r"Unexpected value ''", inside="services"),
    Known("empty image", "4.8", R_NEW, theirs=r"Unexpected value ''", inside="container|image"),
    Known("`updated` of project", "5.2", "as Gantry (spec table)", theirs=r"Unexpected value 'updated'", inside="project"),
    Known("types of repository_dispatch in one text", "5.2", R_NEW, theirs=r"Unexpected value '.*'", inside="repository_dispatch"),
    Known("version and condition of a snapshot", "4.10", R_NEW + ": it is a condition, a lone text too", inside="snapshot",
          ours=r"Unexpected symbol: .*|Unrecognized named-value: .*"),
    Known("expressions in `snapshot`", "4.3, 4.10", R_NEW, inside="snapshot",
          theirs=r"Unrecognized (?:named-value|function): .*|A template expression is not allowed in this context"),
    Known("names that are numbers or booleans", "2.2", R_NEW + "; an exception of JavaScript",
          theirs=r"(?:\S+: )?(?:raw\.indexOf is not a function|.*is not a function|Cannot read properties .*)"),
    Known("mistakes in a scalar after its first", "2.2", R_NEW, more=True,
          theirs=r"(?:Unexpected (?:symbol|end of expression)|Unrecognized (?:named-value|function)|Too (?:few|many) parameters|"
                 r"An expression was expected|The expression is not closed).*"),
    # the same mistake in other words
    Known("prefix of a runner group", "4.6", R_NEW, pair=True, ours=r"Invalid runs-on group name '(.*)'\. Please .*",
          theirs=r"Invalid runs-on group name '(.*)\. Please .*'"),
    Known("parameters of insert", "2.2", R_NEW, pair=True, ours=r"Exactly 0 parameter\(s\) were expected .*",
          theirs=r"Exactly 0 parameter\(s\) were expected .*"),
    Known("a word twice in the text of bad ids", "4.5.2", R_NEW, pair=True, ours=r"The identifier '.*' is invalid\. IDs may only .*",
          theirs=r"The identifier '.*' is invalid\. IDs may only .* and and must .*"),
    Known("length and depth of an expression", "1.4", R_NEW, pair=True, ours=r"Exceeded max expression depth 50",
          theirs=r"Exceeded max expression depth 50: '.*'"),
    Known("YAML that is not well-formed", "3.2", "refuses; the words are YamlDotNet's",
          whole=True, ours=FILE_LEVEL + r"(?:\(Line: \d+, Col: \d+, Idx: \d+\) - \(Line: .*|Expected stream end parse event|"
                                        r"control characters are not allowed)"),
    Known("aliases without an anchor, inside their own", "3.2", R_NEW, stops=True, ours=FILE_LEVEL + r"(?:Unknown anchor|the alias) .*"),
    Known("tags of scalars", "3.1", R_NEW, stops=True,
          ours=FILE_LEVEL + r"(?:Unexpected tag .*|The scalar style .* is not valid with the tag .*|"
                            r"The value .* is invalid for the type 'tag:yaml.org,2002:(?:int|bool|float|null)')"),
    Known("a file that is empty, a key that is a collection", "3.2", "refuses; the words are unknown", stops=True,
          ours=FILE_LEVEL + r"(?:Expected document start parse event|Expected mapping end)|Required property is missing: .*", when=r"\A\s*\Z|^\s*(?:\?|[\[{].*[\]}]\s*:)"),
    # action manifests
    Known("what `runs` lacks", "8.2", "the runner's words, as Gantry", pair=True,
          ours=r"Missing 'runs' .*|Missing 'using' value.*|'using: .*' is not supported.*|.* (?:is|are) not provided for action .*",
          theirs=r"Required property is missing: (?:runs|using)|Unexpected value '.*'|There's not enough info .*"),
    # values
    Known("blanks at the end of an `if`", "2.4", R_NEW, value=trimmed_if),
    Known("scalars of several lines with expressions", "2.2", R_NEW, value=over_lines),
    Known("hexadecimal and octal numbers have 32 bits", "3.1", R_NEW, value=hexadecimal),
    Known("numbers that become text", "1.6", R_NEW, value=digits),
    Known("position of an anchored or tagged node", "3.1", R_NEW + " (YamlDotNet)", value=anchored),
    Known("position of an empty value before blanks", "3.1", R_NEW + " (YamlDotNet)", value=empty_before_comment),
    Known("byte order mark", "3.2", "unknown", value=byte_order_mark),
    Known("generated id of $/", "4.5.1", R_NEW, value=self_reference),
    Known("generated ids ignore case", "4.5.2", R_NEW, value=ids_by_case),
]


def explain(request, found):
    """(names of classes, what none explains) of the differences of one file."""
    names = set()
    alone = [d[1] for d in found if d[0] == "ours"]
    rest = [d[1] for d in found if d[0] == "theirs"]
    both = [d[1] for d in found if d[0] == "both"]
    for known in KNOWN:
        mine, other = known.errors(alone, rest, both, request)
        if mine or other:
            names.add(known.name)
            alone = [m for m in alone if m not in mine]
            rest = [m for m in rest if m not in other]
    left = [("ours", m) for m in alone] + [("theirs", m) for m in rest]
    for kind, *difference in found:
        if kind != "value":
            continue
        hit = next((k for k in KNOWN if k.value and k.value(*difference, request)), None)
        if hit:
            names.add(hit.name)
        else:
            left.append(("value", *difference))
    return names, left
