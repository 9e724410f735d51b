/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the planner's test: a workflow, what happened so far, and the whole answer as text. */
#ifndef TESTS_PLAN_CASES_H
#define TESTS_PLAN_CASES_H

struct plan_case {
    const char *name;
    const char
        *jobs; /* below "on: push\njobs:\n", with '|' for a line feed; NULL: as the row before */
    const char *states; /* "a=success b=failure{out:value} c" (c runs) */
    const char *flags;  /* "cancelled", "only=a", "matrix=k:v", or "" */
    const char *want;
};

#define RUN       "runs-on: x, steps: [{run: x}]"
#define NEED(f)   "  a: {" RUN "}|  b: {needs: a, " f RUN "}"
#define GRAND(f)  "  a: {" RUN "}|  b: {needs: a, if: always(), " RUN "}|  c: {needs: b, " f RUN "}"
#define MATRIX(s) "  a: {strategy: {" s "}, " RUN "}"

static const struct plan_case cases[] = {
    /* order */
    {"jobs without needs start", "  a: {" RUN "}|  b: {" RUN "}|  c: {needs: [a, b], " RUN "}", "",
     "", "ready a 'a'|ready b 'b'"},
    {"a job waits for all its needs", NULL, "a=success b", "", ""},
    {"then it starts", NULL, "a=success b=success", "", "ready c 'c'"},
    {"nothing twice", NULL, "a=success b=success c", "", ""},
    {"done", NULL, "a=success b=success c=success", "", "done success"},
    /* the table of 9.3: no status function */
    {"success, plain", NEED(""), "a=success", "", "ready b 'b'"},
    {"failure, plain", NULL, "a=failure", "", "skip b 'b' skipped needs 'a': failure|done failure"},
    {"skipped, plain", NULL, "a=skipped", "", "skip b 'b' skipped needs 'a': skipped|done success"},
    {"cancelled, plain", NULL, "a=cancelled", "",
     "skip b 'b' skipped needs 'a': cancelled|done cancelled"},
    {"success, always", NEED("if: always(), "), "a=success", "", "ready b 'b'"},
    {"failure, always", NULL, "a=failure", "", "ready b 'b'"},
    {"skipped, always", NULL, "a=skipped", "", "ready b 'b'"},
    {"cancelled, always", NULL, "a=cancelled", "", "ready b 'b'"},
    {"success, not cancelled", NEED("if: '!cancelled()', "), "a=success", "", "ready b 'b'"},
    {"failure, not cancelled", NULL, "a=failure", "", "ready b 'b'"},
    {"skipped, not cancelled", NULL, "a=skipped", "", "ready b 'b'"},
    {"cancelled, not cancelled", NULL, "a=cancelled", "", "ready b 'b'"},
    {"success, failure()", NEED("if: failure(), "), "a=success", "",
     "skip b 'b' skipped if: failure()|done success"},
    {"failure, failure()", NULL, "a=failure", "", "ready b 'b'"},
    {"skipped, failure()", NULL, "a=skipped", "", "skip b 'b' skipped if: failure()|done success"},
    {"cancelled, failure()", NULL, "a=cancelled", "",
     "skip b 'b' skipped if: failure()|done cancelled"},
    {"continued failure, plain", "  a: {continue-on-error: true, " RUN "}|  b: {needs: a, " RUN "}",
     "a=failure", "", "ready b 'b'"},
    {"continued failure, failure()",
     "  a: {continue-on-error: true, " RUN "}|  b: {needs: a, if: failure(), " RUN "}", "a=failure",
     "", "skip b 'b' skipped if: failure()|done success"},
    {"grand-parent failed, plain", GRAND(""), "a=failure b=success", "",
     "skip c 'c' skipped a job before it did not succeed|done failure"},
    {"grand-parent skipped, plain", NULL, "a=skipped b=success", "",
     "skip c 'c' skipped a job before it did not succeed|done success"},
    {"grand-parent failed, always", GRAND("if: always(), "), "a=failure b=success", "",
     "ready c 'c'"},
    {"grand-parent skipped, always", NULL, "a=skipped b=success", "", "ready c 'c'"},
    {"grand-parent failed, not cancelled", GRAND("if: '!cancelled()', "), "a=failure b=success", "",
     "ready c 'c'"},
    {"grand-parent failed, failure()", GRAND("if: failure(), "), "a=failure b=success", "",
     "ready c 'c'"},
    {"grand-parent skipped, failure()", NULL, "a=skipped b=success", "",
     "skip c 'c' skipped if: failure()|done success"},
    {"a result of needs", GRAND("if: always() && needs.b.result == 'success', "),
     "a=failure b=success", "", "ready c 'c'"},
    {"success of a named job", GRAND("if: \"success('A')\", "), "a=success b=failure", "",
     "ready c 'c'"},
    {"failure of a named job", GRAND("if: \"failure('b')\", "), "a=failure b=success", "",
     "skip c 'c' skipped if: failure('b')|done failure"},
    {"success of a job that is no dependency", GRAND("if: \"success('c')\", "),
     "a=success b=success", "", "skip c 'c' skipped if: success('c')|done success"},
    {"a chain of skips is one answer",
     "  a: {if: false, " RUN "}|  b: {needs: a, " RUN "}|  c: {needs: b, " RUN
     "}|  d: {needs: c, if: always(), " RUN "}",
     "", "",
     "ready d 'd'|skip a 'a' skipped if: false|skip b 'b' skipped needs 'a': skipped|skip c 'c' skipped needs 'b': skipped"},
    {"an output decides", NEED("if: \"needs.a.outputs.go == 'yes'\", "), "a=success{go:yes}", "",
     "ready b 'b'"},
    {"an absent output does not", NULL, "a=success", "",
     "skip b 'b' skipped if: needs.a.outputs.go == 'yes'|done success"},
    {"an error in if fails the job", NEED("if: \"fromJSON('x')\", "), "a=success", "",
     "skip b 'b' failure Error when evaluating 'if' for job 'b'. f.yml (Line: 4, Col: 21): ...|done failure"},
    {"the event decides", "  a: {if: \"github.ref == 'refs/heads/main'\", " RUN "}", "", "",
     "ready a 'a'"},

    /* matrices */
    {"the worked example of 6.3",
     "  build:|    runs-on: x|    steps: [{run: x}]|    strategy:|      matrix:|        os: [linux, mac]|        "
     "ver: [1, 2]|        exclude: [{os: mac, ver: 1}]|        include:|          - {os: linux, color: green}|    "
     "      - {os: mac, ver: 2, color: blue}|          - {os: bsd, ver: 9}|          - {shape: round}|          - "
     "{os: linux, ver: 2, color: red}",
     "", "matrices",
     "ready build.0 'build (linux, 1)' {\"os\":\"linux\",\"ver\":1,\"color\":\"green\",\"shape\":\"round\"}|"
     "ready build.1 'build (linux, 2)' {\"os\":\"linux\",\"ver\":2,\"color\":\"red\",\"shape\":\"round\"}|"
     "ready build.2 'build (mac, 2)' {\"os\":\"mac\",\"ver\":2,\"color\":\"blue\",\"shape\":\"round\"}|"
     "ready build.3 'build (bsd, 9)' {\"os\":\"bsd\",\"ver\":9}"},
    {"include only", MATRIX("matrix: {include: [{a: 1}, {a: 2, b: x}]}"), "", "matrices",
     "ready a.0 'a (1)' {\"a\":1}|ready a.1 'a (2, x)' {\"a\":2,\"b\":\"x\"}"},
    {"a partial match of objects",
     MATRIX(
         "matrix: {node: [{version: 14, env: a}, {version: 16, env: b}], exclude: [{node: {version: 14}}]}"),
     "", "matrices", "ready a.0 'a (16, b)' {\"node\":{\"version\":16,\"env\":\"b\"}}"},
    {"null in exclude matches what is missing",
     MATRIX("matrix: {node: [{version: 14}, {env: a}], exclude: [{node: {version: null}}]}"), "",
     "matrices", "ready a.0 'a (14)' {\"node\":{\"version\":14}}"},
    {"loose equality in exclude",
     MATRIX("matrix: {v: [1, '2', Linux, null], exclude: [{v: '1'}, {v: LINUX}, "
            "{v: 0}]}"),
     "", "matrices", "ready a.0 'a (2)' {\"v\":\"2\"}"},
    {"every leg excluded gives one default leg", MATRIX("matrix: {v: [1], exclude: [{v: 1}]}"), "",
     "matrices", "ready a 'a' null"},
    {"nested values make the name", MATRIX("matrix: {v: [{x: [1, true, '', null], y: z}]}"), "", "",
     "ready a.0 'a (1, true, z)'"},
    {"ids of legs", MATRIX("matrix: {v: ['3.11', 'a b', '__x', '-', '']}"), "", "ids",
     "ready a.0 'a (3.11)' _3_11|ready a.1 'a (a b)' a_b|ready a.2 'a (__x)' _x|ready a.3 'a (-)' _-|"
     "ready a.4 'a' job"},
    {"equal ids are counted", MATRIX("matrix: {v: ['a.b', 'a-b', 'a_b', 'A_B']}"), "", "ids",
     "ready a.0 'a (a.b)' a_b|ready a.1 'a (a-b)' a-b|ready a.2 'a (a_b)' a_b_2|ready a.3 'a (A_B)' A_B_3"},
    {"a literal name gets the suffix", "  a: {name: N, strategy: {matrix: {v: [1]}}, " RUN "}", "",
     "", "ready a.0 'N (1)'"},
    {"an expression in the name replaces it",
     "  a: {name: \"n-${{ matrix.v }}-${{ strategy.job-index }}/${{ strategy.job-total }}\", strategy: {matrix: "
     "{v: [p, q]}}, " RUN "}",
     "", "", "ready a.0 'n-p-0/2'|ready a.1 'n-q-1/2'"},
    {"an empty name is the default",
     "  a: {name: \"${{ '' || '' }}\", strategy: {matrix: {v: [1]}}, " RUN "}", "", "",
     "ready a.0 'a (1)'"},
    {"a long name is cut",
     MATRIX(
         "matrix: {v: "
         "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]}"),
     "", "",
     "ready a.0 'a "
     "(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"},
    {"a dynamic matrix",
     "  p: {" RUN "}|  a: {needs: p, strategy: {matrix: \"${{ fromJSON(needs.p.outputs.m) "
     "}}\"}, " RUN "}",
     "p=success{m:{\"v\":[1,2],\"include\":[{\"v\":1,\"w\":3}]}}", "matrices",
     "ready a.0 'a (1)' {\"v\":1,\"w\":3}|ready a.1 'a (2)' {\"v\":2}"},
    {"an empty output fails the job", NULL, "p=success", "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 4, Col: 36): ...|done "
     "failure"},
    {"a dynamic vector",
     "  p: {" RUN "}|  a: {needs: p, strategy: {matrix: {v: \"${{ fromJSON(needs.p.outputs.m) "
     "}}\"}}, " RUN "}",
     "p=success{m:[\"x\",{\"k\":1}]}", "", "ready a.0 'a (x)'|ready a.1 'a (1)'"},
    {"an empty dynamic vector", NULL, "p=success{m:[]}", "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 4, Col: 40): Matrix vector 'v' "
     "does not contain any values|done failure"},
    {"a dynamic vector of the wrong kind", NULL, "p=success{m:\"x\"}", "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 4, Col: 40): Unexpected value "
     "'x'|done failure"},
    {"256 legs are not too many",
     MATRIX("max-parallel: 1, matrix: {v: \"${{ fromJSON(vars.many) }}\"}"), "", "many=256",
     "ready a.0 'a (0)'"},
    {"257 legs are too many", MATRIX("matrix: {v: \"${{ fromJSON(vars.many) }}\"}"), "", "many=257",
     "skip a 'a' failure f.yml (Line: 3, Col: 17): Strategy for job 'a' produced 257 configurations which exceeds "
     "the maximum of 256 configurations|done failure"},
    {"all that are too many are counted",
     MATRIX(
         "matrix: {v: \"${{ fromJSON(vars.many) }}\", w: [1, 2], include: [{x: 1, v: z}, {v: 0}], "
         "exclude: [{w: 2, v: 1}]}"),
     "", "many=257",
     "skip a 'a' failure f.yml (Line: 3, Col: 17): Strategy for job 'a' produced 514 configurations which exceeds "
     "the maximum of 256 configurations|done failure"},

    /* scheduling of legs */
    {"max-parallel holds legs back", MATRIX("max-parallel: 2, matrix: {v: [1, 2, 3]}"), "", "",
     "ready a.0 'a (1)'|ready a.1 'a (2)'"},
    {"and lets the next go", NULL, "a.0=success a.1", "", "ready a.2 'a (3)'"},
    {"max-parallel of zero is none", MATRIX("max-parallel: 0, matrix: {v: [1, 2]}"), "", "",
     "ready a.0 'a (1)'|ready a.1 'a (2)'"},
    {"fail-fast cancels running and waiting legs",
     MATRIX("max-parallel: 2, matrix: {v: [1, 2, 3]}"), "a.0=failure a.1", "",
     "skip a.2 'a (3)' cancelled|cancel a.1"},
    {"and is named until the leg ended", NULL, "a.0=failure a.1 a.2=cancelled", "", "cancel a.1"},
    {"then the job is decided", NULL, "a.0=failure a.1=cancelled a.2=cancelled", "",
     "done failure"},
    {"fail-fast off", MATRIX("fail-fast: false, matrix: {v: [1, 2]}"), "a.0=failure a.1", "", ""},
    {"a leg that may fail does not trip fail-fast",
     "  a: {continue-on-error: \"${{ matrix.v == 1 }}\", strategy: {matrix: {v: [1, 2]}}, " RUN "}",
     "a.0=failure a.1", "", ""},
    {"and counts as success", NULL, "a.0=failure a.1=success", "", "done success"},
    {"the other leg may not fail", NULL, "a.0 a.1=failure", "", "cancel a.0"},
    {"fail-fast leaves other jobs alone", MATRIX("matrix: {v: [1, 2]}") "|  z: {" RUN "}",
     "a.0=failure a.1=cancelled z", "", ""},
    {"a leg that cannot be evaluated fails",
     "  a: {strategy: {fail-fast: false, matrix: {v: [1, 2]}}, "
     "timeout-minutes: \"${{ matrix.v == 1 && 'x' || 5 }}\", " RUN "}",
     "", "",
     "ready a.1 'a (2)'|skip a.0 'a (1)' failure Error when evaluating 'timeout-minutes' for job 'a'. f.yml (Line: "
     "3, Col: 75): Unexpected value 'x'"},
    {"and trips fail-fast",
     "  a: {strategy: {matrix: {v: [2, 1]}}, timeout-minutes: \"${{ matrix.v == 1 && 'x' || "
     "5 }}\", " RUN "}",
     "", "",
     "skip a.1 'a (1)' failure Error when evaluating 'timeout-minutes' for job 'a'. f.yml (Line: 3, Col: 57): "
     "Unexpected value 'x'|skip a.0 'a (2)' cancelled|done failure"},
    {"a leg that may fail may fail before it starts",
     "  a: {continue-on-error: true, strategy: {matrix: {v: [2, 1]}}, timeout-minutes: \"${{ matrix.v "
     "== 1 && 'x' || 5 }}\", " RUN "}",
     "", "",
     "ready a.0 'a (2)'|skip a.1 'a (1)' failure Error when evaluating 'timeout-minutes' for job 'a'. "
     "f.yml (Line: 3, Col: 82): Unexpected value 'x'"},
    {"and so may a whole job",
     "  a: {continue-on-error: true, if: \"fromJSON('')\", " RUN "}|  b: {needs: a, " RUN "}", "",
     "",
     "ready b 'b'|skip a 'a' failure Error when evaluating 'if' for job 'a'. f.yml (Line: 3, Col: 36): "
     "Error parsing fromJson,Error reading JToken from JsonReader. Path '', line 0, position 0."},
    {"the next answer agrees", NULL, "a=failure b=success", "", "done success"},
    {"dependants see merged outputs",
     MATRIX(
         "matrix: {v: [1, 2]}") "|  b: {needs: a, name: \"${{ needs.a.outputs.x }}${{ needs.a.outputs.y }}\", " RUN
                                "}",
     "a.1=success{x:1} a.0=success{x:2}", "", "ready b '2'"},

    /* cancellation of the run */
    {"a cancelled run stops what runs and waits", NEED(""), "a", "cancelled", "cancel a"},
    {"nothing starts after it", NULL, "a=cancelled", "cancelled",
     "skip b 'b' cancelled|done cancelled"},
    {"always() goes on", NEED("if: always(), "), "a=cancelled", "cancelled", "ready b 'b'"},
    {"a running always() job is left alone", "  a: {if: always(), " RUN "}", "a", "cancelled", ""},
    {"cancelled() is true then", NEED("if: cancelled(), "), "a=cancelled", "cancelled",
     "ready b 'b'"},
    {"cancelled() is false for one cancelled job", NULL, "a=cancelled", "",
     "skip b 'b' skipped if: cancelled()|done cancelled"},
    {"failure() is false in a cancelled run", NEED("if: failure(), "), "a=failure", "cancelled",
     "skip b 'b' cancelled|done failure"},
    {"waiting legs are cancelled", MATRIX("max-parallel: 1, matrix: {v: [1, 2]}"), "a.0",
     "cancelled", "skip a.1 'a (2)' cancelled|cancel a.0"},

    /* restriction */
    {"only a job and what it needs", "  a: {" RUN "}|  b: {needs: a, " RUN "}|  c: {" RUN "}", "",
     "only=b", "ready a 'a'"},
    {"the rest does not exist", NULL, "a=success b=success", "only=b", "done success"},
    {"a filter of the matrix", MATRIX("matrix: {v: [1, 2], w: [x, y]}"), "", "matrix=v:2",
     "ready a.2 'a (2, x)'|ready a.3 'a (2, y)'"},
    {"decides when these are done", NULL, "a.2=success a.3=success", "matrix=v:2", "done success"},
    {"a filter of another matrix", NULL, "", "matrix=z:2",
     "ready a.0 'a (1, x)'|ready a.1 'a (1, y)'|ready a.2 'a (2, x)'|ready a.3 'a (2, y)'"},
    {"a filter that nothing matches", NULL, "", "matrix=v:3",
     "skip a 'a' skipped no leg of the matrix matches --matrix|done success"},

    /* strategies that expressions make (6.1, 6.4) */
    {"a whole strategy",
     "  a: {strategy: \"${{ fromJSON('{\\\"matrix\\\":{\\\"v\\\":[1,2]},\\\"max-parallel\\\":1}') }}\", " RUN
     "}",
     "", "", "ready a.0 'a (1)'"},
    {"a member of strategy that is none",
     "  a: {strategy: \"${{ fromJSON('{\\\"x\\\":1}') }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 17): Unexpected value "
     "'x'|done failure"},
    {"a strategy that is a text", "  a: {strategy: \"${{ github.ref }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 17): Unexpected value "
     "'refs/heads/main'|done failure"},
    {"a matrix that is a list", MATRIX("matrix: \"${{ fromJSON('[1]') }}\""), "", "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 26): A sequence was not "
     "expected|done failure"},
    {"a matrix without anything", MATRIX("matrix: \"${{ fromJSON('{}') }}\""), "", "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 26): Matrix must define at "
     "least one vector|done failure"},
    {"an include that is no list", MATRIX("matrix: {v: [1], include: \"${{ github.ref }}\"}"), "",
     "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 44): Unexpected value "
     "'refs/heads/main'|done failure"},
    {"an include of texts", MATRIX("matrix: {v: [1], include: \"${{ fromJSON('[\\\"x\\\"]') }}\"}"),
     "", "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 44): Unexpected value "
     "'x'|done failure"},
    {"an empty include item", MATRIX("matrix: {v: [1], include: \"${{ fromJSON('[{}]') }}\"}"), "",
     "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 44): Matrix include mapping "
     "does not contain any values|done failure"},
    {"an empty include list beside a vector",
     MATRIX("matrix: {v: [1], include: \"${{ fromJSON('[]') }}\"}"), "", "", "ready a.0 'a (1)'"},
    {"an empty exclude item", MATRIX("matrix: {v: [1], exclude: \"${{ fromJSON('[{}]') }}\"}"), "",
     "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 44): Matrix exclude filter "
     "must not be empty|done failure"},
    {"an exclude of another key",
     MATRIX("matrix: {v: [1], exclude: \"${{ fromJSON('[{\\\"w\\\":1}]') }}\"}"), "", "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 44): Matrix exclude key 'w' "
     "does not match any key within the matrix|done failure"},
    {"an item of a vector that is a list is spliced in",
     MATRIX("matrix: {v: [0, \"${{ fromJSON('[1,2]') }}\", 3]}"), "", "",
     "ready a.0 'a (0)'|ready a.1 'a (1)'|ready a.2 'a (2)'|ready a.3 'a (3)'"},
    {"an item of include that is a list too",
     MATRIX("matrix: {include: [{v: 0}, \"${{ fromJSON('[{\\\"v\\\":1}]') }}\"]}"), "", "",
     "ready a.0 'a (0)'|ready a.1 'a (1)'"},
    {"fail-fast from an expression",
     MATRIX("fail-fast: \"${{ github.ref == 'x' }}\", matrix: {v: [1, 2]}"), "a.0=failure a.1", "",
     ""},
    {"fail-fast that is a text", MATRIX("fail-fast: \"${{ github.ref }}\", matrix: {v: [1]}"), "",
     "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 29): Unexpected value "
     "'refs/heads/main'|done failure"},
    {"max-parallel that is a text",
     MATRIX("max-parallel: \"${{ format('2') }}\", matrix: {v: [1]}"), "", "",
     "skip a 'a' failure Error when evaluating 'strategy' for job 'a'. f.yml (Line: 3, Col: 32): Unexpected value "
     "'2'|done failure"},
    {"max-parallel is cut to a whole number", MATRIX("max-parallel: 1.9, matrix: {v: [1, 2]}"), "",
     "", "ready a.0 'a (1)'"},
    {"a negative max-parallel is none", MATRIX("max-parallel: -1, matrix: {v: [1, 2]}"), "", "",
     "ready a.0 'a (1)'|ready a.1 'a (2)'"},
    {"the strategy context",
     "  a: {name: \"${{ toJSON(strategy) }}\", strategy: {fail-fast: false, max-parallel: 2, matrix: {v: "
     "[7]}}, " RUN "}",
     "", "",
     "ready a.0 '{\n  \"fail-fast\": false,\n  \"job-index\": 0,\n  \"job-total\": 1,\n  \"max-parallel\": 2\n}'"},
    {"the strategy context without a matrix",
     "  a: {name: \"${{ toJSON(strategy) }}${{ toJSON(matrix) }}\", " RUN "}", "", "",
     "ready a '{\n  \"fail-fast\": true,\n  \"job-index\": 0,\n  \"job-total\": 1,\n  \"max-parallel\": 1\n}null'"},
    {"if comes before the matrix",
     "  p: {" RUN
     "}|  a: {needs: p, if: \"needs.p.outputs.m != '[]'\", strategy: {matrix: {v: \"${{ "
     "fromJSON(needs.p.outputs.m) }}\"}}, " RUN "}",
     "p=success{m:[]}", "", "skip a 'a' skipped if: needs.p.outputs.m != '[]'|done success"},
    {"legs have no ids of others",
     "  a: {strategy: {matrix: {v: [1]}}, " RUN "}|  a-0: {" RUN "}|  a0: {" RUN "}",
     "a-0=failure a0=success", "", "ready a.0 'a (1)'"},
    {"outputs of legs merge in the order of their ends",
     MATRIX(
         "fail-fast: false, matrix: {v: [1, 2, 3]}") "|  b: {needs: a, if: always(), name: \"${{ needs.a.outputs.x }}\", " RUN
                                                     "}",
     "a.2=success{x:third} a.0=failure{x:first} a.1=success", "", "ready b 'first'"},
    {"a leg that was cancelled and one that succeeded",
     MATRIX("fail-fast: false, matrix: {v: [1, 2]}") "|  b: {needs: a, if: always(), name: "
                                                     "\"${{ needs.a.result }}\", " RUN "}",
     "a.0=cancelled a.1=success", "", "ready b 'failure'"},
    {"legs that were all cancelled", NULL, "a.0=cancelled a.1=cancelled", "",
     "ready b 'cancelled'"},
    {"a leg that was skipped and one that succeeded", NULL, "a.0=skipped a.1=success", "",
     "ready b 'success'"},
    {"legs that were all skipped", NULL, "a.0=skipped a.1=skipped", "", "ready b 'skipped'"},
    {"needs has only what was asked for",
     "  a: {" RUN "}|  b: {needs: a, " RUN "}|  c: {needs: b, name: \"${{ needs.a.result }}-${{ "
     "needs.b.result }}\", " RUN "}",
     "a=success b=success", "", "ready c '-success'"},
    {"needs is spelled as it was written",
     "  a: {" RUN "}|  b: {needs: A, name: \"${{ toJSON(needs) }}\", " RUN "}", "a=success", "",
     "ready b '{\n  \"A\": {\n    \"result\": \"success\",\n    \"outputs\": {}\n  }\n}'"},
    {"a failed job has its outputs",
     "  a: {" RUN "}|  b: {needs: a, if: always(), name: \"${{ needs.a.outputs.x }}\", " RUN "}",
     "a=failure{x:1}", "", "ready b '1'"},
    {"needs says success of a failure that may be",
     "  a: {continue-on-error: true, " RUN "}|  b: {needs: a, name: \"${{ needs.a.result }}\", " RUN
     "}",
     "a=failure", "", "ready b 'success'"},
    {"failure() of two named jobs", GRAND("if: \"failure('a', 'b')\", "), "a=failure b=success", "",
     "ready c 'c'"},
    {"success() of two named jobs", GRAND("if: \"success('a', 'b')\", "), "a=failure b=success", "",
     "skip c 'c' skipped if: success('a', 'b')|done failure"},
    {"a name that an expression makes", GRAND("if: \"success(format('{0}', 'b'))\", "),
     "a=failure b=success", "", "ready c 'c'"},
    {"failure of a job that is no dependency", GRAND("if: \"failure('c')\", "),
     "a=failure b=failure", "", "skip c 'c' skipped if: failure('c')|done failure"},
    {"success of a skipped job", GRAND("if: \"success('a')\", "), "a=skipped b=success", "",
     "skip c 'c' skipped if: success('a')|done success"},
    {"named jobs in a cancelled run", GRAND("if: \"success('b')\", "), "a=success b=success",
     "cancelled", "skip c 'c' cancelled|done cancelled"},
    {"a run fails before it counts as cancelled", "  a: {" RUN "}|  b: {" RUN "}",
     "a=failure b=cancelled", "", "done failure"},
    {"a cancelled run whose jobs all succeeded", NULL, "a=success b=success", "cancelled",
     "done cancelled"},
    {"skipped jobs are no failure", NULL, "a=skipped b=skipped", "", "done success"},
    {"a failed job that may fail is none of the run", "  a: {continue-on-error: true, " RUN "}",
     "a=failure", "", "done success"},
    {"a cancelled job that may fail is cancelled", NULL, "a=cancelled", "", "done cancelled"},
    {"continue-on-error that cannot be evaluated",
     "  a: {continue-on-error: \"${{ github.ref }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'continue-on-error' for job 'a'. f.yml (Line: 3, Col: 26): Unexpected value "
     "'refs/heads/main'|done failure"},
    {"a time-out that is no number", "  a: {timeout-minutes: \"${{ fromJSON('null') }}\", " RUN "}",
     "", "",
     "skip a 'a' failure Error when evaluating 'timeout-minutes' for job 'a'. f.yml (Line: 3, Col: 24): Unexpected value "
     "''|done failure"},
    {"a name of two units a character",
     MATRIX(
         "matrix: {v: [\"\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
         "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F"
         "\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
         "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F"
         "\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
         "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F"
         "\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\"]}"),
     "", "", /* 50 of them: 104 units */
     "ready a.0 'a (\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
     "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F"
     "\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
     "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F"
     "\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
     "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80...'"},

    /* concurrency (4.12) */
    {"a group", "  a: {concurrency: \"g-${{ github.ref_name }}\", " RUN "}", "", "groups",
     "ready a 'a' group g-main"},
    {"a group of each leg",
     MATRIX("matrix: {v: [1, 2]}") "|  b: {concurrency: \"${{ strategy.job-total }}\", " RUN "}",
     "a.0 a.1", "groups", "ready b 'b' group 1"},
    {"a mapping",
     "  a: {concurrency: {group: g, cancel-in-progress: \"${{ github.ref_name == 'main' }}\"}, " RUN
     "}",
     "", "groups", "ready a 'a' group g cancel"},
    {"a queue", "  a: {concurrency: {group: g, queue: max, cancel-in-progress: false}, " RUN "}",
     "", "groups", "ready a 'a' group g max"},
    {"no queue", "  a: {concurrency: {group: g, queue: single, cancel-in-progress: true}, " RUN "}",
     "", "groups", "ready a 'a' group g cancel"},
    {"a mapping from JSON",
     "  a: {concurrency: \"${{ fromJSON('{\\\"group\\\":7,\\\"queue\\\":\\\"max\\\"}') }}\", " RUN
     "}",
     "", "groups", "ready a 'a' group 7 max"},
    {"none", "  a: {" RUN "}", "", "groups", "ready a 'a' group -"},
    {"a group that is a list", "  a: {concurrency: \"${{ fromJSON('[1]') }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'concurrency' for job 'a'. f.yml (Line: 3, Col: 20): A sequence was not "
     "expected|done failure"},
    {"a group that is a mapping", "  a: {concurrency: {group: \"${{ github }}\"}, " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'concurrency' for job 'a'. f.yml (Line: 3, Col: 28): A mapping was not "
     "expected|done failure"},
    {"a group that is empty", "  a: {concurrency: {group: \"${{ github.none }}\"}, " RUN "}", "",
     "",
     "skip a 'a' failure Error when evaluating 'concurrency' for job 'a'. f.yml (Line: 3, Col: 28): Concurrency group name "
     "must not be empty|done failure"},
    {"a group of 400 characters", "  a: {concurrency: \"${{ vars.long }}\", name: x, " RUN "}", "",
     "long=400", "ready a 'x'"},
    {"a group of 401", NULL, "", "long=401",
     "skip a 'x' failure Error when evaluating 'concurrency' for job 'a'. f.yml (Line: 3, Col: 20): Concurrency group name "
     "must be less than 400 characters|done failure"},
    {"cancel-in-progress that is a text",
     "  a: {concurrency: {group: g, cancel-in-progress: \"${{ github.ref }}\"}, " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'concurrency' for job 'a'. f.yml (Line: 3, Col: 51): Unexpected value "
     "'refs/heads/main'|done failure"},
    {"a queue that is none",
     "  a: {concurrency: \"${{ fromJSON('{\\\"group\\\":\\\"g\\\",\\\"queue\\\":\\\"two\\\"}') }}\", " RUN
     "}",
     "", "",
     "skip a 'a' failure Error when evaluating 'concurrency' for job 'a'. f.yml (Line: 3, Col: 20): Unexpected value "
     "'two'|done failure"},
    {"another member",
     "  a: {concurrency: \"${{ fromJSON('{\\\"group\\\":\\\"g\\\",\\\"x\\\":1}') }}\", " RUN "}",
     "", "",
     "skip a 'a' failure Error when evaluating 'concurrency' for job 'a'. f.yml (Line: 3, Col: 20): Unexpected value 'x'|done "
     "failure"},
    {"no group in it",
     "  a: {concurrency: \"${{ fromJSON('{\\\"queue\\\":\\\"max\\\"}') }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'concurrency' for job 'a'. f.yml (Line: 3, Col: 20): Required property is "
     "missing: group|done failure"},
    {"a queue that cancels",
     "  a: {concurrency: {group: g, queue: max, cancel-in-progress: \"${{ github.ref_name == 'main' }}\"}, " RUN
     "}",
     "", "",
     "skip a 'a' failure Error when evaluating 'concurrency' for job 'a'. f.yml (Line: 3, Col: 20): 'queue: max' cannot be "
     "combined with 'cancel-in-progress: true'|done failure"},
    {"an expression that fails", "  a: {concurrency: \"${{ fromJSON('') }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'concurrency' for job 'a'. f.yml (Line: 3, Col: 20): ...|done failure"},
    {"a group of the workflow", "  a: {" RUN "}|concurrency: \"w-${{ github.ref_name }}\"", "", "",
     "ready a 'a'|gate  'w-main'"},
    {"is named until all is done", NULL, "a", "", "gate  'w-main'"},
    {"and not any more", NULL, "a=success", "", "done success"},
    {"one that cannot be evaluated",
     "  a: {" RUN "}|concurrency: {group: g, cancel-in-progress: \"${{ github.ref }}\"}", "", "",
     "done failure Error when evaluating 'concurrency'. f.yml (Line: 4, Col: 45): Unexpected value 'refs/heads/main'"},
    {"a group inside itself", "  a: {concurrency: W, " RUN "}|  b: {" RUN "}|concurrency: w", "",
     "",
     "ready b 'b'|skip a 'a' cancelled Canceling since a deadlock for concurrency group 'W' was detected between 'top level "
     "workflow' and 'a'|gate  'w'"},

    /* what cannot be run yet */
    {"a called workflow that was not loaded", "  a: {uses: ./.github/workflows/x.yml}", "", "",
     "skip a 'a' failure f.yml:3:3: job 'a' calls the workflow './.github/workflows/x.yml', which is read when the workflow "
     "runs|done failure"},
    {"a container", "  a: {container: alpine, " RUN "}", "", "",
     "skip a 'a' failure f.yml:3:18: job 'a' has a container; container jobs cannot be run yet; choose other jobs (-j)|done failure"},
    {"no container after evaluation", "  a: {container: \"${{ github.none }}\", " RUN "}", "", "",
     "ready a 'a'"},
    {"a container of docker:// alone",
     "  a: {container: \"${{ github.none || 'docker://' }}\", " RUN "}", "", "", "ready a 'a'"},
    {"a container as a mapping without an image after evaluation",
     "  a: {container: {image: \"${{ github.none }}\", env: {A: \"${{ runner.os }}\"}}, " RUN "}",
     "", "", "ready a 'a'"},
    {"services without images after evaluation",
     "  a: {services: {b: \"${{ github.none }}\", c: {image: \"${{ 'docker://' }}\", env: {A: \"${{ runner.os }}\"}}}, " RUN
     "}",
     "", "", "ready a 'a'"},
    {"services as one expression",
     "  a: {services: \"${{ fromJSON('{\\\"b\\\":\\\"\\\"}') }}\", " RUN "}", "", "",
     "ready a 'a'"},
    {"a service with an image after one without",
     "  a: {services: {b: \"${{ github.none }}\", c: {image: x}}, " RUN "}", "", "",
     "skip a 'a' failure f.yml:3:17: job 'a' has services; service containers cannot be run yet; choose other jobs (-j)|done failure"},
    {"services", "  a: {services: {db: x}, " RUN "}", "", "",
     "skip a 'a' failure f.yml:3:17: job 'a' has services; service containers cannot be run yet; choose other jobs (-j)|done failure"},
    {"background steps", "  a: {runs-on: x, steps: [{run: x, background: true}]}", "", "",
     "skip a 'a' failure f.yml:3:27: job 'a' has a step with 'background'; background steps cannot be run yet|done "
     "failure"},

    /* leg properties */
    {"labels and group",
     "  a: {runs-on: {group: g, labels: [x, \"${{ github.ref_name }}\"]}, steps: [{run: x}]}", "",
     "labels", "ready a 'a' [x,main] g"},
    {"labels from JSON", "  a: {runs-on: \"${{ fromJSON('[1, true]') }}\", steps: [{run: x}]}", "",
     "labels", "ready a 'a' [1,true]"},
    {"an empty label", "  a: {runs-on: \"${{ github.none }}\", steps: [{run: x}]}", "", "",
     "skip a 'a' failure Error when evaluating 'runs-on' for job 'a'. f.yml (Line: 3, Col: 16): Unexpected value "
     "''|done failure"},
    /* what evaluation gives */
    {"a name that cannot be evaluated", "  a: {name: \"${{ fromJSON('x') }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'name' for job 'a'. f.yml (Line: 3, Col: 13): Error parsing fromJson,Unexpected character encountered while parsing value: x. Path '', line 1, position 0.|done failure"},
    {"a name that is a list", "  a: {name: \"${{ fromJSON('[]') }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'name' for job 'a'. f.yml (Line: 3, Col: 13): A sequence was not expected|done failure"},
    {"runs-on as one expression of labels and a group",
     "  a: {runs-on: \"${{ fromJSON('{\\\"labels\\\":[\\\"x\\\",1],\\\"group\\\":\\\"g\\\"}') }}\", steps: [{run: x}]}",
     "", "labels", "ready a 'a' [x,1] g"},
    {"runs-on with another key",
     "  a: {runs-on: \"${{ fromJSON('{\\\"label\\\":1}') }}\", steps: [{run: x}]}", "", "",
     "skip a 'a' failure Error when evaluating 'runs-on' for job 'a'. f.yml (Line: 3, Col: 16): Unexpected value 'label'|done failure"},
    {"a label that is a mapping", "  a: {runs-on: \"${{ fromJSON('[{}]') }}\", steps: [{run: x}]}",
     "", "",
     "skip a 'a' failure Error when evaluating 'runs-on' for job 'a'. f.yml (Line: 3, Col: 16): A mapping was not expected|done failure"},
    {"a label that is a list",
     "  a: {runs-on: {labels: \"${{ fromJSON('[[1]]') }}\"}, steps: [{run: x}]}", "", "",
     "skip a 'a' failure Error when evaluating 'runs-on' for job 'a'. f.yml (Line: 3, Col: 16): A sequence was not expected|done failure"},
    {"a group that is no text",
     "  a: {runs-on: \"${{ fromJSON('{\\\"group\\\":1}') }}\", steps: [{run: x}]}", "", "",
     "skip a 'a' failure Error when evaluating 'runs-on' for job 'a'. f.yml (Line: 3, Col: 16): Unexpected value '1'|done failure"},
    {"a group of an unknown kind",
     "  a: {runs-on: {group: \"${{ format('team/{0}', github.ref_name) }}\"}, steps: [{run: x}]}",
     "", "",
     "skip a 'a' failure Error when evaluating 'runs-on' for job 'a'. f.yml (Line: 3, Col: 16): Invalid runs-on group name 'team/main'. Please use 'organization/' or 'enterprise/' prefix to target a single runner group.|done failure"},
    {"runs-on that cannot be evaluated",
     "  a: {runs-on: \"${{ fromJSON('x') }}\", steps: [{run: x}]}", "", "",
     "skip a 'a' failure Error when evaluating 'runs-on' for job 'a'. f.yml (Line: 3, Col: 16): Error parsing fromJson,Unexpected character encountered while parsing value: x. Path '', line 1, position 0.|done failure"},
    {"a time-out that is not a number",
     "  a: {timeout-minutes: \"${{ fromJSON('NaN') }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'timeout-minutes' for job 'a'. f.yml (Line: 3, Col: 24): Unexpected value 'NaN'|done failure"},
    {"a time-out without an end",
     "  a: {timeout-minutes: \"${{ fromJSON('Infinity') }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'timeout-minutes' for job 'a'. f.yml (Line: 3, Col: 24): Unexpected value 'Infinity'|done failure"},
    {"a time-out before the beginning of time",
     "  a: {cancel-timeout-minutes: \"${{ fromJSON('-Infinity') }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'cancel-timeout-minutes' for job 'a'. f.yml (Line: 3, Col: 31): Unexpected value '-Infinity'|done failure"},
    {"an environment that cannot be evaluated",
     "  a: {environment: \"${{ fromJSON('x') }}\", " RUN "}", "", "", "skip a 'a' failure Error when evaluating 'environment' for job 'a'. f.yml (Line: 3, Col: 20): Error parsing fromJson,Unexpected character encountered while parsing value: x. Path '', line 1, position 0.|done failure"},
    {"an environment without a name",
     "  a: {environment: {name: \"${{ github.none }}\", url: x}, " RUN "}", "", "properties",
     "ready a 'a' timeout 360 cancel 5 environment -"},
    {"an image that cannot be evaluated", "  a: {container: \"${{ fromJSON('x') }}\", " RUN "}", "",
     "",
     "skip a 'a' failure Error when evaluating 'container' for job 'a'. f.yml (Line: 3, Col: 18): Error parsing fromJson,Unexpected character encountered while parsing value: x. Path '', line 1, position 0.|done failure"},
    {"services that cannot be evaluated", "  a: {services: \"${{ fromJSON('x') }}\", " RUN "}", "",
     "",
     "skip a 'a' failure Error when evaluating 'services' for job 'a'. f.yml (Line: 3, Col: 17): Error parsing fromJson,Unexpected character encountered while parsing value: x. Path '', line 1, position 0.|done failure"},
    {"a service that cannot be evaluated",
     "  a: {services: {s: {image: \"${{ fromJSON('x') }}\"}}, " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'services' for job 'a'. f.yml (Line: 3, Col: 29): Error parsing fromJson,Unexpected character encountered while parsing value: x. Path '', line 1, position 0.|done failure"},
    {"services that are inserted",
     "  a: {services: {\"${{ insert }}\": \"${{ fromJSON('{}') }}\"}, " RUN "}", "", "",
     "skip a 'a' failure f.yml:3:17: job 'a' has services; service containers cannot be run yet; choose other jobs (-j)|done failure"},
    {"services that are no mapping", "  a: {services: \"${{ fromJSON('[1]') }}\", " RUN "}", "", "",
     "skip a 'a' failure Error when evaluating 'services' for job 'a'. f.yml (Line: 3, Col: 17): A sequence was not expected|done failure"},
    {"time-outs and environment",
     "  a: {timeout-minutes: 1.9, cancel-timeout-minutes: \"${{ fromJSON('3') }}\", environment: {name: \"e-${{ "
     "github.ref_name }}\"}, " RUN "}",
     "", "properties", "ready a 'a' timeout 1 cancel 3 environment e-main"},
    {"their defaults", "  a: {" RUN "}", "", "properties",
     "ready a 'a' timeout 360 cancel 5 environment -"},
};

#endif
