"""tools/summary: adds test cases up, and lets no crash pass for a success."""
import json
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "summary"


def suite(name, *outcomes):
    cases = "".join(
        f'<testcase name="{number} a case">{"" if outcome == "ok" else f"<{outcome}/>"}</testcase>'
        for number, outcome in enumerate(outcomes, start=1)
    )
    return f'<testsuite name="{name}">{cases}</testsuite>'


def summary(build, unit=(), programs=(), end_to_end=None, said_failed=0):
    """Runs the script on what Meson and pytest would have written; returns (status, last line)."""
    logs = build / "meson-logs"
    logs.mkdir()
    (logs / "testlog.junit.xml").write_text(f"<testsuites>{''.join(unit)}</testsuites>")
    (logs / "testlog.json").write_text(
        "".join(json.dumps({"name": name, "result": result}) + "\n" for name, result in programs)
    )
    if end_to_end:
        (build / "pytest.xml").write_text(f"<testsuites>{end_to_end}</testsuites>")
    done = subprocess.run([SCRIPT, build, str(said_failed)], capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()[-1]


def test_cases_of_both_kinds_are_added_up(tmp_path):
    unit = [suite("drawbridge.wire", "ok", "ok"), suite("drawbridge.core", "ok")]
    assert summary(tmp_path, unit, [("wire", "OK"), ("core", "OK")], suite("pytest", "ok")) == (
        0,
        "4 passed, 0 failed",
    )


def test_a_failed_case_is_counted_once(tmp_path):
    unit = [suite("drawbridge.wire", "ok", "failure")]
    assert summary(tmp_path, unit, [("wire", "FAIL")], suite("pytest", "error"), 1) == (
        1,
        "1 passed, 2 failed",
    )


def test_a_skipped_case_is_neither_passed_nor_failed(tmp_path):
    assert summary(tmp_path, [], [], suite("pytest", "ok", "skipped")) == (0, "1 passed, 0 failed")


def test_a_program_that_crashed_after_good_cases_is_a_failure(tmp_path):
    unit = [suite("drawbridge.wire", "ok", "ok")]
    assert summary(tmp_path, unit, [("wire", "ERROR")], None, 1) == (1, "2 passed, 1 failed")


def test_pytest_that_did_not_start_is_a_failure(tmp_path):
    unit = [suite("drawbridge.wire", "ok")]
    assert summary(tmp_path, unit, [("wire", "OK")], None, 1) == (1, "1 passed, 1 failed")


def test_no_test_at_all_is_a_failure(tmp_path):
    assert summary(tmp_path) == (1, "0 passed, 0 failed")
