/* SPDX-License-Identifier: Apache-2.0
 *
 * The inputs of bombs.h. */
#include "tests/fuzz/bombs.h"

#define MIB   ((size_t)1 << 20)
#define TERMS 100000U
#define JOB   "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n"
#define ACTION \
    "name: a\ndescription: b\nruns:\n  using: composite\n  steps:\n    - shell: bash\n      run: "
/* Nine levels of ten: 10^9 nodes. */
#define ALIASES                               \
    "a: &a [x,x,x,x,x,x,x,x,x,x], "           \
    "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a], " \
    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b], " \
    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c], " \
    "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d], " \
    "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e], " \
    "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f], " \
    "h: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g], " \
    "i: [*h,*h,*h,*h,*h,*h,*h,*h,*h,*h]"
#define MATRIX \
    "on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{run: x}]\n    strategy:\n      matrix: "
#define DEPTH     "Maximum object depth exceeded"
#define LENGTH    "Exceeded max expression length 21000"
#define FILE_SIZE "The maximum file size of 1048576 characters has been exceeded"

const struct bomb bombs[] = {
    {"yaml", "flow-sequences", "", "[", TERMS, "", "1:101: " DEPTH},
    {"yaml", "flow-mappings", "", "{a: ", TERMS, "", "1:401: " DEPTH},
    {"yaml", "block-sequences", "", "- ", TERMS, "x", "1:201: " DEPTH},
    {"yaml", "complex-keys", "", "? ", TERMS, "x", "1:201: " DEPTH},
    {"yaml", "line-of-a-mebibyte", "", "x", MIB, "", ""},
    {"yaml", "line-above-a-mebibyte", "", "x", MIB + 1, "",
     "1:1: the file is 1048577 bytes long; the limit is 1048576"},
    {"yaml", "quoted-line", "\"", "\\u00e9", MIB / 6 - 1, "\"", ""},
    {"yaml", "long-key", "", "k", MIB - 4, ": x", "1:1048573: mapping values are not allowed"},
    {"yaml", "items", "[", "a,", MIB / 2 - 1, "]", ""},
    {"yaml", "aliases", "{" ALIASES "}", "", 0, "", "1:86: Maximum YAML nodes exceeded"},
    {"yaml", "alias-of-itself", "a: &a [*a]\n", "", 0, "",
     "1:8: the alias 'a' is inside its own anchor"},
    {"yaml", "long-aliased-text", "a: &a '", "x", 600000,
     "'\nb: [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n",
     "2:53: Maximum object size exceeded"},
    {"expr", "terms", "1", " || 1", TERMS, "", LENGTH},
    {"expr", "terms-within-the-length", "1", "||1", 6999, "", ""},
    {"expr", "negations", "", "!", TERMS, "1", LENGTH},
    {"expr", "negations-within-the-length", "", "!", 20000, "1",
     "Exceeded max expression depth 50"},
    {"expr", "groups", "", "(", 20000, "1",
     "Unexpected end of expression: '1'. Located at position 20001"},
    {"expr", "indexes", "github", "[0]", 6900, "", "Exceeded max expression depth 50"},
    {"expr", "properties", "github", ".a", 10000, "", "Exceeded max expression depth 50"},
    {"expr", "calls", "", "format(", 2999, "'x'",
     "Unexpected end of expression: ''x''. Located at position 20994"},
    {"expr", "parameters", "format('{0}'", ",1", 10000, ")",
     "Too many parameters supplied: 'format'"},
    {"expr", "string-of-a-mebibyte", "'", "x", MIB, "'", LENGTH},
    {"expr", "memory", "format('", "{0}", 3000,
     "', format('{0}{0}{0}{0}{0}{0}{0}{0}', 'a text that is put together and becomes long'))",
     "The maximum allowed memory size was exceeded while evaluating the following expression: format('{0}{0}"},
    {"template", "nesting", "", "[", TERMS, "1", "1:101: " DEPTH},
    {"template", "line-of-a-mebibyte", "a: ${{ 1 }}", "x", MIB - 11, "", "1:4: " LENGTH},
    {"template", "expressions", "a: ", "${{ 1 }}", TERMS, "", "1:4: " LENGTH},
    {"template", "terms", "a: ${{ 1", "||1", TERMS, " }}", "1:4: " LENGTH},
    {"template", "values",
     "- &a ${{ format('{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}', 'a text of some length') }}\n", "- *a\n",
     9000, "", "f.yml: Maximum object size exceeded"},
    {"template", "objects", "- &a ${{ github }}\n", "- *a\n", 9000, "",
     "f.yml: Maximum object size exceeded"},
    {"template", "inserts", "a: 1\n", "${{ insert }}: {}\n", 20000, "", ""},
    {"template", "keys", "a: 1\n", "${{ 'a' }}: 2\n", 20000, "",
     "f.yml (Line: 2, Col: 1): 'a' is already defined"},
    {"template", "aliases", "{" ALIASES "}", "", 0, "", "1:164: Maximum YAML nodes exceeded"},
    {"workflow", "line-above-a-mebibyte", JOB "      - run: ", "x", MIB, "", FILE_SIZE},
    {"workflow", "line-within-a-mebibyte", JOB "      - run: ", "x", MIB - 200, "", ""},
    {"workflow", "nesting", MATRIX "{a: ", "[", TERMS, "", DEPTH},
    {"workflow", "aliases", MATRIX "{" ALIASES "}", "", 0, "", "Maximum YAML nodes exceeded"},
    {"workflow", "terms", JOB "      - if: a", " || a", TERMS, "\n        run: x\n", LENGTH},
    {"workflow", "negations", JOB "      - if: (", "!", 60, "true)\n        run: x\n",
     "Exceeded max expression depth 50"},
    {"workflow", "negations-in-text", JOB "      - run: ${{ ", "!", TERMS, "1 }}\n", LENGTH},
    {"workflow", "expressions", JOB "      - run: ", "${{ 1 }} ", TERMS, "\n", LENGTH},
    {"workflow", "steps", JOB, "      - run: x\n", 60000, "", "Unable to create a unique name"},
    {"workflow", "needs",
     JOB "      - run: x\n  b:\n    runs-on: x\n    steps: [{run: x}]\n    needs: [", "a, ", TERMS,
     "]\n", ""},
    {"case", "terms", "---\n" JOB "      - if: a", " || a", TERMS, "\n        run: x\n---\n{}\n",
     ".github/workflows/f.yml (Line: 6, Col: 13): " LENGTH},
    {"case", "nesting", "---\n" MATRIX "{a: ", "[", TERMS, "\n---\n{}\n",
     ".github/workflows/f.yml: " DEPTH},
    {"manifest", "line-above-a-mebibyte", ACTION, "x", MIB, "", FILE_SIZE},
    {"manifest", "nesting", "name: a\nauthor: ", "[", TERMS, "", DEPTH},
    {"manifest", "aliases", "{" ALIASES "}", "", 0, "",
     "Anchors are not currently supported. Remove the anchor 'a'"},
    {"manifest", "terms", ACTION "${{ 1", "||1", TERMS, " }}\n", LENGTH},
    {"manifest", "expressions", ACTION, "${{ 1 }} ", TERMS, "\n", LENGTH},
    {"manifest", "negations", ACTION "${{ ", "!", 60, "1 }}\n", "Exceeded max expression depth 50"},
    {"glob", "line-above-a-mebibyte", "/a\n", "x", MIB + 1, "",
     "patterns are longer than 1048576 bytes"},
    {"glob", "brackets", "/a\n", "[", 60000, "", ""},
    {"glob", "patterns", "/a\n", "a\n", 1025, "", "more than 1024 patterns"},
    {"glob", "depth", "/a\n", "a/", 60000, "**", ""},
    {"cron", "line-of-a-mebibyte", "", "1,", MIB / 2, "1 * * * *", ""},
    {"cron", "fields", "", "* ", MIB / 2, "", "a cron text neither begins nor ends with a space"},
    {"token_json", "nesting", "", "{\"type\":1,\"seq\":[", TERMS, "",
     "token: line 1, column 1089: nested deeper than 128 levels"},
};
const size_t n_bombs = sizeof bombs / sizeof *bombs;
