"""tools/spec_coverage: a statement without a test is found, and so is an id that is none."""
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "spec_coverage"
STATEMENTS = "MQTT5 3.1.2-24\tsize\nMQTT5 2.1.4\tlength\nMQTT311 3.1.2-24\tsilence\n"
ALL = '"MQTT5-3.1.2-24, MQTT5-2.1.4, MQTT311-3.1.2-24: all of it"'


@pytest.fixture
def check(tmp_path):
    """Runs the script on a tree of the files given; returns its exit status and its lines."""

    def run(files, *options):
        for name, text in {"tests/spec/statements.tsv": STATEMENTS, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([SCRIPT, *options, str(tmp_path)], capture_output=True, text=True)
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    return run


def test_statements_that_all_have_a_test_pass(check):
    files = {"tests/wire/a_test.cpp": f"TEST_CASE({ALL}, '[wire]') {{}}\n"}
    assert check(files) == (0, ["statements: ok (3, 0 of them not shown by a test)"])


def test_a_statement_without_a_test_is_named(check):
    files = {"tests/wire/a_test.cpp": 'TEST_CASE("MQTT5-3.1.2-24, MQTT5-2.1.4: two of them") {}\n'}
    assert check(files) == (1, ["MQTT311-3.1.2-24 has no test: silence"])


def test_the_name_of_a_test_case_may_be_in_pieces(check):
    files = {
        "tests/wire/a_test.cpp": 'TEST_CASE("MQTT5-3.1.2-24, MQTT5-2.1.4, "\n    "MQTT311-3.1.2-24: x",'
        ' "[a]") {}\n'
    }
    assert check(files)[0] == 0


def test_a_python_test_names_statements_in_its_docstring(check):
    files = {"tests/end_to_end/a_test.py": f"def test_it():\n    ''{ALL}''\n"}
    assert check(files)[0] == 0
    files = {"tests/end_to_end/a_test.py": f"def helper():\n    ''{ALL}''\n"}
    assert check(files)[0] == 1


def test_ids_count_only_at_the_beginning_of_a_name(check):
    files = {"tests/wire/a_test.cpp": f'TEST_CASE("see {ALL[1:-1]}") {{}}\n'}
    assert len(check(files)[1]) == 3


def test_an_id_that_is_no_statement_is_found_with_its_line(check):
    files = {"tests/wire/a_test.cpp": f'TEST_CASE({ALL}) {{}}\nTEST_CASE("MQTT5-9.9.9-9: x") {{}}\n'}
    status, lines = check(files)
    assert (status, len(lines)) == (1, 1)
    assert lines[0].startswith("tests/wire/a_test.cpp:2: MQTT5-9.9.9-9 is not")


def test_ids_without_a_colon_are_found(check):
    files = {"tests/wire/a_test.cpp": f'TEST_CASE({ALL}) {{}}\nTEST_CASE("MQTT5-2.1.4 x") {{}}\n'}
    status, lines = check(files)
    assert (status, len(lines)) == (1, 1)
    assert lines[0].startswith("tests/wire/a_test.cpp:2: ")


def test_what_cannot_be_tested_has_a_reason_instead(check):
    table = "| statement | why |\n|---|---|\n| MQTT311-3.1.2-24 | no clock |\n"
    files = {
        "tests/wire/a_test.cpp": 'TEST_CASE("MQTT5-3.1.2-24, MQTT5-2.1.4: two of them") {}\n',
        "docs/conformance.md": f"# Conformance\n{table}",
    }
    assert check(files)[0] == 1  # not under the heading
    files["docs/conformance.md"] = f"# Conformance\n\n## Not shown by a test\n\n{table}"
    assert check(files) == (0, ["statements: ok (3, 1 of them not shown by a test)"])


def test_a_reason_is_not_kept_once_there_is_a_test(check):
    files = {
        "tests/wire/a_test.cpp": f"TEST_CASE({ALL}) {{}}\n",
        "docs/conformance.md": "## Not shown by a test\n\n| MQTT5-2.1.4 | no way |\n",
    }
    assert check(files) == (1, ["docs/conformance.md: MQTT5-2.1.4 has a test"])


def test_the_document_names_files_that_are_there(check):
    files = {
        "tests/wire/a_test.cpp": f"TEST_CASE({ALL}) {{}}\n",
        "docs/conformance.md": "| all of it | `wire/a_test.cpp` `wire/b_test.cpp` |\n",
    }
    assert check(files) == (1, ["docs/conformance.md: there is no tests/wire/b_test.cpp"])


def test_the_table_names_the_files_of_each_statement(check):
    files = {"tests/wire/a_test.cpp": 'TEST_CASE("MQTT5-2.1.4: x") {}\n'}
    status, lines = check(files, "--table")
    assert status == 0
    assert "| MQTT5-2.1.4 | length | `tests/wire/a_test.cpp` |" in lines
    assert "| MQTT5-3.1.2-24 | size | none |" in lines
