"""The service in one network namespace, a runner in another, joined by a veth, no folder in common; the recorded exchange
is held against the tables of the protocol reference (github-runner-protocol 11.3, 4.1, 5.1, 6; logs 6.3, 7.1, 9.1)."""
import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

import pytest

GUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
WORKFLOW = """
on: push
jobs:
  first:
    runs-on: self-hosted
    outputs:
      word: ${{ steps.s.outputs.word }}
    steps:
      - id: s
        run: |
          echo "::warning file=a.c,line=3::look"
          echo "word=crossed" >> "$GITHUB_OUTPUT"
  second:
    needs: first
    runs-on: self-hosted
    steps:
      - run: echo "the word ${{ needs.first.outputs.word }}"
"""


def guid(value):
    return isinstance(value, str) and bool(GUID.match(value)) and value != "0" * 8 + "-0000-0000-0000-" + "0" * 12


def text(value):
    return isinstance(value, str) and value != ""


# name -> (method, path pattern, statuses, members of the request, members of the answer)
TABLE = {
    "session": ("POST", r"/session$", (200, 201), {"sessionId": str, "ownerName": text, "agent.id": int, "agent.name": text,
                                                  "agent.version": text, "agent.osDescription": text}, {"sessionId": guid}),
    "message": ("GET", r"/message\?.*sessionId=[0-9a-f-]{36}&.*status=(Online|Busy)", (200,), {}, {"messageType": text, "body": text}),
    "acknowledge": ("POST", r"/acknowledge(\?|$)", (200, 204), {"runnerRequestId": text}, {}),
    "acquirejob": ("POST", r"/acquirejob$", (200,), {"jobMessageId": text, "runnerOS": lambda v: v == "Linux"},
                   {"messageType": lambda v: v == "RunnerJobRequest", "plan.planId": guid, "jobId": guid, "jobDisplayName": text,
                    "requestId": int, "resources.endpoints": list, "contextData.github": dict, "steps": list, "variables": dict}),
    "renewjob": ("POST", r"/renewjob$", (200,), {"planId": guid, "jobId": guid}, {"lockedUntil": text}),
    "step update": ("POST", r"WorkflowStepUpdateService/WorkflowStepsUpdate$", (200,),
                    {"steps": list, "change_order": int, "workflow_run_backend_id": guid, "workflow_job_run_backend_id": guid}, {}),
    "step log url": ("POST", r"/GetStepLogsSignedBlobURL$", (200,), {"step_backend_id": text}, {"logs_url": text, "blob_storage_type": text}),
    "step log metadata": ("POST", r"/CreateStepLogsMetadata$", (200,), {"uploaded_at": text, "line_count": int}, {}),
    "job log url": ("POST", r"/GetJobLogsSignedBlobURL$", (200,), {"workflow_job_run_backend_id": guid}, {"logs_url": text}),
    "completejob": ("POST", r"/completejob$", (200, 204), {"planId": guid, "jobId": guid, "conclusion": lambda v: v == "succeeded",
                                                         "stepResults": list}, {}),
    "session end": ("DELETE", r"/session$", (200, 204), {}, {}),
}


def member(value, path):
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def check(rule, value, what):
    ok = isinstance(value, rule) if isinstance(rule, type) else rule(value)
    assert ok, "%s is %r" % (what, value)


def parsed(body):
    return json.loads(body) if isinstance(body, str) and body else (body or {})


def fits(record, method, pattern, statuses):
    where = record["path"] + ("?" + record["query"] if record.get("query") else "")
    return record["method"] == method and re.search(pattern, where) and record["status"] in statuses


@pytest.fixture
def namespaces():
    names = ["gantry-a-%d" % os.getpid(), "gantry-b-%d" % os.getpid()]
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "link", "add", "va", "netns", names[0], "type", "veth", "peer", "name", "vb", "netns", names[1]], check=True)
        for name, device, address in ((names[0], "va", "10.77.0.1/24"), (names[1], "vb", "10.77.0.2/24")):
            for words in (["addr", "add", address, "dev", device], ["link", "set", device, "up"], ["link", "set", "lo", "up"]):
                subprocess.run(["ip", "-n", name, *words], check=True)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


def in_namespace(name, *words):
    return ["ip", "netns", "exec", name, *words]


def wait_for(path, process):
    end = time.monotonic() + 30
    while not (path.exists() and path.stat().st_size):
        assert process.poll() is None and time.monotonic() < end, "no %s" % path
        time.sleep(0.05)


def client(namespace, url, token, body=None):
    """curl inside the service's namespace; returns the text of the answer."""
    words = ["curl", "-sS", "--fail-with-body", "-H", "Authorization: Bearer " + token, url]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "--data-binary", json.dumps(body)]
    return subprocess.run(in_namespace(namespace, *words), check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.root
def test_a_runner_on_another_host(folder, bin_folder, namespaces, host):
    a, b = namespaces
    gantry = str(bin_folder / "gantry")
    env = {"PATH": os.environ["PATH"], "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
    served, runs = folder / "served", folder / "runs"
    served.mkdir()
    runs.mkdir()
    record = served / "record.jsonl"
    service = subprocess.Popen(in_namespace(a, gantry, "serve", "--address", "10.77.0.1", "--port", "8460", "--host-name", "10.77.0.1",
                                            "--state", str(served / "state"), "--jit-out", str(served / "jit"),
                                            "--token-out", str(served / "token"), "--record", str(record), "--offline"),
                               env={**env, "GANTRY_HOME": str(served / "home"), "HOME": str(served)}, start_new_session=True)
    runner = None
    try:
        wait_for(served / "jit", service)
        wait_for(served / "token", service)
        jit, token = (served / "jit").read_text().strip(), (served / "token").read_text().strip()
        assert json.loads(base64.b64decode(jit)).keys() >= {".runner", ".credentials"}
        runner = subprocess.Popen(in_namespace(b, gantry, "start"), start_new_session=True,
                                  env={**env, "GANTRY_HOME": str(runs / "home"), "HOME": str(runs), "ACTIONS_RUNNER_INPUT_JITCONFIG": jit})
        answer = client(a, "http://10.77.0.1:8460/_gantry/runs", token, {
            "workflow": {"path": ".github/workflows/ci.yml", "text": WORKFLOW}, "event": {"name": "push", "payload": {"ref": "refs/heads/main"}},
            "repository": "acme/rocket", "sha": "0123456789abcdef0123456789abcdef01234567", "ref": "refs/heads/main", "actor": "ada"})
        run_id = json.loads(answer)["run_id"]
        events = [json.loads(x) for x in client(a, "http://10.77.0.1:8460/_gantry/runs/%s/events?after=0" % run_id, token).splitlines()]
        assert events[-1]["type"] == "run.completed" and events[-1]["result"] == "success", events[-3:]
        assert "the word crossed" in [e["line"] for e in events if e["type"] == "log"]
        assert [(e["file"], e["line"]) for e in events if e["type"] == "annotation"] == [("a.c", 3)]
    finally:
        for process in (runner, service):
            if process is not None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)
    host.wait_no_processes(5)
    records = [json.loads(x) for x in record.read_text().splitlines()]
    for name, (method, pattern, statuses, asked, answered) in TABLE.items():
        found = [r for r in records if fits(r, method, pattern, statuses)]
        assert found, "no %s in the recorded exchange" % name
        for r in found:
            for path, rule in asked.items():
                check(rule, member(parsed(r.get("request")), path), "%s: request member %s" % (name, path))
            for path, rule in answered.items():
                check(rule, member(parsed(r.get("response")), path), "%s: answer member %s" % (name, path))
    assert token not in record.read_text()
