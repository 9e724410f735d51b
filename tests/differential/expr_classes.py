"""Where Gantry and @actions/expressions differ, by class. Nothing else may differ.

The C# library ("R-new" in the specification of the language) is what github.com and its runner evaluate with, so that
github.com takes Gantry's side in every class here unless the entry says otherwise. A predicate looks at the input (does it
hold what the class is about?) and at both answers (do they differ in the way that the class is about?).
"""
import json
import math
import re
from decimal import Decimal

MOST = 40   # classes
CAP = 1.0   # percent of the generated cases, each

UNICODE_SPACE = "\x0b\x0c\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
JS_SPACE = "\t\n\x0b\x0c\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
NET_SPACE = JS_SPACE.replace("\ufeff", "\x85")
TOKEN = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_-]*|[-+]?\.?[0-9][^\s()\[\],!><=&|]*|\S", re.S)
TEXT = re.compile(r"^([A-Z][A-Za-z ,0-9-]+): '(.*)'\. Located at position (\d+) within expression: ", re.S)
BARE = re.compile(r"^([A-Z][A-Za-z ,0-9-]+): '(.*)'$", re.S)
EVALUATION = [("format string is invalid", "format: invalid"), ("references more arguments", "format: arguments"),
              ("format specifiers", "format: specifiers"), ("case predicate", "case: predicate"), ("fromJson", "fromJSON"),
              ("empty input", "fromJSON"), ("maximum allowed memory", "memory")]


class Answer:
    """result: (kind, value with members as pairs), or kind, label, raw token and position of an error."""

    def __init__(self, text):
        answer = json.loads(text, parse_int=float, object_pairs_hook=list)
        name, fields = answer[0]
        fields = dict(fields)
        self.result = self.kind = self.label = self.raw = self.pos = self.line = self.fault = None
        if name == "result":
            self.result = (fields.get("kind"), fields.get("value"))
            return
        self.kind, message, self.fault, self.line = fields["kind"], fields["value"], fields.get("fault"), fields.get("line")
        self.message = message
        if self.kind == "evaluation":
            self.label = "fault" if self.fault else next((name for part, name in EVALUATION if part in message), message)
            return
        match = TEXT.match(message) or BARE.match(message)
        if match is None:
            self.label = message
            return
        self.label, self.raw = match[1], match[2]
        self.pos = int(match[3]) if match.re is TEXT else int(fields["pos"])

    def key(self):
        """What must be equal. NaN equals NaN here (it prints as null)."""
        return self.result or (self.kind, self.label, self.pos)

    def refused(self):
        return self.kind in ("lexing", "parsing")


class Case:
    def __init__(self, line, ours, theirs):
        self.line, self.ours_text, self.theirs_text = line, ours, theirs
        request = json.loads(line, parse_int=float, object_pairs_hook=list)
        fields = dict(request)
        self.expr, self.contexts = fields["expr"], fields.get("contexts", [])
        self.ours, self.theirs = Answer(ours), Answer(theirs)
        self.read = None

    def agree(self):
        return self.ours.key() == self.theirs.key()

    def refused(self):
        return self.ours.refused()

    def features(self):
        if self.read is None:
            self.read = Features(self.expr, self.contexts)
        return self.read

    def before(self, pos):
        """Text before a 1-based position, without white space at its end."""
        return "".join(self.expr.encode("utf-16-le", "surrogatepass")[:2 * (pos - 1)].decode("utf-16-le", "replace")).rstrip()

    def at(self, pos):
        return self.expr.encode("utf-16-le", "surrogatepass")[2 * (pos - 1):].decode("utf-16-le", "replace")[:1]


def walk(value, texts, numbers):
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, float):
            numbers.append(item)
        elif isinstance(item, (list, tuple)):
            stack.extend(item)


class Features:
    """What a request holds, in the expression or in its contexts."""

    def __init__(self, expr, contexts):
        self.tokens = TOKEN.findall(expr)
        self.strings = [token[1:-1] for token in self.tokens if len(token) > 1 and token[0] == "'"]
        self.literals = [token for token in self.tokens if token[0].isdigit() or (token[0] in "+-." and len(token) > 1)]
        self.words = [token for token in self.tokens if token[0].isalpha() or token[0] == "_"]
        self.texts = [text.replace("''", "'") for text in self.strings]
        self.numbers = [net_number(text) for text in self.literals] + [js_number(text) for text in self.literals]
        walk(contexts, self.texts, self.numbers)
        self.calls = {word.lower() for word in self.words}
        for text in self.texts:
            self.numbers += [float(number) for number in re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text)]
        self.all = "".join(self.texts)

    def calls_any(self, *names):
        return any(name.lower() in self.calls for name in names)


