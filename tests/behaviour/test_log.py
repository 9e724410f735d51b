"""Logs that are larger than anything should be."""


def test_a_line_of_ten_megabytes_arrives_whole(gantry, repository, host):
    repository.commit("on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n"
                      "      - run: head -c 10000000 /dev/zero | tr '\\0' x; echo; echo after\n")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0, run.errors
    lines = run.lines()
    assert "x" * 10000000 in lines
    assert lines[lines.index("x" * 10000000) + 1] == "after"
    host.assert_clean(repository)
