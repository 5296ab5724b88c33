"""Which lines are errors, which are warnings, and which only look so."""

from __future__ import annotations

import pytest

from releases.logs.patterns import level_of, marked_lines

ERRORS = """
src/main.c:12:5: error: expected ';' before '}' token
src/main.c:1:10: fatal error: stdio.h: No such file or directory
App.java:7: error: cannot find symbol
App.java:7: 错误: 找不到符号
error[E0308]: mismatched types
src/app.ts(3,7): error TS2304: Cannot find name 'foo'.
error Command failed with exit code 1.
Program.cs(4,2): error CS1002: ; expected
[ERROR] Failed to execute goal on project core
[INFO] BUILD FAILURE
BUILD FAILED
FAILURE: Build failed with an exception.
ERROR: script returned exit code 2
2026-11-20 14:12:41,003 ERROR [main] c.p.Boot - no datasource
2026-11-20 14:12:41.003 [main] ERROR c.p.Boot - no datasource
Exception in thread "main" java.lang.NullPointerException
Caused by: java.sql.SQLException: ORA-00942: table or view does not exist
java.lang.OutOfMemoryError: Java heap space
Traceback (most recent call last):
SyntaxError: invalid syntax
ModuleNotFoundError: No module named 'yaml'
FAILED tests/test_app.py::test_it - AssertionError: 1 != 2
FAILED (failures=1)
Tests run: 12, Failures: 2, Errors: 0, Skipped: 0
Tests run: 12, Failures: 0, Errors: 1, Skipped: 0
--- FAIL: TestIt (0.00s)
FAIL src/app.test.js
not ok 3 - adds
npm ERR! code ELIFECYCLE
npm error code ENOENT
fatal: could not read Username for 'http://git.local'
panic: runtime error: index out of range
make: *** [Makefile:24: test] Error 1
make[2]: *** [all] Error 2
The command '/bin/sh -c make' returned a non-zero code: 127
subprocess.CalledProcessError: Command 'x' returned non-zero exit status 1.
process exited with code 137
sh: 1: mvn: not found
bash: line 3: yarn: command not found
cp: cannot stat 'dist/app.war': No such file or directory
denied: requested access to the resource is denied
Finished: FAILURE
Segmentation fault (core dumped)
\x1b[1;31merror:\x1b[0m colours hide nothing
3 errors, 0 warnings: error: giving up
""".strip().splitlines()

WARNINGS = """
warning: base image is 7 months old
src/main.c:3:9: warning: unused variable 'x' [-Wunused-variable]
[WARNING] Using platform encoding
2026-11-20 14:12:41,003 WARN [main] c.p.Boot - error: of a plugin, ignored
npm WARN deprecated request@2.88.2
npm warn deprecated glob@7
app.py:3: DeprecationWarning: use the other one
App.java:7: 警告: [deprecation]
src/app.ts(3,7): warning TS6133: 'a' is declared but never used.
""".strip().splitlines()

NEITHER = """
Compiling 14 source files
0 errors, 0 warnings
[INFO] Tests run: 12, Failures: 0, Errors: 0, Skipped: 0
Tests run: 12, Failures: 0, Errors: 0, Skipped: 0
Found 0 errors.
No errors found
without error
ERROR: 0
gcc -Wall -Werror -c error.c
compiling src/errors/FooException.java
[INFO] handler for IOException: registered
+ grep -q ERROR build.log
++ echo 'fatal: no'
[Pipeline] error
Step 4/9 : RUN test -f app.war || exit 1
#12 [4/6] RUN make || exit 1
process exited with code 0
exit code: 0
ON_ERROR_STOP=1
Finished: SUCCESS
note: error: is how it begins
warned nobody
""".strip().splitlines()


@pytest.mark.parametrize("line", ERRORS)
def test_an_error(line: str) -> None:
    assert level_of(line) == "error"


@pytest.mark.parametrize("line", WARNINGS)
def test_a_warning(line: str) -> None:
    assert level_of(line) == "warning"


@pytest.mark.parametrize("line", NEITHER)
def test_neither(line: str) -> None:
    assert level_of(line) == ""


def test_the_lines_of_a_text_are_found_as_each_alone_would_be() -> None:
    lines = [line for trio in zip(ERRORS, NEITHER, WARNINGS * 9, strict=False) for line in trio]
    text = "\n".join(lines)
    found = dict(marked_lines(text))
    assert found == {place: level_of(line) for place, line in enumerate(lines) if level_of(line)}


def test_a_line_is_judged_by_its_beginning_and_in_bounded_time() -> None:
    assert level_of("x" * 3000 + " error: late") == ""
    assert level_of("error: " + "x" * 1_000_000) == "error"
    assert level_of("(" * 100_000 + "Error") == ""
    assert level_of("A." * 50_000 + "Error") == ""