# ---- numbers, as each side reads and writes them ----

DECIMAL = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.A)


def js_number(text):
    text = text.strip(JS_SPACE)
    if text == "":
        return 0.0
    if DECIMAL.fullmatch(text):
        return float(text)
    if re.fullmatch(r"[-+]?Infinity", text):
        return float(text)
    for prefix, digits, base in (("0x", "0-9a-f", 16), ("0o", "0-7", 8), ("0b", "01", 2)):
        if re.fullmatch("%s[%s]+" % (prefix, digits), text.lower()):
            return float(int(text[2:], base))
    return math.nan


def net_number(text):
    text = text.strip(NET_SPACE)
    if text == "":
        return 0.0
    if DECIMAL.fullmatch(text):
        return float(text)
    if re.fullmatch(r"[-+]?infinity", text, re.I):
        return float(text)
    for prefix, digits, base in (("0x", "0-9a-fA-F", 16), ("0o", "0-7", 8)):
        if re.fullmatch("%s[%s]+" % (prefix, digits), text) and int(text[2:], base) < 2**32:
            value = int(text[2:], base)
            return float(value - 2**32 if value >= 2**31 else value)
    return math.nan


def same_number(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


def js_text(value):
    """Number.prototype.toString of what lies between 1e-6 and 1e21; something unlike G15 outside."""
    if value == 0:
        return "0"
    if not 1e-6 <= abs(value) < 1e21:
        return repr(value).replace("e", "e+")
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def text_differs(value):
    """Does G15 write it in another way than one of JavaScript's two?"""
    if value == 0 or not math.isfinite(value):
        return False
    net = "%.15G" % value
    return js_text(value) != net or (abs(value) < 1e21 and js_text(float("%.15f" % value)) != net)


# ---- case ----

def one_upper(char):
    """Simple upper-casing of one UTF-16 unit, which is what .NET's ordinal comparison does."""
    upper = char.upper()
    return char if char in "ıſ" or ord(char) > 0xffff or len(upper) > 1 else upper


def folds_apart(text):
    return any(one_upper(char) != (char if char == "ı" else char.upper()) for char in text)


def lowers_apart(text):
    """contains() of the package lower-cases: not the same classes of letters as upper-casing gives."""
    return any(ord(char) > 127 and (len(char.lower()) > 1 or one_upper(char.lower()) != one_upper(char) or
                                    one_upper(char).lower() != char.lower() or char in "Σσς") for char in text)


def json_members(text):
    """Lists of the keys of every object in a JSON text; nothing where it is none."""
    found = []

    def pairs(members):
        found.append([key for key, _ in members])
        return members
    try:
        json.loads(text, object_pairs_hook=pairs)
    except ValueError:
        pass
    return found


def object_keys(case):
    """Keys of the objects of a request: of its contexts, and of the JSON texts in it."""
    found = json_members(case.line)
    for text in case.features().texts:
        if "{" in text:
            found += json_members(text)
    return found


# ---- the classes ----

CLASSES = []


class Class:
    def __init__(self, name, spec, test, github="Gantry", cap=CAP):
        self.name, self.spec, self.test, self.github, self.cap = name, spec, test, github, cap


def known(name, spec, **more):
    def add(test):
        CLASSES.append(Class(name, spec, test, **more))
        return test
    return add


def classify(case):
    for candidate in CLASSES:
        if candidate.test(case, case.ours, case.theirs):
            return candidate.name
    return None


def both_valid(ours, theirs):
    return ours.result is not None and theirs.result is not None


DEPTH = "Exceeded max expression depth"


def has_depth(answer):
    return answer.label is not None and answer.label.startswith(DEPTH)


@known("an expression of nothing but white space is null; the package fails on it", "1.2")
def _blank(case, ours, theirs):
    return case.expr.strip(NET_SPACE) == "" and ours.result == ("Null", None) and theirs.fault == "TypeError"


@known("text of the length error", "1.4")
def _length(case, ours, theirs):
    return ours.label == "Exceeded max expression length 21000" and theirs.label == "ErrorExceededMaxLength"


@known("the depth error has no position; the package names the token that it stopped at", "1.4")
def _depth_token(case, ours, theirs):
    return has_depth(ours) and has_depth(theirs) and ours.pos is None


@known("the package counts parentheses and arguments as depth, not operators", "1.3")
def _depth_count(case, ours, theirs):
    return has_depth(ours) != has_depth(theirs) and (theirs.pos is not None or ours.pos is None)


@known("Unicode white space separates tokens; the package knows four characters", "1.1, 14")
def _space(case, ours, theirs):
    return theirs.kind == "lexing" and theirs.raw is not None and re.search("[%s\ufeff]" % UNICODE_SPACE, theirs.raw) is not None


@known("the package reads all tokens first: a bad one anywhere comes before any other error", "1.4")
def _lexing_first(case, ours, theirs):
    return theirs.kind == "lexing" and ours.kind == "parsing" and (ours.pos is None or ours.pos < theirs.pos)


@known("a dot where no value ends begins a number for the package, for Gantry only where a value may begin", "1.1")
def _dot(case, ours, theirs):
    return theirs.kind == "lexing" and ours.kind == "parsing" and ours.pos == theirs.pos and case.at(ours.pos) == "."


@known("hexadecimal and octal numbers: lower-case prefix, no binary ones; the package takes what JavaScript takes", "1.1, 1.6")
def _number_token(case, ours, theirs):
    return ours.kind == "lexing" and ours.raw is not None and math.isnan(net_number(ours.raw)) and not math.isnan(js_number(ours.raw)) or \
        theirs.kind == "lexing" and theirs.raw is not None and not math.isnan(net_number(theirs.raw)) and math.isnan(js_number(theirs.raw))


@known("what is missing at the end is an unexpected end at the last token; the package says an unexpected symbol ''", "1.4")
def _end(case, ours, theirs):
    return ours.label == "Unexpected end of expression" and theirs.label == "Unexpected symbol" and theirs.raw == "EOF"


@known("positions count over line ends; the package gives the column", "1.4, 14")
def _lines(case, ours, theirs):
    if not theirs.line or ours.pos is None or (ours.kind, ours.label) != (theirs.kind, theirs.label):
        return False
    start = case.expr.encode("utf-16-le", "surrogatepass")[:2 * (ours.pos - 1)].decode("utf-16-le", "replace")
    columns = [ours.pos - 1 - len(start[:i + 1].encode("utf-16-le")) // 2 for i, char in enumerate(start) if char == "\n"]
    return theirs.pos - 1 in columns


@known("a comma before the closing parenthesis is an error; the package lets it pass", "1.1, 14")
def _comma(case, ours, theirs):
    return ours.label == "Unexpected symbol" and ours.raw == ")" and case.before(ours.pos).endswith(",")


@known("the wildcard is an operand inside brackets; the package wants the bracket closed behind it", "1.1")
def _wildcard(case, ours, theirs):
    if theirs.label != "Unexpected symbol":
        return False
    if theirs.line:  # its position is a column
        return re.search(r"\[\s*\*\s*[^\s\]]", case.expr) is not None
    return re.search(r"\[\s*\*$", case.before(theirs.pos)) is not None


@known("an unknown function is found at its name; the package reads its arguments first", "1.4")
def _function_late(case, ours, theirs):
    return ours.label == "Unrecognized function" and theirs.refused() and \
        (theirs.label == "Unrecognized function" and theirs.pos > ours.pos or theirs.label != "Unrecognized function")


@known("case() takes at most 255 arguments; the package any number", "1.9")
def _case_many(case, ours, theirs):
    return ours.label == "Too many parameters supplied" and ours.raw.lower() == "case"


@known("names that JavaScript's objects have of their own: the package finds them where they are not", "1.8, 1.9")
def _prototype(case, ours, theirs):
    return any(name in case.expr for name in ("constructor", "__proto__"))


@known("the index of what is no collection is not evaluated; the package evaluates it, and before what it indexes", "1.8")
def _index_eager(case, ours, theirs):
    return theirs.kind == "evaluation" and theirs.message.startswith("could not evaluate index")


@known("specifiers in format(): an error; the package passes over whatever follows the number", "1.9")
def _specifiers(case, ours, theirs):
    return ours.label in ("format: specifiers", "format: invalid") and theirs.label not in ("format: invalid", "fault") and \
        re.search(r"\{\d+[^}\d]", case.features().all) is not None


@known("an argument number of format() above 255 is an invalid format", "1.9")
def _format_index(case, ours, theirs):
    return ours.label == "format: invalid" and theirs.label == "format: arguments" and \
        re.search(r"\{0*(\d{4,}|[3-9]\d\d|2[6-9]\d|25[6-9])\}", case.features().all) is not None


@known("fromJSON takes NaN and infinities, as Newtonsoft.Json does", "1.9")
def _json_nan(case, ours, theirs):
    return theirs.label == "fromJSON" and ours.label != "fromJSON" and case.features().calls_any("fromJSON") and \
        (re.search("NaN|Infinity", case.features().all) is not None or any(math.isinf(n) for n in case.features().numbers) or
         case.features().calls_any("NaN", "Infinity") or "-Infinity" in case.expr)


@known("half a surrogate pair in JSON becomes U+FFFD: text is UTF-8, which cannot hold it", "1.9", github="the package")
def _half_pair(case, ours, theirs):
    return both_valid(ours, theirs) and "\ufffd" in str(ours.result[1]) and re.search(r"\\u[dD][89a-fA-F]", case.features().all) is not None


@known("fromJSON has a limit of 64 levels", "1.9")
def _json_depth(case, ours, theirs):
    return ours.label == "fromJSON" and theirs.result is not None and "MaxDepth" in ours.message


@known("values grow up to a limit of memory", "1.12")
def _memory(case, ours, theirs):
    return ours.label == "memory" and theirs.result is not None


@known("arguments are evaluated when they are needed; the package evaluates all of them first", "1.9")
def _eager(case, ours, theirs):
    return theirs.kind == "evaluation" and theirs.label in ("format: invalid", "format: arguments", "case: predicate", "fromJSON") and \
        ours.label != theirs.label and not ours.refused() and \
        case.features().calls_any("case", "format", "join", "contains", "startsWith", "endsWith")


@known("of a doubled quote in a string every one is undone; the package undoes the first", "1.1")
def _quotes(case, ours, theirs):
    return any(text.count("''") > 1 for text in case.features().strings)


@known("hexadecimal and octal literals are 32-bit and signed; the package reads them as they are", "1.6, 14")
def _radix(case, ours, theirs):
    return both_valid(ours, theirs) and any(not same_number(net_number(text), js_number(text)) for text in case.features().literals)


@known("a string as number: .NET's rules (signed hexadecimal, infinity in any case, its white space), not JavaScript's", "1.6, 14")
def _string_number(case, ours, theirs):
    return both_valid(ours, theirs) and any(not same_number(net_number(text), js_number(text)) for text in case.features().texts)


@known("a number as text has 15 digits and an exponent as G15 writes it; the package rounds to 15 decimals", "1.6")
def _number_text(case, ours, theirs):
    return both_valid(ours, theirs) and any(text_differs(number) for number in case.features().numbers)


@known("toJSON writes NaN and infinities; the package writes null", "1.9")
def _to_json_nan(case, ours, theirs):
    return both_valid(ours, theirs) and case.features().calls_any("toJSON") and \
        (case.features().calls_any("NaN", "Infinity") or any(math.isinf(n) for n in case.features().numbers) or
         re.search("NaN|Infinity", case.features().all) is not None)


@known("toJSON escapes U+0085, U+2028 and U+2029", "1.9")
def _to_json_escapes(case, ours, theirs):
    return both_valid(ours, theirs) and case.features().calls_any("toJSON") and re.search("[\x85\u2028\u2029]", case.features().all) is not None


@known("one letter is upper-cased to one letter; the package makes two of some, and knows letters above U+FFFF", "1.7, 14")
def _fold(case, ours, theirs):
    return both_valid(ours, theirs) and folds_apart(case.features().all)


@known("contains() and names of members compare as == does; the package lower-cases there", "1.5, 1.7, 1.9")
def _fold_contains(case, ours, theirs):
    return both_valid(ours, theirs) and lowers_apart(case.features().all)


@known("of members that differ in case the last value counts; the package keeps the first", "1.5, 1.9")
def _duplicate(case, ours, theirs):
    return both_valid(ours, theirs) and any(len({key.upper() for key in keys}) < len(set(keys)) for keys in object_keys(case))


@known("members keep their order; JavaScript puts those first that look like array indexes", "1.5")
def _order(case, ours, theirs):
    return both_valid(ours, theirs) and any(re.fullmatch(r"0|[1-9]\d*", key) for keys in object_keys(case) for key in keys)
